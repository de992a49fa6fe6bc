/* SPDX-License-Identifier: BSD-2-Clause */
/* CLBlast as a provider of matrix products, through its C interface. */
#include "opencl/opencl_gemm.h"
#include "opencl/opencl_launch_list.h"

#include <clblast_c.h>
#include <pthread.h>

/* CLBlast keeps the programs of all contexts in one cache of the process, and until version 1.6.1
 * two threads that fill it at once make one of them fail. The lock is the only mutable global of
 * clseq. */
static pthread_mutex_t clblast_lock = PTHREAD_MUTEX_INITIALIZER;

static CLBlastTranspose transpose(bool yes)
{
    return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* One product, with the backend's scratch memory in place of a new buffer per call. */
static clseq_status single(clseq_backend *be, const struct clseq_gemm_problem *p, cl_int *code)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    const size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k;
    size_t bytes = 0;
    cl_mem scratch = NULL;

    *code = CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, transpose(p->trans_a),
                                       transpose(p->trans_b), m, n, k, p->a.offset,
                                       (size_t)p->a.rows, p->b.offset, (size_t)p->b.rows,
                                       p->c.offset, (size_t)p->c.rows, &cl->queue, &bytes);
    if (*code != CLBlastSuccess)
        return CLSEQ_OK;
    if (bytes > 0)
        CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_CLBLAST, bytes, &scratch));
    if (be->dry)
        return CLSEQ_OK;
    *code = CLBlastSgemmWithTempBuffer(
        CLBlastLayoutRowMajor, transpose(p->trans_a), transpose(p->trans_b), m, n, k, p->alpha,
        p->a.mem, p->a.offset, (size_t)p->a.rows, p->b.mem, p->b.offset, (size_t)p->b.rows, p->beta,
        p->c.mem, p->c.offset, (size_t)p->c.rows, &cl->queue, NULL, scratch);
    return CLSEQ_OK;
}

static cl_int batched(struct clseq_opencl *cl, const struct clseq_gemm_problem *p)
{
    return CLBlastSgemmStridedBatched(
        CLBlastLayoutRowMajor, transpose(p->trans_a), transpose(p->trans_b), (size_t)p->m,
        (size_t)p->n, (size_t)p->k, p->alpha, p->a.mem, p->a.offset, (size_t)p->a.rows, p->a.batch,
        p->b.mem, p->b.offset, (size_t)p->b.rows, p->b.batch, p->beta, p->c.mem, p->c.offset,
        (size_t)p->c.rows, p->c.batch, (size_t)p->batch, &cl->queue, NULL);
}

clseq_status clseq_opencl_gemm_clblast(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    clseq_status status = CLSEQ_OK;
    cl_int code = CLBlastSuccess;

    CLSEQ_TRY(clseq_opencl_list_flush(be));
    pthread_mutex_lock(&clblast_lock);
    if (p->batch == 1)
        status = single(be, p, &code);
    else if (!be->dry)
        code = batched(clseq_opencl_of(be), p);
    pthread_mutex_unlock(&clblast_lock);
    if (status == CLSEQ_OK && code != CLBlastSuccess)
        status = clseq_opencl_fail(be->ctx, code,
                                   p->batch == 1 ? "CLBlastSgemm" : "CLBlastSgemmStridedBatched",
                                   "gemm %d x %d x %d", (int)p->m, (int)p->n, (int)p->k);
    return status;
}

void clseq_opencl_gemm_clblast_close(void)
{
    pthread_mutex_lock(&clblast_lock);
    CLBlastClearCache();
    pthread_mutex_unlock(&clblast_lock);
}
