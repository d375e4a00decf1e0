#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scripts/demo: two at once succeed, --keep keeps and --stop ends it, an interrupted one and a failed
# one leave nothing running.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
demo=$root/scripts/demo

# Whatever names one of our demos' folders on its command line.
left() {
    local folder entry
    folder=$(grep -oE '/tmp/keyd-demo\.[A-Za-z0-9]+' "$1" | head -n 1) || return 0
    for entry in /proc/[0-9]*; do
        if tr '\0' ' ' 2>/dev/null <"$entry/cmdline" | grep -qF "$folder/"; then
            tr '\0' ' ' <"$entry/cmdline"
            echo
        fi
    done
}

nothing_left() {
    local found
    found=$(left "$1")
    [[ -z $found ]] || die "$2 left this running:"$'\n'"$found"
}

"$demo" >"$work/one" 2>&1 &
one=$!
"$demo" --keep >"$work/two" 2>&1 || { cat "$work/two" && die "--keep failed"; }
wait "$one" || { cat "$work/one" && die "the demo failed"; }
grep -q 'all 7 steps' "$work/one" || die "it does not say that all went well"
nothing_left "$work/one" "the demo"

[[ -n $(left "$work/two") ]] || die "--keep kept nothing"
folder=$(grep -oE '/tmp/keyd-demo\.[A-Za-z0-9]+' "$work/two" | head -n 1)
"$demo" --stop "$folder" >"$work/stop"
nothing_left "$work/two" "--stop"
[[ ! -e $folder ]] || die "--stop left $folder"

for moment in 1 3; do
    "$demo" >"$work/cut" 2>&1 &
    cut=$!
    sleep "$moment"
    kill -TERM "$cut" 2>/dev/null || true
    wait "$cut" || true
    nothing_left "$work/cut" "a demo that was ended after $moment s"
done

mkdir "$work/bin"
ln -s "$KEYD_BIN"/* "$work/bin"
ln -sf /bin/true "$work/bin/keyd-dnssec"
! KEYD_BIN=$work/bin "$demo" >"$work/bad" 2>&1 || die "a keyd-dnssec that does nothing goes unnoticed"
grep -q 'step 3 failed' "$work/bad" || die "it does not say which step failed"
nothing_left "$work/bad" "a failed demo"
rm -rf "$(grep -oE '/tmp/keyd-demo\.[A-Za-z0-9]+' "$work/bad" | head -n 1)"
say "good"
