/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_probe.h"

#include "opencl/opencl_child.h"
#include "opencl/opencl_icd.h"
#include "opencl/opencl_pocl.h"
#include "opencl/opencl_program.h"
#include "opencl/opencl_selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A platform whose driver dies is left out and the others listed again, this often. */
#define MAX_SKIPPED 8

/* ---- what children send: a header each, then the bytes ---- */

enum record_kind { RECORD_PLATFORM = 1, RECORD_DEVICE, RECORD_NOTE, RECORD_LIFE, RECORD_VERDICT };

struct record {
    uint32_t kind, size;
};

struct verdict {
    int32_t status;
    double gemm_gflops;
    char unit[24]; /* clseq_backend_info.matrix_unit */
    char text[4096];
};

static void send_record(int fd, enum record_kind kind, const void *data, size_t size)
{
    const struct record r = { (uint32_t)kind, (uint32_t)size };

    clseq_child_send(fd, &r, sizeof(r));
    clseq_child_send(fd, data, size);
}

/* The next whole record of a kind that has this size, or NULL at the end. */
static const char *next_record(const struct clseq_child_result *child, size_t *at, struct record *r)
{
    const char *data;

    if (child->size - *at < sizeof(*r))
        return NULL;
    memcpy(r, child->data + *at, sizeof(*r));
    if (child->size - *at - sizeof(*r) < r->size)
        return NULL;
    data = child->data + *at + sizeof(*r);
    *at += sizeof(*r) + r->size;
    return data;
}

/* ---- listing devices in a child ---- */

static void send_platform(void *user, int32_t platform)
{
    send_record(*(int *)user, RECORD_PLATFORM, &platform, sizeof(platform));
}

static void send_device(void *user, const struct clseq_opencl_device *device)
{
    send_record(*(int *)user, RECORD_DEVICE, device, sizeof(*device));
}

struct listing {
    uint64_t skip;      /* bit mask of platforms */
    const char *vendor; /* .icd file, or "" */
};

static void list_in_child(int fd, void *user)
{
    const struct listing *listing = user;
    const struct clseq_opencl_watcher watcher = { send_platform, send_device, &fd };
    struct clseq_opencl_found found;
    clseq_context *ctx = NULL;

    if (listing->vendor[0])
        setenv("OCL_ICD_VENDORS", listing->vendor, 1);
    if (clseq_context_create(&ctx) != CLSEQ_OK)
        return;
    if (clseq_opencl_enumerate(ctx, listing->skip, &watcher, &found) == CLSEQ_OK)
        send_record(fd, RECORD_NOTE, found.note, sizeof(found.note));
}

/* What one child said; *last is the platform it was busy with. */
static clseq_status read_listing(clseq_context *ctx, const struct clseq_child_result *child,
                                 const char *vendor, struct clseq_opencl_found *found,
                                 int32_t *last)
{
    struct clseq_opencl_device device;
    struct record r;
    size_t at = 0;
    const char *data;

    *last = -1;
    while ((data = next_record(child, &at, &r))) {
        if (r.kind == RECORD_PLATFORM && r.size == sizeof(*last))
            memcpy(last, data, sizeof(*last));
        if (r.kind == RECORD_NOTE && r.size == sizeof(found->note))
            memcpy(found->note, data, sizeof(found->note));
        if (r.kind == RECORD_DEVICE && r.size == sizeof(device)) {
            memcpy(&device, data, sizeof(device));
            snprintf(device.vendor, sizeof(device.vendor), "%s", vendor);
            CLSEQ_TRY(clseq_opencl_found_add(ctx, found, &device));
        }
    }
    return CLSEQ_OK;
}

/* List with all drivers, or with one. Platforms whose driver dies while it is asked for its devices
 * are left out. *dead says that already listing the platforms kills. */
static clseq_status list_vendor(clseq_context *ctx, const char *vendor, double timeout, bool *dead,
                                struct clseq_opencl_found *ret)
{
    struct listing listing = { .vendor = vendor };
    char trouble[512] = "";

