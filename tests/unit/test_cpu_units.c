/* SPDX-License-Identifier: BSD-2-Clause */
/* The matrix units of CPUs: by name where they are and where they are not, numbers that they treat
 * in their own way, copies of the second factor, sequences, and a training; emulated, and as they
 * are on a processor that has them. */
#include "model_probe.h"
#include "train_case.h"

#include "backend/ops.h"
#include "backend/precision.h"

#include <float.h>
#include <math.h>

/* ---- opening ---- */

static clseq_status open_unit(clseq_context *ctx, clseq_kernel_class kernels,
                              clseq_precision precision, const char *unit, clseq_backend **be)
{
    struct clseq_backend_options options;

    unit_backend_options("opencl", &options);
    options.kernels = kernels;
    options.precision = precision;
    options.matrix_unit = unit;
    return clseq_backend_open(ctx, &options, be);
}

/* Of a unit that fits every device; skips the test where there is none. */
static void open_place(struct probe_place *place, const char *unit)
{
    clseq_status status;

    *place = (struct probe_place) { 0 };
    assert_int_equal(clseq_context_create(&place->ctx), CLSEQ_OK);
    status = open_unit(place->ctx, CLSEQ_KERNELS_CPU, CLSEQ_PRECISION_BF16, unit, &place->be);
    if (status == CLSEQ_ERR_NO_DEVICE) {
        fprintf(stderr, "skipped: %s\n", clseq_context_error(place->ctx));
        clseq_context_destroy(&place->ctx);
        skip();
    }
    ASSERT_OK(place->ctx, status);
}

static void close_place(struct probe_place *place)
{
    clseq_backend_close(&place->be);
    clseq_context_destroy(&place->ctx);
}

static const struct unit {
    const char *name, *flag, *what; /* the flag that Linux names for a processor that has it */
} units[] = {
    { "amx", " amx_bf16", "(AMX tiles of the processor, through PoCL)" },
    { "avx512", " avx512_bf16", "(AVX512_BF16 of the processor, through PoCL)" },
};

/* A test is given one of these. */
struct form {
    const char *unit, *flag; /* NULL: everywhere */
};

static bool processor_has(const char *flag)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    bool found = false;
    char line[8192];

    while (f && !found && fgets(line, sizeof(line), f))
        found = strstr(line, flag) != NULL;
    if (f)
        fclose(f);
    return found;
}

/* The emulated ones are everywhere, and so is none; the others may lack the permission, or the
 * right driver. */
static void open_form(struct probe_place *place, const struct form *form)
{
    open_place(place, "none");
    clseq_backend_close(&place->be);
    const clseq_status status =
        open_unit(place->ctx, CLSEQ_KERNELS_CPU, CLSEQ_PRECISION_BF16, form->unit, &place->be);

    if (form->flag && (!processor_has(form->flag) || status == CLSEQ_ERR_UNSUPPORTED)) {
        fprintf(stderr, "skipped: no %s here\n", form->unit);
        clseq_backend_close(&place->be);
        clseq_context_destroy(&place->ctx);
        skip();
    }
    ASSERT_OK(place->ctx, status);
    assert_string_equal(clseq_backend_info(place->be)->matrix_unit,
                        strcmp(form->unit, "none") == 0 ? "" : form->unit);
}

/* Where it cannot be, naming it is an error that says what it is; where it can, the permission or
 * another driver may still be in the way. */
