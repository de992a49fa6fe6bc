/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short kernels that follow each other become one launch (cl/launch_list.cl): clseq_opencl_launch()
 * puts them aside, and whatever else is queued, read or waited for sends them off before it. With
 * PoCL on CPUs only, which is where kernels that wait for each other's items were found right
 * (cl/lstm_queue.clh). A kernel computes the same bits in a list as alone.
 */
#ifndef CLSEQ_OPENCL_LAUNCH_LIST_H
#define CLSEQ_OPENCL_LAUNCH_LIST_H

#include "opencl/opencl_impl.h"

/* Make lists from now on, as `launch_lists` of struct clseq_backend_options says. Errors:
 * CLSEQ_ERR_DEVICE_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_list_open(clseq_backend *be, int wanted);

/* Put this launch aside? Never changes anything when it does not. */
bool clseq_opencl_list_takes(const clseq_backend *be, enum clseq_opencl_kernel kernel,
                             const struct clseq_opencl_range *range, size_t n_args,
                             const struct clseq_opencl_arg *args);

/* Put it aside. Buffers are retained until it is sent off. Errors: those of sending off what there
 * is, when the list is full. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_list_add(clseq_backend *be,
                                                    enum clseq_opencl_kernel kernel,
                                                    const struct clseq_opencl_range *range,
                                                    size_t n_args,
                                                    const struct clseq_opencl_arg *args);

/* Send off what is in the list; nothing when it is empty. Errors: as clseq_opencl_launch(). */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_list_flush(clseq_backend *be);

/* Forget it. */
void clseq_opencl_list_clear(struct clseq_opencl *cl);

#endif