    for (int attempt = 0; attempt <= MAX_SKIPPED; attempt++) {
        struct clseq_opencl_found found = { .count = 0 };
        struct clseq_child_result child;
        int32_t last = -1;
        clseq_status status;

        CLSEQ_TRY(clseq_child_run(ctx, list_in_child, &listing, timeout, &child));
        status = read_listing(ctx, &child, vendor, &found, &last);
        free(child.data);
        if (status == CLSEQ_OK && child.end == CLSEQ_CHILD_FINISHED) {
            if (trouble[0])
                snprintf(found.note, sizeof(found.note), "%s", trouble);
            *ret = found;
            *dead = false;
            return CLSEQ_OK;
        }
        clseq_opencl_found_fini(&found);
        CLSEQ_TRY(status);
        if (last < 0 || last > 63) {
            snprintf(trouble, sizeof(trouble), "OpenCL platforms cannot be listed%s%s: %s",
                     vendor[0] ? " with " : "", vendor, child.reason);
            break;
        }
        snprintf(trouble, sizeof(trouble), "OpenCL platform number %d is left out: %s", (int)last,
                 child.reason);
        clseq_log(ctx, CLSEQ_LOG_WARNING, "%s", trouble);
        listing.skip |= (uint64_t)1 << last;
    }
    *ret = (struct clseq_opencl_found) { .count = 0 };
    snprintf(ret->note, sizeof(ret->note), "%s", trouble);
    *dead = true;
    return CLSEQ_OK;
}

/* One driver makes the loader crash for all: list each of them alone. */
static clseq_status list_each_vendor(clseq_context *ctx, char *vendors, double timeout,
                                     struct clseq_opencl_found *all)
{
    char *rest;

    for (char *vendor = strtok_r(vendors, "\n", &rest); vendor;
         vendor = strtok_r(NULL, "\n", &rest)) {
        struct clseq_opencl_found found = { .count = 0 };
        clseq_status status = CLSEQ_OK;
        bool dead;

        CLSEQ_TRY(list_vendor(ctx, vendor, timeout, &dead, &found));
        if (dead)
            clseq_log(ctx, CLSEQ_LOG_WARNING, "%s; this driver is left out: repair or remove it",
                      found.note);
        for (size_t i = 0; i < found.count && status == CLSEQ_OK; i++)
            status = clseq_opencl_found_add(ctx, all, &found.items[i]);
        if (dead)
            snprintf(all->note, sizeof(all->note), "%s", found.note);
        clseq_opencl_found_fini(&found);
        CLSEQ_TRY(status);
    }
    return CLSEQ_OK;
}

static clseq_status list_by_child(clseq_context *ctx, double timeout,
                                  struct clseq_opencl_found *ret)
{
    struct clseq_opencl_found found = { .count = 0 };
    char *vendors = NULL;
    bool dead;
    clseq_status status;

    CLSEQ_TRY(list_vendor(ctx, "", timeout, &dead, &found));
    if (dead) {
        CLSEQ_TRY(clseq_opencl_icd_files(ctx, &vendors));
        status = list_each_vendor(ctx, vendors, timeout, &found);
        free(vendors);
        if (status != CLSEQ_OK) {
            clseq_opencl_found_fini(&found);
            return status;
        }
    }
    *ret = found;
    return CLSEQ_OK;
}

/* ---- trying one device ---- */

struct attempt {
    const struct clseq_backend_options *options;
    const struct clseq_opencl_device *device;
    bool measure;
};

/* Before the first OpenCL call: keep the loader away from drivers that crash it. */
static void use_vendor(const struct clseq_opencl_device *device)
{
    if (device->vendor[0])
        setenv("OCL_ICD_VENDORS", device->vendor, 1);
}

/* Open the device and the reference, and compare. Sets ret->gemm_gflops when asked for, and
 * ret->unit. */
static clseq_status try_device(clseq_context *ctx, const struct attempt *attempt,
                               struct verdict *ret)
{
    struct clseq_backend_options options = *attempt->options;
    clseq_backend *device = NULL, *reference = NULL;
    clseq_status status;
    char name[64];

