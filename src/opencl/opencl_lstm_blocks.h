/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps of an LSTM layer with a matrix unit of a CPU (cl/lstm_blocks.clh). */
#ifndef CLSEQ_OPENCL_LSTM_BLOCKS_H
#define CLSEQ_OPENCL_LSTM_BLOCKS_H

#include "opencl/opencl_impl.h"

/* Does this backend's unit make the steps of a layer of H units in `rows` rows? */
bool clseq_opencl_lstm_blocks_takes(const clseq_backend *be, int32_t rows, int32_t H);

/* lstm_seq_fwd without peepholes. Not empty. Errors: CLSEQ_ERR_LIMIT, CLSEQ_ERR_DEVICE_NOMEM,
 * CLSEQ_ERR_DEVICE. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_lstm_blocks_fwd(clseq_backend *be,
                                                           const struct clseq_lstm_seq_fwd_args *a);

/* lstm_seq_bwd without peepholes, after the cell of the last step, which was done. Not empty. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_lstm_blocks_bwd(clseq_backend *be,
                                                           const struct clseq_lstm_seq_bwd_args *a);

#endif
