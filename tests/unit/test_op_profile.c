/* SPDX-License-Identifier: BSD-2-Clause */
/* What a profile says about an operation, and the bytes behind it. */
#include "unit.h"

#include "backend/backend_impl.h"
#include "backend/op_schema.h"

/* The tools are no library: the test takes their code in. */
#include "tools/op_profile.c"

static void limits_are_named(void **state)
{
    const struct clseq_peaks peaks = { .gflops = 100, .gb_per_s = 10 }, none = { 0 };
    const struct {
        struct clseq_profile_row row; /* op, calls, seconds, flops, bytes */
        enum op_limit limit;
        double share;
    } cases[] = {
        { { "gemm", 10, 1, 50e9, 1e9 }, OP_LIMIT_COMPUTE, 0.5 },
        { { "gemm", 10, 1, 1e9, 1e9 }, OP_LIMIT_MEMORY, 0.1 },
        { { "gemm", 10, 1, 5e9, 8e9 }, OP_LIMIT_MEMORY, 0.8 },
        { { "gemm", 10, 1, 50e9, 30e9 }, OP_LIMIT_CACHE, 3 },
        { { "bias_add", 10, 1, 0, 20e9 }, OP_LIMIT_CACHE, 2 },
        { { "sgd_update", 10, 1, 0, 12e9 }, OP_LIMIT_MEMORY, 1.2 },
        { { "bias_add", 10, 1, 0, 6e9 }, OP_LIMIT_MEMORY, 0.6 },
        { { "lstm_cell_fwd", 10, 1, 0, 3e9 }, OP_LIMIT_OTHER, 0.3 },
        { { "clip_scale", 100000, 1, 0, 1e6 }, OP_LIMIT_LAUNCH, 1e-4 },
        { { "bias_add", 100000, 1, 0, 9e9 }, OP_LIMIT_MEMORY, 0.9 },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        double share;

        if (op_profile_limit(&cases[i].row, &peaks, &share) != cases[i].limit)
            fail_msg("case %zu (%s) is not limit %d", i, cases[i].row.op, (int)cases[i].limit);
        assert_float_equal(share, cases[i].share, 1e-9);
        assert_int_equal(op_profile_limit(&cases[i].row, &none, &share), OP_LIMIT_UNKNOWN);
    }
}

static void bytes_are_those_touched(void **state)
{
    clseq_buffer memory = { .bytes = 0 };
    const clseq_tensor table = clseq_tensor_2d(&memory, 0, CLSEQ_F32, 1000, 8);
    const clseq_tensor rows = clseq_tensor_2d(&memory, 0, CLSEQ_F32, 3, 8);
    const clseq_tensor index = clseq_tensor_1d(&memory, 0, CLSEQ_I32, 3);
    const clseq_tensor stats = clseq_tensor_1d(&memory, 0, CLSEQ_F32, 2);
    const struct clseq_row_gather_args gather = { table, index, rows };
    const struct clseq_row_scatter_args scatter = { rows, index, table };
    const struct clseq_sgd_update_args sgd = { .g = rows,
                                               .stats = stats,
                                               .index = index,
                                               .w = table },
                                       all = { .g = table, .stats = stats, .w = table };
    const struct clseq_adam_update_args adam = {
        .g = rows, .stats = stats, .index = index, .w = table, .m = table, .v = table
    };
    const struct clseq_lstm_seq_fwd_args seq = {
        .w_hh = clseq_tensor_2d(&memory, 0, CLSEQ_F32, 32, 8),
        .gates = clseq_tensor_3d(&memory, 0, CLSEQ_F32, 5, 2, 32),
    };
    const struct clseq_lstm_seq_bwd_args back = { .w_hh = seq.w_hh, .gates = seq.gates };
    const double named = 3 * 8 * 4, whole = 1000 * 8 * 4;

    assert_true(clseq_op_bytes(CLSEQ_OP_row_gather, &gather) == 2 * named + 12);
    assert_true(clseq_op_bytes(CLSEQ_OP_row_scatter, &scatter) == 2 * named + 12);
    assert_true(clseq_op_bytes(CLSEQ_OP_sgd_update, &sgd) == 3 * named + 12 + 8);
    assert_true(clseq_op_bytes(CLSEQ_OP_sgd_update, &all) == 3 * whole + 8);
    assert_true(clseq_op_bytes(CLSEQ_OP_adam_update, &adam) == 7 * named + 12 + 8);
    assert_true(clseq_op_bytes(CLSEQ_OP_lstm_seq_fwd, &seq) == 5 * 32 * 8 * 4 + 2 * 5 * 2 * 32 * 4);
    assert_true(clseq_op_bytes(CLSEQ_OP_lstm_seq_bwd, &back) ==
                5 * 32 * 8 * 4 + 2 * 5 * 2 * 32 * 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(bytes_are_those_touched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
