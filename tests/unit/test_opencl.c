/* SPDX-License-Identifier: BSD-2-Clause */
/* The OpenCL backend around the operations: children, caches, listing and choosing, building,
 * staging. */
#include "unit.h"

#include "backend/ops.h"
#include "base/file.h"
#include "opencl/opencl_buffer.h"
#include "opencl/opencl_cache.h"
#include "opencl/opencl_child.h"
#include "opencl/opencl_device.h"
#include "opencl/opencl_pocl.h"
#include "opencl/opencl_probe.h"
#include "opencl/opencl_program.h"

#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- children ---- */

static void speak(int fd, void *user)
{
    clseq_child_send(fd, user, strlen(user));
}

static void speak_and_abort(int fd, void *user)
{
    clseq_child_send(fd, user, strlen(user));
    fprintf(stderr, "\nthe disk is full\nsecond line\n");
    abort();
}

static void leave(int fd, void *user)
{
    exit(3);
}

static void hang(int fd, void *user)
{
    for (;;)
        pause();
}

/* Silent for less than the limit each time, for longer in all. */
static void slow(int fd, void *user)
{
    for (int i = 0; i < 5; i++) {
        usleep(400000);
        clseq_child_send(fd, "x", 1);
    }
}

static void child_that_finishes(void **state)
{
    struct clseq_child_result r;
    char word[] = "hello";

    ASSERT_OK(*state, clseq_child_run(*state, speak, word, 10, &r));
    assert_int_equal(r.end, CLSEQ_CHILD_FINISHED);
    assert_int_equal(r.size, 5);
    assert_memory_equal(r.data, "hello", 5);
    free(r.data);
    ASSERT_OK(*state, clseq_child_run(*state, slow, NULL, 1.5, &r));
    assert_int_equal(r.end, CLSEQ_CHILD_FINISHED);
    assert_int_equal(r.size, 5);
    free(r.data);
}

static void child_that_dies(void **state)
{
    struct clseq_child_result r;
    char word[] = "hello";

    ASSERT_OK(*state, clseq_child_run(*state, speak_and_abort, word, 10, &r));
    assert_int_equal(r.end, CLSEQ_CHILD_DIED);
    assert_int_equal(r.size, 5); /* what it said before is kept */
    assert_non_null(strstr(r.reason, "signal 6"));
    assert_non_null(strstr(r.reason, "the disk is full"));
    assert_null(strstr(r.reason, "second line"));
    free(r.data);
    ASSERT_OK(*state, clseq_child_run(*state, leave, NULL, 10, &r));
    assert_int_equal(r.end, CLSEQ_CHILD_DIED);
    assert_non_null(strstr(r.reason, "exit code 3"));
    free(r.data);
    ASSERT_OK(*state, clseq_child_run(*state, hang, NULL, 0.3, &r));
    assert_int_equal(r.end, CLSEQ_CHILD_HUNG);
    assert_non_null(strstr(r.reason, "hangs"));
    free(r.data);
}

/* ---- the cache ---- */

/* Set or, with NULL, unset. */
static void set_variable(const char *name, const char *value)
{
    if (value)
        assert_int_equal(setenv(name, value, 1), 0);
    else
        assert_int_equal(unsetenv(name), 0);
}

/* Opening a cache may set these for PoCL. */
static const char *const pocl_variables[2] = { "POCL_CACHE_DIR", "POCL_KERNEL_CACHE" };

static void keep_variables(char *kept[2])
{
    for (int i = 0; i < 2; i++)
        kept[i] = getenv(pocl_variables[i]) ? strdup(getenv(pocl_variables[i])) : NULL;
}

static void restore_variables(char *kept[2])
{
    for (int i = 0; i < 2; i++) {
        set_variable(pocl_variables[i], kept[i]);
        free(kept[i]);
    }
}

struct temporary {
    char folder[64], pocl[128];
    char *kept[2];
    struct clseq_opencl_cache cache;
};

