#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What libkeyd shows: the symbols of its map and no other; a header that stands alone, without gRPC.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

sed -n 's/^ *\(keyd_[a-z_]*\);$/\1/p' "$here/client/lib/libkeyd.map" | sort >"$scratch/map"
nm -D --defined-only "${KEYD_BIN%/bin}/lib/libkeyd.so" |
    sed -n 's/^[0-9a-f]* [A-Z] \(keyd_[a-z_]*\)@@LIBKEYD_0$/\1/p' | sort >"$scratch/exported"
test -s "$scratch/map"
diff -u "$scratch/map" "$scratch/exported"
strangers=$(nm -D --defined-only "${KEYD_BIN%/bin}/lib/libkeyd.so" | grep -v -e '@@LIBKEYD_0$' \
    -e ' A LIBKEYD_0$' || true)
if [ -n "$strangers" ]; then
    echo "libkeyd.so exports what its map does not name:" "$strangers"
    exit 1
fi

# All that the header declares is exported, so that no user meets it at link time.
echo '#include "client/lib/keyd.h"' >"$scratch/alone.c"
sed -n 's/.*KEYD_API.*[ *]\(keyd_[a-z_]*\)(.*/\1/p' "$here/client/lib/keyd.h" | sort \
    >"$scratch/declared"
diff -u "$scratch/declared" "$scratch/exported"

${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$here" -fsyntax-only "$scratch/alone.c"
${CXX:-c++} -x c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -I"$here" -fsyntax-only \
    "$scratch/alone.c"
if ${CC:-cc} -std=c11 -I"$here" -M "$scratch/alone.c" | grep -i -e grpc -e protobuf -e pb-c; then
    echo "keyd.h pulls in the transport"
    exit 1
fi
