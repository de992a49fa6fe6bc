/* SPDX-License-Identifier: BSD-2-Clause */
/* --bench: realistic sizes, a warm-up, then the median of repeated calls with a wait after each. */
#include "check.h"

#include "base/clock.h"

#include <jansson.h>
#include <stdlib.h>

#define ENOUGH_SECONDS      0.5 /* of measuring one case */
#define REFERENCE_MAX_FLOPS 4e9 /* beyond, the scalar path takes too long */
enum { MIN_REPEATS = 5, MAX_REPEATS = 200 };

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static clseq_status one_call(struct check_run_state *state, enum clseq_op op, double *seconds)
{
    const double start = clseq_seconds();

    CLSEQ_TRY(clseq_op_run(state->be, op, &state->args));
    CLSEQ_TRY(clseq_backend_sync(state->be));
    *seconds = clseq_seconds() - start;
    return CLSEQ_OK;
}

static clseq_status median_of_calls(struct check_case *c, clseq_backend *be, const uint32_t *image,
                                    size_t elements, int min_repeats, double *ret)
{
    struct check_run_state state;
    double seconds[MAX_REPEATS], total = 0;
    int n = 0;
    clseq_status status = check_upload(c, be, image, elements, &state);

    for (int i = 0; status == CLSEQ_OK && i < (min_repeats > 1 ? 2 : 1); i++)
        status = one_call(&state, c->op, &seconds[0]);
    while (status == CLSEQ_OK && n < MAX_REPEATS && (n < min_repeats || total < ENOUGH_SECONDS)) {
        status = one_call(&state, c->op, &seconds[n]);
        total += seconds[n++];
    }
    check_run_state_fini(&state);
    CLSEQ_TRY(status);
    qsort(seconds, (size_t)n, sizeof(seconds[0]), by_size);
    *ret = seconds[n / 2];
    return CLSEQ_OK;
}

static void print_row(struct check_case *c, double seconds, double reference)
{
    const double flops = clseq_op_flops(c->op, &c->args) / seconds;
    const double bytes = clseq_op_bytes(c->op, &c->args) / seconds;

    if (c->t->json) {
        json_t *row = json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "type", "bench", "op",
                                c->schema->name, "name", c->name, "ms", seconds * 1e3, "gflops",
                                flops * 1e-9, "gbytes", bytes * 1e-9);
        char *text;

        if (row && reference > 0)
            json_object_set_new(row, "speedup", json_real(reference / seconds));
        text = row ? json_dumps(row, JSON_COMPACT) : NULL;
        if (!text)
            check_broken("no memory for a line of JSON");
        puts(text);
        free(text);
        json_decref(row);
        return;
    }
    printf("%-46s %10.4f", c->name, seconds * 1e3);
    if (flops > 0)
        printf(" %9.2f", flops * 1e-9);
    else
        printf(" %9s", "-");
    printf(" %8.2f", bytes * 1e-9);
    if (reference > 0)
        printf(" %8.1fx\n", reference / seconds);
    else
        printf(" %9s\n", "-");
    fflush(stdout);
}

void check_bench_header(const struct check *t)
{
    if (!t->json)
        printf("%-46s %10s %9s %8s %9s\n", "case", "ms", "GFLOP/s", "GB/s", "reference");
}

void check_measure(struct check_case *c, size_t elements)
{
    struct check *t = c->t;
    const bool compare = t->reference && clseq_op_flops(c->op, &c->args) <= REFERENCE_MAX_FLOPS;
    double seconds = 0, reference = 0;
    uint32_t *image = check_alloc(elements, sizeof(uint32_t));
    clseq_status status;

    check_pack(c, image);
    status = median_of_calls(c, t->tested, image, elements, MIN_REPEATS, &seconds);
    if (status == CLSEQ_OK && compare)
        status = median_of_calls(c, t->reference, image, elements, 1, &reference);
    free(image);
    if (status != CLSEQ_OK) {
        check_report_fail(c, CHECK_FAULT_STATUS, clseq_context_error(t->ctx));
        return;
    }
    t->passed++;
    print_row(c, seconds, reference);
}

