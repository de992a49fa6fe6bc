#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Includes go down only (docs/architecture.md): fails on one that goes up, on a tool or public
# header that reaches inside, and on an op without its chain of files.
cd "${1:-.}" || exit 2
order="base tensor backend reference opencl nn model data io train decode eval"
failed=0

rank() {
    i=0
    for layer in $order; do
        i=$((i + 1))
        [ "$layer" = "$1" ] && { echo "$i"; return; }
    done
    echo 0
}

for layer in $order; do
    here=$(rank "$layer")
    for file in src/"$layer"/*.[ch]; do
        [ -e "$file" ] || continue
        for target in $(sed -n 's/^ *# *include "\([a-z0-9_]*\)\/.*/\1/p' "$file"); do
            there=$(rank "$target")
            # The two implementations stand side by side: neither may know the other.
            if [ "$there" -eq 0 ] || [ "$there" -gt "$here" ] ||
               { [ "$layer" = opencl ] && [ "$target" = reference ]; }; then
                echo "$file: includes $target/, which is not below $layer/"
                failed=1
            fi
        done
    done
done

if grep -nE '^ *# *include "(base|tensor|backend|reference|opencl|nn|model|data|io|train|decode|eval)/' tools/*.[ch]; then
    echo "tools use include/clseq only"
    failed=1
fi
if grep -nE '^ *# *include "' include/clseq/*.h; then
    echo "public headers include <clseq/...> only"
    failed=1
fi
exit $failed
