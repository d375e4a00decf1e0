#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The operator's story with a software key in the HSM's place: enable, DS, a change, sign again; other
# people's validators agree at each step.
. "$(dirname "$0")/common.sh"

cat >zone <<'EOF'
$ORIGIN animalsforlife.org.
$TTL 3600
@       86400 IN SOA ns1 hostmaster ( 2026112401 4h 1h 2w 5m )
        IN NS  ns1
        IN NS  ns2
        IN MX  10 mail
ns1     A 192.0.2.1
ns2     A 192.0.2.2
mail    300 A 192.0.2.3
www     CNAME @
EOF

expect 0 'KSK in the HSM +would be made' "$DNSSEC" enable animalsforlife.org --zone-file zone \
    --key alias/a4lksk --dry-run
grep -q 'lower the TTLs in the zone' out || fail "no preparation was named"
[ ! -e state ] && [ ! -e zone.signed ] || fail "a dry run left something behind"
[ ! -e hsm/a4lksk.pem ] || fail "a dry run made a key"

expect 0 'give the parent the DS: keyd-dnssec ds animalsforlife.org' "$DNSSEC" enable \
    animalsforlife.org --zone-file zone --key alias/a4lksk --reload 'echo reloaded >>reloads'
grep -q 'KSK in the HSM .*flags 257.*made: alias/a4lksk' out || fail "no KSK was told of"
grep -q 'ZSK on this host .*flags 256' out || fail "no ZSK was told of"
[ "$(cat reloads)" = reloaded ] || fail "the server was not reloaded"
grep -qc 'SOA.*2026112402' zone.signed || fail "the serial must be above the one served unsigned"
valid animalsforlife.org zone.signed
[ "$(stat -c %a state/animalsforlife.org)" = 700 ] || fail "the state folder is open"
[ "$(stat -c %a state/animalsforlife.org/K*.private)" = 600 ] || fail "the ZSK is open"

# BIND makes the same DS of the published DNSKEY.
"$DNSSEC" ds animalsforlife.org --output text >ds
dnssec-dsfromkey -2 -f zone.signed animalsforlife.org >ds.bind
cmp ds ds.bind || fail "BIND makes another DS"
expect 0 'ECDSAP256SHA256 \(13\)' "$DNSSEC" ds animalsforlife.org
"$DNSSEC" ds animalsforlife.org --output json >ds.json
python3 - ds.json ds <<'EOF' || fail "the DS in JSON"
import json, sys
ds = json.load(open(sys.argv[1]))
assert ds["ds_record"] == open(sys.argv[2]).read().strip()
assert ds["flags"] == 257 and ds["key_tag"] == int(ds["ds_record"].split()[3])
assert ds["signing_algorithm"] == {"mnemonic": "ECDSAP256SHA256", "number": 13}
assert ds["digest_type"] == {"mnemonic": "SHA-256", "number": 2}
assert ds["dnskey_record"].endswith(ds["public_key"])
EOF

# A change; the operator's serial is not above the last one published.
echo 'test 60 A 1.1.1.1' >>zone
sed -i s/2026112401/2026112402/ zone
expect 0 '2026112403 \(the zone file has 2026112402' "$DNSSEC" sign animalsforlife.org
grep -q 'test.animalsforlife.org.*RRSIG.A ' zone.signed || fail "the new record is not signed"
valid animalsforlife.org zone.signed
sed -i s/2026112402/2026120100/ zone
expect 0 '2026120100, as in the zone file' "$DNSSEC" sign animalsforlife.org
expect 0 'see that|wait until' "$DNSSEC" status animalsforlife.org
[ "$(grep -c create hsm/calls)" = 1 ] || fail "the key was made more than once"
[ "$(wc -l <reloads)" = 3 ] || fail "each publication reloads"

# JSON: each command gives one object, with the same names whatever it did.
names() { # NAMES COMMAND...
    local wanted=$1
    shift
    "$DNSSEC" "$@" --output json >json || fail "JSON of $*"
    python3 -c 'import json, sys
value = json.load(open("json"))
value = value["zones"][0] if "zones" in value else value
assert sorted(value) == sorted(sys.argv[1].split()), sorted(value)' "$wanted" || fail "names: $*"
}
signing='zone serial unsigned_serial serial_policy signatures verified denial zonemd signatures_end dry_run
    signed_zone reload notices'
declare -A NAMES=([enable]="$signing ksk zsk waits" [sign]="$signing" [sign --dry-run]="$signing"
    [verify]='signed_zone serial rrsets signatures checked signatures_end')
for command in "${!NAMES[@]}"; do
    # shellcheck disable=SC2086
    names "${NAMES[$command]}" $command animalsforlife.org
