#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Signing again after a change: only what changed is signed anew, the rest is kept; and what is kept is
# believed only where it is what this zone's ZSK wrote.
. "$(dirname "$0")/common.sh"

cache=state/example.org/signatures
sign() {
    "$DNSSEC" sign example.org "$@"
}

write_zone() {
    # shellcheck disable=SC2016 # $TTL is the zone's
    printf '%s\n' '$TTL 3600' '@ SOA ns1 hostmaster 1 7200 3600 1209600 300' '@ NS ns1' 'ns1 A 192.0.2.1'
    seq -f 'h%.0f A 192.0.2.7' 2000
    printf '%s\n' '*.wild TXT "w"' 'sub NS ns.sub' 'ns.sub A 192.0.2.4' \
        'sub DS 1 8 2 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2'
}

# made N: so many signatures were made by the last run, as it told (in `out`).
made() {
    grep -qE "^Signatures +$1 made, " out || { fail "not $1 signatures made"; grep Signatures out >&2; }
}

small_owners() {
    awk '{ $1 = tolower($1); print }' | sort
}

# new_rrsigs WANTED...: the RRSIGs that differ from those in `before`, as "owner type".
new_rrsigs() {
    local got wanted
    wanted=$(printf '%s\n' "$@" | sort)
    got=$(comm -13 <(small_owners <before) <(small_owners <zone.signed) | awk '$4 == "RRSIG" { print tolower($1), $5 }' | sort)
    [ "$got" = "$wanted" ] || fail "new RRSIGs: $got; wanted: $wanted"
    cp zone.signed before
}

write_zone >zone
expect 0 'Signatures +4010 made, 0 kept' "$DNSSEC" enable example.org --zone-file zone \
    --signed-zone "$WORK/zone.signed"
[ "$(stat -c %a $cache)" = 600 ] || fail "mode of $cache"
cp zone.signed before

# ---- What changed ----------------------------------------------------------------------------------

sed -i 's/^h77 A .*/h77 A 192.0.2.77/' zone
expect 0 '3 made' sign
new_rrsigs 'example.org. SOA' 'example.org. DNSKEY' 'h77.example.org. A'
valid example.org zone.signed

sed -i '/^h78 /d' zone # its predecessor in canonical order is h779
expect 0 '' sign
new_rrsigs 'example.org. SOA' 'example.org. DNSKEY' 'h779.example.org. NSEC'

sed -i 's/^h79 A/h79 60 A/' zone # another TTL is another set
expect 0 '' sign
new_rrsigs 'example.org. SOA' 'example.org. DNSKEY' 'h79.example.org. A'

printf '%s\n' 'ENT.below A 192.0.2.9' 'zz A 192.0.2.9' >>zone
sed -i 's/^h80 A/H80 A/' zone # the case of an owner is not signed, that of the next name is
expect 0 '' sign
new_rrsigs 'example.org. SOA' 'example.org. DNSKEY' 'example.org. NSEC' 'ent.below.example.org. A' \
    'ent.below.example.org. NSEC' 'h8.example.org. NSEC' '*.wild.example.org. NSEC' 'zz.example.org. A' 'zz.example.org. NSEC'
valid example.org zone.signed

expect 0 '' sign
made 2
expect 0 '"kept": [0-9]{4}' sign --output json
expect 0 '' sign --fresh
grep -qE 'Signatures +[0-9]+ made, 0 kept' out || fail "--fresh kept some"
cp zone.signed before

# A dry run reads and does not write.
cp $cache cache.before
expect 0 ' [0-9]{4} kept' sign --dry-run
cmp -s $cache cache.before || fail "--dry-run wrote $cache"
[ "$(find state/example.org -name '*signatures*' | wc -l)" = 1 ] || fail "litter: $(ls state/example.org)"

# ---- Near their end, and clocks --------------------------------------------------------------------

