/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Metrics for output text: BLEU, chrF, TER, edit rates and exact match.
 *
 * Each metric is an accumulator: create it, add one line at a time, ask for the score whenever it
 * is wanted, destroy it. Lines are UTF-8 C strings, normally without a newline, and are not kept. A
 * line may have any number of references, and the number may differ from line to line; a reference
 * that is NULL counts as absent. An add that fails changes nothing, and its message names the line,
 * counted from 1.
 *
 * All scores are percentages. White space is what Python's str.split() takes for it: the Unicode
 * spaces, tab to carriage return, U+001C to U+001F, U+0085, U+2028 and U+2029.
 *
 * BLEU: Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002.
 * Smoothing: Chen and Cherry, "A systematic comparison of smoothing techniques for sentence-level
 * BLEU", 2014. chrF: Popovic, "chrF: character n-gram F-score for automatic MT evaluation", 2015;
 * chrF++: Popovic, "chrF++: words helping character n-grams", 2017. TER: Snover et al., "A study of
 * translation edit rate with targeted human annotation", 2006. The details, tokenizers above all,
 * follow sacreBLEU 2 (Post, "A call for clarity in reporting BLEU scores", 2018), so that the
 * figures are the same. Unicode categories and case come from the installed utf8proc; a code point
 * younger than its Unicode version counts as unassigned.
 */
#ifndef CLSEQ_EVAL_H
#define CLSEQ_EVAL_H

#include <clseq/context.h>

CLSEQ_BEGIN_DECLS

/* ---- Tokenizers ---- */

/* X(name, number, word on the command line) */
#define CLSEQ_EVAL_TOKENIZER_MAP(X)                                                                \
    X(13A, 0, "13a")   /* mteval-v13a, the usual one: ASCII punctuation apart, entities undone */  \
    X(INTL, 1, "intl") /* mteval-v14 international: Unicode punctuation and symbols apart */       \
    X(CHAR, 2, "char") /* every code point is a token */                                           \
    X(NONE, 3, "none") /* the text is tokenized already */

typedef enum clseq_eval_tokenizer {
#define X(name, number, word) CLSEQ_EVAL_TOKENIZER_##name = number,
    CLSEQ_EVAL_TOKENIZER_MAP(X)
#undef X
} clseq_eval_tokenizer;

/* "13a", "intl", "char" or "none"; "unknown" for other values. Static storage. */
CLSEQ_API const char *clseq_eval_tokenizer_name(clseq_eval_tokenizer kind);

/* The tokenizer of that name. Errors: CLSEQ_ERR_ARG, listing the names. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_eval_tokenizer_find(clseq_context *ctx,
                                                                  const char *name,
                                                                  clseq_eval_tokenizer *ret);

/* The text of one line as BLEU sees it: white space at the end removed, then the tokenizer. The
 * tokens of the result stand between white space; with 13a and intl it is exactly one space. *ret
 * belongs to the caller: free(). Errors: CLSEQ_ERR_ARG (unknown kind), CLSEQ_ERR_DATA (not UTF-8),
 * CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_eval_tokenize(clseq_context *ctx,
                                                            clseq_eval_tokenizer kind,
                                                            const char *text, char **ret);

/* ---- BLEU ---- */

#define CLSEQ_BLEU_MAX_ORDER 16

/* What stands for the precision of an n-gram order without a match.
 * X(name, number, word on the command line) */
#define CLSEQ_SMOOTHING_MAP(X)                                                                     \
    X(EXP, 0, "exp")     /* the k-th such order counts 2^-k matches (NIST, mteval-v13a) */         \
    X(FLOOR, 1, "floor") /* it counts `smooth_value` matches; 0.1 unless told */                   \
    X(ADD_K, 2, "add-k") /* every order above 1 gets `smooth_value` more matches and totals; 1 */  \
    X(NONE, 3, "none")   /* nothing: the score is 0 */

typedef enum clseq_smoothing {
#define X(name, number, word) CLSEQ_SMOOTHING_##name = number,
    CLSEQ_SMOOTHING_MAP(X)
#undef X
} clseq_smoothing;

/* "exp", "floor", "add-k" or "none"; "unknown" for other values. Static storage. */
CLSEQ_API const char *clseq_smoothing_name(clseq_smoothing smoothing);

/* The smoothing of that name. Errors: CLSEQ_ERR_ARG, listing the names. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_smoothing_find(clseq_context *ctx, const char *name,
                                                             clseq_smoothing *ret);

typedef struct clseq_bleu_options {
    clseq_eval_tokenizer tokenizer;
    clseq_smoothing smoothing;
    double smooth_value;  /* for floor and add-k; below 0: the default of the method */
    int max_order;        /* longest n-gram, 1 to CLSEQ_BLEU_MAX_ORDER */
    bool lowercase;       /* lower-case both sides first (full Unicode mapping) */
    bool effective_order; /* leave out orders longer than the text; meant for single sentences */
} clseq_bleu_options;

