/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Word vectors made by other programs: word2vec (text and binary), GloVe, fastText
 * (.vec and .bin), plain or compressed with gzip. The format is told from the
 * content. docs/formats.md describes all of them.
 */
#ifndef CLSEQ_VECTORS_H
#define CLSEQ_VECTORS_H

#include <clseq/context.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

CLSEQ_BEGIN_DECLS

typedef struct clseq_vectors clseq_vectors;

typedef enum clseq_vectors_format {
    CLSEQ_VECTORS_TEXT = 0,        /* a line a word, without a header: GloVe */
    CLSEQ_VECTORS_TEXT_HEADER = 1, /* the same behind "words dimensions": word2vec, fastText .vec */
    CLSEQ_VECTORS_BINARY = 2,      /* word2vec binary */
    CLSEQ_VECTORS_FASTTEXT_MODEL = 3 /* fastText .bin, which has vectors for words not in it */
} clseq_vectors_format;

/* "GloVe text", "word2vec text", "word2vec binary", "fastText model". */
CLSEQ_API const char *clseq_vectors_format_name(clseq_vectors_format format);

struct clseq_vectors_options {
    /* Words that are wanted, borrowed for the call; others are passed over, so that memory is
     * needed for these only. NULL: all words of the file. The result has them in the order of the
     * file, and those that a fastText model composes of parts of words behind them. */
    const char *const *wanted;
    size_t wanted_count;
    size_t limit; /* without `wanted` the first so many words only; 0 = all */
};

/* What was found. */
struct clseq_vectors_stats {
    clseq_vectors_format format;
    uint64_t words;      /* in the file */
    uint64_t duplicates; /* of them the same as an earlier one, which counts */
    uint64_t unusable;   /* of them empty or not UTF-8 */
    uint64_t composed;   /* wanted words that are not in the file and came from their parts */
};

/* Read a file. `options` may be NULL. Errors: CLSEQ_ERR_IO; CLSEQ_ERR_FORMAT (no format of these,
 * cut off, a line with too few numbers, something that is no finite number; the text names line or
 * byte); CLSEQ_ERR_LIMIT; CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status
clseq_vectors_read(clseq_context *ctx, const char *path,
                   const struct clseq_vectors_options *options, clseq_vectors **ret);

/* The embeddings of a model file: one vector for each word of the source vocabulary, or of the
 * target vocabulary, without the special tokens. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_FORMAT,
 * CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_vectors_from_model(clseq_context *ctx,
                                                                 const char *path, bool target,
                                                                 clseq_vectors **ret);

/* Whether a file is a model: safetensors. False also when it cannot be read. */
CLSEQ_API bool clseq_vectors_is_model(const char *path);

/* Destroy and set *vectors to NULL; it may be NULL already. */
CLSEQ_API void clseq_vectors_destroy(clseq_vectors **vectors);

CLSEQ_API size_t clseq_vectors_count(const clseq_vectors *vectors);
CLSEQ_API size_t clseq_vectors_size(const clseq_vectors *vectors); /* numbers in each */
CLSEQ_API struct clseq_vectors_stats clseq_vectors_get_stats(const clseq_vectors *vectors);

/* Word `index` < count, ended by a 0 byte; borrowed. */
CLSEQ_API const char *clseq_vectors_word(const clseq_vectors *vectors, size_t index);

/* Its vector, borrowed. */
CLSEQ_API const float *clseq_vectors_row(const clseq_vectors *vectors, size_t index);

/* The index of a word; SIZE_MAX when it has none. */
CLSEQ_API size_t clseq_vectors_find(const clseq_vectors *vectors, const char *word);

/* One neighbour of a point. */
struct clseq_neighbor {
    size_t index;
    double similarity; /* cosine */
};

/* The `n` words whose vectors have the largest cosine with `point` (size), best first, without the
 * `n_except` words of `except`; equal ones in the order of the words. A vector of zeros has cosine
 * 0 with everything. Returns how many there are, at most n. */
CLSEQ_API size_t clseq_vectors_nearest(const clseq_vectors *vectors, const float *point,
                                       const size_t *except, size_t n_except, size_t n,
                                       struct clseq_neighbor *ret);

/* The first two principal components of `n` points x (n, size): ret (n, 2) are the coordinates of
 * the points, whose mean is at 0, along the two directions in which they differ most; part[2] is
 * the part of all variance that each direction has. Each direction points where most of its weight
 * is. With fewer than two or three points that differ, the components that are missing are 0.
 * Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_principal_components(clseq_context *ctx,
                                                                   const float *x, size_t n,
                                                                   size_t size, double *ret,
                                                                   double *part);

CLSEQ_END_DECLS

#endif