static void temporary_open(clseq_context *ctx, struct temporary *t)
{
    keep_variables(t->kept);
    snprintf(t->folder, sizeof(t->folder), "/tmp/clseq-opencl-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    ASSERT_OK(ctx, clseq_opencl_cache_open(ctx, t->folder, &t->cache));
    assert_non_null(t->cache.folder);
    snprintf(t->pocl, sizeof(t->pocl), "%s/pocl", t->cache.folder);
    ASSERT_OK(ctx, clseq_make_folder(ctx, t->pocl));
}

static void temporary_close(struct temporary *t)
{
    clseq_opencl_cache_clear(&t->cache);
    assert_int_equal(rmdir(t->pocl), 0);
    assert_int_equal(rmdir(t->cache.folder), 0);
    assert_int_equal(rmdir(t->folder), 0); /* clearing left nothing behind */
    clseq_opencl_cache_close(&t->cache);
    restore_variables(t->kept);
}

/* Length of an entry's file. */
static long entry_length(const struct temporary *t, struct clseq_opencl_key key, char path[256])
{
    struct stat st;

    snprintf(path, 256, "%s/programs/%016llx%016llx.bin", t->cache.folder,
             (unsigned long long)key.high, (unsigned long long)key.low);
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void flip_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    int c;

    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    c = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fputc(c ^ 1, f), c ^ 1);
    assert_int_equal(fclose(f), 0);
}

static void damaged_cache_entries_are_ignored(void **state)
{
    const char *const texts[] = { "a", "b" };
    const struct clseq_opencl_key key = clseq_opencl_cache_key(2, texts);
    struct temporary t;
    char path[256], other[256];
    void *data = NULL;
    size_t size = 0;
    long length;

    temporary_open(*state, &t);
    assert_false(clseq_opencl_cache_load(&t.cache, "programs", key, &data, &size));
    clseq_opencl_cache_store(&t.cache, "programs", key, "binary", 6);
    assert_true(clseq_opencl_cache_load(&t.cache, "programs", key, &data, &size));
    assert_int_equal(size, 6);
    assert_memory_equal(data, "binary", 6);
    free(data);
    length = entry_length(&t, key, path);
    for (long at = 0; at < length; at++) {
        flip_byte(path, at);
        assert_false(clseq_opencl_cache_load(&t.cache, "programs", key, &data, &size));
        flip_byte(path, at);
    }
    for (long n = 0; n < length; n++) {
        clseq_opencl_cache_store(&t.cache, "programs", key, "binary", 6);
        assert_int_equal(truncate(path, n), 0);
        assert_false(clseq_opencl_cache_load(&t.cache, "programs", key, &data, &size));
    }
    /* An entry under a foreign name. */
    clseq_opencl_cache_store(&t.cache, "programs", key, "binary", 6);
    entry_length(&t, clseq_opencl_cache_key(1, texts), other);
    assert_int_equal(rename(path, other), 0);
    assert_false(clseq_opencl_cache_load(&t.cache, "programs", clseq_opencl_cache_key(1, texts),
                                         &data, &size));
    /* A folder in its place. */
    assert_int_equal(mkdir(path, 0777), 0);
    assert_false(clseq_opencl_cache_load(&t.cache, "programs", key, &data, &size));
    clseq_opencl_cache_store(&t.cache, "programs", key, "binary", 6);
    clseq_opencl_cache_forget(&t.cache, "programs", clseq_opencl_cache_key(1, texts));
    assert_int_equal(entry_length(&t, clseq_opencl_cache_key(1, texts), other), -1);
    temporary_close(&t);
}

static void keys_depend_on_every_text(void **state)
{
    const char *const a[] = { "ab", "c" }, *const b[] = { "a", "bc" }, *const c[] = { "c", "ab" };
    const struct clseq_opencl_key x = clseq_opencl_cache_key(2, a),
                                  y = clseq_opencl_cache_key(2, b),
                                  z = clseq_opencl_cache_key(2, c),
                                  again = clseq_opencl_cache_key(2, a);

    assert_true(x.low != y.low && x.low != z.low && x.high != y.high && y.high != z.high);
    assert_true(x.low == again.low && x.high == again.high);
}

