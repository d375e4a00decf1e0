#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# scripts/bench in its short form: it runs, and prints what it says. How fast is no test's to judge.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/bench sign --rounds 1 --seconds 0.3 --in-flight 64 | grep -E '^ +64  [0-9.]+ \([0-9.]+ to'
scripts/bench sign --rounds 1 --seconds 0.3 --in-flight 1 --output json | grep '"ratio":'
scripts/bench hung --rounds 1 --seconds 1.5 --in-flight 4 | grep -E '^ +hangs +[0-9]+ .* [0-9.]+ \([0-9.]+ to'
scripts/bench hung --rounds 1 --seconds 1.5 --in-flight 1 --output json | grep '"kills": [1-9]'
scripts/bench zones --rounds 1 --records 500 | grep -E '^  kzonesign +[0-9.]+ \('
scripts/bench zones --rounds 1 --records 500 --rows nsec3 --algorithm Ed25519 --output json |
    grep '"signatures":'
