/* SPDX-License-Identifier: BSD-2-Clause */
/* lstm_cell_fwd, lstm_cell_bwd, lstm_seq_fwd, lstm_seq_bwd */
#include "check.h"

#include <math.h>

enum { WITH_BIAS = 1, WITH_LENGTH = 2, WITH_EDGES = 4, WITH_DY = 8, ALL_OPTIONS = 16 };

static const int32_t batches[] = { 1, 2, 3, 16, 33 }, widths[] = { 1, 7, 16, 17, 64, 65, 129 };

static const char *option_text(int options, char text[32])
{
    snprintf(text, 32, "%s%s%s%s", options & WITH_BIAS ? "_bias" : "",
             options & WITH_LENGTH ? "_length" : "", options & WITH_EDGES ? "_edges" : "",
             options & WITH_DY ? "_dy" : "");
    return text;
}

static void add_biases(struct check_case *c, int32_t H)
{
    check_real(c, "b_ih", 1, 4 * H, 1, 1);
    check_real(c, "b_hh", 1, 4 * H, 1, 1);
}

static void cell_fwd_case(struct check *t, int32_t B, int32_t H, int options, int aliases)
{
    struct check_case *c;
    char text[32];
    const int32_t T = 6, step = 1 + (B + H) % 4;

    c = check_begin(t, CLSEQ_OP_lstm_cell_fwd, "b%d_h%d%s_alias%d", B, H,
                    option_text(options, text), aliases);
    if (!c)
        return;
    check_real(c, "pre", 2, B, 4 * H, 1);
    check_real(c, "c_prev", 2, B, H, 1);
    check_real(c, "h_prev", 2, B, H, 1);
    if (options & WITH_BIAS)
        add_biases(c, H);
    if (options & WITH_EDGES) {
        check_edges(c, "pre", 0.5);
        check_edges(c, "c_prev", 0.2);
    }
    if (options & WITH_LENGTH) {
        check_index(c, "length", B);
        check_lengths(c, "length", step, T);
    }
    check_out(c, "act", 2, B, 4 * H, 1);
    check_out(c, "c", 2, B, H, 1);
    check_out(c, "h", 2, B, H, 1);
    if (aliases & 1)
        check_alias(c, "act");
    if (aliases & 2)
        check_alias(c, "c");
    if (aliases & 4)
        check_alias(c, "h");
    c->args.lstm_cell_fwd.t = step;
    check_run(c);
}

/* Gates as a forward pass leaves them: sigmoids in (0, 1), tanh in (-1, 1), both ends included. */
static void fill_activations(struct check_case *c, const char *name, int32_t H, bool edges)
{
    struct check_operand *x = check_find(c, name);

    for (size_t i = 0; i < x->count; i++) {
        const bool is_tanh = i % (size_t)(4 * H) / (size_t)H == 2;

        x->real[i] = check_draw(c, is_tanh ? -1 : 0, 1);
        if (edges && check_below(c, 4) == 0)
            x->real[i] = check_below(c, 2) ? 1 : is_tanh ? -1 : 0;
    }
}

static void cell_bwd_case(struct check *t, int32_t B, int32_t H, int options, int aliases)
{
    struct check_case *c;
    char text[32];
    const int32_t T = 6, step = 1 + (B + H) % 4;

    c = check_begin(t, CLSEQ_OP_lstm_cell_bwd, "b%d_h%d%s_alias%d", B, H,
                    option_text(options, text), aliases);
    if (!c)
        return;
    check_real(c, "act", 2, B, 4 * H, 1);
    fill_activations(c, "act", H, (options & WITH_EDGES) != 0);
    check_real(c, "c_prev", 2, B, H, 1);
    check_real(c, "c", 2, B, H, 1);
    check_real(c, "dh", 2, B, H, 1);
    check_real(c, "dc", 2, B, H, 1);
    if (options & WITH_EDGES)
        check_edges(c, "c", 0.3);
    if (options & WITH_DY)
        check_real(c, "dy", 2, B, H, 1);
    if (options & WITH_LENGTH) {
        check_index(c, "length", B);
        check_lengths(c, "length", step, T);
    }
    check_out(c, "dpre", 2, B, 4 * H, 1);
    check_out(c, "dh_prev", 2, B, H, 1);
    check_out(c, "dc_prev", 2, B, H, 1);
    if (aliases & 1)
        check_alias(c, "dpre");
    if (aliases & 2)
        check_alias(c, "dh_prev");
    if (aliases & 4)
        check_alias(c, "dc_prev");
    c->args.lstm_cell_bwd.t = step;
    check_run(c);
}