static void unwritable_cache_is_no_error(void **state)
{
    struct clseq_opencl_cache cache;
    void *data = NULL;
    size_t size = 0;
    const struct clseq_opencl_key key = { 1, 2 };
    char *kept[2];

    keep_variables(kept);
    ASSERT_OK(*state, clseq_opencl_cache_open(*state, "/dev/null/x", &cache));
    assert_null(cache.folder);
    clseq_opencl_cache_store(&cache, "programs", key, "binary", 6);
    assert_false(clseq_opencl_cache_load(&cache, "programs", key, &data, &size));
    clseq_opencl_cache_clear(&cache);
    clseq_opencl_cache_close(&cache);
    restore_variables(kept);
}

static void clearing_the_cache_spares_other_files(void **state)
{
    struct temporary t;
    char inside[160], link_path[160], outside[128];

    temporary_open(*state, &t);
    snprintf(outside, sizeof(outside), "%s/mine", t.folder);
    snprintf(inside, sizeof(inside), "%s/x", t.pocl);
    snprintf(link_path, sizeof(link_path), "%s/link", t.cache.folder);
    ASSERT_OK(*state, clseq_file_write_atomic(*state, outside, "x", 1));
    ASSERT_OK(*state, clseq_file_write_atomic(*state, inside, "x", 1));
    assert_int_equal(symlink(t.folder, link_path), 0);
    clseq_opencl_cache_clear(&t.cache);
    assert_int_equal(access(outside, F_OK), 0);
    assert_int_not_equal(access(inside, F_OK), 0);
    assert_int_not_equal(access(link_path, F_OK), 0);
    unlink(outside);
    temporary_close(&t);
}

static void incomplete_files_of_pocl_are_deleted(void **state)
{
    char path[160];
    struct clseq_opencl_key before, after;
    struct clseq_opencl_cache other;
    struct temporary t;

    temporary_open(*state, &t);
    set_variable("POCL_CACHE_DIR", t.pocl);
    snprintf(path, sizeof(path), "%s/good.bc", t.pocl);
    ASSERT_OK(*state, clseq_file_write_atomic(*state, path, "BC\xc0\xde....", 8));
    before = clseq_opencl_pocl_state(&t.cache);
    snprintf(path, sizeof(path), "%s/empty.so", t.pocl);
    ASSERT_OK(*state, clseq_file_write_atomic(*state, path, "", 0));
    after = clseq_opencl_pocl_state(&t.cache);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_true(before.low == after.low && before.high == after.high);
    snprintf(path, sizeof(path), "%s/cut.bc", t.pocl);
    ASSERT_OK(*state, clseq_file_write_atomic(*state, path, "BC\xc0\xde..", 6));
    clseq_opencl_pocl_state(&t.cache);
    assert_int_not_equal(access(path, F_OK), 0);
    /* Not while somebody else may be writing it. */
    ASSERT_OK(*state, clseq_file_write_atomic(*state, path, "BC\xc0\xde..", 6));
    ASSERT_OK(*state, clseq_opencl_cache_open(*state, t.folder, &other));
    clseq_opencl_pocl_state(&t.cache);
    clseq_opencl_pocl_state(&other);
    assert_int_equal(access(path, F_OK), 0);
    clseq_opencl_cache_close(&other);
    after = clseq_opencl_pocl_state(&t.cache);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_true(before.low == after.low && before.high == after.high);
    /* Any change of what is there shows. */
    snprintf(path, sizeof(path), "%s/good.bc", t.pocl);
    assert_int_equal(access(path, F_OK), 0);
    flip_byte(path, 6);
    after = clseq_opencl_pocl_state(&t.cache);
    assert_true(before.low != after.low);
    temporary_close(&t);
}

/* ---- listing and choosing, without a driver ---- */

