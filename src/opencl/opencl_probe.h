/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing a device without risking the process. Drivers are tried in forked children before this
 * process makes its first OpenCL call: one child lists the devices, one per candidate opens it,
 * builds all kernels and compares some operations with the reference. What passed is remembered on
 * disk (opencl_cache.h), so that the next start need not fork; failures are tried again each time.
 * When a driver is in memory already, a child could only hang: then this process does the listing.
 */
#ifndef CLSEQ_OPENCL_PROBE_H
#define CLSEQ_OPENCL_PROBE_H

#include "opencl/opencl_cache.h"
#include "opencl/opencl_device.h"

/* The device to open. options->device may also be "@P.D", device D of platform P, which is how a
 * child is told what to try.
 * Errors: CLSEQ_ERR_NO_DEVICE with every device and its reason; what a named device's probe
 * returned (CLSEQ_ERR_BUILD with the log, ...). */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_choose(clseq_context *ctx,
                                                  const struct clseq_backend_options *options,
                                                  const struct clseq_opencl_cache *cache,
                                                  struct clseq_opencl_device *ret,
                                                  struct clseq_opencl_remembered *remembered);

/* The device has worked up to the end. Kernels that it compiled meanwhile, which the probe did not
 * need, are then no reason to try it again at the next start. */
void clseq_opencl_choose_worked(const struct clseq_opencl_cache *cache,
                                const struct clseq_opencl_remembered *remembered);

/* Forget what is remembered about these options: the drivers have changed. */
void clseq_opencl_choose_forget(clseq_context *ctx, const struct clseq_backend_options *options,
                                const struct clseq_opencl_cache *cache);

#endif
