/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

/* A NaN comes before every number, so that it is seen. */
static inline int is_better(float x, float y)
{
    return isnan(x) ? !isnan(y) : x > y;
}

/* A work-item per sentence. The best so far stand sorted in the outputs; a candidate that equals
 * another goes behind it, which keeps the order of rows and of j. */
CLSEQ_KERNEL void beam_advance(__global const float *value, ulong value_offset, int value_stride,
                               __global const int *index, ulong index_offset, int index_stride,
                               __global const float *lse, ulong lse_offset,
                               __global const float *score, ulong score_offset,
                               __global const int *token, ulong token_offset,
                               __global float *new_score, ulong new_score_offset,
                               __global int *new_token, ulong new_token_offset,
                               __global int *parent, ulong parent_offset, int n_sentences, int K,
                               int eos CLSEQ_IDS)
{
    const int sentence = CLSEQ_ID(0);

    if (sentence >= n_sentences)
        return;
    const int first = sentence * K;
    __global float *best_score = new_score + new_score_offset + (ulong)first;
    __global int *best_token = new_token + new_token_offset + (ulong)first;
    __global int *best_parent = parent + parent_offset + (ulong)first;
    int kept = 0;

    for (int row = first; row < first + K; row++) {
        const float so_far = score[score_offset + (ulong)row];
        const float log_sum = lse[lse_offset + (ulong)row];
        const int finished = token[token_offset + (ulong)row] == eos;
        const int n_candidates = so_far == -INFINITY ? 0 : finished ? 1 : K;
        __global const float *logit = CLSEQ_ROW(value, value_offset, value_stride, row);
        __global const int *word = CLSEQ_ROW(index, index_offset, index_stride, row);

        for (int j = 0; j < n_candidates; j++) {
            const float candidate = finished ? so_far : so_far + (logit[j] - log_sum);

            if (kept == K && !is_better(candidate, best_score[K - 1]))
                continue;
            int place = kept < K ? kept++ : K - 1;

            for (; place > 0 && is_better(candidate, best_score[place - 1]); place--) {
                best_score[place] = best_score[place - 1];
                best_token[place] = best_token[place - 1];
                best_parent[place] = best_parent[place - 1];
            }
            best_score[place] = candidate;
            best_token[place] = finished ? eos : isnan(candidate) ? -1 : word[j];
            best_parent[place] = row;
        }
    }
    for (int k = kept; k < K; k++) {
        best_score[k] = -INFINITY;
        best_token[k] = eos;
        best_parent[k] = first + k;
    }
}
