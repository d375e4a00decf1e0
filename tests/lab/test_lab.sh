#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The lab alone, with a child signed by ldns-signzone: what it shows must come from DNSSEC, or the
# tests and the demo that stand on it would prove nothing. Two labs run side by side.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"

unbound_port='' child='' # from "lab env"
work=$(mktemp -d "/tmp/keyd lab.XXXXXX")
lab=$work/lab
cleanup() {
    "$here/lab" stop "$lab"
    "$here/lab" stop "$work/other"
    rm -rf "$work"
}
trap cleanup EXIT

resolve() { dig @127.0.0.1 -p "$unbound_port" +tries=1 +time=5 "$@"; }
expect() { # expect WHAT PATTERN DIG-ARGUMENT...
    local answer
    answer=$(resolve "${@:3}" || true)
    grep -qE -- "$2" <<<"$answer" || die "$1: no $2 in"$'\n'"$answer"
}
secure='^;; flags:[a-z ]* ad[ ;]'
insecure='^;; flags: qr rd ra;'

"$here/lab" start "$lab"
"$here/lab" start "$work/other"
eval "$("$here/lab" env "$work/other")"
other_port=$unbound_port
eval "$("$here/lab" env "$lab")"
[[ $other_port != "$unbound_port" ]] || die "two labs on one port"
! "$here/lab" start "$lab" 2>/dev/null || die "a second start in one folder is not refused"

expect "org is signed" "$secure" org SOA +dnssec
expect "the child is not signed yet" "$insecure" animalsforlife.org A +dnssec
expect "... but answers" '192\.0\.2\.10' animalsforlife.org A

cd "$work"
key=$(ldns-keygen -r /dev/urandom -a ECDSAP256SHA256 -k animalsforlife.org)
ldns-signzone -f signed "$root/tests/data/animalsforlife.org.zone" "$key"
mv signed "$child"
"$here/lab" reload "$lab"
"$here/lab" flush "$lab"
expect "signed, no DS: insecure" "$insecure" animalsforlife.org A +dnssec
expect "signed" 'RRSIG.A 13 2' animalsforlife.org A +dnssec

"$here/lab" add-ds "$lab" "$(<"$key.ds")"
"$here/lab" flush "$lab"
expect "with its DS: secure" "$secure" animalsforlife.org A +dnssec
expect "a name that is not there: secure" "$secure" nothing.animalsforlife.org A +dnssec
expect "no DS below it, and that is proven" "$secure" cats.animalsforlife.org DS +dnssec
expect "unsigned.org: an answer" '192\.0\.2\.80' www.unsigned.org A +dnssec
expect "unsigned.org: insecure" "$insecure" www.unsigned.org A +dnssec

"$here/lab" tamper "$lab" mail.animalsforlife.org 192.0.2.66
"$here/lab" flush "$lab"
expect "tampered: refused" 'status: SERVFAIL' mail.animalsforlife.org A
expect "tampered: says why" 'EDE: 6 \(DNSSEC Bogus\)' mail.animalsforlife.org A
expect "tampered: what the wire had" '192\.0\.2\.66' mail.animalsforlife.org A +cdflag
expect "its neighbour is well" "$secure" animalsforlife.org A +dnssec
"$here/lab" restore "$lab"
"$here/lab" flush "$lab"
expect "restored: secure" "$secure" mail.animalsforlife.org A +dnssec

! "$here/lab" tamper "$lab" nobody.animalsforlife.org 192.0.2.66 2>/dev/null ||
    die "tampering with a name that is not there is not refused"
! "$here/lab" add-ds "$lab" "example.org. IN DS 1 13 2 00" 2>/dev/null ||
    die "a DS for another zone is not refused"
echo "broken IN A 1.2.3" >>"$child"
! "$here/lab" reload "$lab" 2>/dev/null || die "a zone that NSD cannot read is not reported"

"$here/lab" remove-ds "$lab"
"$here/lab" flush "$lab"
expect "without its DS: insecure" "$insecure" animalsforlife.org A +dnssec

"$here/lab" stop "$lab"
for entry in /proc/[0-9]*; do
    if tr '\0' ' ' 2>/dev/null <"$entry/cmdline" | grep -qF "$lab/"; then
        die "still there after stop: $(tr '\0' ' ' <"$entry/cmdline")"
    fi
done
say "good"