static void check_named(struct probe_place *place, const struct unit *unit)
{
    char missing[128], emulated[32], no_emulated[64];
    clseq_status status;

    snprintf(missing, sizeof(missing), "has no matrix unit %s for bf16 %s", unit->name, unit->what);
    snprintf(emulated, sizeof(emulated), "%s-emulated", unit->name);
    status = open_unit(place->ctx, CLSEQ_KERNELS_CPU, CLSEQ_PRECISION_BF16, unit->name, &place->be);
    if (processor_has(unit->flag) && status == CLSEQ_OK) {
        assert_string_equal(clseq_backend_info(place->be)->matrix_unit, unit->name);
        clseq_backend_close(&place->be);
    } else {
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_UNSUPPORTED, missing, status);
    }
    ASSERT_FAILS(
        place->ctx, CLSEQ_ERR_UNSUPPORTED, missing,
        open_unit(place->ctx, CLSEQ_KERNELS_GPU, CLSEQ_PRECISION_BF16, unit->name, &place->be));
    snprintf(no_emulated, sizeof(no_emulated), "has no matrix unit %s for bf16", emulated);
    ASSERT_FAILS(
        place->ctx, CLSEQ_ERR_UNSUPPORTED, no_emulated,
        open_unit(place->ctx, CLSEQ_KERNELS_GPU, CLSEQ_PRECISION_BF16, emulated, &place->be));
    snprintf(no_emulated, sizeof(no_emulated), "has no matrix unit %s for tf32", emulated);
    ASSERT_FAILS(
        place->ctx, CLSEQ_ERR_UNSUPPORTED, no_emulated,
        open_unit(place->ctx, CLSEQ_KERNELS_CPU, CLSEQ_PRECISION_TF32, emulated, &place->be));
}

static void test_named(void **state)
{
    struct probe_place place;

    (void)state;
    open_place(&place, "none");
    clseq_backend_close(&place.be);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(units); i++)
        check_named(&place, &units[i]);
    ASSERT_FAILS(place.ctx, CLSEQ_ERR_ARG, "no matrix unit is called \"amx-\"",
                 open_unit(place.ctx, CLSEQ_KERNELS_CPU, CLSEQ_PRECISION_BF16, "amx-", &place.be));
    close_place(&place);
}

/* With what there is, and no unit with fp32. */
static void test_auto(void **state)
{
    struct probe_place place;
    bool any = false;

    (void)state;
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(units); i++)
        any |= processor_has(units[i].flag);
    open_place(&place, "auto");
    if (!any)
        assert_string_equal(clseq_backend_info(place.be)->matrix_unit, "");
    clseq_backend_close(&place.be);
    ASSERT_OK(place.ctx,
              open_unit(place.ctx, CLSEQ_KERNELS_CPU, CLSEQ_PRECISION_FP32, "amx", &place.be));
    assert_string_equal(clseq_backend_info(place.be)->matrix_unit, "");
    close_place(&place);
}

/* ---- products ---- */

/* The most elements of a matrix. */
#define FLOATS (40 * 2100)

struct factors {
    clseq_buffer *buffers[3];
    float x[FLOATS], y[FLOATS], got[FLOATS];
};

static void make_factors(const struct probe_place *place, struct factors *f)
{
    for (int i = 0; i < 3; i++)
        ASSERT_OK(place->ctx, clseq_buffer_create(place->be, FLOATS * sizeof(float), "factors",
                                                  &f->buffers[i]));
}

static void free_factors(struct factors *f)
{
    for (int i = 0; i < 3; i++)
        clseq_buffer_destroy(&f->buffers[i]);
}

/* got = x y (k, n), or x y (n, k)^T; y is written when it is new. */
static void multiply(const struct probe_place *place, struct factors *f, int32_t m, int32_t n,
                     int32_t k, bool trans_b, bool is_new)
{
    const struct clseq_gemm_args args = {
        .a = clseq_tensor_2d(f->buffers[0], 0, CLSEQ_F32, m, k),
        .b = clseq_tensor_2d(f->buffers[1], 0, CLSEQ_F32, trans_b ? n : k, trans_b ? k : n),
        .c = clseq_tensor_2d(f->buffers[2], 0, CLSEQ_F32, m, n),
        .trans_b = trans_b,
        .alpha = 1,
    };

    ASSERT_OK(place->ctx, clseq_tensor_write_f32(place->be, &args.a, f->x));
    if (is_new)
        ASSERT_OK(place->ctx, clseq_tensor_write_f32(place->be, &args.b, f->y));
    ASSERT_OK(place->ctx, clseq_op_gemm(place->be, &args));
    ASSERT_OK(place->ctx, clseq_tensor_read_f32(place->be, &args.c, f->got));
}

/* y stays for three products, of which the last has a copy of it, and changes then. Around the
 * edges of blocks, and with more steps than provider and units take at a time. */
