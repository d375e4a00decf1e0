#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Bad input and half-way stops: the message says what to do, the exit status what kind it is (1
# failure, 2 usage, 3 refusal), and the last good signed zone stays.
. "$(dirname "$0")/common.sh"

good() {
    printf '%s\n' '@ 3600 IN SOA ns1 h 7 2 3 4 5' '@ 3600 NS ns1' 'ns1 3600 A 192.0.2.1'
}
good >zone
enable() { "$DNSSEC" enable example.org --zone-file zone "$@"; }

# Usage.
expect 2 'COMMAND' "$DNSSEC"
expect 2 "no command 'frob'" "$DNSSEC" frob
expect 2 'which zone' "$DNSSEC" sign
expect 2 'an empty label' "$DNSSEC" sign a..b
expect 2 'a label of more than 63 bytes' "$DNSSEC" sign "$(printf 'a%.0s' {1..64}).org"
expect 2 'table, json or text' "$DNSSEC" status --output xml
expect 2 'give it as alias/NAME' enable --key foo
expect 2 'give it as 2026' "$DNSSEC" status --now yesterday
expect 2 'full or sample' "$DNSSEC" sign example.org --verify some
expect 2 'is not UTF-8 and so cannot be remembered' \
    "$DNSSEC" enable example.org --zone-file zone --signed-zone $'zone\xff'
expect 2 'zone-file is missing' "$DNSSEC" enable example.org
expect 2 'would be both' enable --signed-zone zone
expect 0 'Example' "$DNSSEC" --help
for command in enable sign ds status verify; do
    expect 0 "keyd-dnssec $command" "$DNSSEC" $command --help
done
expect 0 'keyd-dnssec [0-9]' "$DNSSEC" --version

# What is refused leaves nothing: no folder, no lock, no key.
refused_whole() { # STATUS PATTERN ARGUMENT...: of enable, for a zone that is new
    local status=$1 pattern=$2
    shift 2
    expect "$status" "$pattern" "$DNSSEC" enable "$@"
    [ ! -e state ] || fail "the state was begun: $(find state) by: enable $*"
    [ ! -e hsm/calls ] || ! grep -q create hsm/calls || fail "a key was made by: enable $*"
}
printf '%s\n' '@ 3600 IN SOA ns1 h 7 2 3 4 5' >headless
openssl ecparam -name secp384r1 -genkey -noout -out hsm/big.pem
refused_whole 2 'gives no alias' 'a\.b.example' --zone-file zone
refused_whole 2 'zone-file is missing' new.org
refused_whole 2 'would be both' new.org --zone-file zone --signed-zone zone
refused_whole 2 'signed-zone is missing' new.org --from-server 192.0.2.1
refused_whole 2 'key-size is for RSA' new.org --zone-file zone --key-size 2048
refused_whole 2 'longer than 1023' new.org --zone-file zone --reload "$(printf '%1024d' 1)"
refused_whole 3 'no plain file' new.org --zone-file zone --signed-zone hsm
refused_whole 1 'none.*No such file' new.org --zone-file none
refused_whole 1 'no NS' new.org --zone-file headless
refused_whole 1 'none.key' new.org --zone-file zone --zsk-file none
refused_whole 3 'none of this zone' new.org --zone-file zone --signed-zone hsm/big.pem
refused_whole 3 'now cannot be right' new.org --zone-file zone --now 1999-01-01T00:00:00Z
refused_whole 3 'is a ECC_NIST_P384 key' new.org --zone-file zone --key alias/big
expect 1 'keyd is not running' env -u KEYD_SOFT_HSM "$DNSSEC" enable new.org --zone-file zone
[ ! -e state ] || fail "the state was begun without keyd"
rm headless hsm/big.pem hsm/calls

# Not enabled yet.
expect 3 'run keyd-dnssec enable example.org --zone-file FILE' "$DNSSEC" sign example.org
expect 3 'not enabled' "$DNSSEC" ds example.org
expect 3 'not enabled' "$DNSSEC" status example.org
expect 0 'no zone is enabled' "$DNSSEC" status

# What cannot be signed leaves nothing: no key, no state.
(good; echo '@ 5 CDS 1 8 2 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2') >bad
expect 3 'bad:4:1: CDS: no DNSKEY of the signed zone is meant by those of algorithm 8' \
    "$DNSSEC" enable example.org --zone-file bad
if [ -e state/example.org ] || [ -s hsm/calls ]; then fail 'something was made for a bad zone'; fi
rm bad