/* sacreBLEU's defaults: 13a, exp, order 4, case kept, no effective order. */
CLSEQ_API void clseq_bleu_options_init(clseq_bleu_options *options);

typedef struct clseq_bleu_result {
    double score;                            /* 0 to 100 */
    double brevity_penalty;                  /* 0 to 1 */
    int max_order;                           /* the arrays below have this many entries */
    double precisions[CLSEQ_BLEU_MAX_ORDER]; /* percent, smoothed; all 0 when nothing matched */
    uint64_t matches[CLSEQ_BLEU_MAX_ORDER];  /* clipped n-gram matches, [0] = single words */
    uint64_t totals[CLSEQ_BLEU_MAX_ORDER];   /* n-grams of the hypotheses */
    uint64_t hyp_length;                     /* tokens */
    uint64_t ref_length;                     /* tokens of the closest reference of each line */
    uint64_t lines;
    char signature[256]; /* "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:clseq-0.1.0";
                          * "order:N" is added when N is not 4 */
} clseq_bleu_result;

typedef struct clseq_bleu clseq_bleu;

/* An empty accumulator; `options` NULL means the defaults. It borrows `ctx`.
 * Errors: CLSEQ_ERR_ARG (an option out of range), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bleu_create(clseq_context *ctx,
                                                          const clseq_bleu_options *options,
                                                          clseq_bleu **ret);

/* Destroy and set *bleu to NULL. *bleu may be NULL. */
CLSEQ_API void clseq_bleu_destroy(clseq_bleu **bleu);

/* Count one line: `hyp` against refs[0 .. n_refs-1]. An empty string is a line without tokens.
 * Errors: CLSEQ_ERR_DATA (not UTF-8, or no reference at all), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bleu_add(clseq_bleu *bleu, const char *hyp,
                                                       const char *const *refs, size_t n_refs);

/* The score of the lines so far; more may be added afterwards.
 * Errors: CLSEQ_ERR_DATA (no line yet). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bleu_score(const clseq_bleu *bleu,
                                                         clseq_bleu_result *ret);

/* Forget the lines, keep the options: for scores of single sentences. */
CLSEQ_API void clseq_bleu_reset(clseq_bleu *bleu);

/* The score of counts that were taken elsewhere; `matches` and `totals` have options->max_order
 * entries (NULL options: 4). lines is 0 in the result and the signature has no nrefs.
 * Errors: CLSEQ_ERR_ARG (an option out of range), CLSEQ_ERR_DATA (more matches than n-grams). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bleu_from_counts(
    clseq_context *ctx, const clseq_bleu_options *options, const uint64_t *matches,
    const uint64_t *totals, uint64_t hyp_length, uint64_t ref_length, clseq_bleu_result *ret);

/* ---- chrF ---- */

#define CLSEQ_CHRF_MAX_ORDER 16

typedef struct clseq_chrf_options {
    int char_order;     /* longest character n-gram, 1 to CLSEQ_CHRF_MAX_ORDER */
    int word_order;     /* longest word n-gram, 0 (chrF) to CLSEQ_CHRF_MAX_ORDER; 2 is chrF++ */
    int beta;           /* recall counts beta times as much as precision; 1 to 1000 */
    bool lowercase;     /* lower-case both sides first */
    bool whitespace;    /* white space is part of the character n-grams */
    bool eps_smoothing; /* average F over all orders, 1e-16 for an empty one, as chrF++.py does;
                         * otherwise F of the averages over the orders that both sides have */
} clseq_chrf_options;

/* sacreBLEU's defaults: chrF2, characters to 6, no words. */
CLSEQ_API void clseq_chrf_options_init(clseq_chrf_options *options);

typedef struct clseq_chrf_result {
    double score; /* 0 to 100 */
    uint64_t lines;
    char name[32];       /* "chrF2", "chrF2++" */
    char signature[256]; /* "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:clseq-0.1.0" */
} clseq_chrf_result;

typedef struct clseq_chrf clseq_chrf;

/* As clseq_bleu_create(). Errors: CLSEQ_ERR_ARG, CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_chrf_create(clseq_context *ctx,
                                                          const clseq_chrf_options *options,
                                                          clseq_chrf **ret);

/* Destroy and set *chrf to NULL. *chrf may be NULL. */
CLSEQ_API void clseq_chrf_destroy(clseq_chrf **chrf);

/* Count one line; with several references, the one with the best F-score on this line counts (the
 * first of equals). Errors: CLSEQ_ERR_DATA (not UTF-8, or no reference at all), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_chrf_add(clseq_chrf *chrf, const char *hyp,
                                                       const char *const *refs, size_t n_refs);

/* The score of the lines so far. Errors: CLSEQ_ERR_DATA (no line yet). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_chrf_score(const clseq_chrf *chrf,
                                                         clseq_chrf_result *ret);

/* Forget the lines, keep the options. */
CLSEQ_API void clseq_chrf_reset(clseq_chrf *chrf);