done
printf '%s\n' '@ 60 SOA a. b. 1 2 3 4 5' '@ 60 NS a.' >fresh
names "$signing ksk zsk waits" enable fresh.org --zone-file fresh --dry-run
names 'zone keys serial serial_policy denial zonemd enabled signed signatures_end zone_file from_server tsig_file
    signed_zone reload next' \
    status animalsforlife.org
names 'zone ds_record key_tag flags signing_algorithm digest_type digest public_key dnskey_record
    key_id alias' ds animalsforlife.org
[ "$("$DNSSEC" status animalsforlife.org --output text | sed -n 's/^serial\t//p')" = \
    "$("$DNSSEC" verify animalsforlife.org --output text | sed -n 's/^serial\t//p')" ] ||
    fail "text for scripts has the bare serial"

# --quiet is for what people read, and not for what a program asked for; ds and status are asked for.
for command in enable sign verify "sign --dry-run"; do
    # shellcheck disable=SC2086
    "$DNSSEC" $command animalsforlife.org -q >out 2>&1 || fail "$command -q"
    [ ! -s out ] || fail "$command -q says: $(cat out)"
    # shellcheck disable=SC2086
    "$DNSSEC" $command animalsforlife.org -q --output text | grep -q '^serial.[0-9]*$' ||
        fail "$command -q --output text"
    # shellcheck disable=SC2086
    names "${NAMES[$command]}" $command animalsforlife.org -q
done
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
for command in ds status; do
    "$DNSSEC" $command animalsforlife.org --now "$now" -q >quiet
    "$DNSSEC" $command animalsforlife.org --now "$now" >loud
    cmp -s quiet loud || fail "$command -q"
done
[ -z "$("$DNSSEC" status -q --state-folder "$PWD/none")" ] || fail "status -q where there is nothing"
[ -z "$("$DNSSEC" status --output text --state-folder "$PWD/none")" ] || fail "a program reads no advice"

# Nothing that is said to people about the waits is wider than 100 columns.
"$DNSSEC" enable animalsforlife.org | sed '1,/^A zone in production/d' >waits
[ "$(wc -L <waits)" -le 100 ] || fail "the waits are wider than 100 columns"

# A dry run signs and verifies, and changes nothing.
cp zone.signed before
cp state/animalsforlife.org/state.json state.before
expect 0 'left as it is' "$DNSSEC" sign animalsforlife.org --dry-run
cmp -s zone.signed before || fail "a dry run published"
cmp -s state/animalsforlife.org/state.json state.before || fail "a dry run changed the state"
[ -z "$(ls zone.signed.new 2>/dev/null)" ] || fail "a dry run left a file"

# Time goes by.
expect 0 'sign animalsforlife.org now: the signatures end soon' "$DNSSEC" status animalsforlife.org \
    --now "$(date -u -d '+8 days' +%Y-%m-%dT%H:%M:%SZ)"
expect 0 'AT ONCE' "$DNSSEC" status animalsforlife.org \
    --now "$(date -u -d '+15 days' +%Y-%m-%dT%H:%M:%SZ)"
expect 1 'has expired' "$DNSSEC" verify animalsforlife.org \
    --now "$(date -u -d '+15 days' +%Y-%m-%dT%H:%M:%SZ)"

# A tampered zone is caught by ours as by theirs.
expect 0 'good' "$DNSSEC" verify animalsforlife.org
sed 's/1\.1\.1\.1/6.6.6.6/' zone.signed >tampered
expect 1 'test.animalsforlife.org. A: the signature by key [0-9]+ is bad' \
    "$DNSSEC" verify animalsforlife.org --signed-zone tampered
grep -v '^www' zone.signed >tampered
expect 1 'NSEC' "$DNSSEC" verify animalsforlife.org --signed-zone tampered

# BIND and ldns take our ZSK.
sed -i '/^\$ORIGIN/d' zone
zsk=$(basename state/animalsforlife.org/K*.private .private)
cp state/animalsforlife.org/"$zsk".* .
cat zone "$zsk.key" >zone.key
dnssec-signzone -P -z -o animalsforlife.org -f by.bind zone.key "$zsk" >out 2>&1 ||
    { fail "dnssec-signzone does not take the ZSK"; cat out >&2; }
ldns-signzone -o animalsforlife.org -f by.ldns zone "$zsk" >out 2>&1 ||
    { fail "ldns-signzone does not take the ZSK"; cat out >&2; }
grep -q "RRSIG.* $((10#${zsk##*+})) " by.ldns || fail "ldns-signzone signed with another key"
finish