    snprintf(name, sizeof(name), "@%d.%d", (int)attempt->device->platform,
             (int)attempt->device->position);
    options.device = name;
    options.probe = false;
    options.profile = false;
    options.tune = -1; /* the trial's shapes are nobody's */
    CLSEQ_TRY(clseq_backend_open_impl(ctx, &clseq_opencl_backend, &options, &device));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_backend_open_impl(ctx, &clseq_reference_backend, &options, &reference));
    CLSEQ_TRY_GOTO(status, out, clseq_opencl_selftest(device, reference));
    if (attempt->measure)
        CLSEQ_TRY_GOTO(status, out, clseq_opencl_measure_gemm(device, &ret->gemm_gflops));
    snprintf(ret->unit, sizeof(ret->unit), "%s", device->info.matrix_unit);
out:
    clseq_backend_close(&reference);
    clseq_backend_close(&device);
    return status;
}

/* Every message of the library is a sign of life: compiling for a slow device can take longer than
 * the time after which a silent child counts as hung. */
static void send_life(void *user, clseq_log_level level, const char *message)
{
    send_record(*(int *)user, RECORD_LIFE, NULL, 0);
}

static void try_in_child(int fd, void *user)
{
    struct verdict verdict = { .status = CLSEQ_ERR_NOMEM };
    clseq_context *ctx = NULL;

    use_vendor(((const struct attempt *)user)->device);
    if (clseq_context_create(&ctx) == CLSEQ_OK) {
        clseq_context_set_log(ctx, send_life, &fd, CLSEQ_LOG_DEBUG);
        verdict.status = (int32_t)try_device(ctx, user, &verdict);
        snprintf(verdict.text, sizeof(verdict.text), "%s",
                 verdict.status == CLSEQ_OK ? "" : clseq_context_error(ctx));
    }
    send_record(fd, RECORD_VERDICT, &verdict, sizeof(verdict));
}

static bool read_verdict(const struct clseq_child_result *child, struct verdict *ret)
{
    struct record r;
    size_t at = 0;
    const char *data;

    if (child->end != CLSEQ_CHILD_FINISHED)
        return false;
    while ((data = next_record(child, &at, &r)) && r.kind == RECORD_LIFE)
        ;
    if (!data || r.kind != RECORD_VERDICT || r.size != sizeof(*ret))
        return false;
    memcpy(ret, data, sizeof(*ret));
    ret->text[sizeof(ret->text) - 1] = 0;
    return true;
}

/* Try a device in a child. A driver that dies may have died of a damaged file in its cache, which
 * is ours to delete: once. Errors: those of running a child; what the device returned, or
 * CLSEQ_ERR_NO_DEVICE when the driver died, is the verdict. */
static clseq_status ask_child(clseq_context *ctx, const struct attempt *attempt, double timeout,
                              const struct clseq_opencl_cache *cache, struct verdict *ret)
{
    const struct clseq_device *info = &attempt->device->info;

    *ret = (struct verdict) { .status = CLSEQ_ERR_NO_DEVICE };
    for (int round = 0; round < 2; round++) {
        struct clseq_child_result child;
        bool answered;

        CLSEQ_TRY(clseq_child_run(ctx, try_in_child, (void *)(uintptr_t)attempt, timeout, &child));
        answered = read_verdict(&child, ret);
        free(child.data);
        if (answered)
            break;
        snprintf(ret->text, sizeof(ret->text), "%s", child.reason);
        if (child.end != CLSEQ_CHILD_DIED || !cache->folder || round > 0)
            break;
        clseq_log(ctx, CLSEQ_LOG_DEBUG, "OpenCL: %s: %s; trying again with an empty cache",
                  info->name, child.reason);
        clseq_opencl_cache_clear(cache);
    }
    return CLSEQ_OK;
}

/* Sets device->info.usable, reason and gemm_gflops. Errors: see ask_child(); what the device
 * returned. */
