/* SPDX-License-Identifier: BSD-2-Clause */
/* A made corpus for the tests of batches. */
#ifndef CLSEQ_RANDOM_CORPUS_H
#define CLSEQ_RANDOM_CORPUS_H

#include "data_files.h"

#include "base/philox.h"

#include <clseq/corpus.h>

#define TOKENS 300 /* in the vocabulary, the 4 special ones included */

/* A corpus of `count` random pairs of 1 to `longest` words; the same ones in each call. Its files
 * are in the fixture's folder. */
static inline clseq_corpus *random_corpus(fixture *f, size_t count, size_t longest)
{
    char(*names)[8] = calloc(TOKENS, sizeof(*names));
    char **text[2] = { calloc(count, sizeof(char *)), calloc(count, sizeof(char *)) };
    const char *tokens[TOKENS] = { "<pad>", "<unk>", "<s>", "</s>" };
    const clseq_text_options words = { .unit = CLSEQ_UNIT_WORD };
    clseq_corpus_options options;
    clseq_vocab *vocab = NULL;
    clseq_pairs *pairs = NULL;
    clseq_corpus *corpus = NULL;
    uint64_t draw = 0;

    assert_true(names && text[0] && text[1]);
    for (size_t i = 4; i < TOKENS; i++) {
        sprintf(names[i], "w%zu", i);
        tokens[i] = names[i];
    }
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++) {
            const size_t n =
                1 + (size_t)clseq_random_below(9, CLSEQ_RANDOM_TEST, 2, draw++, longest);

            text[side][i] = calloc(n, 8);
            assert_non_null(text[side][i]);
            for (size_t k = 0; k < n; k++) {
                /* Some words are frequent. */
                const uint64_t top = k % 3 ? TOKENS + 5 : 10;

                sprintf(text[side][i] + strlen(text[side][i]), "w%d ",
                        (int)(4 + clseq_random_below(9, CLSEQ_RANDOM_TEST, 3, draw++, top)));
            }
        }
    }
    clseq_corpus_options_init(&options);
    options.folder = f->folder;
    ASSERT_OK(f->ctx, clseq_vocab_create_from_tokens(f->ctx, words, tokens, TOKENS, &vocab));
    ASSERT_OK(f->ctx,
              clseq_pairs_create_from_strings(f->ctx, "random", (const char *const *)text[0],
                                              (const char *const *)text[1], count, &pairs));
    ASSERT_OK(f->ctx, clseq_corpus_create(f->ctx, pairs, vocab, vocab, &options, &corpus));
    assert_int_equal(clseq_corpus_size(corpus), count);
    clseq_pairs_close(&pairs);
    clseq_vocab_destroy(&vocab);
    for (size_t i = 0; i < count; i++) {
        free(text[0][i]);
        free(text[1][i]);
    }
    free(text[0]);
    free(text[1]);
    free(names);
    return corpus;
}

#endif