static void no_platform_is_a_note_or_an_error(void **state)
{
    const char *old = getenv("OCL_ICD_VENDORS");
    char *kept = old ? strdup(old) : NULL;
    struct clseq_backend_options options;
    struct clseq_device_list list;
    clseq_backend *be = NULL;

    if (getenv("LD_PRELOAD")) {
        free(kept);
        print_message(
            "skipped: no_platform_is_a_note_or_an_error (LD_PRELOAD brings a platform)\n");
        skip();
    }
    set_variable("OCL_ICD_VENDORS", "/nonexistent");
    ASSERT_OK(*state, clseq_device_list(*state, true, 60, &list));
    assert_int_equal(list.count, 0);
    assert_non_null(strstr(list.note, "no OpenCL platform"));
    assert_non_null(strstr(list.note, "install a driver"));
    clseq_device_list_fini(&list);
    clseq_backend_options_init(&options);
    options.name = "opencl";
    options.cache_folder = "";
    ASSERT_FAILS(*state, CLSEQ_ERR_NO_DEVICE, "no OpenCL platform",
                 clseq_backend_open(*state, &options, &be));
    assert_null(be);
    set_variable("OCL_ICD_VENDORS", kept);
    free(kept);
}

static void add_device(clseq_context *ctx, struct clseq_opencl_found *found, const char *name,
                       const char *type, uint32_t units, bool usable)
{
    struct clseq_opencl_device d = { .info = { .compute_units = units, .usable = usable } };

    snprintf(d.info.name, sizeof(d.info.name), "%s", name);
    snprintf(d.info.platform, sizeof(d.info.platform), "Platform of %s", name);
    snprintf(d.info.type, sizeof(d.info.type), "%s", type);
    snprintf(d.info.reason, sizeof(d.info.reason), "%s", usable ? "" : "too old");
    ASSERT_OK(ctx, clseq_opencl_found_add(ctx, found, &d));
}

static void devices_are_chosen_by_index_name_and_kind(void **state)
{
    struct clseq_opencl_found found = { .count = 0 };
    size_t order[6], n = 0;

    ASSERT_FAILS(*state, CLSEQ_ERR_NO_DEVICE, "no OpenCL device",
                 clseq_opencl_match(*state, &found, NULL, order, &n));
    add_device(*state, &found, "Slow CPU", "cpu", 2, true);
    add_device(*state, &found, "Simulator", "accelerator", 99, true);
    add_device(*state, &found, "Small GPU", "gpu", 8, true);
    add_device(*state, &found, "Large GPU", "gpu", 80, true);
    add_device(*state, &found, "Old GPU 7800", "gpu", 200, false);
    ASSERT_OK(*state, clseq_opencl_match(*state, &found, NULL, order, &n));
    assert_int_equal(n, 4); /* best first, the unusable one left out */
    assert_int_equal(order[0], 3);
    assert_int_equal(order[1], 2);
    assert_int_equal(order[2], 0);
    assert_int_equal(order[3], 1);
    ASSERT_OK(*state, clseq_opencl_match(*state, &found, "1", order, &n));
    assert_true(n == 1 && order[0] == 1);
    ASSERT_OK(*state, clseq_opencl_match(*state, &found, "sMALL g", order, &n));
    assert_true(n == 1 && order[0] == 2);
    ASSERT_OK(*state, clseq_opencl_match(*state, &found, "platform of slow", order, &n));
    assert_true(n == 1 && order[0] == 0);
    ASSERT_OK(*state, clseq_opencl_match(*state, &found, "gpu", order, &n));
    assert_true(n == 1 && order[0] == 3);
    /* A number that is no index may be part of a name. */
    ASSERT_OK(*state, clseq_opencl_match(*state, &found, "7800", order, &n));
    assert_true(n == 1 && order[0] == 4);
    ASSERT_FAILS(*state, CLSEQ_ERR_NO_DEVICE, "no OpenCL device \"vega\"",
                 clseq_opencl_match(*state, &found, "vega", order, &n));
    assert_non_null(strstr(clseq_context_error(*state), "0: Slow CPU (Platform of Slow CPU)"));
    assert_non_null(strstr(clseq_context_error(*state), "4: Old GPU 7800"));
    assert_non_null(strstr(clseq_context_error(*state), "too old"));
    ASSERT_FAILS(*state, CLSEQ_ERR_NO_DEVICE, "\"9\"",
                 clseq_opencl_match(*state, &found, "9", order, &n));
    clseq_opencl_found_fini(&found);
}

