/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding devices: one flat list over all platforms, in the order of the ICD loader. The functions
 * here call OpenCL in this process; opencl_probe.h decides when that is safe.
 */
#ifndef CLSEQ_OPENCL_DEVICE_H
#define CLSEQ_OPENCL_DEVICE_H

#include "opencl/opencl_impl.h"

/* Plain data: goes through pipes and into the cache as it is. */
struct clseq_opencl_device {
    struct clseq_device info;
    char platform_version[128];
    char vendor[256]; /* .icd file to give to the loader alone, as others make it crash; "" = all */
    int32_t platform, position; /* the device is number `position` of platform number `platform` */
};

struct clseq_opencl_found {
    size_t count, capacity;
    struct clseq_opencl_device *items; /* owned */
    char note[512];                    /* why there are none, or which platforms were left out */
};

/* Called before each platform is asked for its devices, and for each device. */
struct clseq_opencl_watcher {
    void (*platform)(void *user, int32_t platform);
    void (*device)(void *user, const struct clseq_opencl_device *device);
    void *user;
};

/* List all devices but those of platforms in the bit mask `skip`. No platform or no device is not
 * an error: the note says why. `watcher` may be NULL. Release with clseq_opencl_found_fini().
 * Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_enumerate(clseq_context *ctx, uint64_t skip,
                                                     const struct clseq_opencl_watcher *watcher,
                                                     struct clseq_opencl_found *ret);
void clseq_opencl_found_fini(struct clseq_opencl_found *found);

/* Append a device; its index becomes its place in the list. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_found_add(clseq_context *ctx,
                                                     struct clseq_opencl_found *found,
                                                     const struct clseq_opencl_device *device);

/* The places in the list to try, best first: all usable ones for a NULL name, else the one that is
 * named by index or by a part of the device or platform name. `order` has room for found->count.
 * Errors: CLSEQ_ERR_NO_DEVICE, with the list of devices in the text. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_match(clseq_context *ctx,
                                                 const struct clseq_opencl_found *found,
                                                 const char *name, size_t *order, size_t *n_order);

/* The handles of a listed device; only its own platform is asked.
 * Errors: CLSEQ_ERR_NO_DEVICE when the drivers have changed since. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_handles(clseq_context *ctx,
                                                   const struct clseq_opencl_device *device,
                                                   cl_platform_id *platform, cl_device_id *id);

#endif