# keyd away; the token away; then it goes on, and makes nothing twice.
expect 1 'keyd is not running' env -u KEYD_SOFT_HSM "$DNSSEC" enable example.org --zone-file zone
touch hsm/fail-create
expect 1 'token soft is away' enable
grep -q '"request_id": "' state/example.org/state.json || fail "the request id was not kept"
rm hsm/fail-create
touch hsm/fail-sign
expect 1 'token soft is away' enable
expect 3 'never published signed' "$DNSSEC" ds example.org
expect 0 'enable example.org again: it stopped half-way' "$DNSSEC" status example.org
zsk=$(ls state/example.org/*.private)
rm hsm/fail-sign
expect 0 'there already: alias/example-org-ksk' enable
[ "$(grep -c create hsm/calls)" = 2 ] || fail "the key was asked for again"
[ "$(ls state/example.org/*.private)" = "$zsk" ] || fail "another ZSK was made"
valid example.org zone.signed

# A run that stopped between the ZSK's files and the state.
cp -a state/example.org/state.json state.json
python3 - state/example.org/state.json <<'EOF'
import json, sys
state = json.load(open(sys.argv[1]))
state["keys"] = [k for k in state["keys"] if k["role"] == "KSK"]
json.dump(state, open(sys.argv[1], "w"))
EOF
expect 3 'stopped half-way: run keyd-dnssec enable' "$DNSSEC" sign example.org
expect 0 'ZSK on this host .*found and taken' enable
[ "$(ls state/example.org/*.private)" = "$zsk" ] || fail "another ZSK was made"

# From here on the good signed zone must stay as it is.
cp zone.signed good.signed
stands() { cmp -s zone.signed good.signed || fail "the good signed zone is gone after: $1"; }
refused() { # STATUS PATTERN; the zone file on standard input
    cat >zone
    expect "$1" "$2" "$DNSSEC" sign example.org
    stands "$2"
}
refused 1 'zone:1:12: .*IPv4' <<<'www 3600 A 01.2.3.4'
refused 1 'zone: no records of example.org.: is it empty' </dev/null
refused 1 'no SOA' <<<'a 3600 A 192.0.2.1'
refused 1 'zone:1:1: example.org.: no NS record' <<<'@ 3600 SOA ns1 h 9 2 3 4 5'
refused 1 'zone:4:1: www.example.com. is outside' < <(good; echo 'www.example.com. 1 A 192.0.2.1')
refused 1 'zone:4:1: .*CNAME beside' < <(good; printf 'a 1 CNAME b\na 1 A 192.0.2.1\n')
refused 1 'zone:4:1: .*2 SOA records, the first at .*zone:1:1: keep one' < <(good; echo '@ 3600 SOA ns2 h 7 2 3 4 5')
printf 'x 5 A 192.0.2.1\n   5 CNAME a\n' >part
refused 1 'part:2:4: x.sub.example.org.: CNAME beside .* \(included from .*zone:4\)$' \
    < <(good; echo '$INCLUDE part sub')
rm part
refused 1 'zone:4:10: .INCLUDE .x.: .*No such file' < <(good; echo '$INCLUDE x')
(good; echo '$INCLUDE -') >zone
expect 1 'zone:4:10: .INCLUDE .-.: -: No such file' \
    bash -c 'echo "a 60 A 192.0.2.1" | "$0" sign example.org --zone-file zone' "$DNSSEC"
stands 'INCLUDE -'
refused 1 'zone:4:24: .GENERATE, at 256: .*IPv4' < <(good; echo '$GENERATE 255-256 a$ A 192.0.2.$')
refused 1 'zone:4:1: a DNSKEY whose public key is none of algorithm 13' \
    < <(good; echo '@ 5 DNSKEY 257 3 13 AAAA')
refused 3 'zone:4:1: the DNSKEY with tag [0-9]+ is not ours and of algorithm 15, .* with 13 alone' \
    < <(good; echo '@ 5 DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=')
refused 1 "zone:4:1: .*: a DNSKEY belongs at the zone's apex" \
    < <(good; echo 'a 5 DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=')
refused 3 'zone:4:1: the DNSKEY with tag 55776 is not ours and is revoked' \
    < <(good; echo '@ 5 DNSKEY 385 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==')
refused 3 'zone:4:1: CDS: no DNSKEY of the signed zone is meant by those of algorithm 8' \
    < <(good; echo '@ 5 CDS 1 8 2 9D6BAE62219231C99FAA479716B6E4619330CE8206670AEA6C1673A055DC3AF2')
refused 1 'zone:4:1: .*: the server ns2.example.org., which is in the zone, has no address in it' \
    < <(good; echo '@ 3600 NS ns2' )
refused 1 'zone:5:1: .*: CNAME beside other data' \
    < <(good; printf '%s\n' 'c 5 NS ns1' 'x.c 5 CNAME a.' 'x.c 5 A 192.0.2.1')
(good; echo 'www.example.com. 1 A 192.0.2.1') >zone
expect 0 'zone:4:1: www.example.com. is outside' "$DNSSEC" enable example.org --out-of-zone drop
expect 0 '1 record outside of the zone was dropped' "$DNSSEC" sign example.org
if grep -q example.com zone.signed; then fail 'what is outside of the zone is in it'; fi
expect 1 'zone:4:1: www.example.com. is outside' "$DNSSEC" enable example.org --out-of-zone refuse
cp zone.signed good.signed
rm zone
expect 1 'zone file cannot be read' "$DNSSEC" sign example.org
mkdir zone
expect 1 'zone' "$DNSSEC" sign example.org
rmdir zone
good >zone
touch hsm/bad-signature
expect 1 'not published: .*DNSKEY: the signature by key [0-9]+ is bad' "$DNSSEC" sign example.org
stands 'bad signature'
rm hsm/bad-signature
expect 1 'keyd is not running' env -u KEYD_SOFT_HSM "$DNSSEC" sign example.org
stands 'keyd away'
[ ! -e zone.signed.new ] || fail "a half-written zone was left"

# What is read, or is part of the state, is no place for the signed zone; by whatever name.
kept() { # PATTERN STATUS FILE COMMAND...: refused, and the file stays as it is
    local pattern=$1 status=$2 file=$3
    shift 3
    cp "$file" kept.copy
    expect "$status" "$pattern" "$@"
    cmp -s "$file" kept.copy || fail "$file was overwritten: $*"
    stands "$pattern"
}
place='the signed zone would take its place'
(good; echo '$INCLUDE inc') >zone
echo 'www 60 A 192.0.2.5' >inc
ln inc hard
ln -s inc soft
for name in inc hard soft; do
    kept "zone:4:10: .INCLUDE .inc.: $place" 1 inc enable --signed-zone $name
done
cp inc elsewhere.new
(good; echo '$INCLUDE elsewhere.new') >zone
kept "INCLUDE .elsewhere.new.: $place" 1 elsewhere.new enable --signed-zone elsewhere
(good; echo '$INCLUDE zone.signed') >zone
kept "zone:4:10: .INCLUDE .zone.signed.: $place" 1 zone.signed "$DNSSEC" sign example.org
kept "zone.signed: $place" 1 zone.signed "$DNSSEC" sign example.org --zone-file zone.signed
kept "standard input: $place" 1 zone.signed \
    bash -c '"$0" sign example.org --zone-file - <zone.signed' "$DNSSEC"
good >zone
kept 'both the zone file and the signed' 2 zone \
    bash -c '"$0" enable example.org --signed-zone - --reload "" 1<>zone' "$DNSSEC"
cp state/example.org/*.private "$WORK"
cp state/example.org/K*.key "$WORK"
name=$(basename "$zsk" .private)
kept "both a ZSK.s file and the signed" 2 "$name.key" \
    enable --zsk-file "$name" --signed-zone "$name.key"
kept "zone's state folder, where no name server may read" 2 state/example.org/state.json \
    enable --signed-zone state/example.org/signatures.new
expect 1 'folder of the signed zone, .*No such file' "$DNSSEC" enable first.org --zone-file zone \
    --signed-zone state/first.org/state.json
rm inc hard soft elsewhere.new "$name".*

# A clock that cannot be right.
expect 3 '[-]-now cannot be right' "$DNSSEC" sign example.org --now 1999-01-01T00:00:00Z
expect 3 '[-]-now cannot be right' "$DNSSEC" sign example.org --now 2106-02-07T00:00:00Z
expect 2 '[-]-now 2026-02-30T00:00:00Z is no time' "$DNSSEC" sign example.org \
    --now 2026-02-30T00:00:00Z
expect 1 'not valid yet at the time of --now' "$DNSSEC" verify example.org \
    --now 2021-01-01T00:00:00Z
stands 'clock'

later=$(date -u -d '+20 days' +%Y-%m-%dT%H:%M:%SZ)
cp -a state state.kept
expect 0 Verified "$DNSSEC" sign example.org --now "$later"
expect 3 'last signed at .*: set the clock; or, if it is right.*--now 20' "$DNSSEC" sign example.org
expect 0 Verified "$DNSSEC" sign example.org --now "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
expect 0 Verified "$DNSSEC" sign example.org
cp zone.signed good.signed

# A state that was lost or is an old one: the keys that the world knows are not in it.
mv state state.new
expect 3 'zone.signed is signed with a key that is not known here \(tag' enable
stands 'lost state'
[ ! -e state ] || fail "the state was begun anew"
mv state.new state
rm -r state.kept
echo 'no zone' >junk
expect 3 'none of this zone: remove it or name another' enable --signed-zone junk
[ "$(cat junk)" = 'no zone' ] || fail "a file that is no zone was replaced"
printf '%s\n' '@ 3600 SOA ns1 h 100 2 3 4 5' '@ 3600 NS ns.example.' >served
printf '%s\n' '@ 3600 SOA ns1 h 7 2 3 4 5' '@ 3600 NS ns.example.' >unsigned
expect 0 '101 \(the zone file has 7; 100 may be served already' "$DNSSEC" enable served.org \
    --zone-file unsigned --signed-zone served

# The KSK in keyd: gone, or with another public key; the alias moved.
ksk=$(python3 -c 'import json; print([k["key_id"] for k in
    json.load(open("state/example.org/state.json"))["keys"] if k["role"] == "KSK"][0])')
mv hsm/"$ksk.pem" hsm/kept
expect 3 "keyd does not have the KSK of example.org, key $ksk \(alias/example-org-ksk\)" \
    "$DNSSEC" sign example.org
openssl ecparam -name prime256v1 -genkey -noout -out hsm/"$ksk.pem"
expect 3 'has another public key than the KSK of example.org' "$DNSSEC" sign example.org
expect 3 'has another public key than the KSK of example.org' enable
rm hsm/"$ksk.pem"
mv hsm/example-org-ksk.pem hsm/real.pem
ln -s "$WORK/hsm/real.pem" hsm/"$ksk.pem"
rm hsm/kept
stands 'a KSK that is another one'
openssl ecparam -name prime256v1 -genkey -noout -out hsm/example-org-ksk.pem
expect 3 'alias/example-org-ksk names key .* now, but the KSK of example.org is' enable
expect 0 Verified "$DNSSEC" sign example.org
rm hsm/example-org-ksk.pem
expect 0 'there already' enable
mv hsm/real.pem hsm/example-org-ksk.pem
ln -sf "$WORK/hsm/example-org-ksk.pem" hsm/"$ksk.pem"
cp zone.signed good.signed

# A dry run changes nothing: not a byte, not a time, not a name, and makes nothing in the HSM.
picture() { find . -path ./out -prune -o -path ./hsm/calls -prune -o -printf '%p %T@ %i %m %s\n' | sort; }
unchanged() { # PATTERN COMMAND...
    local before creates
    before=$(picture)
    creates=$(grep -c create hsm/calls)
    expect 0 "$@"
    [ "$(picture)" = "$before" ] || fail "a dry run changed something: $*"
    [ "$(grep -c create hsm/calls)" = "$creates" ] || fail "a dry run made a key: $*"
}
unchanged 'left as it is' "$DNSSEC" sign example.org --dry-run
unchanged 'left as it is' enable --dry-run
unchanged 'left as it is' enable --dry-run --signed-zone elsewhere --reload 'touch reloaded'
unchanged 'would be made' "$DNSSEC" enable fresh.org --zone-file unsigned --dry-run
grep -q 'nothing was signed' out || fail "a dry run without keys does not say what it left out"

# A reload that fails: the zone is out, the status says so.
expect 1 'in place, but the reload command failed.*exit status 7: no server' \
    "$DNSSEC" enable example.org --reload 'echo no server; exit 7'
cmp -s zone.signed good.signed && fail "the zone was not published"
expect 0 'done' "$DNSSEC" enable example.org --reload true
valid example.org zone.signed
cp zone.signed good.signed

# Standard output that is closed, full, or read by nobody.
to() { # REDIRECTION COMMAND...: with standard output there
    bash -c "exec \"\$@\" $1" "$@"
}
made=$(grep -c create hsm/calls)
expect 3 'standard output, which is closed' to '>&-' "$DNSSEC" enable out.org --zone-file zone \
    --signed-zone -
[ ! -e state/out.org ] || fail "the state was begun for a zone that goes nowhere"
[ "$(grep -c create hsm/calls)" = "$made" ] || fail "a key was made for a zone that goes nowhere"
expect 0 'standard output would be made' "$DNSSEC" enable out.org --zone-file zone \
    --signed-zone - --dry-run
"$DNSSEC" enable out.org --zone-file zone --signed-zone - >out.signed 2>/dev/null ||
    fail "no zone to standard output"
valid out.org out.signed
cp state/out.org/state.json state.json
expect 3 'standard output, which is closed' to '>&-' "$DNSSEC" sign out.org -q
cmp -s state/out.org/state.json state.json || fail "what went nowhere counts as given out"
expect 1 'standard output, which is not complete: No space' to '>/dev/full' "$DNSSEC" sign out.org
expect 1 'standard output, which is not complete: Broken pipe' \
    bash -c 'trap "" PIPE; set -o pipefail; (sleep 0.2; exec "$0" sign out.org) | true' "$DNSSEC"
for command in 'ds example.org' 'status example.org' 'status' 'verify example.org' \
    'sign example.org' 'enable example.org --dry-run' '--help' 'sign --help' '--version'; do
    for output in '' '--output json' '--output text'; do
        [ "${command#*--}" = "$command" ] || [ -z "$output" ] || continue
        # shellcheck disable=SC2086 # words
        expect 1 'standard output: (Bad file descriptor|it could not be written to)' to '>&-' "$DNSSEC" $command $output
        # shellcheck disable=SC2086
        expect 1 'standard output: (No space left on device|it could not be written to)' to '>/dev/full' "$DNSSEC" $command $output
    done
done
to '0<&- >&- 2>&-' "$DNSSEC" sign example.org --quiet || fail "not signed without streams"
to '0<&- >&- 2>&-' "$DNSSEC" sign example.org --quiet --zone-file - &&
    fail "signed what came from a closed standard input"
expect 0 good "$DNSSEC" verify example.org
cp zone.signed good.signed

# Another key is no small thing.
expect 3 'would break the zone' enable --key alias/other
openssl ecparam -name secp384r1 -genkey -noout -out hsm/big.pem
printf '%s\n' '@ 3600 IN SOA ns1 h 7 2 3 4 5' '@ 3600 NS ns.example.' >other
expect 3 'is a ECC_NIST_P384 key.*needs ECC_NIST_P256' "$DNSSEC" enable other.org \
    --zone-file other --key alias/big
expect 0 'found and taken: alias/shared' sh -c "
    openssl ecparam -name prime256v1 -genkey -noout -out hsm/shared.pem
    \"$DNSSEC\" enable --dry-run taken.org --zone-file other --key alias/shared"

# The ZSK's file is gone, or open to others; the state is damaged or newer.
mv "$zsk" kept
expect 3 'is missing: put it back from a backup' "$DNSSEC" sign example.org
mv kept "$zsk"
chmod 644 "$zsk"
expect 3 'others can read it: make it 0600' "$DNSSEC" sign example.org
chmod 600 "$zsk"
cp state/example.org/state.json state.json
sed -i 's/"version": 1/"version": 9/' state/example.org/state.json
expect 3 'version 9' "$DNSSEC" sign example.org
expect 3 'version 9' enable
grep -q '"version": 9' state/example.org/state.json || fail "a newer state was touched"
echo '{' >state/example.org/state.json
expect 1 'state.json:[0-9]+: .*from a backup' "$DNSSEC" sign example.org
cp state.json state/example.org/state.json

# Two at once.
exec 9>state/example.org/lock
flock 9
expect 1 'another keyd-dnssec is at work' "$DNSSEC" sign example.org
exec 9>&-
stands 'lock'

# Nowhere to write. (Root may write anywhere: then a folder that is a file must do.)
expect 3 'no plain file' enable --signed-zone "$WORK/hsm"
expect 1 'none' enable --signed-zone "$WORK/none/zone.signed"
touch blocked
creates=$(grep -c create hsm/calls)
expect 1 'state folder cannot be made' "$DNSSEC" enable new.org --zone-file zone \
    --signed-zone new.signed --state-folder "$WORK/blocked/state"
[ "$(grep -c create hsm/calls)" = "$creates" ] || fail "a key was made that nobody remembers"
if [ "$(id -u)" != 0 ]; then
    mkdir closed
    chmod 500 closed
    expect 3 'closed' enable --signed-zone "$WORK/closed/zone.signed"
fi

# A full disk, as a limit on the size of a file: nothing half-written is left.
(for i in $(seq 2000); do echo "h$i 60 A 192.0.2.1"; done) >>zone
chmod 640 zone.signed
expect 1 'File too large|too large' bash -c "ulimit -f 64; exec \"$DNSSEC\" sign example.org"
stands 'full disk'
[ ! -e zone.signed.new ] || fail "a half-written zone was left"

# enable killed at every moment of it: run again, it ends well, with one KSK, one ZSK and no litter.
printf '%s\n' '@ 3600 IN SOA ns1 h 7 2 3 4 5' '@ 3600 NS ns1' 'ns1 60 A 192.0.2.1' >killed
(for i in $(seq 300); do echo "h$i 60 A 192.0.2.1"; done) >>killed
for i in $(seq 0 11); do
    zone=killed$i.org
    "$DNSSEC" enable $zone --zone-file killed --signed-zone $zone.signed -q & pid=$!
    sleep "0.0$(printf %02d $((i * 3)))"
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    [ ! -e $zone.signed ] || valid $zone $zone.signed
    expect 0 'Verified' "$DNSSEC" enable $zone --zone-file killed --signed-zone $zone.signed
    valid $zone $zone.signed
    [ "$(ls state/$zone | sed 's/\+[0-9]*\./+TAG./' | tr '\n' ' ')" = \
        "K$zone.+013+TAG.key K$zone.+013+TAG.private lock signatures state.json " ] ||
        fail "$zone: litter in the state: $(ls state/$zone)"
done

# A kill between the ZSK's two files leaves its public half: the next run takes that away.
mkdir -m 700 state/halves.org
cp state/killed0.org/K*.key state/halves.org/Khalves.org.+013+00001.key
cp state/killed0.org/K*.key state/halves.org/Kother.org.+013+00001.key
expect 0 'Verified' "$DNSSEC" enable halves.org --zone-file killed --signed-zone halves.org.signed
[ ! -e state/halves.org/Khalves.org.+013+00001.key ] || fail "half a key was left"
[ -e state/halves.org/Kother.org.+013+00001.key ] || fail "what is not the zone's was removed"
[ "$(ls state/halves.org/Khalves* | wc -l)" = 2 ] || fail "not one pair: $(ls state/halves.org)"

# A kill in the middle, often: the published zone is the old or the new one, whole.
for i in 1 2 3 4 5 6; do
    "$DNSSEC" sign example.org -q & pid=$!
    sleep "0.0$((i * 2))"
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    expect 0 good "$DNSSEC" verify example.org
done
expect 0 'Verified' "$DNSSEC" sign example.org
[ "$(stat -c %a zone.signed)" = 640 ] || fail "the mode of the signed zone was not kept"
[ -z "$(ls zone.signed.?* 2>/dev/null)" ] || fail "killed runs left files that a good one keeps"
valid example.org zone.signed

# The same of a zone that several threads sign: a disk that is full at different times, and signals. The
# old zone stands, and what ended by itself leaves nothing.
{
    printf '%s\n' '$TTL 60' '@ SOA ns1 h 7 2 3 4 5' '@ NS ns.example.'
    seq -f 'h%g A 192.0.2.1' 20000
} >large
expect 0 'Verified' "$DNSSEC" enable large.org --zone-file large --signed-zone large.signed
cp large.signed large.before
untouched() { # WHAT
    cmp -s large.signed large.before || fail "$1: the old zone does not stand"
    [ "$1" = KILL ] || [ ! -e large.signed.new ] || fail "$1: something half-written is left"
    [ "$1" = KILL ] || [ -z "$(ls state/large.org/*.?????? 2>/dev/null)" ] ||
        fail "$1: something is left in the state: $(ls state/large.org)"
}
for limit in 64 300 2000 6000; do
    expect 1 'File too large' bash -c "ulimit -f $limit; exec \"$DNSSEC\" sign large.org"
    untouched "limit $limit"
done
for signal in TERM INT HUP PIPE QUIT KILL; do
    # Nothing is there before signing begins: a signal before that has nothing to take away.
    (trap - INT QUIT && exec "$DNSSEC" sign large.org -q) & pid=$!
    for i in $(seq 500); do
        [ ! -s large.signed.new ] || break
        sleep 0.01
    done
    [ -s large.signed.new ] || fail "$signal: signing did not begin"
    kill -"$signal" "$pid"
    wait "$pid" 2>/dev/null && fail "$signal: it went on"
    untouched "$signal"
done
expect 0 'Verified' "$DNSSEC" sign large.org
[ ! -e large.signed.new ] || fail "a killed run left a file that a good one keeps"
finish
