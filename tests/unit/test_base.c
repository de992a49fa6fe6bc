/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/file.h"
#include "base/philox.h"

#include <sys/stat.h>
#include <unistd.h>

static void sizes_are_checked(void **state)
{
    size_t r = 7;

    assert_true(clseq_mul_size(3, 4, &r));
    assert_int_equal(r, 12);
    assert_false(clseq_mul_size(SIZE_MAX / 2, 3, &r));
    assert_int_equal(r, 12);
    assert_false(clseq_add_size(SIZE_MAX, 1, &r));
    assert_true(clseq_add_size(SIZE_MAX, 0, &r));
    assert_true(r == SIZE_MAX);
}

static void huge_allocation_is_an_error(void **state)
{
    void *p = NULL;

    ASSERT_FAILS(*state, CLSEQ_ERR_NOMEM, "table", clseq_calloc(*state, SIZE_MAX, 8, "table", &p));
    assert_null(p);
}

static void fail_may_quote_the_old_error(void **state)
{
    clseq_context *ctx = *state;

    assert_int_equal(clseq_fail(ctx, CLSEQ_ERR_DATA, "line %d", 3), CLSEQ_ERR_DATA);
    clseq_fail(ctx, CLSEQ_ERR_DATA, "file: %s", clseq_context_error(ctx));
    assert_string_equal(clseq_context_error(ctx), "file: line 3");
    clseq_fail_in(ctx, CLSEQ_ERR_DATA, "run %s", "a");
    assert_string_equal(clseq_context_error(ctx), "run a: file: line 3");
}

/* Known answers of Random123 for philox4x32-10. */
static void philox_known_answers(void **state)
{
    const clseq_philox_block zero = clseq_philox(0, 0, 0, 0, 0, 0);
    const clseq_philox_block ones =
        clseq_philox(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu);
    const clseq_philox_block pi =
        clseq_philox(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u);
    const uint32_t want_zero[4] = { 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u };
    const uint32_t want_ones[4] = { 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu };
    const uint32_t want_pi[4] = { 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u };

    assert_memory_equal(zero.v, want_zero, sizeof(want_zero));
    assert_memory_equal(ones.v, want_ones, sizeof(want_ones));
    assert_memory_equal(pi.v, want_pi, sizeof(want_pi));
}

static void atomic_write_replaces_or_leaves(void **state)
{
    clseq_context *ctx = *state;
    char folder[] = "/tmp/clseq-base-XXXXXX", *path = NULL, *data = NULL;
    size_t size;
    clseq_atomic_file file;

    assert_non_null(mkdtemp(folder));
    ASSERT_OK(ctx, clseq_join_path(ctx, folder, "model", &path));
    ASSERT_OK(ctx, clseq_file_write_atomic(ctx, path, "old", 3));
    ASSERT_OK(ctx, clseq_atomic_open(ctx, path, &file));
    ASSERT_OK(ctx, clseq_atomic_write(&file, "new!", 4));
    clseq_atomic_abort(&file);
    ASSERT_OK(ctx, clseq_file_read(ctx, path, 100, &data, &size));
    assert_string_equal(data, "old");
    free(data);
    ASSERT_OK(ctx, clseq_file_write_atomic(ctx, path, "new!", 4));
    ASSERT_OK(ctx, clseq_file_read(ctx, path, 4, &data, &size));
    assert_string_equal(data, "new!");
    free(data);
    data = NULL;
    ASSERT_FAILS(ctx, CLSEQ_ERR_LIMIT, "limit of 3", clseq_file_read(ctx, path, 3, &data, &size));
    ASSERT_FAILS(ctx, CLSEQ_ERR_IO, "No such file",
                 clseq_file_read(ctx, "/nowhere/x", 3, &data, &size));
    assert_null(data);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no temporary file is left */
    free(path);
}

static void folders_are_made_with_parents(void **state)
{
    clseq_context *ctx = *state;
    char folder[] = "/tmp/clseq-base-XXXXXX", *deep = NULL;
    struct stat st;

    assert_non_null(mkdtemp(folder));
    ASSERT_OK(ctx, clseq_join_path(ctx, folder, "a/b/c", &deep));
    ASSERT_OK(ctx, clseq_make_folder(ctx, deep));
    ASSERT_OK(ctx, clseq_make_folder(ctx, deep));
    assert_int_equal(stat(deep, &st), 0);
    ASSERT_FAILS(ctx, CLSEQ_ERR_IO, "/dev/null", clseq_make_folder(ctx, "/dev/null/x"));
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(huge_allocation_is_an_error),
        cmocka_unit_test(fail_may_quote_the_old_error),
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(atomic_write_replaces_or_leaves),
        cmocka_unit_test(folders_are_made_with_parents),
    };

    return cmocka_run_group_tests_name("base", tests, unit_context_create, unit_context_destroy);
}
