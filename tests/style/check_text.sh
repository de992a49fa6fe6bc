#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Tabs, blanks at line ends, long lines, missing final newlines, missing licence lines, file names
# that are not unique, files that are too long.
cd "${1:-.}" || exit 2
failed=0
files=$(find src cl include tests tools -type f \( -name '*.c' -o -name '*.h' -o -name '*.cl' -o -name '*.clh' \))
for file in $files; do
    if grep -nP '\t| +$' "$file" >/dev/null; then
        echo "$file: tab or trailing blank"; failed=1
    fi
    [ -z "$(tail -c 1 "$file")" ] || { echo "$file: no newline at the end"; failed=1; }
    head -n 1 "$file" | grep -q 'SPDX-License-Identifier' || { echo "$file: no licence line"; failed=1; }
    # Tables under "clang-format off" may be wider.
    wide=$(awk '/clang-format off/ { off = 1 } /clang-format on/ { off = 0 }
        !off && length > 100 { print FNR; exit }' "$file")
    [ -z "$wide" ] || { echo "$file:$wide: more than 100 columns"; failed=1; }
    lines=$(wc -l <"$file")
    [ "$lines" -le 800 ] || { echo "$file: $lines lines, split it"; failed=1; }
done
twice=$(for file in $files; do basename "$file"; done | sort | uniq -d)
# A public header and the inside of the same subject may share a name.
for name in $twice; do
    [ "$(find src cl tests tools -name "$name" | wc -l)" -le 1 ] || { echo "file name is not unique: $name"; failed=1; }
done
exit $failed
