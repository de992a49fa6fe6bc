/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_device.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PLATFORMS 64
#define MAX_DEVICES   64 /* of one platform */

/* A text property, cut to the room there is; "" when the driver does not say. */
static void device_text(cl_device_id id, cl_device_info what, char *text, size_t size)
{
    char full[1024] = "";

    if (clGetDeviceInfo(id, what, sizeof(full), full, NULL) != CL_SUCCESS)
        full[0] = 0;
    full[sizeof(full) - 1] = 0;
    snprintf(text, size, "%.*s", (int)(size - 1), full + strspn(full, " "));
}

static void platform_text(cl_platform_id id, cl_platform_info what, char *text, size_t size)
{
    char full[1024] = "";

    if (clGetPlatformInfo(id, what, sizeof(full), full, NULL) != CL_SUCCESS)
        full[0] = 0;
    full[sizeof(full) - 1] = 0;
    snprintf(text, size, "%.*s", (int)(size - 1), full);
}

static uint32_t device_uint(cl_device_id id, cl_device_info what)
{
    cl_uint value = 0;

    return clGetDeviceInfo(id, what, sizeof(value), &value, NULL) == CL_SUCCESS ? value : 0;
}

static uint64_t device_ulong(cl_device_id id, cl_device_info what)
{
    cl_ulong value = 0;

    return clGetDeviceInfo(id, what, sizeof(value), &value, NULL) == CL_SUCCESS ? value : 0;
}

/* A simulator may claim to be several kinds at once; it then counts as a GPU. */
static const char *type_name(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_GPU)
        return "gpu";
    if (type & CL_DEVICE_TYPE_CPU)
        return "cpu";
    if (type & CL_DEVICE_TYPE_ACCELERATOR)
        return "accelerator";
    return "other";
}

/* What can be said without trying: needs OpenCL 1.2 and a compiler. */
static void judge(cl_device_id id, struct clseq_device *d)
{
    cl_bool available = CL_FALSE, compiler = CL_FALSE;
    int major = 0, minor = 0;

    clGetDeviceInfo(id, CL_DEVICE_AVAILABLE, sizeof(available), &available, NULL);
    clGetDeviceInfo(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof(compiler), &compiler, NULL);
    if (sscanf(d->version, "OpenCL %d.%d", &major, &minor) != 2 || major * 10 + minor < 12)
        snprintf(d->reason, sizeof(d->reason), "needs OpenCL 1.2, the device has \"%s\"",
                 d->version);
    else if (!available)
        snprintf(d->reason, sizeof(d->reason), "the driver says the device is not available");
    else if (!compiler)
        snprintf(d->reason, sizeof(d->reason),
                 "the driver came without its compiler; reinstall it");
    d->usable = d->reason[0] == 0;
}

