/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/translator_inside.h"

#include "data/batch_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t clseq_translator_embedding_size(const clseq_translator *translator)
{
    const clseq_rnn_stack *rnn = &translator->member[0]->model->encoder.rnn;

    return (size_t)rnn->hidden * (size_t)rnn->directions;
}

static clseq_status embed_batch(clseq_translator *tr, const clseq_sentences *source,
                                const clseq_sentence_place *places, size_t B, float *stage,
                                float *ret)
{
    struct clseq_member *m = tr->member[0];
    const clseq_rnn_stack *rnn = &m->model->encoder.rnn;
    const size_t H = (size_t)rnn->hidden, size = clseq_translator_embedding_size(tr);
    struct clseq_seq2seq_input input;

    CLSEQ_TRY(clseq_member_load(m, source, NULL, places, B));
    input = clseq_batch_input(&m->batch);
    CLSEQ_TRY(clseq_seq2seq_begin(m->model, &input));
    CLSEQ_TRY(clseq_seq2seq_encode(m->model));
    for (int32_t d = 0; d < rnn->directions; d++) {
        const clseq_tensor h = clseq_rnn_final(&m->model->encoder_pass.rnn, rnn->layers - 1, d).h;

        CLSEQ_TRY(clseq_tensor_read_f32(m->model->be, &h, stage));
        for (size_t b = 0; b < B; b++)
            memcpy(ret + places[b].index * size + (size_t)d * H, stage + b * H, H * sizeof(*stage));
    }
    return CLSEQ_OK;
}

static clseq_status check_vectors(const clseq_translator *tr, uint64_t first, const float *x,
                                  size_t n, size_t size)
{
    for (size_t i = 0; i < n * size; i++) {
        if (!isfinite(x[i]))
            return clseq_translator_fail_nan(tr, first + i / size);
    }
    return CLSEQ_OK;
}

clseq_status clseq_translator_embed(clseq_translator *translator, const char *const *lines,
                                    const size_t *lengths, size_t n,
                                    const clseq_translate_options *options, float *ret)
{
    clseq_translator *tr = translator;
    const size_t size = clseq_translator_embedding_size(tr);
    clseq_sentences source = { .ctx = tr->ctx };
    clseq_sentence_place *places = NULL;
    clseq_translate_options o;
    clseq_status status;
    float *stage = NULL;
    size_t count;

    CLSEQ_TRY(clseq_translator_options(tr, options, &o));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_sentences_encode(&source, clseq_translator_source_vocab(tr), lines,
                                          lengths, n, "", (size_t)o.max_input, o.first_line));
    CLSEQ_TRY_GOTO(status, out, clseq_sentences_order(&source, NULL, false, &places, &count));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(tr->ctx, (size_t)o.batch, size * sizeof(*stage), "batch", &stage));
    for (size_t at = 0; at < count;) {
        const size_t B = clseq_sentences_batch(places + at, count - at, (size_t)o.batch);

        CLSEQ_TRY_GOTO(status, out, embed_batch(tr, &source, places + at, B, stage, ret));
        at += B;
    }
    status = check_vectors(tr, o.first_line, ret, n, size);
out:
    free(stage);
    free(places);
    clseq_sentences_fini(&source);
    return status;
}