/* ---- on a device ---- */

/* Opened by the first test that needs it; these come last, as nothing may fork afterwards. */
struct device {
    clseq_context *ctx;
    clseq_backend *be;
    bool missing;
};

static struct device *device_of(void **state)
{
    struct device *d = *state;

    if (d->missing) {
        print_message("skipped: no OpenCL device: %s\n", clseq_context_error(d->ctx));
        skip();
    }
    return d;
}

static int device_open(void **state)
{
    struct clseq_backend_options options;
    struct device *d = calloc(1, sizeof(*d));

    if (!d || clseq_context_create(&d->ctx) != CLSEQ_OK)
        return -1;
    unit_backend_options("opencl", &options);
    d->missing = clseq_backend_open(d->ctx, &options, &d->be) != CLSEQ_OK;
    *state = d;
    return 0;
}

static int device_close(void **state)
{
    struct device *d = *state;

    clseq_backend_close(&d->be);
    clseq_context_destroy(&d->ctx);
    free(d);
    return 0;
}

static void unknown_device_lists_the_known_ones(void **state)
{
    struct device *d = device_of(state);
    struct clseq_backend_options options;
    clseq_backend *be = NULL;

    clseq_backend_options_init(&options);
    options.name = "opencl";
    options.device = "no such thing";
    options.cache_folder = "";
    ASSERT_FAILS(d->ctx, CLSEQ_ERR_NO_DEVICE, "no such thing",
                 clseq_backend_open(d->ctx, &options, &be));
    assert_non_null(strstr(clseq_context_error(d->ctx), clseq_backend_info(d->be)->device));
}

static void second_open_in_one_process_works(void **state)
{
    struct device *d = device_of(state);
    struct clseq_backend_options options;
    clseq_backend *be = NULL;

    clseq_backend_options_init(&options);
    options.name = "opencl";
    options.cache_folder = getenv("CLSEQ_TEST_CACHE");
    options.probe_timeout = 5; /* a fork would hang */
    ASSERT_OK(d->ctx, clseq_backend_open(d->ctx, &options, &be));
    assert_string_equal(clseq_backend_info(be)->device, clseq_backend_info(d->be)->device);
    clseq_backend_close(&be);
}

static void build_error_quotes_the_log(void **state)
{
    const char *const broken = "#line 1 \"cl/broken.cl\"\n__kernel void f(__global int *x)\n"
                               "{\n    x[0] = name_that_is_not_declared;\n}\n";
    struct device *d = device_of(state);
    struct clseq_opencl_cache cache = { .ctx = d->ctx };
    cl_program program = NULL;

    ASSERT_FAILS(d->ctx, CLSEQ_ERR_BUILD, "cl/broken.cl",
                 clseq_opencl_program_build(d->be, &cache, "broken", broken, true, &program));
    assert_non_null(strstr(clseq_context_error(d->ctx), "name_that_is_not_declared"));
    assert_non_null(strstr(clseq_context_error(d->ctx), "-cl-std=CL1.2"));
    assert_null(program);
}

static void damaged_program_is_built_anew(void **state)
{
    const char *const text =
        "__kernel void f(__global int *x)\n{\n    x[get_global_id(0)] = 7;\n}\n";
    struct device *d = device_of(state);
    struct temporary t;
    char command[256];
    cl_program program = NULL;

    temporary_open(d->ctx, &t);
    ASSERT_OK(d->ctx, clseq_opencl_program_build(d->be, &t.cache, "f", text, true, &program));
    clReleaseProgram(program);
    /* From the cache, when the driver gives binaries at all. */
    ASSERT_OK(d->ctx, clseq_opencl_program_build(d->be, &t.cache, "f", text, true, &program));
    clReleaseProgram(program);
    snprintf(command, sizeof(command), "for f in %s/programs/*.bin; do echo junk > $f; done",
             t.cache.folder);
    assert_int_equal(system(command), 0);
    ASSERT_OK(d->ctx, clseq_opencl_program_build(d->be, &t.cache, "f", text, true, &program));
    clReleaseProgram(program);
    temporary_close(&t);
}