/* ---- TER ---- */

typedef struct clseq_ter_options {
    bool normalized;     /* punctuation apart and entities undone, as tercom -N */
    bool no_punct;       /* leave out . , ? : ; ! " ( ) */
    bool asian_support;  /* with normalized: ideographs and Asian punctuation apart; with no_punct:
                          * leave out Asian punctuation too */
    bool case_sensitive; /* otherwise both sides are lower-cased first */
} clseq_ter_options;

/* sacreBLEU's defaults: all false. */
CLSEQ_API void clseq_ter_options_init(clseq_ter_options *options);

/*
 * Edits are insertions, deletions, substitutions and shifts of a run of words to another place, one
 * edit whatever its length and way. No fast method finds the fewest shifts; the greedy search is
 * tercom's with the limits of sacreBLEU: at each step the one shift of up to 10 words, from no
 * farther than 50 places, that lowers the edit distance most. The distance is searched 25 places
 * around the diagonal. At most 1000 shifts are looked at; the step that reaches this number is not
 * done.
 *
 * Each line counts its fewest edits against any reference over the mean length of its references.
 * Equal figures ask for one oddity of sacreBLEU's: with `normalized`, references are normalized
 * twice, which parts a possessive 's from its word where only punctuation follows, too.
 */
typedef struct clseq_ter_result {
    double score;            /* percent: 100 * edits / reference_tokens, may exceed 100; without
                              * reference tokens 100, or 0 without edits */
    uint64_t lines;          /* lines added */
    uint64_t edits;          /* sum over lines */
    double reference_tokens; /* sum over lines of the mean over references */
    char signature[256];     /* "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|
                              * version:clseq-0.1.0" */
} clseq_ter_result;

typedef struct clseq_ter clseq_ter;

/* As clseq_bleu_create(). Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_ter_create(clseq_context *ctx,
                                                         const clseq_ter_options *options,
                                                         clseq_ter **ret);

/* Destroy and set *ter to NULL. *ter may be NULL. */
CLSEQ_API void clseq_ter_destroy(clseq_ter **ter);

/* Count one line. Time per reference is at most 50 * len(hyp) for each of the 1000 shifts.
 * Errors: CLSEQ_ERR_DATA (not UTF-8, no reference at all, or more than 2^30 words),
 * CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_ter_add(clseq_ter *ter, const char *hyp,
                                                      const char *const *refs, size_t n_refs);

/* The score of the lines so far. Errors: CLSEQ_ERR_DATA (no line yet). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_ter_score(const clseq_ter *ter,
                                                        clseq_ter_result *ret);

/* Forget the lines, keep the options: for scores of single sentences. */
CLSEQ_API void clseq_ter_reset(clseq_ter *ter);

/* ---- Edit rates and exact match ---- */

typedef enum clseq_edit_unit {
    CLSEQ_EDIT_TOKENS = 0,     /* what stands between white space: words, or phones */
    CLSEQ_EDIT_CHARACTERS = 1, /* code points; white space between words counts as one space */
} clseq_edit_unit;

typedef struct clseq_edit_options {
    clseq_edit_unit unit;
    bool lowercase; /* lower-case both sides first */
} clseq_edit_options;

/* Tokens, case kept. */
CLSEQ_API void clseq_edit_options_init(clseq_edit_options *options);

/*
 * Edits are insertions, deletions and substitutions (Levenshtein). Each line counts against its
 * nearest reference: fewest edits, then the shorter one, so the order of the references never
 * matters.
 *
 * edit_rate is the word error rate of speech recognition when tokens are words (`wer`) and the
 * phone error rate when they are phones (`per`). In grapheme-to-phoneme work "WER" means
 * wrong_rate: the share of words whose output equals none of the references.
 */
typedef struct clseq_edit_result {
    double edit_rate;          /* percent: 100 * edits / reference_tokens; may exceed 100 */
    double wrong_rate;         /* percent of lines equal to no reference */
    double exact;              /* percent of lines equal to a reference; 100 - wrong_rate */
    uint64_t lines;            /* lines added */
    uint64_t wrong_lines;      /* lines equal to no reference, white space apart */
    uint64_t edits;            /* sum over lines */
    uint64_t reference_tokens; /* units of the nearest references, sum over lines */
} clseq_edit_result;

typedef struct clseq_edit clseq_edit;

/* As clseq_bleu_create(). Errors: CLSEQ_ERR_ARG, CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_edit_create(clseq_context *ctx,
                                                          const clseq_edit_options *options,
                                                          clseq_edit **ret);

/* Destroy and set *edit to NULL. *edit may be NULL. */
CLSEQ_API void clseq_edit_destroy(clseq_edit **edit);