static clseq_status try_by_child(clseq_context *ctx, const struct attempt *attempt, double timeout,
                                 const struct clseq_opencl_cache *cache,
                                 struct clseq_opencl_device *device)
{
    struct verdict verdict;

    CLSEQ_TRY(ask_child(ctx, attempt, timeout, cache, &verdict));
    device->info.usable = verdict.status == CLSEQ_OK;
    device->info.gemm_gflops = verdict.gemm_gflops;
    snprintf(device->info.reason, sizeof(device->info.reason), "%.*s",
             (int)sizeof(device->info.reason) - 1, verdict.text);
    if (verdict.status == CLSEQ_OK)
        return CLSEQ_OK;
    return clseq_fail(ctx, (clseq_status)verdict.status, "OpenCL device %s (%s): %s",
                      device->info.name, device->info.platform, verdict.text);
}

/* ---- what is remembered ---- */

/* The devices as a child listed them, and which have passed. */
struct memory {
    struct clseq_opencl_found found;
    bool *passed;                  /* owned, found.count */
    struct clseq_opencl_key state; /* of PoCL's cache when that was read or written last */
};

static clseq_status memory_key(clseq_context *ctx, const struct clseq_backend_options *options,
                               struct clseq_opencl_key *ret)
{
    const struct clseq_opencl_key sources = clseq_opencl_sources_key();
    char extra[160];

    snprintf(extra, sizeof(extra), "probed %016llx%016llx %d %d %d %d %.32s %zu",
             (unsigned long long)sources.low, (unsigned long long)sources.high,
             (int)options->kernels, (int)options->gemm, options->vector_width,
             (int)options->precision, options->matrix_unit ? options->matrix_unit : "auto",
             sizeof(struct clseq_opencl_device));
    return clseq_opencl_icd_key(ctx, extra, ret);
}

static void memory_fini(struct memory *m)
{
    clseq_opencl_found_fini(&m->found);
    free(m->passed);
    m->passed = NULL;
}

static clseq_status memory_set_size(clseq_context *ctx, struct memory *m)
{
    return clseq_calloc(ctx, m->found.count, sizeof(*m->passed), "list of devices", &m->passed);
}

/* List anew, with nothing passed. */
static clseq_status memory_renew(clseq_context *ctx, double timeout, struct memory *m)
{
    memory_fini(m);
    CLSEQ_TRY(list_by_child(ctx, timeout, &m->found));
    return memory_set_size(ctx, m);
}

/* The candidates among the devices of `m`, in new memory. */
static clseq_status memory_match(clseq_context *ctx, const struct memory *m, const char *name,
                                 size_t **order, size_t *n)
{
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, m->found.count, sizeof(**order), "list of devices", order));
    status = clseq_opencl_match(ctx, &m->found, name, *order, n);
    if (status != CLSEQ_OK) {
        free(*order);
        *order = NULL;
    }
    return status;
}

/* An entry is the state of PoCL's cache when they passed, then all listed devices one after the
 * other, each with a byte in front: has it passed? */
static clseq_status memory_load(clseq_context *ctx, const struct clseq_opencl_cache *cache,
                                struct clseq_opencl_key key, struct memory *m, bool *loaded)
{
    const size_t head = sizeof(m->state), step = 1 + sizeof(struct clseq_opencl_device);
    void *data = NULL;
    size_t size = 0;
    clseq_status status = CLSEQ_OK;

    *loaded = false;
    m->state = clseq_opencl_pocl_state(cache);
    if (!clseq_opencl_cache_load(cache, "probed", key, &data, &size))
        return CLSEQ_OK;
    for (size_t at = head; at + step <= size; at += step) {
        struct clseq_opencl_device device;

        memcpy(&device, (const char *)data + at + 1, sizeof(device));
        CLSEQ_TRY_GOTO(status, out, clseq_opencl_found_add(ctx, &m->found, &device));
    }
    CLSEQ_TRY_GOTO(status, out, memory_set_size(ctx, m));
    for (size_t i = 0; i < m->found.count && memcmp(data, &m->state, head) == 0; i++)
        m->passed[i] = ((const char *)data)[head + i * step] == 1;
    *loaded = m->found.count > 0;
out:
    free(data);
    return status;
}