/* More writes than slots, from one host buffer that changes at once, no wait in between. */
static void staged_writes_arrive(void **state)
{
    enum { N = 1000, WRITES = 3 * CLSEQ_STAGING_SLOTS };
    struct device *d = device_of(state);
    clseq_buffer *buffer = NULL;
    int32_t *src = calloc(N, sizeof(*src)), *got = calloc((size_t)N * WRITES, sizeof(*got));
    const uint64_t syncs = d->be->syncs, reads = d->be->reads;

    assert_true(src && got);
    ASSERT_OK(d->ctx, clseq_buffer_create(d->be, (size_t)N * WRITES * sizeof(*src), "staging test",
                                          &buffer));
    for (int w = 0; w < WRITES; w++) {
        const size_t n = (size_t)(w % 3 == 0 ? N : w * 7 + 1); /* all sizes, growing slots */

        for (size_t i = 0; i < N; i++)
            src[i] = w * N + (int)i;
        ASSERT_OK(d->ctx,
                  clseq_buffer_write(buffer, (size_t)w * N * sizeof(*src), src, n * sizeof(*src)));
    }
    assert_true(d->be->syncs == syncs && d->be->reads == reads);
    ASSERT_OK(d->ctx, clseq_buffer_read(buffer, 0, got, (size_t)N * WRITES * sizeof(*got)));
    for (int w = 0; w < WRITES; w++) {
        const int n = w % 3 == 0 ? N : w * 7 + 1;

        for (int i = 0; i < N; i++)
            assert_int_equal(got[w * N + i], i < n ? w * N + i : 0);
    }
    clseq_buffer_destroy(&buffer);
    free(src);
    free(got);
}

static void large_writes_arrive(void **state)
{
    struct device *d = device_of(state);
    const size_t bytes = (size_t)5 << 20;
    unsigned char *src = malloc(bytes), *got = malloc(bytes);
    clseq_buffer *buffer = NULL;

    assert_true(src && got);
    for (size_t i = 0; i < bytes; i++)
        src[i] = (unsigned char)(i * 31 >> 5);
    ASSERT_OK(d->ctx, clseq_buffer_create(d->be, bytes, "large write", &buffer));
    ASSERT_OK(d->ctx, clseq_buffer_read(buffer, 0, got, bytes));
    for (size_t i = 0; i < bytes; i += 997)
        assert_int_equal(got[i], 0); /* new buffers hold zeros */
    ASSERT_OK(d->ctx, clseq_buffer_write(buffer, 0, src, bytes));
    ASSERT_OK(d->ctx, clseq_buffer_read(buffer, 0, got, bytes));
    assert_memory_equal(src, got, bytes);
    clseq_buffer_destroy(&buffer);
    free(src);
    free(got);
}

static void too_large_buffer_is_refused(void **state)
{
    struct device *d = device_of(state);
    clseq_buffer *buffer = NULL;

    ASSERT_FAILS(d->ctx, CLSEQ_ERR_LIMIT, "huge",
                 clseq_buffer_create(d->be, clseq_backend_info(d->be)->max_buffer_bytes + 1, "huge",
                                     &buffer));
    assert_null(buffer);
}

/* The second product of a shape finds its scratch memory there. */
static void products_stop_allocating(void **state)
{
    enum { SIZE = 40 };
    struct device *d = device_of(state);
    struct clseq_gemm_args a = { .alpha = 1, .trans_a = true };
    clseq_buffer *buffer = NULL;
    uint64_t grown;

    ASSERT_OK(d->ctx,
              clseq_buffer_create(d->be, 3 * SIZE * SIZE * sizeof(float), "product", &buffer));
    a.a = clseq_tensor_2d(buffer, 0, CLSEQ_F32, SIZE, SIZE);
    a.b = clseq_tensor_2d(buffer, SIZE * SIZE, CLSEQ_F32, SIZE, SIZE);
    a.c = clseq_tensor_2d(buffer, 2 * SIZE * SIZE, CLSEQ_F32, SIZE, SIZE);
    ASSERT_OK(d->ctx, clseq_op_gemm(d->be, &a));
    grown = clseq_opencl_of(d->be)->scratch_grown;
    for (int i = 0; i < 5; i++)
        ASSERT_OK(d->ctx, clseq_op_gemm(d->be, &a));
    assert_true(clseq_opencl_of(d->be)->scratch_grown == grown);
    clseq_buffer_destroy(&buffer);
}