static void test_copies(void **state)
{
    static const int32_t sizes[][3] = { { 1, 37, 5 },    { 32, 64, 32 },   { 33, 66, 61 },
                                        { 70, 31, 129 }, { 50, 70, 1100 }, { 33, 40, 2100 } };
    const int dropped = clseq_precision_dropped(CLSEQ_PRECISION_BF16);
    struct probe_place place;
    struct factors *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    open_form(&place, *state);
    make_factors(&place, f);
    for (size_t i = 0; i < 2 * 6 * CLSEQ_ARRAY_SIZE(sizes); i++) {
        const int32_t *size = sizes[i / 12], m = size[0], n = size[1], k = size[2];
        const uint64_t turn = i % 6;
        const bool trans_b = i % 12 >= 6;

        for (int32_t e = 0; e < m * k; e++)
            f->x[e] = (float)probe_random(20 + turn, (uint64_t)e);
        for (int32_t e = 0; e < n * k; e++)
            f->y[e] = (float)probe_random(40 + turn / 3, (uint64_t)e);
        multiply(&place, f, m, n, k, trans_b, turn % 3 == 0);
        for (int32_t e = 0; e < m * n; e++) {
            double sum = 0, magnitude = 0;

            for (int32_t s = 0; s < k; s++) {
                const float y = f->y[trans_b ? e % n * k + s : s * n + e % n];
                const double term = clseq_round_factor((double)f->x[e / n * k + s], dropped) *
                                    clseq_round_factor((double)y, dropped);

                sum += term;
                magnitude += fabs(term);
            }
            if (!(fabs((double)f->got[e] - sum) <= (k + 8) * ldexp(magnitude, -24)))
                fail_msg("%d x %d x %d, product %d: [%d] is %.9g, expected %.9g", (int)m, (int)n,
                         (int)k, (int)turn, (int)e, (double)f->got[e], sum);
        }
    }
    free_factors(f);
    close_place(&place);
    free(f);
}

static float of_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* All elements of x y^T when both have one value in all places, which they do in every way that
 * factors are packed. */
static float product_of(const struct probe_place *place, struct factors *f, float x, float y)
{
    for (int32_t i = 0; i < 35 * 33; i++)
        f->x[i] = x;
    for (int32_t i = 0; i < 34 * 33; i++)
        f->y[i] = y;
    for (int trans_b = 0; trans_b < 2; trans_b++) {
        multiply(place, f, 35, 34, 33, trans_b, true);
        for (int32_t i = 1; i < 35 * 34; i++)
            assert_memory_equal(&f->got[i], &f->got[0], sizeof(float));
    }
    return f->got[0];
}

/* Ties go to even; what is not a number or too large stays so beside zeros that fill a block.
 * Numbers below the smallest normal one are 0, but AMD's processors keep them where Intel's manual
 * says otherwise. */
static void test_values(void **state)
{
    const bool is_emulated = !((const struct form *)*state)->flag;
    const float step = ldexpf(1, -7);
    struct probe_place place;
    struct factors *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    open_form(&place, *state);
    make_factors(&place, f);
    assert_true(product_of(&place, f, 1 + step / 2, 3) == 99);
    assert_true(product_of(&place, f, 1 + step * 3 / 2, 3) == 99 * (1 + 2 * step));
    assert_true(product_of(&place, f, 3, 1 + step * 5 / 8) == 99 * (1 + step));
    assert_true(product_of(&place, f, -(1 + step * 3 / 8), 3) == -99);
    assert_true(isinf(product_of(&place, f, FLT_MAX, 1)));
    assert_true(isnan(product_of(&place, f, INFINITY, 0)));
    assert_true(isnan(product_of(&place, f, of_bits(0x7f800001), 1)));
    assert_true(isnan(product_of(&place, f, 1, of_bits(0xff800001))));
    assert_true(product_of(&place, f, FLT_MIN, 1) == 33 * FLT_MIN);
    for (int i = 0; i < 2; i++) {
        const float tiny = FLT_MIN / 4, got = product_of(&place, f, i ? 1 : tiny, i ? tiny : 1);

        assert_true(got == 0 || (!is_emulated && got == 33 * tiny));
    }
    free_factors(f);
    close_place(&place);
    free(f);
}

/* ---- steps of an LSTM ---- */