static void memory_store(clseq_context *ctx, const struct clseq_opencl_cache *cache,
                         struct clseq_opencl_key key, struct memory *m)
{
    const size_t head = sizeof(m->state), step = 1 + sizeof(struct clseq_opencl_device);
    char *data = NULL;

    m->state = clseq_opencl_pocl_state(cache);
    if (!cache->folder ||
        clseq_calloc(ctx, 1, head + m->found.count * step, "list of devices", &data) != CLSEQ_OK)
        return;
    memcpy(data, &m->state, head);
    for (size_t i = 0; i < m->found.count; i++) {
        data[head + i * step] = m->passed[i];
        memcpy(data + head + i * step + 1, &m->found.items[i], sizeof(struct clseq_opencl_device));
    }
    clseq_opencl_cache_store(cache, "probed", key, data, head + m->found.count * step);
    free(data);
}

/* What was there and what this process added made no trouble. An entry that somebody else has
 * written since is theirs. */
void clseq_opencl_choose_worked(const struct clseq_opencl_cache *cache,
                                const struct clseq_opencl_remembered *remembered)
{
    const size_t head = sizeof(remembered->state);
    struct clseq_opencl_key now;
    void *data = NULL;
    size_t size = 0;

    if (!remembered->known)
        return;
    now = clseq_opencl_pocl_state(cache);
    if (memcmp(&now, &remembered->state, head) == 0 ||
        !clseq_opencl_cache_load(cache, "probed", remembered->entry, &data, &size))
        return;
    if (size >= head && memcmp(data, &remembered->state, head) == 0) {
        memcpy(data, &now, head);
        clseq_opencl_cache_store(cache, "probed", remembered->entry, data, size);
    }
    free(data);
}

void clseq_opencl_choose_forget(clseq_context *ctx, const struct clseq_backend_options *options,
                                const struct clseq_opencl_cache *cache)
{
    struct clseq_opencl_key key;

    if (memory_key(ctx, options, &key) == CLSEQ_OK)
        clseq_opencl_cache_forget(cache, "probed", key);
}

/* ---- choosing ---- */

/* "@P.D" */
static bool is_exact(const char *name, int32_t *platform, int32_t *position)
{
    int p, d, end = 0;

    if (!name || sscanf(name, "@%d.%d%n", &p, &d, &end) != 2 || name[end] || p < 0 || d < 0 ||
        p > 63)
        return false;
    *platform = p;
    *position = d;
    return true;
}

/* Without a child: list here and take the best that fits. */
static clseq_status choose_here(clseq_context *ctx, const struct clseq_backend_options *options,
                                struct clseq_opencl_device *ret)
{
    struct clseq_opencl_found found;
    int32_t platform = 0, position = 0;
    const bool exact = is_exact(options->device, &platform, &position);
    size_t *order = NULL, n = 0;
    clseq_status status;

    CLSEQ_TRY(clseq_opencl_enumerate(ctx, exact ? ~((uint64_t)1 << platform) : 0, NULL, &found));
    if (exact) {
        status =
            (size_t)position < found.count
                ? CLSEQ_OK
                : clseq_fail(ctx, CLSEQ_ERR_NO_DEVICE, "there is no device %s", options->device);
        n = (size_t)position;
    } else {
        CLSEQ_TRY_GOTO(status, out,
                       clseq_calloc(ctx, found.count, sizeof(*order), "list of devices", &order));
        CLSEQ_TRY_GOTO(status, out, clseq_opencl_match(ctx, &found, options->device, order, &n));
        n = order[0];
    }
    if (status == CLSEQ_OK && !found.items[n].info.usable)
        status = clseq_fail(ctx, CLSEQ_ERR_NO_DEVICE, "OpenCL device %s (%s): %s",
                            found.items[n].info.name, found.items[n].info.platform,
                            found.items[n].info.reason);
    if (status == CLSEQ_OK)
        *ret = found.items[n];
out:
    free(order);
    clseq_opencl_found_fini(&found);
    return status;
}

