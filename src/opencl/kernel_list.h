/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every program and every kernel, once. Program `p` is cl/p.cl (also named in
 * cl/meson.build, which embeds it); kernel `k` is the function of that name in it or
 * in a file that it includes.
 */
#ifndef CLSEQ_KERNEL_LIST_H
#define CLSEQ_KERNEL_LIST_H

/* X(program, when): ALWAYS, the provider of matrix products that needs it, UNIT for that of a
 * matrix unit, or BENCH */
#define CLSEQ_PROGRAM_LIST(X)                                                                      \
    X(ops, ALWAYS)                                                                                 \
    X(gemm_amx, UNIT)                                                                              \
    X(gemm_avx512, UNIT)                                                                           \
    X(gemm_cpu, CPU)                                                                               \
    X(gemm_gpu, GPU)                                                                               \
    X(gemm_int8, UNIT)                                                                             \
    X(gemm_mma, UNIT)                                                                              \
    X(peak, BENCH)

/* X(kernel, program) */
/* clang-format off */
#define CLSEQ_KERNEL_LIST(X)       \
    X(copy,             ops)       \
    X(fill,             ops)       \
    X(bias_add,         ops)       \
    X(axpby,            ops)       \
    X(tanh_fwd,         ops)       \
    X(tanh_bwd,         ops)       \
    X(sum,              ops)       \
    X(sum_squares,      ops)       \
    X(col_sums,         ops)       \
    X(col_dots,         ops)       \
    X(argmax,           ops)       \
    X(topk,             ops)       \
    X(row_gather,       ops)       \
    X(row_scatter,      ops)       \
    X(keep_target,      ops)       \
    X(embedding_bwd,    ops)       \
    X(lstm_cell_fwd,    ops)       \
    X(lstm_cell_bwd,    ops)       \
    X(gru_cell_fwd,     ops)       \
    X(gru_cell_bwd,     ops)       \
    X(rnn_cell_fwd,     ops)       \
    X(rnn_cell_bwd,     ops)       \
    X(softmax_xent_fwd, ops)       \
    X(softmax_xent_bwd, ops)       \
    X(softmax_xent,     ops)       \
    X(sigmoid_xent_fwd, ops)       \
    X(sigmoid_xent_bwd, ops)       \
    X(masked_softmax_fwd, ops)     \
    X(masked_softmax_bwd, ops)     \
    X(additive_score_fwd, ops)     \
    X(additive_score_bwd, ops)     \
    X(beam_advance,     ops)       \
    X(log_mix,          ops)       \
    X(sample,           ops)       \
    X(clip_scale,       ops)       \
    X(sgd_update,       ops)       \
    X(adam_update,      ops)       \
    X(momentum_update,  ops)       \
    X(adagrad_update,   ops)       \
    X(adadelta_update,  ops)       \
    X(rmsprop_update,   ops)       \
    X(uniform,          ops)       \
    X(normal,           ops)       \
    X(dropout,          ops)       \
    X(gemm_scale,       ops)       \
    X(gemm_round,       ops)       \
    X(gemm_round_bf16,  ops)       \
    X(gemm_amx,           gemm_amx)    \
    X(gemm_amx_pack,      gemm_amx)    \
    X(gemm_avx512,        gemm_avx512) \
    X(gemm_avx512_pack,   gemm_avx512) \
    X(argmax_filter,      gemm_cpu)    \
    X(argmax_norms,       gemm_cpu)    \
    X(int8_pack,          gemm_cpu)    \
    X(int8_rows,          gemm_cpu)    \
    X(gemm_int8,          gemm_int8)   \
    X(gemm_cpu_block,     gemm_cpu)    \
    X(gemm_cpu_pack_a,    gemm_cpu)    \
    X(gemm_cpu_direct,    gemm_cpu)    \
    X(gemm_cpu_dot,       gemm_cpu)    \
    X(gemm_cpu_dot_bf16,  gemm_cpu)    \
    X(gemm_cpu_pack_b,    gemm_cpu)    \
    X(gemm_cpu_packed,    gemm_cpu)    \
    X(gemm_cpu_strips,    gemm_cpu)    \
    X(gemm_cpu_tile,      gemm_cpu)    \
    X(lstm_amx_fwd,       gemm_amx)    \
    X(lstm_amx_bwd,       gemm_amx)    \
    X(lstm_avx512_fwd,    gemm_avx512) \
    X(lstm_avx512_bwd,    gemm_avx512) \
    X(launch_list,        gemm_cpu)    \
    X(lstm_cpu_fwd,       gemm_cpu)    \
    X(lstm_cpu_bwd,       gemm_cpu)    \
    X(gemm_gpu_16,        gemm_gpu)    \
    X(gemm_gpu_64,        gemm_gpu)    \
    X(gemm_gpu_128,       gemm_gpu)    \
    X(gemm_gpu_skinny_4,  gemm_gpu)    \
    X(gemm_gpu_skinny_16, gemm_gpu)    \
    X(gemm_mma_bf16_64,   gemm_mma)    \
    X(gemm_mma_bf16_128,  gemm_mma)    \
    X(gemm_mma_tf32_64,   gemm_mma)    \
    X(gemm_mma_tf32_128,  gemm_mma)    \
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