/* Count one line. Time is len(hyp) * len(ref) / 64 per reference, memory len(hyp) + len(ref).
 * Errors: CLSEQ_ERR_DATA (not UTF-8, or no reference at all), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_edit_add(clseq_edit *edit, const char *hyp,
                                                       const char *const *refs, size_t n_refs);

/* The rates of the lines so far. Errors: CLSEQ_ERR_DATA (no line yet; or edits against references
 * that are all empty, where a rate has no meaning). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_edit_score(const clseq_edit *edit,
                                                         clseq_edit_result *ret);

/* Forget the lines, keep the options. */
CLSEQ_API void clseq_edit_reset(clseq_edit *edit);

/* ---- Two systems on the same lines ---- */

/* X(name, number, word on the command line) */
#define CLSEQ_EVAL_METRIC_MAP(X)                                                                   \
    X(BLEU, 0, "BLEU")                                                                             \
    X(CHRF, 1, "chrF")                                                                             \
    X(TER, 2, "TER")                                                                               \
    X(WRONG_RATE, 3, "WER") /* clseq_edit_result.wrong_rate */                                     \
    X(EDIT_RATE, 4, "PER")  /* clseq_edit_result.edit_rate */                                      \
    X(EXACT, 5, "exact")    /* clseq_edit_result.exact */

typedef enum clseq_eval_metric {
#define X(name, number, word) CLSEQ_EVAL_METRIC_##name = number,
    CLSEQ_EVAL_METRIC_MAP(X)
#undef X
} clseq_eval_metric;

#define CLSEQ_PAIRED_MAX_SAMPLES 1000000

typedef struct clseq_paired_options {
    clseq_eval_metric metric;
    clseq_bleu_options bleu; /* of these four the one of the metric counts */
    clseq_chrf_options chrf;
    clseq_ter_options ter;
    clseq_edit_options edit;
    uint64_t samples; /* 1 to CLSEQ_PAIRED_MAX_SAMPLES */
    uint64_t seed;    /* same seed and lines, same figures, on any machine */
} clseq_paired_options;

/* BLEU, the defaults of all metrics, 1000 samples, seed 1. */
CLSEQ_API void clseq_paired_options_init(clseq_paired_options *options);

/* One of the two systems. */
typedef struct clseq_paired_system {
    double score;     /* of all lines */
    double mean;      /* of the scores of the samples */
    double low, high; /* 95 % interval: the scores with 1/40 of the samples below, above */
} clseq_paired_system;

typedef struct clseq_paired_result {
    clseq_paired_system system, other;
    double difference; /* system.score - other.score */
    double p_value;    /* above 0, at most 1 */
    uint64_t lines, samples, seed;
    uint64_t equal_samples; /* in which both score the same; if all do, p_value has no meaning */
    char name[32];          /* "BLEU", "chrF2++", "PER" */
    char signature[256];    /* the metric's with "bs:1000|seed:1|" behind nrefs; edit rates: "" */
} clseq_paired_result;

/*
 * Paired bootstrap resampling: Koehn, "Statistical significance tests for machine translation
 * evaluation", 2004. A sample is as many lines as there are, drawn with replacement, the same for
 * both systems. The p-value is that of sacreBLEU 2: with d the absolute difference of the scores of
 * a sample, D that of all lines and n samples,
 *
 *     p = (1 + number of samples with d - mean of d > D) / (n + 1).
 *
 * So it is 1 / (n + 1) for two systems that never differ. What a line adds to the counts is taken
 * once; the test then works on sums. Memory is 16 bytes a line for each count of the metric (BLEU
 * 10, chrF 18, TER 2, edit rates 4).
 */
typedef struct clseq_paired clseq_paired;

/* As clseq_bleu_create(). Errors: CLSEQ_ERR_ARG (an option out of range), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_paired_create(clseq_context *ctx,
                                                            const clseq_paired_options *options,
                                                            clseq_paired **ret);

/* Destroy and set *paired to NULL. *paired may be NULL. */
CLSEQ_API void clseq_paired_destroy(clseq_paired **paired);

/* Count one line of both systems. Errors: CLSEQ_ERR_DATA (not UTF-8, or no reference at all),
 * CLSEQ_ERR_NOMEM (then only destroy is of use). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_paired_add(clseq_paired *paired, const char *hyp,
                                                         const char *other, const char *const *refs,
                                                         size_t n_refs);

/* Draw the samples and compare. Errors: CLSEQ_ERR_DATA (no line yet, or as clseq_edit_score()),
 * CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_paired_test(const clseq_paired *paired,
                                                          clseq_paired_result *ret);

CLSEQ_END_DECLS

#endif
