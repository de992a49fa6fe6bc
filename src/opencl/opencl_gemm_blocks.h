/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the matrix units of CPUs have in common (cl/gemm_blocks.clh): factors are rounded to bf16
 * and packed in blocks of 32 x 32, the second one once for as long as it does not change, and a
 * kernel multiplies blocks.
 */
#ifndef CLSEQ_OPENCL_GEMM_BLOCKS_H
#define CLSEQ_OPENCL_GEMM_BLOCKS_H

#include "opencl/opencl_gemm.h"

/* Rows, columns and steps of a block. */
#define CLSEQ_BLOCK_SIDE 32

/* One unit's way with blocks. */
struct clseq_gemm_blocks {
    enum clseq_opencl_kernel pack, product; /* with the arguments of gemm_amx_pack and gemm_amx */
    enum clseq_opencl_kernel lstm_fwd, lstm_bwd; /* of cl/lstm_blocks.clh */
    bool a_in_pairs;   /* a transposed A may stay in pairs of steps, as B is; a last argument of
                        `product` says whether it did */
    int32_t rows;      /* rows of C that it makes at a time: a last block is filled up to them */
    double speed;      /* how much faster than fp32, by measurement */
    size_t item_bytes; /* of A, what an item goes over for every panel of B: it is to stay in the
                          second-level cache */
};

/* Is this product worth its while? One that filling its blocks makes larger by more than the unit
 * is faster gains nothing; few rows are for kernels that read B where it is. Emulated, all are. */
bool clseq_gemm_blocks_takes(const clseq_backend *be, const struct clseq_gemm_blocks *unit,
                             const struct clseq_gemm_problem *p);

/* Make it. Errors: CLSEQ_ERR_LIMIT, CLSEQ_ERR_DEVICE_NOMEM, CLSEQ_ERR_DEVICE. */
CLSEQ_MUST_CHECK clseq_status clseq_gemm_blocks_run(clseq_backend *be,
                                                    const struct clseq_gemm_blocks *unit,
                                                    const struct clseq_gemm_problem *p);

/* Bytes of `lines` rows of op(A) or columns of op(B), k steps each, of so many matrices in blocks;
 * SIZE_MAX when there is no such memory. */
size_t clseq_gemm_blocks_bytes(int32_t batch, int32_t lines, int32_t k);

/* Pack them, matrix by matrix, into memory of so many bytes. Steps are neighbours in x when
 * `k_near`, otherwise lines are; a second factor is packed `in_pairs`. Errors: as a launch. */
CLSEQ_MUST_CHECK clseq_status clseq_gemm_blocks_pack(clseq_backend *be,
                                                     const struct clseq_gemm_blocks *unit,
                                                     const struct clseq_gemm_matrix *x,
                                                     int32_t batch, int32_t lines, int32_t k,
                                                     bool k_near, bool in_pairs, cl_mem to);

#endif
