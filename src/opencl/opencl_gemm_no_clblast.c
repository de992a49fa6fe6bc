/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands for CLBlast in builds without it. opencl_gemm.c never chooses it then. */
#include "opencl/opencl_gemm.h"

clseq_status clseq_opencl_gemm_clblast(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return clseq_fail(be->ctx, CLSEQ_ERR_UNSUPPORTED, "this clseq was built without CLBlast");
}

void clseq_opencl_gemm_clblast_close(void)
{
}
