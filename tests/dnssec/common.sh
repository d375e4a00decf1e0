# SPDX-License-Identifier: BSD-2-Clause
# For the script tests of keyd-dnssec: a folder, the program with a software key, and a few checks.
set -euo pipefail

DNSSEC=$(dirname "$KEYD_BIN")/tests/dnssec_soft
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
mkdir hsm
export KEYD_SOFT_HSM=$WORK/hsm KEYD_DNSSEC_STATE=$WORK/state
FAILED=0

fail() {
    echo "FAILED: $*" >&2
    FAILED=1
}

# expect STATUS PATTERN COMMAND...: the exit status, and a pattern (grep -E) in what it says.
expect() {
    local status=$1 pattern=$2 got=0
    shift 2
    "$@" >out 2>&1 || got=$?
    if [ "$got" != "$status" ]; then
        fail "exit status $got, not $status: $*"
        cat out >&2
    elif ! grep -qE -- "$pattern" out; then
        fail "no '$pattern' in: $*"
        cat out >&2
    fi
}

# valid ZONE FILE: four programs of other people accept it.
valid() {
    ldns-verify-zone "$2" >out 2>&1 || { fail "ldns-verify-zone $2"; cat out >&2; }
    valid_but_ldns "$@"
}

valid_but_ldns() {
    local zone=$1 file=$2
    dnssec-verify -q -o "$zone" "$file" >out 2>&1 || { fail "dnssec-verify $file"; cat out >&2; }
    kzonecheck -d on -o "$zone" "$file" >out 2>&1 || { fail "kzonecheck $file"; cat out >&2; }
    named-checkzone -i none -k ignore "$zone" "$file" >out 2>&1 ||
        { fail "named-checkzone $file"; cat out >&2; }
}

finish() {
    [ "$FAILED" = 0 ] && echo "all as it should be"
    exit "$FAILED"
}
