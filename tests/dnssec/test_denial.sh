#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# NSEC and NSEC3, with and without opt-out, by every algorithm, over odd zones, the story's and the
# root's: accepted by everybody. And the same twice is the same, whatever the number of threads.
DATA=$(cd "$(dirname "$0")/../data" && pwd)
. "$(dirname "$0")/common.sh"
SOA='@ 3600 IN SOA ns1 hostmaster 1 7200 3600 1209600 300'

# count FILE PATTERN: lines with it (grep -P).
count() {
    grep -cP -- "$2" "$1" || true
}

cat >odd <<EOF
\$TTL 3600
$SOA
 NS ns1
 NS ns.elsewhere.
NS1 A 192.0.2.1
a.b.c A 192.0.2.3
*.wild TXT w
* MX 10 NS1
secure NS ns.secure
secure DS 1657 8 2 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2
secure A 192.0.2.9
ns.secure A 192.0.2.2
insecure NS ns.insecure
ns.insecure AAAA 2001:db8::1
deep.below.insecure NS ns1
only.insecure.delegations.here NS ns1
p.mixed NS ns1
s.mixed A 192.0.2.4
\\000\\001 A 192.0.2.5
\\255.quo\\"te A 192.0.2.6
dname DNAME Other.Example.
cname CNAME NS1
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A 192.0.2.7
unknown TYPE65280 \\# 4 0A000001
tlsa TLSA 3 1 1 0D6FCE13243AA7
EOF

for number in 8 10 13 14 15; do
    zone=odd$number.example
    cp odd "$zone"
    expect 0 'Denial +NSEC$' "$DNSSEC" enable "$zone" --zone-file "$zone" --algorithm "$number"
    valid "$zone" "$zone.signed"
    [ "$(count "$zone.signed" '\tNSEC3')" = 0 ] || fail "NSEC3 in a zone with NSEC"
    expect 0 'Denial +NSEC3$' "$DNSSEC" enable "$zone" --denial nsec3
    valid "$zone" "$zone.signed"
    all=$(count "$zone.signed" '\tNSEC3\t1 0 0 - ')
    expect 0 'Denial +NSEC3 with opt-out' "$DNSSEC" enable "$zone" --denial nsec3 --opt-out
    valid "$zone" "$zone.signed"
    some=$(count "$zone.signed" '\tNSEC3\t1 1 0 - ')
    # insecure, only.insecure.delegations.here and the three above it, p.mixed.
    [ $((all - some)) = 6 ] || fail "$zone: $all NSEC3, $some with opt-out"
    # sign does as the state says, and enable without a word leaves it.
    expect 0 'NSEC3 chain' "$DNSSEC" sign "$zone"
    expect 0 'Denial +NSEC3 with opt-out' "$DNSSEC" enable "$zone"
    expect 0 'Denial +NSEC3 with opt-out' "$DNSSEC" status "$zone"
    expect 0 good "$DNSSEC" verify "$zone"
    expect 0 'Denial +NSEC3$' "$DNSSEC" enable "$zone" --denial nsec3
    expect 0 'Denial +NSEC$' "$DNSSEC" enable "$zone" --denial nsec
    valid "$zone" "$zone.signed"
done

# A name that is itself a hash in the chain, and a delegation below which everything is occluded.
hash=$(ldns-nsec3-hash -a 1 -t 0 www.hash.example)
hash=${hash%.}
for record in 'A 192.0.2.2' 'NS ns.'; do
    printf '%s\n' "$SOA" '@ 60 NS ns.' 'www 60 A 192.0.2.1' "$hash 60 $record" >hash.file
    for denial in nsec3 'nsec3 --opt-out'; do
        # shellcheck disable=SC2086 # words
        expect 0 'NSEC3 chain' "$DNSSEC" enable hash.example --zone-file hash.file \
            --signed-zone hash.signed --denial $denial
        valid hash.example hash.signed
    done
done

# The story's zone, and the root.
cp "$DATA/animalsforlife.org.zone" story
cp "$DATA/root.zone" root
for denial in nsec nsec3 'nsec3 --opt-out'; do
    # shellcheck disable=SC2086
    expect 0 'Verified' "$DNSSEC" enable animalsforlife.org --zone-file story \
        --signed-zone story.signed --denial $denial
    valid animalsforlife.org story.signed
    # shellcheck disable=SC2086
    expect 0 'Verified' "$DNSSEC" enable . --zone-file root --signed-zone root.signed \
        --denial $denial
    valid . root.signed
done

# Two runs with one clock are byte for byte the same, on one core or on all, but for the random
# numbers in ECDSA's signatures.
NOW=$(date -u +%Y-%m-%dT%H:%M:%SZ)
for number in 8 13 15; do
    zone=same$number.example
    {
        cat odd
        seq -f 'h%g A 192.0.2.1' 400
    } >"$zone"
    expect 0 'NSEC3 chain' "$DNSSEC" enable "$zone" --zone-file "$zone" --algorithm "$number" \
        --denial nsec3 --now "$NOW"
    cp -a state before
    expect 0 'NSEC3 chain' "$DNSSEC" sign "$zone" --now "$NOW"
    cp "$zone.signed" first
    rm -r state
    mv before state
    expect 0 'NSEC3 chain' taskset -c "$(taskset -cp $$ | grep -oE '[0-9]+' | tail -1)" \
        "$DNSSEC" sign "$zone" --now "$NOW"
    if [ "$number" = 13 ]; then
        cut -f 1-4 first >shape
        cut -f 1-4 "$zone.signed" | cmp - shape || fail "$zone: two runs differ"
    else
        cmp "$zone.signed" first || fail "$zone: two runs differ"
    fi
done

# Command lines that cannot be meant.
expect 2 '--denial none: nsec or nsec3' "$DNSSEC" enable x.example --zone-file odd --denial none
expect 2 '--opt-out goes with --denial nsec3' "$DNSSEC" enable x.example --zone-file odd --opt-out
expect 2 '--opt-out goes with --denial nsec3' "$DNSSEC" enable x.example --zone-file odd \
    --denial nsec --opt-out

# A state that does not name a denial is of a time when there was only NSEC; one that names an unknown
# one is left alone.
python3 - state/odd13.example/state.json <<'END_OF_SCRIPT'
import json, sys
state = json.load(open(sys.argv[1]))
assert state.pop("denial") == "nsec"
json.dump(state, open(sys.argv[1], "w"))
END_OF_SCRIPT
expect 0 'Denial +NSEC$' "$DNSSEC" sign odd13.example
sed -i 's/"denial": "nsec"/"denial": "nsec5"/' state/odd13.example/state.json
expect 1 "'denial' is missing or damaged" "$DNSSEC" sign odd13.example
finish
