/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a line adds to the counts of its metric, as numbers: the score of any choice of lines is a
 * function of the sums over them. Sums of counts are exact, as they stay far below 2^53.
 */
#ifndef CLSEQ_EVAL_STATISTICS_H
#define CLSEQ_EVAL_STATISTICS_H

#include <clseq/eval.h>

#define CLSEQ_STATISTICS_MAX (6 * CLSEQ_CHRF_MAX_ORDER)

/* Those of the last line added; returns how many, always the same for one set of options. */
size_t clseq_bleu_statistics(const clseq_bleu *bleu, double *ret);
size_t clseq_chrf_statistics(const clseq_chrf *chrf, double *ret);
size_t clseq_ter_statistics(const clseq_ter *ter, double *ret);
size_t clseq_edit_statistics(const clseq_edit *edit, double *ret);

/* The score of sums, 0 to 100 (rates may exceed it). Where TER has no reference tokens the edit
 * rate counts 100, too. */
double clseq_bleu_statistics_score(const clseq_bleu *bleu, const double *sums);
double clseq_chrf_statistics_score(const clseq_chrf *chrf, const double *sums);
double clseq_ter_statistics_score(const double *sums);
/* The three rates; the counts stay 0. */
void clseq_edit_statistics_score(const double *sums, clseq_edit_result *ret);

#endif