/* Try the candidates, best first, until one passes. `loaded`: they were known before. */
static clseq_status try_candidates(clseq_context *ctx, const struct clseq_backend_options *options,
                                   const struct clseq_opencl_cache *cache, struct memory *m,
                                   bool loaded, const size_t *order, size_t n, bool *tried,
                                   size_t *ret)
{
    clseq_status status = CLSEQ_OK;

    for (size_t i = 0; i < n; i++) {
        struct clseq_opencl_device *device = &m->found.items[order[i]];
        const struct attempt attempt = { .options = options, .device = device };

        if (m->passed[order[i]]) {
            *ret = order[i];
            return CLSEQ_OK;
        }
        if (!device->info.usable) {
            status = clseq_fail(ctx, CLSEQ_ERR_NO_DEVICE, "OpenCL device %s (%s): %s",
                                device->info.name, device->info.platform, device->info.reason);
            continue;
        }
        *tried = true;
        clseq_log(ctx, loaded ? CLSEQ_LOG_DEBUG : CLSEQ_LOG_INFO,
                  "trying %s (the first time takes some seconds: kernels are compiled)...",
                  device->info.name);
        status = try_by_child(ctx, &attempt, options->probe_timeout, cache, device);
        if (status == CLSEQ_OK) {
            m->passed[order[i]] = true;
            *ret = order[i];
            return CLSEQ_OK;
        }
        if (status == CLSEQ_ERR_IO || status == CLSEQ_ERR_NOMEM)
            return status;
        if (i + 1 < n)
            clseq_log(ctx, CLSEQ_LOG_WARNING, "%s; trying the next device",
                      clseq_context_error(ctx));
    }
    return status;
}

clseq_status clseq_opencl_choose(clseq_context *ctx, const struct clseq_backend_options *options,
                                 const struct clseq_opencl_cache *cache,
                                 struct clseq_opencl_device *ret,
                                 struct clseq_opencl_remembered *remembered)
{
    struct memory m = { .passed = NULL };
    struct clseq_opencl_key key;
    size_t *order = NULL, n = 0, chosen = 0;
    bool loaded = false, tried = false;
    int32_t platform, position;
    clseq_status status;

    *remembered = (struct clseq_opencl_remembered) { .known = false };
    if (!options->probe || is_exact(options->device, &platform, &position) ||
        clseq_opencl_driver_loaded(ctx))
        return choose_here(ctx, options, ret);
    CLSEQ_TRY(memory_key(ctx, options, &key));
    CLSEQ_TRY_GOTO(status, out, memory_load(ctx, cache, key, &m, &loaded));
    /* The device that is asked for may be newer than what is remembered. */
    if (!loaded || memory_match(ctx, &m, options->device, &order, &n) != CLSEQ_OK) {
        CLSEQ_TRY_GOTO(status, out, memory_renew(ctx, options->probe_timeout, &m));
        CLSEQ_TRY_GOTO(status, out, memory_match(ctx, &m, options->device, &order, &n));
    }
    CLSEQ_TRY_GOTO(status, out,
                   try_candidates(ctx, options, cache, &m, loaded, order, n, &tried, &chosen));
    if (tried)
        memory_store(ctx, cache, key, &m);
    *ret = m.found.items[chosen];
    *remembered =
        (struct clseq_opencl_remembered) { .known = true, .entry = key, .state = m.state };
    use_vendor(ret);
out:
    free(order);
    memory_fini(&m);
    return status;
}

/* ---- the public list ---- */

/* With factors of bf16, which is where matrix units are. One that ends its process takes nothing
 * with it that is known already. */
