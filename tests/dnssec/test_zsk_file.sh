#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ZSKs that BIND's and ldns' tools made are taken as they are, and only if they are good.
. "$(dirname "$0")/common.sh"

zone() {
    printf '%s\n' '@ 60 SOA a b 1 2 3 4 5' '@ 60 NS a' 'a 60 A 192.0.2.1' >"$1"
}

# taken ZONE ALGORITHM FILE
taken() {
    zone "$1"
    expect 0 'ZSK on this host .*found and taken' "$DNSSEC" enable "$1" --zone-file "$1" \
        --algorithm "$2" --zsk-file "$3"
    ! grep -q Notice out || { fail "a notice about $3"; cat out >&2; }
    valid "$1" "$1.signed"
    grep -qF "$(sed -nE 's/;.*//; s/.*DNSKEY\s+256 3 [0-9]+ //p' "${3%.*}.key" | tr -d ' ')" \
        "$1.signed" || fail "$1: not signed with $3"
    # Again, with the files and without.
    expect 0 'ZSK on this host .*there already' "$DNSSEC" enable "$1" --zsk-file "$3"
    rm "${3%.*}".*
    expect 0 'all [0-9]+ signatures' "$DNSSEC" sign "$1"
}

mkdir made
names=(x x x x x x x x RSASHA256 x RSASHA512 x x ECDSAP256SHA256 ECDSAP384SHA384 ED25519)
for number in 8 10 13 14 15; do
    name=${names[$number]}
    key=$(dnssec-keygen -q -K made -a "$name" b$number.example)
    taken "b$number.example" "$number" "made/$key.private"
    key=$(cd made && ldns-keygen -a "$name" -b 2048 l$number.example)
    taken "l$number.example" "$number" "$PWD/made/$key.key"
done

# What is no ZSK of this zone. Nothing is made in the HSM for it.
zone bad.example
bad() { # STATUS PATTERN FILE
    expect "$1" "$2" "$DNSSEC" enable bad.example --zone-file bad.example --zsk-file "$3"
}
: >hsm/calls
key=made/$(dnssec-keygen -q -K made -a 13 -f KSK bad.example)
bad 3 'a key with flags 257, a ZSK has 256' "$key"
key=made/$(dnssec-keygen -q -K made -a 15 bad.example)
bad 3 'a key of algorithm 15, the zone has 13' "$key"
key=made/$(dnssec-keygen -q -K made -a 13 other.example)
bad 1 'the ZSK of --zsk-file cannot be taken: .*outside' "$key"
bad 1 'none.key: .*No such file' made/none
key=made/$(dnssec-keygen -q -K made -a 13 bad.example)
chmod 640 "$key.private"
bad 3 'cannot be taken: .*private' "$key"
chmod 600 "$key.private"
mv "$key.private" kept
bad 1 '\.private: No such file' "$key"
sed 's/^PrivateKey: ./PrivateKey: /' kept >"$key.private"
chmod 600 "$key.private"
bad 1 'PrivateKey is missing or damaged|not the private half' "$key"
mkdir second
second=second/$(dnssec-keygen -q -K second -a 13 bad.example)
cp "$second.private" "$key.private"
bad 1 'is not the private half of the key with tag' "$key"
cp kept "$key.private"
[ ! -s hsm/calls ] || fail "the HSM was asked although the ZSK was bad"

# Times are told where they matter; a dry run takes nothing.
dnssec-settime -P now -A now -I +30d -D +60d "$key" >/dev/null
expect 0 'found and taken|would be' "$DNSSEC" enable bad.example --zone-file bad.example \
    --zsk-file "$key" --dry-run
[ -z "$(ls state/bad.example/K* 2>/dev/null)" ] || fail "a dry run took the key"
bad 0 "Notice +the times in [^ ]+ are not followed, .*: Inactive [0-9]{14}, Delete [0-9]{14}" "$key."
valid bad.example bad.example.signed
bad 3 'has the ZSK Kbad.example.* already: to change it' "$second"
finish
