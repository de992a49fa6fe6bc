/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps of an LSTM layer, product and gates in one kernel (cl/lstm_cpu.cl). */
#ifndef CLSEQ_OPENCL_LSTM_CPU_H
#define CLSEQ_OPENCL_LSTM_CPU_H

#include "opencl/opencl_gemm.h"

/* Is there such a kernel for what this backend was opened with? */
bool clseq_opencl_lstm_cpu_has(const clseq_backend *be);

/* lstm_seq_fwd; w_hh was packed transposed, in four parts. Not empty. Errors: as a launch. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_lstm_cpu_fwd(clseq_backend *be,
                                                        const struct clseq_opencl_packed *w_hh,
                                                        const struct clseq_lstm_seq_fwd_args *a);

/* lstm_seq_bwd between the cell of the last step, which was done, and dh += dpre[0] W_hh, which is
 * not done; w_hh was packed as it is, in one part. Not empty. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_lstm_cpu_bwd(clseq_backend *be,
                                                        const struct clseq_opencl_packed *w_hh,
                                                        const struct clseq_lstm_seq_bwd_args *a);

#endif