static void bench_gemm(struct check *t, int32_t m, int32_t n, int32_t k, bool trans_a, bool trans_b,
                       double beta)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_gemm, "%c%c_m%d_n%d_k%d", trans_a ? 't' : 'n',
                                       trans_b ? 't' : 'n', m, n, k);

    if (!c)
        return;
    check_real(c, "a", 2, trans_a ? k : m, trans_a ? m : k, 1);
    check_real(c, "b", 2, trans_b ? n : k, trans_b ? k : n, 1);
    check_real(c, "c", 2, m, n, 1);
    c->args.gemm.trans_a = trans_a;
    c->args.gemm.trans_b = trans_b;
    c->args.gemm.alpha = 1;
    c->args.gemm.beta = beta;
    check_run(c);
}

/* Attention: products of every sentence of time-major states. */
static void bench_attention(struct check *t, int32_t B, int32_t m, int32_t n, int32_t k,
                            bool trans_a, bool trans_b, const char *swapped)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_gemm, "%c%c_batch%d_m%d_n%d_k%d",
                                       trans_a ? 't' : 'n', trans_b ? 't' : 'n', B, m, n, k);

    if (!c)
        return;
    check_real(c, "a", 3, B, trans_a ? k : m, trans_a ? m : k);
    check_real(c, "b", 3, B, trans_b ? n : k, trans_b ? k : n);
    check_real(c, "c", 3, B, m, n);
    for (; *swapped; swapped++)
        check_swapped(c, (const char[]) { *swapped, '\0' });
    c->args.gemm.trans_a = trans_a;
    c->args.gemm.trans_b = trans_b;
    c->args.gemm.alpha = 1;
    check_run(c);
}

/* A training step of size M (DESIGN: E = H = 512, B = 64, T = 25) and decoding. */
static void bench_products(struct check *t)
{
    const int32_t rows = t->quick ? 160 : 1600, H = t->quick ? 128 : 512, V = t->quick ? 800 : 8000;

    bench_gemm(t, 512, 512, 512, false, false, 0);
    bench_gemm(t, rows, 4 * H, H, false, true, 0);         /* x W_ih^T, all steps */
    bench_gemm(t, 64, 4 * H, H, false, true, 1);           /* h W_hh^T, one step */
    bench_gemm(t, rows, H, 4 * H, false, false, 0);        /* dx */
    bench_gemm(t, 4 * H, H, rows, true, false, 1);         /* dW */
    bench_gemm(t, 64, H, 4 * H, false, false, 1);          /* dh, one step */
    bench_gemm(t, rows, V, H, false, true, 0);             /* logits */
    bench_gemm(t, 1, 4 * H, H, false, true, 1);            /* greedy, one sentence */
    bench_gemm(t, 5, V, H, false, true, 0);                /* beam of 5 */
    bench_attention(t, 64, 25, 25, H, false, true, "ab");  /* scores */
    bench_attention(t, 64, 25, H, 25, false, false, "bc"); /* context */
    bench_attention(t, 64, 25, H, 25, true, false, "bc");  /* d keys, d values */
    bench_attention(t, 64, 1, 25, H, false, true, "ab");   /* one step of decoding */
    bench_attention(t, 64, 1, H, 25, false, false, "bc");
}

