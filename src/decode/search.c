/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/search.h"

#include <math.h>
#include <stdlib.h>

void clseq_found_fini(clseq_found *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(found[i].ids);
        found[i] = (clseq_found) { 0 };
    }
}

double clseq_search_normalise(double score, size_t tokens, double length_penalty)
{
    /* Not pow() for the two common cases: their results must not hang on a C library. */
    if (length_penalty == 0 || tokens == 0)
        return score;
    if (length_penalty == 1)
        return score / (double)tokens;
    return score / pow((double)tokens, length_penalty);
}

int32_t clseq_search_block_steps(const clseq_decoder_state *st, const clseq_search_job *job,
                                 const bool *decided)
{
    int32_t n = 0;

    for (int32_t i = 0; i < st->open; i++) {
        const int32_t b = st->open_sentence[i];

        if (!decided[b] && job->limit[b] - st->steps > n)
            n = job->limit[b] - st->steps;
    }
    return n < CLSEQ_DECODE_BLOCK ? n : CLSEQ_DECODE_BLOCK;
}

clseq_status clseq_search_fail_nan(clseq_context *ctx, uint64_t line, int32_t t)
{
    return clseq_fail(ctx, CLSEQ_ERR_NUMERIC,
                      "line %llu: the model gives NaN at word %d of the translation: its weights "
                      "hold numbers that are not finite, or the device computes wrongly; try "
                      "another model or --backend reference",
                      (unsigned long long)line, t + 1);
}