/* C = A B^T with A of ones: a row of C is the sums of the rows of B, whatever way the product
 * takes; few rows, packed at the second use, and large. */
static void packed_copies_follow_every_write(void **state)
{
    enum { N = 70, K = 80, ROWS = 200 };
    struct device *d = device_of(state);
    const int rows[] = { 3, 40, 64, ROWS };
    const float value = 3;
    clseq_buffer *weights, *rest;

    ASSERT_OK(d->ctx, clseq_buffer_create(d->be, N * K * sizeof(float), "weights", &weights));
    ASSERT_OK(d->ctx,
              clseq_buffer_create(d->be, ROWS * (K + N) * sizeof(float), "activations", &rest));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const clseq_tensor w = clseq_tensor_2d(weights, 0, CLSEQ_F32, N, K);
        const clseq_tensor x = clseq_tensor_2d(rest, 0, CLSEQ_F32, rows[i], K);
        const clseq_tensor y = clseq_tensor_2d(rest, (uint64_t)rows[i] * K, CLSEQ_F32, rows[i], N);
        const struct clseq_gemm_args product = {
            .a = x, .b = w, .c = y, .alpha = 1, .trans_b = true
        };
        float c[N];

        ASSERT_OK(d->ctx, clseq_op_fill(d->be, &(struct clseq_fill_args) { .dst = x, .value = 1 }));
        for (int turn = 1; turn <= 4; turn++) {
            float expected = (float)(K * turn);

            ASSERT_OK(d->ctx,
                      clseq_op_fill(d->be, &(struct clseq_fill_args) { .dst = w, .value = turn }));
            for (int use = 0; use < 4; use++) {
                if (use == 3) { /* one element by a write from the host */
                    ASSERT_OK(d->ctx, clseq_buffer_write(weights, 0, &value, sizeof(value)));
                    expected += value - (float)turn;
                }
                ASSERT_OK(d->ctx, clseq_op_gemm(d->be, &product));
                ASSERT_OK(d->ctx, clseq_buffer_read(rest, (size_t)rows[i] * K * sizeof(float), c,
                                                    sizeof(c)));
                assert_true(c[0] == expected);
                assert_true(c[N - 1] == (float)(K * turn));
            }
        }
    }
    clseq_buffer_destroy(&weights);
    clseq_buffer_destroy(&rest);
}

/* The first use of weights packs nothing that stays, the second and third find a copy. Sums of more
 * steps than one part has, by kernels of their own for 40 and 64 rows without a copy. */
static void packed_copies_change_no_bits(void **state)
{
    enum { N = 70, K = 1100, ROWS = 200 };
    struct device *d = device_of(state);
    const int rows[] = { 40, 64, ROWS };
    float *values = malloc(ROWS * K * sizeof(*values)), *c = malloc(2 * ROWS * N * sizeof(*c));
    clseq_buffer *weights, *rest;

    assert_true(values && c);
    for (int i = 0; i < ROWS * K; i++)
        values[i] = sinf((float)i);
    ASSERT_OK(d->ctx, clseq_buffer_create(d->be, N * K * sizeof(float), "weights", &weights));
    ASSERT_OK(d->ctx,
              clseq_buffer_create(d->be, ROWS * (K + N) * sizeof(float), "activations", &rest));
    ASSERT_OK(d->ctx, clseq_buffer_write(rest, 0, values, ROWS * K * sizeof(float)));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const size_t bytes = (size_t)rows[i] * N * sizeof(float);
        const struct clseq_gemm_args product = {
            .a = clseq_tensor_2d(rest, 0, CLSEQ_F32, rows[i], K),
            .b = clseq_tensor_2d(weights, 0, CLSEQ_F32, N, K),
            .c = clseq_tensor_2d(rest, ROWS * K, CLSEQ_F32, rows[i], N),
            .alpha = 1,
            .trans_b = true
        };

        ASSERT_OK(d->ctx, clseq_buffer_write(weights, 0, values, N * K * sizeof(float)));
        for (int use = 0; use < 3; use++) {
            ASSERT_OK(d->ctx, clseq_op_gemm(d->be, &product));
            ASSERT_OK(d->ctx, clseq_buffer_read(rest, ROWS * K * sizeof(float),
                                                use == 0 ? c : c + ROWS * N, bytes));
            if (use > 0)
                assert_memory_equal(c, c + ROWS * N, bytes);
        }
    }
    clseq_buffer_destroy(&weights);
    clseq_buffer_destroy(&rest);
    free(values);
    free(c);
}