/* A sequence: what there is of it in one buffer, forward and backward. */
struct sequence {
    struct clseq_lstm_seq_fwd_args fwd;
    struct clseq_lstm_seq_bwd_args bwd;
    clseq_buffer *reals, *lengths;
    size_t floats; /* taken so far */
};

/* The most elements of a sequence's tensors together. */
#define SEQUENCE_FLOATS 200000

static clseq_tensor take(const struct probe_place *place, struct sequence *s, int ndim, int32_t d0,
                         int32_t d1, int32_t d2, double scale)
{
    static double values[SEQUENCE_FLOATS];
    const size_t offset = s->floats;
    const clseq_tensor x = ndim == 1   ? clseq_tensor_1d(s->reals, offset, CLSEQ_F32, d0)
                           : ndim == 2 ? clseq_tensor_2d(s->reals, offset, CLSEQ_F32, d0, d1)
                                       : clseq_tensor_3d(s->reals, offset, CLSEQ_F32, d0, d1, d2);
    const size_t n = clseq_tensor_count(&x);

    s->floats += n;
    assert_true(s->floats <= SEQUENCE_FLOATS);
    for (size_t i = 0; i < n; i++)
        values[i] = scale * probe_random(60 + offset, i);
    probe_write(place->be, x, values);
    return x;
}

/* Sequences of T, T - 1, ... steps, some of none at the end. */
static void make_sequence(const struct probe_place *place, int32_t T, int32_t B, int32_t H,
                          struct sequence *s)
{
    int32_t length[100];

    *s = (struct sequence) { 0 };
    ASSERT_OK(place->ctx, clseq_buffer_create(place->be, SEQUENCE_FLOATS * sizeof(float),
                                              "sequence", &s->reals));
    ASSERT_OK(place->ctx, clseq_buffer_create(place->be, sizeof(length), "lengths", &s->lengths));
    for (int32_t b = 0; b < B; b++)
        length[b] = T - b * (T + 1) / B;
    ASSERT_OK(place->ctx, clseq_buffer_write(s->lengths, 0, length, (size_t)B * sizeof(length[0])));
    s->fwd = (struct clseq_lstm_seq_fwd_args) {
        .w_hh = take(place, s, 2, 4 * H, H, 0, 0.3),
        .h0 = take(place, s, 2, B, H, 0, 1),
        .c0 = take(place, s, 2, B, H, 0, 1),
        .b_ih = take(place, s, 1, 4 * H, 0, 0, 0.5),
        .b_hh = take(place, s, 1, 4 * H, 0, 0, 0.5),
        .length = clseq_tensor_1d(s->lengths, 0, CLSEQ_I32, B),
        .gates = take(place, s, 3, T, B, 4 * H, 1),
        .h = take(place, s, 3, T, B, H, 1),
        .c = take(place, s, 3, T, B, H, 1),
    };
    s->bwd = (struct clseq_lstm_seq_bwd_args) { .w_hh = s->fwd.w_hh,
                                                .c0 = s->fwd.c0,
                                                .c = s->fwd.c,
                                                .length = s->fwd.length,
                                                .gates = s->fwd.gates,
                                                .dy = take(place, s, 3, T, B, H, 1),
                                                .dh = take(place, s, 2, B, H, 0, 1),
                                                .dc = take(place, s, 2, B, H, 0, 1) };
}

/* All that a sequence leaves, as a whole operation or composed. */
static double *results(const struct probe_place *place, int32_t T, int32_t B, int32_t H,
                       bool composed, size_t *n)
{
    double *ret = calloc(SEQUENCE_FLOATS, sizeof(*ret));
    struct sequence s;

    assert_non_null(ret);
    make_sequence(place, T, B, H, &s);
    if (composed) {
        ASSERT_OK(place->ctx, clseq_op_run_composed(place->be, CLSEQ_OP_lstm_seq_fwd, &s.fwd));
        probe_read(place->be, s.fwd.h, ret);
        ASSERT_OK(place->ctx, clseq_op_run_composed(place->be, CLSEQ_OP_lstm_seq_bwd, &s.bwd));
    } else {
        ASSERT_OK(place->ctx, clseq_op_run(place->be, CLSEQ_OP_lstm_seq_fwd, &s.fwd));
        probe_read(place->be, s.fwd.h, ret);
        ASSERT_OK(place->ctx, clseq_op_run(place->be, CLSEQ_OP_lstm_seq_bwd, &s.bwd));
    }
    *n = clseq_tensor_count(&s.fwd.h);
    probe_read(place->be, s.bwd.gates, ret + *n);
    *n += clseq_tensor_count(&s.bwd.gates);
    probe_read(place->be, s.bwd.dh, ret + *n);
    *n += clseq_tensor_count(&s.bwd.dh);
    probe_read(place->be, s.bwd.dc, ret + *n);
    *n += clseq_tensor_count(&s.bwd.dc);
    clseq_buffer_destroy(&s.reals);
    clseq_buffer_destroy(&s.lengths);
    return ret;
}

