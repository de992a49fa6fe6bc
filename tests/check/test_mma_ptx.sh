#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# cl/gemm_mma.cl as for NVIDIA's devices: test_mma_ptx.sh FOLDER_OF_KERNELS. The instruction itself runs on such a
# device only; here clang makes PTX of it, and every mma.sync must have the operands that it is to have. Where ptxas is
# installed it must take the PTX, and keep everything in registers. Exit status 77 where clang does not know the target.
set -u
kernels=$1
if ! clang --print-targets 2>/dev/null | grep -qw nvptx64; then
    echo "skipped: no clang that compiles for nvptx64"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# What OpenCL's functions are on these devices: clang has no library of them.
cat >"$work/program.cl" <<'EOF'
#define get_local_id(i) ((size_t)__nvvm_read_ptx_sreg_tid_x())
#define get_group_id(i)                                                                            \
    ((size_t)((i) == 0   ? __nvvm_read_ptx_sreg_ctaid_x()                                          \
              : (i) == 1 ? __nvvm_read_ptx_sreg_ctaid_y()                                          \
                         : __nvvm_read_ptx_sreg_ctaid_z()))
#define barrier(fence) __syncthreads()
#include "gemm_mma.cl"
EOF
if ! clang -x cl -cl-std=CL1.2 --target=nvptx64-nvidia-cuda -Xclang -target-cpu -Xclang sm_80 \
    -Xclang -target-feature -Xclang +ptx70 -Xclang -finclude-default-header -fgnu-keywords -nostdlib -O2 \
    -Wall -Wextra -Wno-unused-parameter -Werror -I "$kernels" -S "$work/program.cl" -o "$work/program.ptx"; then
    echo "FAIL: clang does not make PTX of gemm_mma.cl"
    exit 1
fi

# Two instructions along k in a strip, of 4 x 4 and 2 x 4 blocks in a warp's part of the large and the small tile.
# D and C are the same registers, all others differ from each other.
f='%f[0-9]+' r='%r[0-9]+'
expect() {
    local found operands
    operands="\{($f,$f,$f,$f)\}, \{($r),($r),($r),($r)\}, \{($r),($r)\}, \{\1\};"
    grep -E "mma\.sync" "$work/program.ptx" | grep -F "$1 " >"$work/lines"
    found=$(grep -cE "^[[:space:]]*mma\.sync\.aligned\.$1 $operands$" "$work/lines")
    if [ "$found" -ne 48 ] || [ "$(wc -l <"$work/lines")" -ne 48 ]; then
        echo "FAIL: $found of $(wc -l <"$work/lines") lines with $1 are as meant, not 48 of 48; the first:"
        head -n 1 "$work/lines"
        status=1
    fi
    # Two registers of a line that are one would be a factor used twice.
    if grep -oE '\{[^}]*\}' "$work/lines" | tr -d '{}' |
        awk -F, '{ for (i = 1; i <= NF; i++) for (j = 1; j < i; j++) if ($i == $j) bad = 1 } END { exit !bad }'; then
        echo "FAIL: an instruction $1 has a register twice"
        status=1
    fi
}
expect m16n8k16.row.col.f32.bf16.bf16.f32
expect m16n8k8.row.col.f32.tf32.tf32.f32

# Arrays that stayed in memory would make every instruction wait.
if grep -q '__local_depot' "$work/program.ptx"; then
    echo "FAIL: private arrays are in memory instead of registers"
    status=1
fi
ptxas=$(command -v ptxas || command -v "${CUDA_HOME:-/usr/local/cuda}/bin/ptxas")
if [ -n "$ptxas" ]; then
    if ! "$ptxas" -v -arch=sm_80 "$work/program.ptx" -o "$work/program.cubin" >"$work/log" 2>&1; then
        echo "FAIL: ptxas does not take it:"
        head -n 5 "$work/log"
        status=1
    elif grep 'bytes stack frame' "$work/log" | grep -qv '^ *0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads'; then
        echo "FAIL: registers spill:"
        cat "$work/log"
        status=1
    else
        grep -oE "Compiling entry function '[^']*'|Used [0-9]+ registers" "$work/log"
    fi
else
    echo "no ptxas here: only clang's PTX was looked at"
fi
exit $status