static void bench_rows(struct check *t, int32_t rows, int32_t columns)
{
    struct check_case *c;

    if ((c = check_begin(t, CLSEQ_OP_copy, "%d_%d", rows, columns))) {
        check_real(c, "src", 2, rows, columns, 1);
        check_out(c, "dst", 2, rows, columns, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_axpby, "%d_%d", rows, columns))) {
        check_real(c, "x", 2, rows, columns, 1);
        check_real(c, "y", 2, rows, columns, 1);
        c->args.axpby.alpha = 0.5;
        c->args.axpby.beta = 0.5;
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_sum_squares, "%d_%d", rows, columns))) {
        check_real(c, "x", 2, rows, columns, 1);
        check_out(c, "y", 1, 1, 1, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_col_sums, "%d_%d", rows, columns))) {
        check_real(c, "x", 2, rows, columns, 1);
        check_out(c, "y", 1, columns, 1, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_col_dots, "%d_%d", rows, columns))) {
        check_real(c, "x", 2, rows, columns, 1);
        check_real(c, "z", 2, rows, columns, 1);
        check_out(c, "y", 1, columns, 1, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_argmax, "%d_%d", rows, columns))) {
        check_real(c, "x", 2, rows, columns, 1);
        check_out(c, "index", 1, rows, 1, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_gemm_argmax, "%d_%d", rows, columns))) {
        check_real(c, "a", 2, rows, 512, 1);
        check_real(c, "b", 2, columns, 512, 1);
        check_real(c, "bias", 1, columns, 1, 1);
        check_out(c, "c", 2, rows, columns, 1);
        check_out(c, "index", 1, rows, 1, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_keep_target, "%d_%d", rows, columns))) {
        check_real(c, "x", 2, rows, columns, 1);
        check_index(c, "target", rows);
        check_out(c, "y", 2, rows, columns, 1);
        check_alias(c, "y");
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_topk, "%d_%d_k5", rows, columns))) {
        check_real(c, "x", 2, rows, columns, 1);
        check_out(c, "value", 2, rows, 5, 1);
        check_out(c, "index", 2, rows, 5, 1);
        check_run(c);
    }
}

/* What decoding does with the logits of a batch, beside taking the best. */
static void bench_words(struct check *t, int32_t rows, int32_t columns)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_log_mix, "%d_%d", rows, columns);

    if (c) {
        check_real(c, "x", 2, rows, columns, 1);
        check_real(c, "x_lse", 1, rows, 1, 1);
        check_real(c, "y_lse", 1, rows, 1, 1);
        check_real(c, "y", 2, rows, columns, 1);
        c->args.log_mix.weight = 0.5;
        check_run(c);
    }
    for (int cut = 0; cut < 3; cut++) {
        static const char *const names[] = { "", "_k40", "_p90" };

        if (!(c = check_begin(t, CLSEQ_OP_sample, "%d_%d%s", rows, columns, names[cut])))
            continue;
        check_real(c, "x", 2, rows, columns, 1);
        check_index_nd(c, "counter", 2, rows, 2, 1);
        check_out(c, "index", 1, rows, 1, 1);
        c->args.sample.temperature = 1;
        c->args.sample.top_k = cut == 1 ? 40 : 0;
        c->args.sample.top_p = cut == 2 ? 0.9 : 1;
        check_run(c);
    }
}

static void bench_softmax(struct check *t, int32_t rows, int32_t columns)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_softmax_xent_fwd, "%d_%d", rows, columns);

    if (c) {
        check_real(c, "logits", 2, rows, columns, 1);
        check_index(c, "target", rows);
        check_out(c, "loss", 1, rows, 1, 1);
        check_out(c, "lse", 1, rows, 1, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_softmax_xent_bwd, "%d_%d", rows, columns))) {
        check_real(c, "logits", 2, rows, columns, 1);
        check_index(c, "target", rows);
        check_real(c, "lse", 1, rows, 1, 1);
        check_out(c, "dlogits", 2, rows, columns, 1);
        check_alias(c, "dlogits");
        c->args.softmax_xent_bwd.scale = 1e-3;
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_softmax_xent, "%d_%d", rows, columns))) {
        check_real(c, "logits", 2, rows, columns, 1);
        check_index(c, "target", rows);
        check_out(c, "loss", 1, rows, 1, 1);
        check_out(c, "lse", 1, rows, 1, 1);
        check_out(c, "dlogits", 2, rows, columns, 1);
        check_alias(c, "dlogits");
        c->args.softmax_xent.scale = 1e-3;
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_sigmoid_xent_fwd, "%d_%d", rows, columns))) {
        check_real(c, "logits", 2, rows, columns, 1);
        check_index(c, "target", rows);
        check_out(c, "loss", 1, rows, 1, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_sigmoid_xent_bwd, "%d_%d", rows, columns))) {
        check_real(c, "logits", 2, rows, columns, 1);
        check_index(c, "target", rows);
        check_out(c, "dlogits", 2, rows, columns, 1);
        check_alias(c, "dlogits");
        c->args.sigmoid_xent_bwd.scale = 1e-3;
        check_run(c);
    }
}

