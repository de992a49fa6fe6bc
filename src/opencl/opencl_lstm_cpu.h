/* SPDX-License-Identifier: BSD-2-Clause */
/* One step of an LSTM layer, product and gates in one kernel (cl/lstm_cpu.cl). */
#ifndef CLSEQ_OPENCL_LSTM_CPU_H
#define CLSEQ_OPENCL_LSTM_CPU_H

#include "opencl/opencl_gemm.h"

/* Is there such a kernel for what this backend was opened with? */
bool clseq_opencl_lstm_cpu_has(const clseq_backend *be);

/* What lstm_cell_fwd does after pre += h_prev W_hh^T. a->pre and a->act are the same; w_hh was
 * packed transposed, in four parts. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_lstm_cpu_fwd(clseq_backend *be,
                                                        const struct clseq_opencl_packed *w_hh,
                                                        const struct clseq_lstm_cell_fwd_args *a);

/* What lstm_cell_bwd does after dh += dpre_next W_hh. In `a`, act and dpre, dh and dh_prev, dc and
 * dc_prev are the same; w_hh was packed as it is, in one part. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_lstm_cpu_bwd(clseq_backend *be,
                                                        const struct clseq_opencl_packed *w_hh,
                                                        const clseq_tensor *dpre_next,
                                                        const struct clseq_lstm_cell_bwd_args *a);

#endif
