/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A corpus of encoded sentence pairs, and the batches made of it.
 *
 * The ids are kept in unlinked files of a folder the caller names and mapped into
 * memory, so that a corpus larger than memory is fine: memory in use is bounded by
 * the vocabularies and one pool of batches.
 *
 * Shapes: S source length with the end token, T target length with the end token,
 * B sentences in the batch. Arrays are time-major: position t of sentence b is
 * element t * B + b.
 */
#ifndef CLSEQ_CORPUS_H
#define CLSEQ_CORPUS_H

#include <clseq/vocab.h>

CLSEQ_BEGIN_DECLS

#define CLSEQ_LENGTH_LIMIT 1000000u   /* largest max_length */
#define CLSEQ_POOL_LIMIT   (1u << 21) /* largest batch_size * pool_batches, in pairs */

typedef struct clseq_corpus clseq_corpus;

typedef struct clseq_corpus_options {
    /* Folder of the encoded text: must exist and have room for 4 bytes a token and 16 a pair. The
     * files have no name there and vanish with the process. */
    const char *folder;
    size_t max_length;   /* tokens a side, end token not counted; longer pairs are skipped */
    bool reverse_source; /* source words in reverse order, then the end token */
    bool keep_words;     /* of sides of unit bpe, too, for BPE-dropout: the size of the text and 16
                            bytes a pair more. Not part of the fingerprint */
} clseq_corpus_options;

/* folder ".", max_length 100, reverse_source and keep_words false. */
CLSEQ_API void clseq_corpus_options_init(clseq_corpus_options *options);

typedef struct clseq_corpus_stats {
    uint64_t read;          /* pairs in the text */
    uint64_t kept;          /* of them in the corpus */
    uint64_t skipped_empty; /* a side without a token */
    uint64_t skipped_long;  /* a side longer than max_length */
    /* Over kept pairs; end tokens are not counted. */
    uint64_t source_tokens, target_tokens;
    uint64_t source_unknown, target_unknown;
    uint32_t longest_source, longest_target;
} clseq_corpus_stats;

/* Encode a parallel text. The vocabularies are needed during the call only. `pairs` is rewound
 * first when something was read from it. Errors: those of clseq_pairs_next(), CLSEQ_ERR_ARG
 * (options), CLSEQ_ERR_DATA (no pair is left), CLSEQ_ERR_IO (folder not writable, disk full),
 * CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_corpus_create(clseq_context *ctx, clseq_pairs *pairs,
                                                            const clseq_vocab *source_vocab,
                                                            const clseq_vocab *target_vocab,
                                                            const clseq_corpus_options *options,
                                                            clseq_corpus **ret);

/* Destroy and set *corpus to NULL; its batch iterators must be gone. *corpus may be NULL. */
CLSEQ_API void clseq_corpus_destroy(clseq_corpus **corpus);

/* Number of pairs, 1 or more. */
CLSEQ_API uint64_t clseq_corpus_size(const clseq_corpus *corpus);

CLSEQ_API clseq_corpus_stats clseq_corpus_get_stats(const clseq_corpus *corpus);

/* XXH3-64 of all ids and lengths in order: changes when the text, a vocabulary or an option that
 * alters the ids does. For noticing a changed corpus, not for security. */
CLSEQ_API uint64_t clseq_corpus_fingerprint(const clseq_corpus *corpus);

/* A run of ids, borrowed. */
typedef struct clseq_sentence {
    const int32_t *ids;
    size_t length;
} clseq_sentence;

/* Pair `index` < clseq_corpus_size(), without start and end tokens; the source is reversed already
 * where the corpus was made so. Valid as long as the corpus. */
CLSEQ_API void clseq_corpus_pair(const clseq_corpus *corpus, uint64_t index, clseq_sentence *source,
                                 clseq_sentence *target);

/* Which positions use which row of an embedding table. Row unique[u] is used at the positions
 * order[start[u]] ... order[start[u + 1] - 1], ascending. */
typedef struct clseq_row_lists {
    size_t unique_count; /* U */
    size_t count;        /* N, number of positions: real tokens, no padding */
    int32_t *unique;     /* (U) ascending ids */
    int32_t *start;      /* (U + 1) */
    int32_t *order;      /* (N) t * B + b */
} clseq_row_lists;

/* One batch in host memory. Start with clseq_batch_init(), end with clseq_batch_fini(); the arrays
 * belong to the batch, are replaced by each call that fills it, and never shrink. */
typedef struct clseq_batch {
    size_t S, T, B;         /* T is 0 in a batch without targets */
    int32_t *source;        /* (S, B) words and end token; padding is CLSEQ_ID_PAD */
    int32_t *source_index;  /* (S, B) the same with -1 at padding: rows to gather */
    int32_t *source_length; /* (B) with the end token, so at least 1 */
    int32_t *target_in;     /* (T, B) start token and words */
    int32_t *target_index;  /* (T, B) the same with -1 at padding */
    int32_t *target_out;    /* (T, B) words and end token */
    int32_t *target_length; /* (B) with the end token; 0 without targets */
    size_t N;               /* real target positions, end tokens included */
    int32_t *valid;         /* (N) their positions t * B + b, ascending */
    int32_t *valid_target;  /* (N) target_out there */
    clseq_row_lists source_rows;
    clseq_row_lists target_rows; /* of target_in */
    uint64_t *sentence;          /* (B) index of each row in the corpus, or in the list given */
    uint32_t epoch;              /* position in the order of clseq_batches; else 0 */
    uint64_t index;

    /* Private. */
    clseq_context *ctx;
    int32_t *words;
    size_t words_capacity;
    uint64_t *keys;
    size_t keys_capacity;
} clseq_batch;