static void bench_lstm_cell(struct check *t, int32_t B, int32_t H, bool peephole)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_lstm_cell_fwd, "b%d_h%d%s", B, H, peephole ? "_peephole" : "");

    if (!c)
        return;
    check_real(c, "pre", 2, B, 4 * H, 1);
    check_real(c, "c_prev", 2, B, H, 1);
    check_real(c, "h_prev", 2, B, H, 1);
    check_out(c, "act", 2, B, 4 * H, 1);
    check_out(c, "c", 2, B, H, 1);
    check_out(c, "h", 2, B, H, 1);
    if (peephole)
        check_real(c, "peephole", 2, 3, H, 1);
    check_run(c);
}

static void bench_weights(struct check *t, int32_t B, int32_t T, int32_t S)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_masked_softmax_fwd, "%d_%d_%d", B, T, S);

    if (c) {
        check_real(c, "x", 3, B, T, S);
        check_out(c, "y", 3, B, T, S);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_masked_softmax_bwd, "%d_%d_%d", B, T, S))) {
        check_real(c, "y", 3, B, T, S);
        check_real(c, "dy", 3, B, T, S);
        check_out(c, "dx", 3, B, T, S);
        check_run(c);
    }
}

static void bench_additive(struct check *t, int32_t T, int32_t B, int32_t S, int32_t A)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_additive_score_fwd, "t%d_b%d_s%d_a%d", T, B, S, A);

    if (c) {
        check_real(c, "q", 3, T, B, A);
        check_real(c, "k", 3, S, B, A);
        check_real(c, "v", 1, A, 1, 1);
        check_out(c, "score", 3, B, T, S);
        check_run(c);
    }
    if (T > 1 && (c = check_begin(t, CLSEQ_OP_additive_score_bwd, "t%d_b%d_s%d_a%d", T, B, S, A))) {
        check_real(c, "dscore", 3, B, T, S);
        check_real(c, "q", 3, T, B, A);
        check_real(c, "k", 3, S, B, A);
        check_real(c, "v", 1, A, 1, 1);
        check_out(c, "dq", 3, T, B, A);
        check_real(c, "dk", 3, S, B, A);
        check_real(c, "dv", 1, A, 1, 1);
        c->args.additive_score_bwd.beta = 1;
        check_run(c);
    }
}

static void bench_tanh(struct check *t, int32_t rows, int32_t columns)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_tanh_fwd, "%d_%d", rows, columns);

    if (c) {
        check_real(c, "x", 2, rows, columns, 1);
        check_out(c, "y", 2, rows, columns, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_tanh_bwd, "%d_%d", rows, columns))) {
        check_real(c, "y", 2, rows, columns, 1);
        check_real(c, "dy", 2, rows, columns, 1);
        check_out(c, "dx", 2, rows, columns, 1);
        check_run(c);
    }
}

static void bench_dropout(struct check *t, int32_t steps, int32_t rows, int32_t columns)
{
    for (int same = 0; same < 2; same++) {
        struct check_case *c = check_begin(t, CLSEQ_OP_dropout, "%d_%d_%d%s", steps, rows, columns,
                                           same ? "_same" : "");

        if (!c)
            continue;
        check_real(c, "x", 3, steps, rows, columns);
        check_out(c, "y", 3, steps, rows, columns);
        c->args.dropout.p = 0.2;
        c->args.dropout.same_over_time = same;
        check_run(c);
    }
}

