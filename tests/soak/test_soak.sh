#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# scripts/soak in its short form: no error on SoftHSM, and an error where the token makes one.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -r "$out"' EXIT

scripts/soak --minutes 0.13 | tee "$out/table"
grep -qE '^0.1[0-9] minutes on one token \(softhsm\), 4 signers: 0 errors$' "$out/table"
grep -qE '^signatures, each verified +[1-9][0-9]+ ' "$out/table"
grep -qE '^keys: [1-9][0-9]* ECC_NIST_P256, [1-9][0-9]* ECC_NIST_EDWARDS25519, [1-9]' "$out/table"

# finds FAULT WORDS: a token with this fault fails the soak, with these words, and status 1.
finds() {
    local status=0
    KEYD_MOCK_FAULTS=$1 scripts/soak --token mock --minutes 0.5 >"$out/said" 2>&1 || status=$?
    if ((status != 1)) || ! tail -n 1 "$out/said" | grep -E "^soak: .*($2)"; then
        cat "$out/said"
        echo "test_soak: with the fault '$1': status $status, and not '$2'"
        exit 1
    fi
}

finds 'C_Sign garbage after=300' 'does not verify|making a key'
finds 'C_Sign rv CKR_FUNCTION_FAILED after=300' 'signing: |making a key'
finds 'C_GenerateKeyPair rv CKR_DEVICE_ERROR after=4' 'no key made'
finds 'C_Sign kill after=300' 'went away while it had this call|the log says|was started again'
scripts/soak --token mock --minutes 0.05 --signers 1 --output json | grep '"errors": 0'