/* A launch that the driver refuses says which kernel, which call and what it means. */
static void launch_errors_name_the_kernel(void **state)
{
    struct device *d = device_of(state);
    const struct clseq_opencl_range bad = { .dims = 1,
                                            .global = { 17, 1, 1 },
                                            .local = { 16, 1, 1 } };

    ASSERT_FAILS(d->ctx, CLSEQ_ERR_DEVICE, "kernel gemm_scale",
                 CLSEQ_LAUNCH(d->be, gemm_scale, bad, clseq_arg_mem(NULL), clseq_arg_ulong(0),
                              clseq_arg_int(1), clseq_arg_ulong(0), clseq_arg_int(0),
                              clseq_arg_int(0), clseq_arg_int(0), clseq_arg_float(1)));
    assert_non_null(strstr(clseq_context_error(d->ctx), "clEnqueueNDRangeKernel"));
    assert_non_null(strstr(clseq_context_error(d->ctx), "CL_INVALID_WORK_GROUP_SIZE"));
    ASSERT_FAILS(
        d->ctx, CLSEQ_ERR_DEVICE, "argument 0",
        CLSEQ_LAUNCH(d->be, gemm_scale, clseq_opencl_range_3d(1, 1, 1, 1, 1, 1), clseq_arg_int(1)));
    ASSERT_FAILS(d->ctx, CLSEQ_ERR_LIMIT, "stride",
                 CLSEQ_LAUNCH(d->be, gemm_scale, clseq_opencl_range_3d(1, 1, 1, 1, 1, 1),
                              clseq_arg_mem(NULL), clseq_arg_ulong(0),
                              clseq_arg_stride(INT64_C(1) << 31)));
}

int main(void)
{
    const struct CMUnitTest without_device[] = {
        cmocka_unit_test(child_that_finishes),
        cmocka_unit_test(child_that_dies),
        cmocka_unit_test(damaged_cache_entries_are_ignored),
        cmocka_unit_test(keys_depend_on_every_text),
        cmocka_unit_test(unwritable_cache_is_no_error),
        cmocka_unit_test(clearing_the_cache_spares_other_files),
        cmocka_unit_test(incomplete_files_of_pocl_are_deleted),
        cmocka_unit_test(devices_are_chosen_by_index_name_and_kind),
        cmocka_unit_test(no_platform_is_a_note_or_an_error),
    };
    const struct CMUnitTest on_device[] = {
        cmocka_unit_test(unknown_device_lists_the_known_ones),
        cmocka_unit_test(second_open_in_one_process_works),
        cmocka_unit_test(build_error_quotes_the_log),
        cmocka_unit_test(damaged_program_is_built_anew),
        cmocka_unit_test(staged_writes_arrive),
        cmocka_unit_test(large_writes_arrive),
        cmocka_unit_test(too_large_buffer_is_refused),
        cmocka_unit_test(products_stop_allocating),
        cmocka_unit_test(packed_copies_follow_every_write),
        cmocka_unit_test(packed_copies_change_no_bits),
        cmocka_unit_test(launch_errors_name_the_kernel),
    };

    return cmocka_run_group_tests_name("opencl", without_device, unit_context_create,
                                       unit_context_destroy) +
           cmocka_run_group_tests_name("opencl on a device", on_device, device_open, device_close);
}
