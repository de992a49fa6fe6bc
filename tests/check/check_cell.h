/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases of recurrent cells and sequences: what the LSTM, the GRU and the plain layer share. */
#ifndef CLSEQ_CHECK_CELL_H
#define CLSEQ_CHECK_CELL_H

#include "check.h"

enum { WITH_BIAS = 1, WITH_LENGTH = 2, WITH_EDGES = 4, WITH_DY = 8, ALL_OPTIONS = 16 };
enum { WITH_PEEPHOLE = 16, ALL_LSTM_OPTIONS = 32 };

/* "_bias_length" */
#define CHECK_OPTION_TEXT 48
const char *check_option_text(int options, char text[CHECK_OPTION_TEXT]);

/* b_ih and b_hh of `n` elements each. */
void check_add_biases(struct check_case *c, int32_t n);

/* w_hh (gates H, H) of the usual size, so that what grows over the steps is the test's, not the
 * weights'. */
void check_add_weights(struct check_case *c, int gates, int32_t H);

/* Lengths around step t of T, where `options` ask for them. */
void check_add_length(struct check_case *c, int options, int32_t B, int32_t t, int32_t T);

/* Gates as a forward pass leaves them, blocks of H: 's' a sigmoid in (0, 1), 't' a tanh in (-1, 1);
 * with edges both ends included. */
void check_fill_activations(struct check_case *c, const char *name, const char *gates, int32_t H,
                            bool edges);

/* `aliases`: bit i, output i may be its input. n_outputs at most 3. */
typedef void check_cell_case(struct check *t, int32_t B, int32_t H, int options, int aliases);
void check_cell_cases(struct check *t, check_cell_case *run, int n_outputs, int all_options);

typedef void check_seq_case(struct check *t, int32_t T, int32_t B, int32_t H, int options);
void check_seq_cases(struct check *t, check_seq_case *run, int all_options);

#endif
