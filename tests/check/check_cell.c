/* SPDX-License-Identifier: BSD-2-Clause */
#include "check_cell.h"

#include <math.h>
#include <string.h>

static const int32_t batches[] = { 1, 2, 3, 16, 33 }, widths[] = { 1, 7, 16, 17, 64, 65, 129 };

const char *check_option_text(int options, char text[CHECK_OPTION_TEXT])
{
    snprintf(text, CHECK_OPTION_TEXT, "%s%s%s%s%s", options & WITH_BIAS ? "_bias" : "",
             options & WITH_LENGTH ? "_length" : "", options & WITH_EDGES ? "_edges" : "",
             options & WITH_DY ? "_dy" : "", options & WITH_PEEPHOLE ? "_peephole" : "");
    return text;
}

void check_add_biases(struct check_case *c, int32_t n)
{
    check_real(c, "b_ih", 1, n, 1, 1);
    check_real(c, "b_hh", 1, n, 1, 1);
}

void check_add_weights(struct check_case *c, int gates, int32_t H)
{
    const double size = 1 / sqrt(H > 0 ? (double)H : 1);

    check_real(c, "w_hh", 2, gates * H, H, 1);
    check_fill_uniform(c, "w_hh", -size, size);
}

void check_add_length(struct check_case *c, int options, int32_t B, int32_t t, int32_t T)
{
    if (!(options & WITH_LENGTH))
        return;
    check_index(c, "length", B);
    check_lengths(c, "length", t, T);
}

void check_fill_activations(struct check_case *c, const char *name, const char *gates, int32_t H,
                            bool edges)
{
    struct check_operand *x = check_find(c, name);
    const size_t row = strlen(gates) * (size_t)H;

    for (size_t i = 0; i < x->count; i++) {
        const bool is_tanh = gates[i % row / (size_t)H] == 't';

        x->real[i] = check_draw(c, is_tanh ? -1 : 0, 1);
        if (edges && check_below(c, 4) == 0)
            x->real[i] = check_below(c, 2) ? 1 : is_tanh ? -1 : 0;
    }
}

void check_cell_cases(struct check *t, check_cell_case *run, int n_outputs, int all_options)
{
    const int n_widths = t->quick ? 4 : (int)CLSEQ_ARRAY_SIZE(widths), all_aliases = 1 << n_outputs;
    int turn = 0;

    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(batches); i++) {
        for (int j = 0; j < n_widths; j++, turn++) {
            run(t, batches[i], widths[j], turn % all_options, turn % all_aliases);
            run(t, batches[i], widths[j], (turn + 2) % all_options | WITH_LENGTH, 0);
        }
    }
    for (int aliases = 0; aliases < all_aliases; aliases++)
        run(t, 5, 19, WITH_LENGTH | WITH_BIAS | WITH_DY, aliases);
    for (int options = 0; options < all_options; options++)
        run(t, 4, 33, options, all_aliases - 1);
    run(t, 0, 8, WITH_LENGTH, 0);
    run(t, 3, 0, WITH_LENGTH, 0);
}

void check_seq_cases(struct check *t, check_seq_case *run, int all_options)
{
    static const int32_t steps[] = { 1, 2, 5, 9 };
    const int n_widths = t->quick ? 3 : (int)CLSEQ_ARRAY_SIZE(widths);
    int turn = 0;

    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(batches); i++) {
        for (int j = 0; j < n_widths; j++, turn++)
            run(t, t->quick && steps[turn % 4] > 3 ? 3 : steps[turn % 4], batches[i], widths[j],
                turn % all_options);
    }
    /* A simulator takes minutes for what three steps of few rows show as well. */
    for (int options = 0; options < all_options; options++)
        run(t, t->quick ? 2 : 4, t->quick ? 3 : 6, t->quick ? 9 : 20, options);
    run(t, 0, 3, 8, WITH_LENGTH);
    run(t, 3, 0, 8, WITH_LENGTH);
    run(t, 3, 4, 0, WITH_LENGTH);
}