static clseq_status try_bf16(clseq_context *ctx, const struct clseq_backend_options *options,
                             const struct clseq_opencl_cache *cache, bool here,
                             struct clseq_opencl_device *device)
{
    struct clseq_backend_options bf16 = *options;
    const struct attempt attempt = { .options = &bf16, .device = device, .measure = true };
    struct verdict verdict = { .status = CLSEQ_OK };

    bf16.precision = CLSEQ_PRECISION_BF16;
    if (here) {
        verdict.status = (int32_t)try_device(ctx, &attempt, &verdict);
        if (verdict.status != CLSEQ_OK)
            snprintf(verdict.text, sizeof(verdict.text), "%s", clseq_context_error(ctx));
    } else {
        CLSEQ_TRY(ask_child(ctx, &attempt, options->probe_timeout, cache, &verdict));
    }
    device->info.bf16_gflops = verdict.gemm_gflops;
    memcpy(device->info.bf16_unit, verdict.unit, sizeof(device->info.bf16_unit));
    if (verdict.status != CLSEQ_OK)
        snprintf(device->info.bf16_reason, sizeof(device->info.bf16_reason), "%.*s",
                 (int)sizeof(device->info.bf16_reason) - 1, verdict.text);
    return CLSEQ_OK;
}

static clseq_status try_each(clseq_context *ctx, const struct clseq_backend_options *options,
                             const struct clseq_opencl_cache *cache, bool here,
                             struct clseq_opencl_found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        struct clseq_opencl_device *device = &found->items[i];
        const struct attempt attempt = { .options = options, .device = device, .measure = true };
        clseq_status status;

        if (!device->info.usable)
            continue;
        if (here) {
            struct verdict verdict = { .status = CLSEQ_OK };

            status = try_device(ctx, &attempt, &verdict);
            device->info.gemm_gflops = verdict.gemm_gflops;
            device->info.usable = status == CLSEQ_OK;
            if (status != CLSEQ_OK)
                snprintf(device->info.reason, sizeof(device->info.reason), "%s",
                         clseq_context_error(ctx));
        } else {
            status = try_by_child(ctx, &attempt, options->probe_timeout, cache, device);
        }
        if (status == CLSEQ_OK)
            status = try_bf16(ctx, options, cache, here, device);
        if (status == CLSEQ_ERR_IO || status == CLSEQ_ERR_NOMEM)
            return status;
    }
    return CLSEQ_OK;
}

static clseq_status to_public(clseq_context *ctx, const struct clseq_opencl_found *found,
                              struct clseq_device_list *ret)
{
    struct clseq_device_list list = { .count = (int)found->count };

    CLSEQ_TRY(
        clseq_calloc(ctx, found->count, sizeof(*list.devices), "list of devices", &list.devices));
    for (size_t i = 0; i < found->count; i++)
        list.devices[i] = found->items[i].info;
    snprintf(list.note, sizeof(list.note), "%s", found->note);
    *ret = list;
    return CLSEQ_OK;
}

clseq_status clseq_device_list(clseq_context *ctx, bool probe, double timeout,
                               struct clseq_device_list *ret)
{
    struct clseq_backend_options options;
    struct clseq_opencl_cache cache;
    struct clseq_opencl_found found = { .count = 0 };
    bool here;
    clseq_status status;

    clseq_backend_options_init(&options);
    options.probe_timeout = timeout;
    CLSEQ_TRY(clseq_opencl_cache_open(ctx, NULL, &cache));
    here = clseq_opencl_driver_loaded(ctx);
    CLSEQ_TRY_GOTO(status, out,
                   here ? clseq_opencl_enumerate(ctx, 0, NULL, &found)
                        : list_by_child(ctx, timeout, &found));
    if (probe)
        CLSEQ_TRY_GOTO(status, out, try_each(ctx, &options, &cache, here, &found));
    status = to_public(ctx, &found, ret);
out:
    clseq_opencl_found_fini(&found);
    clseq_opencl_cache_close(&cache);
    return status;
}

void clseq_device_list_fini(struct clseq_device_list *list)
{
    free(list->devices);
    *list = (struct clseq_device_list) { .count = 0 };
}