/* Upper bounds over all batches of an epoch. */
typedef struct clseq_batch_limits {
    size_t S, T, B;
    size_t N;             /* of batch.N */
    size_t source_count;  /* of source_rows.count */
    size_t source_unique; /* of source_rows.unique_count */
    size_t target_unique; /* of target_rows.unique_count; target_rows.count equals N */
} clseq_batch_limits;

CLSEQ_API void clseq_batch_init(clseq_batch *batch, clseq_context *ctx);

/* Make room for batches within `limits`, so that filling them allocates nothing.
 * Errors: CLSEQ_ERR_LIMIT (S * B or T * B above 2^31 - 1), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_batch_reserve(clseq_batch *batch,
                                                            const clseq_batch_limits *limits);

/* Fill from `count` >= 1 sentences without start and end tokens; an empty sentence is fine.
 * `target` NULL gives a batch for translation. `reverse_source` as the model was trained.
 * Errors: CLSEQ_ERR_ARG (count 0, a negative id), CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_batch_from_sentences(clseq_batch *batch,
                                                                   const clseq_sentence *source,
                                                                   const clseq_sentence *target,
                                                                   size_t count,
                                                                   bool reverse_source);

/* Release the arrays; the batch may be initialised again. */
CLSEQ_API void clseq_batch_fini(clseq_batch *batch);

typedef struct clseq_batches_options {
    size_t batch_size;   /* sentences */
    size_t pool_batches; /* batches sorted by length together */
    uint64_t seed;
    bool shuffle;        /* false: the order of the corpus, the same in each epoch */
    bool similar_length; /* false: batches of unsorted sentences */
    size_t batch_tokens; /* 0: batches of batch_size sentences. Otherwise of as many as have at most
                            so many tokens with padding: sentences times the longest side, end
                            token included; at most CLSEQ_POOL_LIMIT */
    /* Probability that a word of the source or of the decoder's input is read as unknown; not that
     * it is expected as output. A function of seed, epoch, pair and place. */
    double word_dropout;
    /* BPE-dropout (subword.h) of sides of unit bpe, 0 to 1: their words are cut anew for every
     * batch, a function of seed, epoch and pair. A side that would get more pieces than the longest
     * of the corpus has is taken as it is there, so that no limit changes. The corpus must have its
     * words (keep_words), and the vocabularies it was encoded with outlive the object. Not with
     * batch_tokens. */
    double bpe_dropout;
    const clseq_vocab *source_vocab, *target_vocab;
} clseq_batches_options;

/* batch_size 64, pool_batches 64, seed 1, shuffle and similar_length true, the rest 0. */
CLSEQ_API void clseq_batches_options_init(clseq_batches_options *options);

/*
 * Endless batches. The order is a pure function of (seed, epoch): a permutation of the pairs is cut
 * into pools of batch_size * pool_batches pairs, each pool is sorted by (target length, source
 * length) and cut into batches, and the batches of a pool change places. Each pair occurs once an
 * epoch; one batch of an epoch is smaller when batch_size does not divide the corpus.
 *
 * With batch_tokens all pairs are sorted by (target length, source length) once, with 8 bytes of
 * memory a pair, and cut into batches; pool_batches and batch_size play no part. Each epoch puts
 * the batches in another order, and other pairs of the same lengths in each. A pair that has more
 * tokens is a batch of its own.
 */
typedef struct clseq_batches clseq_batches;

/* The corpus must outlive the object. Errors: CLSEQ_ERR_ARG, CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_batches_create(clseq_context *ctx,
                                                             const clseq_corpus *corpus,
                                                             const clseq_batches_options *options,
                                                             clseq_batches **ret);

/* Destroy and set *batches to NULL. *batches may be NULL. */
CLSEQ_API void clseq_batches_destroy(clseq_batches **batches);

CLSEQ_API uint64_t clseq_batches_per_epoch(const clseq_batches *batches);

CLSEQ_API void clseq_batches_get_limits(const clseq_batches *batches, clseq_batch_limits *ret);

/* Shapes such that every batch fits one of them, *count of them: for planning memory, since the
 * longest batch and the one with most sentences are not the same one. Valid as long as the
 * object. */
CLSEQ_API const clseq_batch_limits *clseq_batches_shapes(const clseq_batches *batches,
                                                         size_t *count);

/* Go to batch `index` < clseq_batches_per_epoch() of an epoch. Costs at most one pool, whatever the
 * distance. Errors: CLSEQ_ERR_ARG. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_batches_seek(clseq_batches *batches, uint32_t epoch,
                                                           uint64_t index);

/* Fill `batch` and step on; after the last batch of an epoch comes the first of the next.
 * batch->epoch and batch->index say which it is. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_batches_next(clseq_batches *batches,
                                                           clseq_batch *batch);

CLSEQ_END_DECLS

#endif
