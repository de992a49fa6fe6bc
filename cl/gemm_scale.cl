/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left of a matrix product with k = 0: C = beta C, beta not 0. */
#include "defs.clh"

/* One item per column and row; rows of all matrices of a batch one after the other. */
CLSEQ_KERNEL void gemm_scale(__global float *c, ulong c_offset, int c_rows, ulong c_batch, int rows,
                             int columns, int matrices, float beta)
{
    const int n = (int)get_global_id(0), m = (int)get_global_id(1), batch = (int)get_global_id(2);

    if (n < columns && m < rows && batch < matrices)
        c[c_offset + (ulong)batch * c_batch + (ulong)m * (ulong)c_rows + (ulong)n] *= beta;
}
