#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# cl/gemm_avx512.cl by every clang that is installed: test_avx512_code.sh FOLDER_OF_KERNELS. PoCL compiles kernels for a
# processor that its clang knows, which may be older than the one it runs on: the code must have its 32 dot products
# all the same, and each loop must keep its sums in registers. Exit status 77 where no clang compiles for x86-64.
set -u
kernels=$1 status=0 tried=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for clang in clang $(cd /usr/bin && ls clang-[0-9]* 2>/dev/null | grep -E '^clang-[0-9]+$'); do
    command -v "$clang" >/dev/null && "$clang" --print-targets 2>/dev/null | grep -qw x86-64 || continue
    tried=$((tried + 1))
    if ! "$clang" -x cl -cl-std=CL1.2 --target=x86_64-linux-gnu -march=skylake-avx512 -Xclang -finclude-default-header -O3 \
        -DVW=16 -DCLSEQ_CPU=1 -DCLSEQ_PREFETCH=1 -DCLSEQ_EMULATED=0 -Wall -Wextra -Wno-unused-parameter -Wno-unused-function -Werror \
        -I "$kernels" -S "$kernels/gemm_avx512.cl" -o "$work/code.s"; then
        echo "FAIL: $clang does not compile gemm_avx512.cl"
        status=1
        continue
    fi
    found=$(grep -c vdpbf16ps "$work/code.s")
    if [ "$found" -ne 32 ]; then
        echo "FAIL: $clang makes $found dot products, not 32"
        status=1
    fi
    # From the first to the last dot product of a function nothing of a whole register goes to memory.
    spilled=$(awk '/^rows_of_[a-z]*:/ { on = 0; held = 0 }
        /vdpbf16ps/ { if (on) bad += held; on = 1; held = 0 }
        on && /vmov[a-z0-9]*[[:space:]]+%zmm[0-9]+, .*\(%rsp\)/ { held++ }
        END { print bad + 0 }' "$work/code.s")
    if [ "$spilled" -ne 0 ]; then
        echo "FAIL: $clang stores $spilled sums between dot products"
        status=1
    fi
done
if [ "$tried" -eq 0 ]; then
    echo "skipped: no clang that compiles for x86-64"
    exit 77
fi
exit $status
