#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a program could not print is a failure, whichever program it is and whatever it printed.
set -uo pipefail
FAILED=0

# ends STATUS COMMAND...: with standard output as it is.
ends() {
    local wanted=$1 got=0
    shift
    "$@" 2>/dev/null || got=$?
    [ "$got" = "$wanted" ] && return
    echo "FAILED: exit status $got, not $wanted: $*" >&2
    FAILED=1
}

for program in keydctl keyd-dnssec keyd keyd-hsm keyd-run; do
    for option in --help --version --usage; do
        ends 0 "$KEYD_BIN/$program" $option >/dev/null
        ends 1 "$KEYD_BIN/$program" $option >/dev/full
        ends 1 "$KEYD_BIN/$program" $option >&-
    done
    ends 2 "$KEYD_BIN/$program" --no-such-option >/dev/full
done
ends 1 "$KEYD_BIN/keyd-hsm" admin login --help >/dev/full
ends 1 "$KEYD_BIN/keydctl" sign --help >/dev/full
[ "$FAILED" = 0 ] && echo "all as it should be"
exit "$FAILED"