static void bench_lstm(struct check *t, int32_t T, int32_t B, int32_t H)
{
    struct check_case *c;

    bench_lstm_cell(t, B, H, false);
    bench_lstm_cell(t, B, H, true);
    if ((c = check_begin(t, CLSEQ_OP_lstm_seq_fwd, "t%d_b%d_h%d", T, B, H))) {
        check_real(c, "w_hh", 2, 4 * H, H, 1);
        check_real(c, "h0", 2, B, H, 1);
        check_real(c, "c0", 2, B, H, 1);
        check_real(c, "gates", 3, T, B, 4 * H);
        check_out(c, "h", 3, T, B, H);
        check_out(c, "c", 3, T, B, H);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_lstm_seq_bwd, "t%d_b%d_h%d", T, B, H))) {
        check_real(c, "w_hh", 2, 4 * H, H, 1);
        check_fill_uniform(c, "w_hh", -0.04, 0.04);
        check_real(c, "c0", 2, B, H, 1);
        check_real(c, "c", 3, T, B, H);
        check_real(c, "gates", 3, T, B, 4 * H);
        check_fill_uniform(c, "gates", 0, 1);
        check_real(c, "dh", 2, B, H, 1);
        check_real(c, "dc", 2, B, H, 1);
        check_run(c);
    }
}

static void bench_gru(struct check *t, int32_t T, int32_t B, int32_t H)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_gru_cell_fwd, "b%d_h%d", B, H);

    if (c) {
        check_real(c, "pre", 2, B, 3 * H, 1);
        check_real(c, "pre_n", 2, B, H, 1);
        check_real(c, "h_prev", 2, B, H, 1);
        check_out(c, "act", 2, B, 3 * H, 1);
        check_out(c, "hn", 2, B, H, 1);
        check_out(c, "h", 2, B, H, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_gru_seq_fwd, "t%d_b%d_h%d", T, B, H))) {
        check_real(c, "w_hh", 2, 3 * H, H, 1);
        check_fill_uniform(c, "w_hh", -0.04, 0.04);
        check_real(c, "h0", 2, B, H, 1);
        check_real(c, "gates", 3, T, B, 3 * H);
        check_out(c, "hn", 3, T, B, H);
        check_out(c, "h", 3, T, B, H);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_gru_seq_bwd, "t%d_b%d_h%d", T, B, H))) {
        check_real(c, "w_hh", 2, 3 * H, H, 1);
        check_fill_uniform(c, "w_hh", -0.04, 0.04);
        check_real(c, "h0", 2, B, H, 1);
        check_real(c, "h", 3, T, B, H);
        check_real(c, "gates", 3, T, B, 3 * H);
        check_fill_uniform(c, "gates", 0, 1);
        check_real(c, "hn", 3, T, B, H);
        check_real(c, "dh", 2, B, H, 1);
        check_run(c);
    }
}

static void bench_rnn(struct check *t, int32_t T, int32_t B, int32_t H)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_rnn_cell_fwd, "b%d_h%d", B, H);

    if (c) {
        check_real(c, "pre", 2, B, H, 1);
        check_real(c, "h_prev", 2, B, H, 1);
        check_out(c, "act", 2, B, H, 1);
        check_out(c, "h", 2, B, H, 1);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_rnn_seq_fwd, "t%d_b%d_h%d", T, B, H))) {
        check_real(c, "w_hh", 2, H, H, 1);
        check_fill_uniform(c, "w_hh", -0.04, 0.04);
        check_real(c, "h0", 2, B, H, 1);
        check_real(c, "gates", 3, T, B, H);
        check_out(c, "h", 3, T, B, H);
        check_run(c);
    }
    if ((c = check_begin(t, CLSEQ_OP_rnn_seq_bwd, "t%d_b%d_h%d", T, B, H))) {
        check_real(c, "w_hh", 2, H, H, 1);
        check_fill_uniform(c, "w_hh", -0.04, 0.04);
        check_real(c, "gates", 3, T, B, H);
        check_fill_uniform(c, "gates", -1, 1);
        check_real(c, "dh", 2, B, H, 1);
        check_run(c);
    }
}

