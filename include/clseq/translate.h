/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation with a trained model, and scoring of given translations.
 *
 *     clseq_translator *tr = NULL;
 *     const char *lines[] = { "ein Hund läuft" };
 *     clseq_translation result[1];
 *
 *     if (clseq_translator_open(ctx, be, "best.safetensors", NULL, &tr) != CLSEQ_OK ||
 *         clseq_translator_run(tr, lines, NULL, 1, NULL, result) != CLSEQ_OK)
 *         fprintf(stderr, "%s\n", clseq_context_error(ctx));
 *     puts(result[0].hypotheses[0].text);
 *     clseq_translations_fini(result, 1);
 *     clseq_translator_close(&tr);
 *
 * Search is greedy or left to right with a beam (Sutskever et al. 2014, section 3.2), or words are
 * drawn at random, many sentences at once, on the device. Line k of the result belongs to line k of
 * the input, and no line has an influence on another: lines are put into batches by length, and a
 * sentence is decided by its own hypotheses alone.
 *
 * Several models with the same target vocabulary make an ensemble: the probability of a word is the
 * mean of their probabilities. Each reads the line with its own source vocabulary. What stands here
 * of "the model" (its length limit, its attention, its sentence vectors) is of the first one.
 */
#ifndef CLSEQ_TRANSLATE_H
#define CLSEQ_TRANSLATE_H

#include <clseq/backend.h>
#include <clseq/model.h>
#include <clseq/vocab.h>

CLSEQ_BEGIN_DECLS

#define CLSEQ_BEAM_LIMIT             64      /* largest beam */
#define CLSEQ_BATCH_LIMIT            65536   /* most sentences in a batch */
#define CLSEQ_OUTPUT_LIMIT           1000000 /* most tokens of a translation, largest max_length */
#define CLSEQ_LENGTH_PENALTY_LIMIT   10      /* largest length_penalty */
#define CLSEQ_COVERAGE_PENALTY_LIMIT 10      /* largest coverage_penalty */
#define CLSEQ_TEMPERATURE_LEAST      1e-6    /* smallest and largest temperature */
#define CLSEQ_TEMPERATURE_LIMIT      1e6

/* A model, or several, ready to translate. One thread at a time. */
typedef struct clseq_translator clseq_translator;

/* What the model is. */
struct clseq_model_info {
    struct clseq_model_config config;
    uint64_t weights;    /* how many numbers */
    bool reverse_source; /* source words enter in reverse order */
    clseq_text_options source_text, target_text;
};

/* What a log-probability is divided by before hypotheses are ranked; A is length_penalty. */
typedef enum clseq_length_norm {
    CLSEQ_LENGTH_NORM_TOKENS = 0, /* tokens ^ A */
    CLSEQ_LENGTH_NORM_WU = 1,     /* ((5 + tokens) / 6) ^ A: Wu et al. 2016, equation 14 */
} clseq_length_norm;

/* Translations of words, for options.replace_unknown. Never changes: any number of threads. */
typedef struct clseq_dictionary clseq_dictionary;

/* Read a text of "source TAB target" lines, plain or .gz; of a word that stands there twice the
 * first line counts. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_DATA with file and line, CLSEQ_ERR_NOMEM.
 * Close with clseq_dictionary_close(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_dictionary_open(clseq_context *ctx, const char *path,
                                                              clseq_dictionary **ret);

/* The translation of a word of `length` bytes, owned by the dictionary; NULL when it has none. */
CLSEQ_API const char *clseq_dictionary_find(const clseq_dictionary *dictionary, const char *word,
                                            size_t length);

/* Close and set *dictionary to NULL. *dictionary may be NULL. */
CLSEQ_API void clseq_dictionary_close(clseq_dictionary **dictionary);

