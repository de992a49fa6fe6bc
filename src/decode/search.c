/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void clseq_found_fini(clseq_found *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(found[i].ids);
        free(found[i].alignment);
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

static bool aligns(const clseq_decoder_state *st, const clseq_search_job *job)
{
    return job->alignments && st->model->decoder.attention.kind != CLSEQ_ATTENTION_NONE;
}

unsigned clseq_search_what(const clseq_decoder_state *st, const clseq_search_job *job,
                           unsigned what)
{
    return aligns(st, job) ? what | CLSEQ_DECODE_WEIGHTS : what;
}

clseq_status clseq_search_alignment(const clseq_decoder_state *st, const clseq_search_job *job,
                                    int32_t b, int32_t steps, float **ret)
{
    size_t count;

    *ret = NULL;
    if (!aligns(st, job))
        return CLSEQ_OK;
    if (!clseq_mul_size((size_t)steps, (size_t)st->source_length[b], &count))
        return clseq_fail(st->ctx, CLSEQ_ERR_LIMIT,
                          "line %llu: an alignment of %d with %d words is too large: set a lower "
                          "limit of the length (--max-length)",
                          (unsigned long long)job->line[b], steps, st->source_length[b]);
    return clseq_calloc(st->ctx, count, sizeof(**ret), "alignment", ret);
}

void clseq_search_align(const clseq_decoder_state *st, int32_t t, int32_t b, int32_t k,
                        float *alignment)
{
    const size_t width = (size_t)st->source_length[b];

    if (alignment)
        memcpy(alignment + (size_t)t * width, clseq_decoder_state_weights(st, t, b, k),
               width * sizeof(*alignment));
}

clseq_status clseq_search_fail_nan(clseq_context *ctx, uint64_t line, int32_t t)
{
    return clseq_fail(ctx, CLSEQ_ERR_NUMERIC,
                      "line %llu: the model gives NaN at word %d of the translation: its weights "
                      "hold numbers that are not finite, or the device computes wrongly; try "
                      "another model or --backend reference",
                      (unsigned long long)line, t + 1);
}