/* Every update of dense parameters; `moments`: their names, one letter each. */
static struct check_case *begin_update(struct check *t, enum clseq_op op, const char *moments,
                                       int32_t rows, int32_t columns)
{
    struct check_case *c = check_begin(t, op, "%d_%d", rows, columns);

    if (!c)
        return NULL;
    check_real(c, "g", 2, rows, columns, 1);
    check_real(c, "stats", 1, 2, 1, 1);
    check_values(c, "stats")[1] = 1;
    check_real(c, "w", 2, rows, columns, 1);
    for (const char *at = moments; *at; at++) {
        const char name[2] = { *at, 0 };

        check_real(c, name, 2, rows, columns, 1);
        if (*at != 'm')
            check_fill_uniform(c, name, 0, 1);
    }
    return c;
}

static void bench_updates(struct check *t, int32_t rows, int32_t columns)
{
    struct check_case *c = begin_update(t, CLSEQ_OP_adam_update, "mv", rows, columns);

    if (c) {
        c->args.adam_update.step_size = 1e-3;
        c->args.adam_update.beta1 = 0.9;
        c->args.adam_update.beta2 = 0.999;
        c->args.adam_update.inv_sqrt_bias2 = 1;
        c->args.adam_update.eps = 1e-8;
        check_run(c);
    }
    if ((c = begin_update(t, CLSEQ_OP_sgd_update, "", rows, columns))) {
        c->args.sgd_update.lr = 0.1;
        check_run(c);
    }
    if ((c = begin_update(t, CLSEQ_OP_momentum_update, "m", rows, columns))) {
        c->args.momentum_update.lr = 0.1;
        c->args.momentum_update.momentum = 0.9;
        check_run(c);
    }
    if ((c = begin_update(t, CLSEQ_OP_adagrad_update, "v", rows, columns))) {
        c->args.adagrad_update.lr = 0.01;
        c->args.adagrad_update.eps = 1e-10;
        check_run(c);
    }
    if ((c = begin_update(t, CLSEQ_OP_adadelta_update, "vu", rows, columns))) {
        c->args.adadelta_update.lr = 1;
        c->args.adadelta_update.rho = 0.9;
        c->args.adadelta_update.eps = 1e-6;
        check_run(c);
    }
    if ((c = begin_update(t, CLSEQ_OP_rmsprop_update, "v", rows, columns))) {
        c->args.rmsprop_update.lr = 0.001;
        c->args.rmsprop_update.rho = 0.99;
        c->args.rmsprop_update.eps = 1e-8;
        check_run(c);
    }
}

void check_bench_cases(struct check *t)
{
    const int shrink = t->quick ? 8 : 1;

    bench_products(t);
    bench_rows(t, 1600 / shrink, 2048 / shrink);
    bench_softmax(t, 1600 / shrink, 8000 / shrink);
    bench_words(t, 64 / shrink, 8000 / shrink);
    bench_weights(t, 64, 25, 25);
    bench_additive(t, 25 / (t->quick ? 5 : 1), 64 / shrink, 25, 512 / shrink);
    bench_additive(t, 1, 64 / shrink, 25, 512 / shrink); /* a step of decoding */
    bench_tanh(t, 1600 / shrink, 512);
    bench_dropout(t, 25, 64, 512 / shrink);
    bench_lstm(t, 25, 64, 512 / shrink);
    bench_gru(t, 25, 64, 512 / shrink);
    bench_rnn(t, 25, 64, 512 / shrink);
    bench_updates(t, 2048 / shrink, 512);
}
