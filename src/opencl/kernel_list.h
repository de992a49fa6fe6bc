/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every program and every kernel, once. Program `p` is cl/p.cl (also named in
 * cl/meson.build, which embeds it); kernel `k` is the function of that name in it.
 */
#ifndef CLSEQ_KERNEL_LIST_H
#define CLSEQ_KERNEL_LIST_H

/* X(program, when): ALWAYS, the provider of matrix products that needs it, or BENCH */
#define CLSEQ_PROGRAM_LIST(X)                                                                      \
    X(pointwise, ALWAYS)                                                                           \
    X(reduce, ALWAYS)                                                                              \
    X(select, ALWAYS)                                                                              \
    X(rows, ALWAYS)                                                                                \
    X(lstm, ALWAYS)                                                                                \
    X(softmax, ALWAYS)                                                                             \
    X(beam, ALWAYS)                                                                                \
    X(optim, ALWAYS)                                                                               \
    X(random, ALWAYS)                                                                              \
    X(gemm_scale, ALWAYS)                                                                          \
    X(gemm_cpu, CPU)                                                                               \
    X(lstm_cpu, CPU)                                                                               \
    X(gemm_gpu, GPU)                                                                               \
    X(peak, BENCH)

/* X(kernel, program) */
/* clang-format off */
#define CLSEQ_KERNEL_LIST(X)       \
    X(copy,             pointwise) \
    X(fill,             pointwise) \
    X(bias_add,         pointwise) \
    X(axpby,            pointwise) \
    X(sum,              reduce)    \
    X(sum_squares,      reduce)    \
    X(col_sums,         reduce)    \
    X(argmax,           select)    \
    X(topk,             select)    \
    X(row_gather,       rows)      \
    X(row_scatter,      rows)      \
    X(embedding_bwd,    rows)      \
    X(lstm_cell_fwd,    lstm)      \
    X(lstm_cell_bwd,    lstm)      \
    X(softmax_xent_fwd, softmax)   \
    X(softmax_xent_bwd, softmax)   \
    X(beam_advance,     beam)      \
    X(clip_scale,       optim)     \
    X(sgd_update,       optim)     \
    X(adam_update,      optim)     \
    X(uniform,          random)    \
    X(normal,           random)    \
    X(gemm_scale,         gemm_scale)  \
    X(gemm_cpu_block,     gemm_cpu)    \
    X(gemm_cpu_pack_a,    gemm_cpu)    \
    X(gemm_cpu_direct,    gemm_cpu)    \
    X(gemm_cpu_dot,       gemm_cpu)    \
    X(gemm_cpu_pack_b,    gemm_cpu)    \
    X(gemm_cpu_packed,    gemm_cpu)    \
    X(gemm_cpu_tile,      gemm_cpu)    \
    X(lstm_cpu_fwd,       lstm_cpu)    \
    X(lstm_cpu_bwd,       lstm_cpu)    \
    X(gemm_gpu_16,        gemm_gpu)    \
    X(gemm_gpu_64,        gemm_gpu)    \
    X(gemm_gpu_128,       gemm_gpu)    \
    X(gemm_gpu_skinny_4,  gemm_gpu)    \
    X(gemm_gpu_skinny_16, gemm_gpu)    \
    X(peak_fma,           peak)        \
    X(peak_read,          peak)
/* clang-format on */

enum clseq_opencl_program {
#define X(program, when) CLSEQ_PROGRAM_##program,
    CLSEQ_PROGRAM_LIST(X)
#undef X
        CLSEQ_PROGRAM_COUNT
};

enum clseq_opencl_kernel {
#define X(kernel, program) CLSEQ_KERNEL_##kernel,
    CLSEQ_KERNEL_LIST(X)
#undef X
        CLSEQ_KERNEL_COUNT
};

#endif
