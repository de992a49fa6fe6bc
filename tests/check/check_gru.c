/* SPDX-License-Identifier: BSD-2-Clause */
/* gru_cell_fwd, gru_cell_bwd, gru_seq_fwd, gru_seq_bwd */
#include "check_cell.h"

static void cell_fwd_case(struct check *t, int32_t B, int32_t H, int options, int aliases)
{
    struct check_case *c;
    char text[CHECK_OPTION_TEXT];
    const int32_t T = 6, step = 1 + (B + H) % 4;

    c = check_begin(t, CLSEQ_OP_gru_cell_fwd, "b%d_h%d%s_alias%d", B, H,
                    check_option_text(options, text), aliases);
    if (!c)
        return;
    check_real(c, "pre", 2, B, 3 * H, 1);
    check_real(c, "pre_n", 2, B, H, 1);
    check_real(c, "h_prev", 2, B, H, 1);
    if (options & WITH_BIAS)
        check_add_biases(c, 3 * H);
    if (options & WITH_EDGES) {
        check_edges(c, "pre", 0.5);
        check_edges(c, "pre_n", 0.3);
        check_edges(c, "h_prev", 0.2);
    }
    check_add_length(c, options, B, step, T);
    check_out(c, "act", 2, B, 3 * H, 1);
    check_out(c, "hn", 2, B, H, 1);
    check_out(c, "h", 2, B, H, 1);
    if (aliases & 1)
        check_alias(c, "act");
    if (aliases & 2)
        check_alias(c, "hn");
    if (aliases & 4)
        check_alias(c, "h");
    c->args.gru_cell_fwd.t = step;
    check_run(c);
}

static void cell_bwd_case(struct check *t, int32_t B, int32_t H, int options, int aliases)
{
    struct check_case *c;
    char text[CHECK_OPTION_TEXT];
    const int32_t T = 6, step = 1 + (B + H) % 4;

    c = check_begin(t, CLSEQ_OP_gru_cell_bwd, "b%d_h%d%s_alias%d", B, H,
                    check_option_text(options, text), aliases);
    if (!c)
        return;
    check_real(c, "act", 2, B, 3 * H, 1);
    check_fill_activations(c, "act", "sst", H, (options & WITH_EDGES) != 0);
    check_real(c, "hn", 2, B, H, 1);
    check_real(c, "h_prev", 2, B, H, 1);
    check_real(c, "dh", 2, B, H, 1);
    if (options & WITH_EDGES)
        check_edges(c, "hn", 0.3);
    if (options & WITH_DY)
        check_real(c, "dy", 2, B, H, 1);
    check_add_length(c, options, B, step, T);
    check_out(c, "dpre", 2, B, 3 * H, 1);
    check_out(c, "dhn", 2, B, H, 1);
    check_out(c, "dh_prev", 2, B, H, 1);
    if (aliases & 1)
        check_alias(c, "dpre");
    if (aliases & 2)
        check_alias(c, "dhn");
    if (aliases & 4)
        check_alias(c, "dh_prev");
    c->args.gru_cell_bwd.t = step;
    check_run(c);
}

void check_gru_cell_fwd(struct check *t)
{
    check_cell_cases(t, cell_fwd_case, 3, ALL_OPTIONS);
}

void check_gru_cell_bwd(struct check *t)
{
    check_cell_cases(t, cell_bwd_case, 3, ALL_OPTIONS);
}

static void seq_fwd_case(struct check *t, int32_t T, int32_t B, int32_t H, int options)
{
    struct check_case *c;
    char text[CHECK_OPTION_TEXT];

    c = check_begin(t, CLSEQ_OP_gru_seq_fwd, "t%d_b%d_h%d%s", T, B, H,
                    check_option_text(options, text));
    if (!c)
        return;
    check_add_weights(c, 3, H);
    check_real(c, "h0", 2, B, H, 1);
    check_fill_uniform(c, "h0", -1, 1);
    check_real(c, "gates", 3, T, B, 3 * H);
    if (options & WITH_BIAS)
        check_add_biases(c, 3 * H);
    if (options & WITH_EDGES)
        check_edges(c, "gates", 0.2);
    check_add_length(c, options, B, T > 1 ? T / 2 : 0, T);
    check_out(c, "hn", 3, T, B, H);
    check_out(c, "h", 3, T, B, H);
    check_run(c);
}

static void seq_bwd_case(struct check *t, int32_t T, int32_t B, int32_t H, int options)
{
    struct check_case *c;
    char text[CHECK_OPTION_TEXT];

    c = check_begin(t, CLSEQ_OP_gru_seq_bwd, "t%d_b%d_h%d%s", T, B, H,
                    check_option_text(options, text));
    if (!c)
        return;
    check_add_weights(c, 3, H);
    check_real(c, "h0", 2, B, H, 1);
    check_real(c, "h", 3, T, B, H);
    check_fill_uniform(c, "h", -1, 1);
    check_real(c, "gates", 3, T, B, 3 * H);
    check_fill_activations(c, "gates", "sst", H, (options & WITH_EDGES) != 0);
    check_real(c, "hn", 3, T, B, H);
    check_fill_uniform(c, "hn", -1, 1);
    if (options & WITH_DY)
        check_real(c, "dy", 3, T, B, H);
    check_add_length(c, options, B, T > 1 ? T / 2 : 0, T);
    check_real(c, "dh", 2, B, H, 1);
    check_run(c);
}

void check_gru_seq_fwd(struct check *t)
{
    check_seq_cases(t, seq_fwd_case, ALL_OPTIONS);
}

void check_gru_seq_bwd(struct check *t)
{
    check_seq_cases(t, seq_bwd_case, ALL_OPTIONS);
}
