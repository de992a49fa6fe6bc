/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/run.h"

clseq_status clseq_linear_fwd(const clseq_run *run, clseq_tensor x, clseq_tensor w, double beta,
                              clseq_tensor y)
{
    return clseq_op_gemm(run->be,
                         &(struct clseq_gemm_args) {
                             .a = x, .b = w, .c = y, .trans_b = true, .alpha = 1, .beta = beta });
}

clseq_status clseq_linear_bwd_input(const clseq_run *run, clseq_tensor dy, clseq_tensor w,
                                    double beta, clseq_tensor dx)
{
    return clseq_op_gemm(
        run->be, &(struct clseq_gemm_args) { .a = dy, .b = w, .c = dx, .alpha = 1, .beta = beta });
}

clseq_status clseq_linear_bwd_weight(const clseq_run *run, clseq_tensor dy, clseq_tensor x,
                                     bool add, clseq_tensor dw)
{
    return clseq_op_gemm(
        run->be, &(struct clseq_gemm_args) {
                     .a = dy, .b = x, .c = dw, .trans_a = true, .alpha = 1, .beta = add ? 1 : 0 });
}