/* Steps as one kernel and as parts differ by the order of sums, and where that carries a factor of
 * the next step over to its neighbour among bf16 numbers, 2^-8 of it: far less than what a panel
 * or a gate out of its place would make. Blocks full and not, of rows and of units. */
static void test_sequences(void **state)
{
    static const int32_t sizes[][3] = {
        { 5, 64, 32 }, { 4, 33, 40 }, { 1, 50, 31 }, { 2, 8, 64 }, { 6, 70, 33 },
    };
    struct probe_place place;

    open_form(&place, *state);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(sizes); i++) {
        const int32_t T = sizes[i][0], B = sizes[i][1], H = sizes[i][2];
        size_t n, again_n;
        double *whole = results(&place, T, B, H, false, &n);
        double *again = results(&place, T, B, H, false, &again_n);
        double *parts = results(&place, T, B, H, true, &again_n);

        assert_memory_equal(whole, again, n * sizeof(*whole));
        probe_close("sequence", whole, parts, n, 4e-3, 1);
        free(whole);
        free(again);
        free(parts);
    }
    close_place(&place);
}

/* ---- training ---- */

static double train(const struct form *form, struct train_case *c)
{
    struct clseq_train_result result;
    struct probe_place place;
    json_t *log;
    double loss;

    if (form)
        open_form(&place, form);
    else
        open_place(&place, "none");
    train_case_set_run(c, form ? form->unit : "none");
    ASSERT_OK(place.ctx, clseq_train(place.ctx, place.be, &c->options, NULL, &result));
    log = train_log(c, "update");
    loss = train_log_number(log, 0, "loss");
    json_decref(log);
    close_place(&place);
    return loss;
}

/* Some sums in another order than without a unit, and nothing else. */
static void test_training(void **state)
{
    struct train_case c;
    double with, without;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.model = (struct clseq_model_config) { .embedding = 12,
                                                    .hidden = 16,
                                                    .layers = 2,
                                                    .bidirectional = true,
                                                    .attention = CLSEQ_ATTENTION_GENERAL };
    c.options.optimizer = CLSEQ_OPTIMIZER_ADAM;
    c.options.lr = 0.02;
    c.options.batch = 16;
    c.options.log_every = 12;
    c.options.after = (struct clseq_when) { .updates = 12 };
    with = train(*state, &c);
    without = train(NULL, &c);
    train_case_remove(&c);
    if (!(fabs(with / without - 1) <= 1e-3))
        fail_msg("loss %.9g, without a unit %.9g", with, without);
}

#define FORM_TESTS(form, name)                                                                     \
    { "copies of " name, test_copies, NULL, NULL, &(form) },                                       \
        { "values of " name, test_values, NULL, NULL, &(form) },                                   \
        { "sequences of " name, test_sequences, NULL, NULL, &(form) },                             \
    {                                                                                              \
        "training of " name, test_training, NULL, NULL, &(form)                                    \
    }

int main(void)
{
    static struct form forms[] = {
        { "amx-emulated", NULL }, { "avx512-emulated", NULL },
        { "amx", " amx_bf16" },   { "avx512", " avx512_bf16" },
        { "none", NULL },
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_auto),
        FORM_TESTS(forms[0], "amx-emulated"),
        FORM_TESTS(forms[1], "avx512-emulated"),
        FORM_TESTS(forms[2], "amx"),
        FORM_TESTS(forms[3], "avx512"),
        { "copies without a unit", test_copies, NULL, NULL, &forms[4] },
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
