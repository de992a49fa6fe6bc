/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps of an LSTM layer, product and gates in one kernel (cl/lstm_cpu.cl). */
#ifndef CLSEQ_OPENCL_LSTM_CPU_H
#define CLSEQ_OPENCL_LSTM_CPU_H

#include "opencl/opencl_gemm.h"

/* Is there such a kernel for what this backend was opened with? */
bool clseq_opencl_lstm_cpu_has(const clseq_backend *be);

/* ---- shared with opencl_lstm_blocks.h ---- */

/* Is all of a sequence best done in one launch? A launch for every step lets cores that have
 * nothing to do sleep; when steps are short, of at most `multiplications` (rows times squared
 * units), waking them takes longer than they sleep. What one group wrote before an atomic
 * operation, another one may read after its own: so it is with PoCL, but OpenCL 1.2 does not
 * promise it, and rusticl (Mesa 22.3) gives old values. */
bool clseq_opencl_lstm_is_persistent(const clseq_backend *be, int32_t rows, int32_t H,
                                     int64_t multiplications);

/* One work-group for each compute unit. */
struct clseq_opencl_range clseq_opencl_lstm_all_units(const clseq_backend *be);

/* The counters by which work-groups share out items; borrowed. Errors: CLSEQ_ERR_DEVICE_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_lstm_queue(clseq_backend *be, cl_mem *ret);

/* Elements from one time step of x to the next; 0 when x is absent. */
struct clseq_opencl_arg clseq_opencl_lstm_step_of(const clseq_tensor *x);

/* ---- the kernels ---- */

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