typedef struct clseq_translate_options {
    int32_t beam;  /* hypotheses kept at each step, 1 (greedy) to CLSEQ_BEAM_LIMIT */
    int32_t nbest; /* translations of each line, 1 to beam; of samples 1 to CLSEQ_BEAM_LIMIT */
    int32_t batch; /* sentences at once, 1 to CLSEQ_BATCH_LIMIT; fewer when they are long */
    bool scores;   /* greedy: log-probabilities too, at the cost of one operation a word; a beam
                      always has them */
    /* On a model with attention: where it looked, clseq_hypothesis.alignment. */
    bool alignments;
    /* Draw the words: translation k of line number n (first_line + its place) is a function of
     * (seed, n, k) and the model alone, whatever else is translated beside it. `beam` is not used.
     * Translations are in the order of drawing, not the best first. A word is drawn from
     * softmax(logits / temperature), of the top_k likeliest words (0: of all), and of these from
     * the likeliest that have the part top_p of the probability (1: from all). */
    bool sample;
    double temperature; /* CLSEQ_TEMPERATURE_LEAST to CLSEQ_TEMPERATURE_LIMIT */
    int32_t top_k;      /* 0 or more */
    double top_p;       /* greater than 0, at most 1 */
    uint64_t seed;
    /* On a model of words with attention: in the text a source word stands for each unknown one,
     * the one that got most attention when it was made (Luong et al. 2015b; Jean et al. 2015), or
     * its translation when the dictionary (borrowed; NULL: none) has one. ids stay as they are. */
    bool replace_unknown;
    const clseq_dictionary *dictionary;
    /* Called after every step with the text that is settled of lines[line]; each text begins with
     * the one before it, and the first translation begins with the last. Unknown words are not
     * replaced in it, and it is not called at the end. `text` is valid for the call. Slower than
     * without; NULL: not wanted. */
    void (*partial)(void *user, size_t line, const char *text, size_t length);
    void *partial_user;
    /* A hypothesis is ranked by log-probability / tokens ^ length_penalty, the end token counted. 0
     * is the 2014 paper's ranking, which likes short sentences; 0 to CLSEQ_LENGTH_PENALTY_LIMIT. */
    double length_penalty;
    clseq_length_norm length_norm;
    /* A beam on a model with attention: this times the sum over the words of the source of
     * log(min(1, attention the word got)) is added to the rank (Wu et al. 2016, equation 14). 0 to
     * CLSEQ_COVERAGE_PENALTY_LIMIT. */
    double coverage_penalty;
    /* Fewest tokens of a translation, the end token counted: before, the end token is not taken.
     * The length limit goes before. 0 to CLSEQ_OUTPUT_LIMIT. */
    int32_t min_length;
    /* Most tokens of a translation, the end token counted: max_length, or, when that is 0,
     * max_length_factor times the number of source tokens (rounded up) plus 10. */
    double max_length_factor; /* 0 to 1000 */
    int32_t max_length;       /* 0 to CLSEQ_OUTPUT_LIMIT */
    /* A line of more tokens is refused, so that one runaway line cannot take all memory;
     * 1 to CLSEQ_OUTPUT_LIMIT. */
    int32_t max_input;
    uint64_t first_line; /* number of lines[0] in error messages */
    /* Once twice as many words were read or fed as the vocabulary of that side has, keep the
     * products of all its words with the first layer's weights, if they take at most 128 MiB of the
     * device: looking them up is faster, and changes no result but for the last bits of small
     * batches. */
    bool tables;
} clseq_translate_options;

/* beam 1, nbest 1, batch 64, temperature 1, top_p 1, seed 1, length_penalty 1, max_length_factor 2,
 * max_input 1000, first_line 1, tables true; all else 0, false and NULL. */
CLSEQ_API void clseq_translate_options_init(clseq_translate_options *options);

typedef struct clseq_hypothesis {
    char *text;        /* owned; UTF-8 without line ends, ended by a 0 byte */
    size_t length;     /* of text in bytes */
    double score;      /* natural log-probability; NaN for greedy without options.scores */
    double normalised; /* its rank: score / tokens ^ length_penalty, or as the options say */
    size_t tokens;     /* target tokens, the end token counted when there is one */
    bool complete;     /* the model ended the sentence; false: cut at the length limit */
    int32_t *ids;      /* owned; (tokens) target words, the end token last when there is one; NULL
                          when there is none */
    /* Owned; the weights of attention, (tokens, source_tokens + 1), rows without gaps: element
     * (t, s) is how much the step that made token t looked at source word s, as the line has them
     * (also where the model reads it in reverse). The last column is the end token that the encoder
     * reads behind every line, so that each row sums to 1. It is the attention of this hypothesis's
     * own steps, a_t(s) of Luong et al. 2015 (equation 7) and alpha_ij of Bahdanau et al. 2015
     * (equation 6): where the model looked, which need not be what a word means. NULL when not
     * asked for (options.alignments), on a model without attention, and when tokens is 0. */
    float *alignment;
} clseq_hypothesis;