typedef void cell_case(struct check *t, int32_t B, int32_t H, int options, int aliases);

static void cell_cases(struct check *t, cell_case *run)
{
    const int n_widths = t->quick ? 4 : (int)CLSEQ_ARRAY_SIZE(widths);
    int turn = 0;

    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(batches); i++) {
        for (int j = 0; j < n_widths; j++, turn++) {
            run(t, batches[i], widths[j], turn % ALL_OPTIONS, turn % 8);
            run(t, batches[i], widths[j], (turn + 2) % ALL_OPTIONS | WITH_LENGTH, 0);
        }
    }
    for (int aliases = 0; aliases < 8; aliases++)
        run(t, 5, 19, WITH_LENGTH | WITH_BIAS | WITH_DY, aliases);
    for (int options = 0; options < ALL_OPTIONS; options++)
        run(t, 4, 33, options, 7);
    run(t, 0, 8, WITH_LENGTH, 0);
    run(t, 3, 0, WITH_LENGTH, 0);
}

void check_lstm_cell_fwd(struct check *t)
{
    cell_cases(t, cell_fwd_case);
}

void check_lstm_cell_bwd(struct check *t)
{
    cell_cases(t, cell_bwd_case);
}

/* Recurrent weights of the usual size, so that what grows over the steps is the test's, not
 * theirs. */
static void add_weights(struct check_case *c, int32_t H)
{
    const double size = 1 / sqrt(H > 0 ? (double)H : 1);

    check_real(c, "w_hh", 2, 4 * H, H, 1);
    check_fill_uniform(c, "w_hh", -size, size);
}

static void seq_fwd_case(struct check *t, int32_t T, int32_t B, int32_t H, int options)
{
    struct check_case *c;
    char text[32];

    c = check_begin(t, CLSEQ_OP_lstm_seq_fwd, "t%d_b%d_h%d%s", T, B, H, option_text(options, text));
    if (!c)
        return;
    add_weights(c, H);
    check_real(c, "h0", 2, B, H, 1);
    check_fill_uniform(c, "h0", -1, 1);
    check_real(c, "c0", 2, B, H, 1);
    check_real(c, "gates", 3, T, B, 4 * H);
    if (options & WITH_BIAS)
        add_biases(c, H);
    if (options & WITH_EDGES)
        check_edges(c, "gates", 0.2);
    if (options & WITH_LENGTH) {
        check_index(c, "length", B);
        check_lengths(c, "length", T > 1 ? T / 2 : 0, T);
    }
    check_out(c, "h", 3, T, B, H);
    check_out(c, "c", 3, T, B, H);
    check_run(c);
}

static void seq_bwd_case(struct check *t, int32_t T, int32_t B, int32_t H, int options)
{
    struct check_case *c;
    char text[32];

    c = check_begin(t, CLSEQ_OP_lstm_seq_bwd, "t%d_b%d_h%d%s", T, B, H, option_text(options, text));
    if (!c)
        return;
    add_weights(c, H);
    check_real(c, "c0", 2, B, H, 1);
    check_real(c, "c", 3, T, B, H);
    check_real(c, "gates", 3, T, B, 4 * H);
    fill_activations(c, "gates", H, (options & WITH_EDGES) != 0);
    if (options & WITH_DY)
        check_real(c, "dy", 3, T, B, H);
    if (options & WITH_LENGTH) {
        check_index(c, "length", B);
        check_lengths(c, "length", T > 1 ? T / 2 : 0, T);
    }
    check_real(c, "dh", 2, B, H, 1);
    check_real(c, "dc", 2, B, H, 1);
    check_run(c);
}

typedef void seq_case(struct check *t, int32_t T, int32_t B, int32_t H, int options);

static void seq_cases(struct check *t, seq_case *run)
{
    static const int32_t steps[] = { 1, 2, 5, 9 };
    const int n_widths = t->quick ? 3 : (int)CLSEQ_ARRAY_SIZE(widths);
    int turn = 0;

    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(batches); i++) {
        for (int j = 0; j < n_widths; j++, turn++)
            run(t, steps[turn % 4], batches[i], widths[j], turn % ALL_OPTIONS);
    }
    for (int options = 0; options < ALL_OPTIONS; options++)
        run(t, 4, 6, 20, options);
    run(t, 0, 3, 8, WITH_LENGTH);
    run(t, 3, 0, 8, WITH_LENGTH);
    run(t, 3, 4, 0, WITH_LENGTH);
}

void check_lstm_seq_fwd(struct check *t)
{
    seq_cases(t, seq_fwd_case);
}

void check_lstm_seq_bwd(struct check *t)
{
    seq_cases(t, seq_bwd_case);
}