static void describe(cl_platform_id platform, cl_device_id id, struct clseq_opencl_device *device)
{
    struct clseq_device *d = &device->info;
    cl_device_type type = 0;

    platform_text(platform, CL_PLATFORM_NAME, d->platform, sizeof(d->platform));
    platform_text(platform, CL_PLATFORM_VERSION, device->platform_version,
                  sizeof(device->platform_version));
    device_text(id, CL_DEVICE_NAME, d->name, sizeof(d->name));
    device_text(id, CL_DRIVER_VERSION, d->driver, sizeof(d->driver));
    device_text(id, CL_DEVICE_VERSION, d->version, sizeof(d->version));
    if (clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof(type), &type, NULL) != CL_SUCCESS)
        type = 0;
    snprintf(d->type, sizeof(d->type), "%s", type_name(type));
    d->compute_units = device_uint(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    d->clock_mhz = device_uint(id, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    d->float_vector_width = device_uint(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    d->memory_bytes = device_ulong(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    d->max_buffer_bytes = device_ulong(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    d->local_bytes = device_ulong(id, CL_DEVICE_LOCAL_MEM_SIZE);
    judge(id, d);
}

clseq_status clseq_opencl_found_add(clseq_context *ctx, struct clseq_opencl_found *found,
                                    const struct clseq_opencl_device *device)
{
    CLSEQ_TRY(clseq_grow(ctx, &found->items, &found->capacity, found->count + 1,
                         sizeof(*found->items), "list of devices"));
    found->items[found->count] = *device;
    found->items[found->count].info.index = (int)found->count;
    found->count++;
    return CLSEQ_OK;
}

void clseq_opencl_found_fini(struct clseq_opencl_found *found)
{
    free(found->items);
    *found = (struct clseq_opencl_found) { .count = 0 };
}

/* The platforms; 0 with the reason in `note`. */
static cl_uint list_platforms(cl_platform_id ids[MAX_PLATFORMS], char note[512])
{
    cl_uint n = 0;
    const cl_int code = clGetPlatformIDs(MAX_PLATFORMS, ids, &n);

    if (code == CL_SUCCESS && n > 0)
        return n < MAX_PLATFORMS ? n : MAX_PLATFORMS;
    snprintf(
        note, 512,
        "no OpenCL platform found (clGetPlatformIDs: %s); install a driver, on Debian: apt install "
        "pocl-opencl-icd",
        clseq_opencl_code_name(code));
    return 0;
}

static void append_note(char note[512], const char *platform, cl_int code)
{
    const size_t used = strlen(note);

    snprintf(note + used, 512 - used, "%splatform %s has no device (%s)", used ? "; " : "",
             platform, clseq_opencl_code_name(code));
}

static clseq_status list_devices(clseq_context *ctx, cl_platform_id platform, int32_t number,
                                 const struct clseq_opencl_watcher *watcher,
                                 struct clseq_opencl_found *found, char note[512])
{
    cl_device_id ids[MAX_DEVICES];
    cl_uint n = 0;
    const cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n);
    char name[128];

    if (code != CL_SUCCESS || n == 0) {
        platform_text(platform, CL_PLATFORM_NAME, name, sizeof(name));
        append_note(note, name, code);
        return CLSEQ_OK;
    }
    for (cl_uint i = 0; i < n && i < MAX_DEVICES; i++) {
        struct clseq_opencl_device device = { .platform = number, .position = (int32_t)i };

        describe(platform, ids[i], &device);
        CLSEQ_TRY(clseq_opencl_found_add(ctx, found, &device));
        if (watcher)
            watcher->device(watcher->user, &device);
    }
    return CLSEQ_OK;
}

clseq_status clseq_opencl_enumerate(clseq_context *ctx, uint64_t skip,
                                    const struct clseq_opencl_watcher *watcher,
                                    struct clseq_opencl_found *ret)
{
    struct clseq_opencl_found found = { .count = 0 };
    cl_platform_id ids[MAX_PLATFORMS];
    cl_uint n;

    n = list_platforms(ids, found.note);
    for (cl_uint i = 0; i < n; i++) {
        clseq_status status;

        if (skip >> i & 1)
            continue;
        if (watcher)
            watcher->platform(watcher->user, (int32_t)i);
        status = list_devices(ctx, ids[i], (int32_t)i, watcher, &found, found.note);
        if (status != CLSEQ_OK) {
            clseq_opencl_found_fini(&found);
            return status;
        }
    }
    *ret = found;
    return CLSEQ_OK;
}

/* Does `text` contain `part`, in any case? */
static bool contains(const char *text, const char *part)
{
    const size_t n = strlen(part);

    for (; *text; text++) {
        size_t i = 0;

        while (i < n && text[i] &&
               tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == n)
            return true;
    }
    return n == 0;
}

/* All devices in one line for an error: "0: name (platform), unusable: reason; 1: ...". */
static void list_text(const struct clseq_opencl_found *found, char *text, size_t size)
{
    size_t used = 0;

    text[0] = 0;
    for (size_t i = 0; i < found->count && used < size; i++) {
        const struct clseq_device *d = &found->items[i].info;
        const int n = snprintf(text + used, size - used, "%s%zu: %s (%s)%s%s", i ? "; " : "", i,
                               d->name, d->platform, d->usable ? "" : ", not usable: ", d->reason);

        used += n > 0 ? (size_t)n : 0;
    }
}

/* GPUs before CPUs before the rest. */
static int type_rank(const struct clseq_device *d)
{
    if (strcmp(d->type, "gpu") == 0)
        return 0;
    return strcmp(d->type, "cpu") == 0 ? 1 : 2;
}

static bool is_better(const struct clseq_device *a, const struct clseq_device *b)
{
    if (a->usable != b->usable)
        return a->usable;
    if (type_rank(a) != type_rank(b))
        return type_rank(a) < type_rank(b);
    return a->compute_units > b->compute_units;
}

static void sort_best_first(const struct clseq_opencl_found *found, size_t *order, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const size_t item = order[i];
        size_t j = i;

        for (; j > 0 && is_better(&found->items[item].info, &found->items[order[j - 1]].info); j--)
            order[j] = order[j - 1];
        order[j] = item;
    }
}

/* A number that is an index into the list. */
static bool is_index(const char *name, size_t count, size_t *ret)
{
    char *end;
    unsigned long value;

    if (!isdigit((unsigned char)name[0]))
        return false;
    value = strtoul(name, &end, 10);
    if (*end || value >= count)
        return false;
    *ret = value;
    return true;
}

clseq_status clseq_opencl_match(clseq_context *ctx, const struct clseq_opencl_found *found,
                                const char *name, size_t *order, size_t *n_order)
{
    char text[4096];
    size_t n = 0, index = 0;

    list_text(found, text, sizeof(text));
    if (found->count == 0)
        return clseq_fail(ctx, CLSEQ_ERR_NO_DEVICE, "no OpenCL device: %s",
                          found->note[0] ? found->note : "no platform has one");
    if (name && is_index(name, found->count, &index)) {
        order[n++] = index;
    } else {
        for (size_t i = 0; i < found->count; i++) {
            const struct clseq_device *d = &found->items[i].info;

            /* The versions too: what everybody calls PoCL has that word nowhere else. */
            if (name ? contains(d->name, name) || contains(d->platform, name) ||
                           contains(d->version, name) ||
                           contains(found->items[i].platform_version, name)
                     : d->usable)
                order[n++] = i;
        }
        sort_best_first(found, order, n);
    }
    if (n == 0 && name)
        return clseq_fail(
            ctx, CLSEQ_ERR_NO_DEVICE,
            "there is no OpenCL device \"%s\"; found are %s; name one by its index or by a "
            "part of its name",
            name, text);
    if (n == 0)
        return clseq_fail(ctx, CLSEQ_ERR_NO_DEVICE, "no usable OpenCL device; found are %s", text);
    /* A part of a name that fits several devices means the best of them. */
    *n_order = name ? 1 : n;
    return CLSEQ_OK;
}

clseq_status clseq_opencl_handles(clseq_context *ctx, const struct clseq_opencl_device *device,
                                  cl_platform_id *platform, cl_device_id *id)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_device_id ids[MAX_DEVICES];
    struct clseq_opencl_device now = { .platform = device->platform, .position = device->position };
    cl_uint n = 0;
    char note[512] = "";

    if ((cl_uint)device->platform < list_platforms(platforms, note) &&
        clGetDeviceIDs(platforms[device->platform], CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n) ==
            CL_SUCCESS &&
        (cl_uint)device->position < n && device->position < MAX_DEVICES) {
        describe(platforms[device->platform], ids[device->position], &now);
        if (strcmp(now.info.name, device->info.name) == 0 &&
            strcmp(now.info.driver, device->info.driver) == 0 &&
            strcmp(now.platform_version, device->platform_version) == 0) {
            *platform = platforms[device->platform];
            *id = ids[device->position];
            return CLSEQ_OK;
        }
    }
    return clseq_fail(ctx, CLSEQ_ERR_NO_DEVICE,
                      "the OpenCL device %s (%s) is no longer what it was%s%s; start again",
                      device->info.name, device->info.platform, note[0] ? ": " : "", note);
}