/* The translations of one line. */
typedef struct clseq_translation {
    /* The best first: complete ones by `normalised`, then cut ones by `normalised`. Samples in the
     * order of drawing. */
    clseq_hypothesis *hypotheses; /* owned */
    size_t count; /* 1 to nbest; fewer than nbest only when the model allows no more */
    size_t source_tokens, source_unknown;
    int32_t *source_ids; /* owned; (source_tokens) words of the line; NULL when there is none */
} clseq_translation;

/* What a model says of one given translation. */
typedef struct clseq_line_score {
    double log_probability; /* natural, of the target words and the end token, given the source */
    size_t tokens;          /* target tokens, the end token counted: perplexity is
                               exp(-log_probability / tokens) */
    size_t target_unknown;  /* of them not in the vocabulary */
    size_t source_tokens, source_unknown;
} clseq_line_score;

/* Load a model onto the backend, which must outlive the translator. `config_path`: JSON
 * configuration of a file that has none inside (made by PyTorch); NULL otherwise.
 * Errors: CLSEQ_ERR_IO, CLSEQ_ERR_FORMAT, CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM and those of the device.
 * Close with clseq_translator_close(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_translator_open(clseq_context *ctx, clseq_backend *be,
                                                              const char *model_path,
                                                              const char *config_path,
                                                              clseq_translator **ret);

/* The same for an ensemble of `n` models, 1 or more. config_path is for each that has no
 * configuration inside. Errors besides: CLSEQ_ERR_ARG for a model whose target vocabulary differs
 * from the first one's. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_translator_open_ensemble(
    clseq_context *ctx, clseq_backend *be, const char *const *model_paths, size_t n,
    const char *config_path, clseq_translator **ret);

/* Close and set *translator to NULL. *translator may be NULL. */
CLSEQ_API void clseq_translator_close(clseq_translator **translator);

/* Translate `n` lines. `lengths` in bytes, or NULL when the lines end in a 0 byte. `options` may be
 * NULL for the defaults. results[k] belongs to lines[k]; release them with
 * clseq_translations_fini(). A line without a token gives one empty text with score 0. On an error
 * results are untouched.
 * Errors: CLSEQ_ERR_ARG (options), CLSEQ_ERR_DATA with the number of the line (not UTF-8, longer
 * than max_input), CLSEQ_ERR_NUMERIC (the model gives NaN), CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM and
 * those of the device. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_translator_run(clseq_translator *translator,
                                                             const char *const *lines,
                                                             const size_t *lengths, size_t n,
                                                             const clseq_translate_options *options,
                                                             clseq_translation *results);

/* Numbers in a sentence vector: the units of the encoder's top layer, of both directions where it
 * has two. */
CLSEQ_API size_t clseq_translator_embedding_size(const clseq_translator *translator);

/* The encoder's final state for each of `n` lines: h of its top layer behind the line (Sutskever
 * et al. 2014, section 3.8), where there are two directions that of the forward one first. ret (n,
 * size); a line without a token has the state after the end token alone. Of the options batch,
 * max_input and first_line count. Errors as of clseq_translator_run(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_translator_embed(
    clseq_translator *translator, const char *const *lines, const size_t *lengths, size_t n,
    const clseq_translate_options *options, float *ret);

/* Release what clseq_translator_run() put into `n` results. */
CLSEQ_API void clseq_translations_fini(clseq_translation *results, size_t n);

/* The log-probability of target line k given source line k, for `n` pairs, with the right words fed
 * in (teacher forcing). Empty lines are sentences of the end token alone. Of the options batch,
 * max_input (for both sides) and first_line count. On an error scores are untouched. Errors as of
 * clseq_translator_run(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_translator_score(
    clseq_translator *translator, const char *const *source, const size_t *source_lengths,
    const char *const *target, const size_t *target_lengths, size_t n,
    const clseq_translate_options *options, clseq_line_score *scores);

/* All of these are borrowed and valid until close. */
CLSEQ_API const struct clseq_model_info *clseq_translator_info(const clseq_translator *translator);
CLSEQ_API const clseq_vocab *clseq_translator_source_vocab(const clseq_translator *translator);
CLSEQ_API const clseq_vocab *clseq_translator_target_vocab(const clseq_translator *translator);

CLSEQ_END_DECLS

#endif
