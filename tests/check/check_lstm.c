/* SPDX-License-Identifier: BSD-2-Clause */
/* lstm_cell_fwd, lstm_cell_bwd, lstm_seq_fwd, lstm_seq_bwd */
#include "check_cell.h"

static void cell_fwd_case(struct check *t, int32_t B, int32_t H, int options, int aliases)
{
    struct check_case *c;
    char text[CHECK_OPTION_TEXT];
    const int32_t T = 6, step = 1 + (B + H) % 4;

    c = check_begin(t, CLSEQ_OP_lstm_cell_fwd, "b%d_h%d%s_alias%d", B, H,
                    check_option_text(options, text), aliases);
    if (!c)
        return;
    check_real(c, "pre", 2, B, 4 * H, 1);
    check_real(c, "c_prev", 2, B, H, 1);
    check_real(c, "h_prev", 2, B, H, 1);
    if (options & WITH_BIAS)
        check_add_biases(c, 4 * H);
    if (options & WITH_EDGES) {
        check_edges(c, "pre", 0.5);
        check_edges(c, "c_prev", 0.2);
    }
    check_add_length(c, options, B, step, T);
    check_out(c, "act", 2, B, 4 * H, 1);
    check_out(c, "c", 2, B, H, 1);
    check_out(c, "h", 2, B, H, 1);
    if (options & WITH_PEEPHOLE)
        check_real(c, "peephole", 2, 3, H, 1);
    if (aliases & 1)
        check_alias(c, "act");
    if (aliases & 2)
        check_alias(c, "c");
    if (aliases & 4)
        check_alias(c, "h");
    c->args.lstm_cell_fwd.t = step;
    check_run(c);
}

static void cell_bwd_case(struct check *t, int32_t B, int32_t H, int options, int aliases)
{
    struct check_case *c;
    char text[CHECK_OPTION_TEXT];
    const int32_t T = 6, step = 1 + (B + H) % 4;

    c = check_begin(t, CLSEQ_OP_lstm_cell_bwd, "b%d_h%d%s_alias%d", B, H,
                    check_option_text(options, text), aliases);
    if (!c)
        return;
    check_real(c, "act", 2, B, 4 * H, 1);
    check_fill_activations(c, "act", "ssts", H, (options & WITH_EDGES) != 0);
    check_real(c, "c_prev", 2, B, H, 1);
    check_real(c, "c", 2, B, H, 1);
    check_real(c, "dh", 2, B, H, 1);
    check_real(c, "dc", 2, B, H, 1);
    if (options & WITH_EDGES)
        check_edges(c, "c", 0.3);
    if (options & WITH_DY)
        check_real(c, "dy", 2, B, H, 1);
    check_add_length(c, options, B, step, T);
    check_out(c, "dpre", 2, B, 4 * H, 1);
    check_out(c, "dh_prev", 2, B, H, 1);
    check_out(c, "dc_prev", 2, B, H, 1);
    if (options & WITH_PEEPHOLE)
        check_real(c, "peephole", 2, 3, H, 1);
    if (aliases & 1)
        check_alias(c, "dpre");
    if (aliases & 2)
        check_alias(c, "dh_prev");
    if (aliases & 4)
        check_alias(c, "dc_prev");
    c->args.lstm_cell_bwd.t = step;
    check_run(c);
}

void check_lstm_cell_fwd(struct check *t)
{
    check_cell_cases(t, cell_fwd_case, 3, ALL_LSTM_OPTIONS);
}

void check_lstm_cell_bwd(struct check *t)
{
    check_cell_cases(t, cell_bwd_case, 3, ALL_LSTM_OPTIONS);
}

/* Of a size at which a sequence neither grows nor dies. */
static void add_small_peephole(struct check_case *c, int options, int32_t H)
{
    if (!(options & WITH_PEEPHOLE))
        return;
    check_real(c, "peephole", 2, 3, H, 1);
    check_fill_uniform(c, "peephole", -0.5, 0.5);
}

static void seq_fwd_case(struct check *t, int32_t T, int32_t B, int32_t H, int options)
{
    struct check_case *c;
    char text[CHECK_OPTION_TEXT];

    c = check_begin(t, CLSEQ_OP_lstm_seq_fwd, "t%d_b%d_h%d%s", T, B, H,
                    check_option_text(options, text));
    if (!c)
        return;
    check_add_weights(c, 4, H);
    check_real(c, "h0", 2, B, H, 1);
    check_fill_uniform(c, "h0", -1, 1);
    check_real(c, "c0", 2, B, H, 1);
    check_real(c, "gates", 3, T, B, 4 * H);
    if (options & WITH_BIAS)
        check_add_biases(c, 4 * H);
    if (options & WITH_EDGES)
        check_edges(c, "gates", 0.2);
    check_add_length(c, options, B, T > 1 ? T / 2 : 0, T);
    check_out(c, "h", 3, T, B, H);
    check_out(c, "c", 3, T, B, H);
    add_small_peephole(c, options, H);
    check_run(c);
}

static void seq_bwd_case(struct check *t, int32_t T, int32_t B, int32_t H, int options)
{
    struct check_case *c;
    char text[CHECK_OPTION_TEXT];

    c = check_begin(t, CLSEQ_OP_lstm_seq_bwd, "t%d_b%d_h%d%s", T, B, H,
                    check_option_text(options, text));
    if (!c)
        return;
    check_add_weights(c, 4, H);
    check_real(c, "c0", 2, B, H, 1);
    check_real(c, "c", 3, T, B, H);
    check_real(c, "gates", 3, T, B, 4 * H);
    check_fill_activations(c, "gates", "ssts", H, (options & WITH_EDGES) != 0);
    if (options & WITH_DY)
        check_real(c, "dy", 3, T, B, H);
    check_add_length(c, options, B, T > 1 ? T / 2 : 0, T);
    check_real(c, "dh", 2, B, H, 1);
    check_real(c, "dc", 2, B, H, 1);
    add_small_peephole(c, options, H);
    check_run(c);
}

void check_lstm_seq_fwd(struct check *t)
{
    check_seq_cases(t, seq_fwd_case, ALL_LSTM_OPTIONS);
}

void check_lstm_seq_bwd(struct check *t)
{
    check_seq_cases(t, seq_bwd_case, ALL_LSTM_OPTIONS);
}
