#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The tile instructions of cl/gemm_amx.cl stand as bytes: they must be what an assembler makes of
# the instructions that stand beside them. Usage: check_amx.sh SOURCE_ROOT
set -eu
kernels=$1/cl/gemm_amx.cl
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if ! echo 'tdpbf16ps %tmm6, %tmm4, %tmm0' | as --64 -o "$folder/try.o" - 2> /dev/null ||
        ! command -v objcopy > /dev/null; then
    echo "skipped: no assembler here that knows AMX" >&2
    exit 77
fi

# Lines like: #define NAME "0xc4, ..." /* instruction */
awk -F '"' -v folder="$folder" '/^#define [A-Z0-9_]+ +"0x/ {
    text = $3
    gsub(/^ *\/\* | \*\/.*$/, "", text)
    print ".byte " $2 > (folder "/bytes.s")
    print text > (folder "/names.s")
    n++
} END { print n + 0 }' "$kernels" > "$folder/count"
if [ "$(cat "$folder/count")" -lt 18 ]; then
    echo "$kernels: only $(cat "$folder/count") instructions found" >&2
    exit 1
fi
for form in bytes names; do
    as --64 -o "$folder/$form.o" "$folder/$form.s"
    objcopy -O binary -j .text "$folder/$form.o" "$folder/$form.bin"
done
if ! cmp "$folder/bytes.bin" "$folder/names.bin"; then
    echo "$kernels: bytes that are not the instruction beside them" >&2
    exit 1
fi