later() { date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ; }
expect 0 '' sign --now "$(later '+5 days')"
made 2
expect 0 '' sign --now "$(later '+7 days')"
grep -qE 'Signatures +[0-9]+ made, [02] kept' out || { fail "kept near their end"; cat out >&2; }
expect 0 '' sign --now "$(later '+6 days')" # they have begun an hour before the 7th day
grep -qE 'Signatures +[0-9]+ made, 0 kept' out || { fail "kept from the future"; cat out >&2; }
"$DNSSEC" sign example.org --now "$(later 'now')" -q

# ---- What is not believed --------------------------------------------------------------------------

# anew PATTERN: told in one line, no error, every signature anew, a good zone; the next run keeps.
anew() {
    expect 0 "keyd-dnssec: .*$1" sign
    [ "$(grep -c '^keyd-dnssec:' out)" = 1 ] || { fail "more than one line on: $1"; cat out >&2; }
    grep -qE 'Signatures +[0-9]+ made, 0 kept' out || { fail "kept some: $1"; cat out >&2; }
    expect 0 ' [0-9]{4} kept' sign
    ! grep -q '^keyd-dnssec:' out || { fail "told again: $1"; cat out >&2; }
}

# flip OFFSET: one byte of the cache; negative: from its end.
flip() {
    python3 -c 'import sys
with open(sys.argv[1], "r+b") as file:
    at = int(sys.argv[2])
    file.seek(at, 2 if at < 0 else 0)
    byte = file.read(1)
    file.seek(-1, 1)
    file.write(bytes([byte[0] ^ 0x20]))' $cache "$1"
}

flip -1 && anew 'no signature is kept, all are made anew: .*signatures: it is damaged'
flip 0 && anew 'it is damaged'
flip -60 && anew 'it is damaged'
flip 11 && anew 'it is of version 33, this program has version 1'
: >$cache && anew 'it is damaged'
truncate -s -1 $cache && anew 'damaged'

# In the middle: those of the same part are made anew, and that is told once.
flip 100000
expect 0 'keyd-dnssec: .*signatures: a part of it is damaged: its signatures were made anew' sign
[ "$(grep -c '^keyd-dnssec:' out)" = 1 ] || fail "more than one line on a damaged part"
grep -qE 'Signatures +(5[0-9][0-9]) made, 3[0-9]{3} kept' out || { fail "a damaged part"; cat out >&2; }
valid example.org zone.signed
flip 100000
sign -q >out 2>&1 || fail "--quiet with a damaged part"
[ ! -s out ] || fail "--quiet: $(cat out)"

# Of another zone, of another key, no file at all.
printf '%s\n' '@ 60 SOA a. b. 1 2 3 4 5' '@ 60 NS a.' >other
expect 0 '' "$DNSSEC" enable other.org --zone-file other --signed-zone "$WORK/other.signed"
cp state/other.org/signatures $cache && anew 'it is of another zone'
mkdir elsewhere
expect 0 '' "$DNSSEC" enable example.org --state-folder elsewhere --zone-file zone \
    --signed-zone "$WORK/elsewhere.signed"
cp elsewhere/example.org/signatures $cache && anew 'it is of other ZSKs'
rm $cache
expect 0 ' made, 0 kept' sign
! grep -q '^keyd-dnssec:' out || fail "a missing cache was told"
rm $cache && mkfifo $cache && anew 'it is damaged'
rm $cache && mkdir $cache
expect 0 'keyd-dnssec: .*signatures: ' sign
rmdir $cache
valid example.org zone.signed

# ---- Algorithms, denials and ZONEMD ----------------------------------------------------------------

for algorithm in 8 10 14 15; do
    for denial in nsec nsec3; do
        name=a$algorithm-$denial.org
        write_zone | sed '/^h[0-9]\{2,\} /d' >small
        expect 0 '' "$DNSSEC" enable $name --zone-file small --signed-zone "$WORK/$name.signed" \
            --algorithm $algorithm --denial $denial --zonemd
        sed -i 's/^h7 A .*/h7 A 192.0.2.70/' small
        expect 0 '' "$DNSSEC" sign $name
        made 4 # SOA, h7, DNSKEY, ZONEMD
        valid $name $name.signed
    done
done

finish
