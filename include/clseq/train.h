/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Training: from two text files to a model, in one call that can be stopped and
 * made again at any time.
 *
 *     struct clseq_train_options options;
 *     clseq_train_options_init(&options);
 *     options.source = "train.de";
 *     options.target = "train.en";
 *     options.run = "run";
 *     status = clseq_train(ctx, be, &options, &hooks, &result);
 *
 * The run folder holds config.json (the options that made the run), log.jsonl
 * (one object a line, only ever appended to), best.safetensors (a model) and
 * last.safetensors (a checkpoint). Called again with the same options, training
 * goes on from the checkpoint and ends with the same bits as if it had never been
 * stopped.
 */
#ifndef CLSEQ_TRAIN_H
#define CLSEQ_TRAIN_H

#include <clseq/backend.h>
#include <clseq/model.h>
#include <clseq/vocab.h>

CLSEQ_BEGIN_DECLS

typedef enum clseq_optimizer_kind {
    CLSEQ_OPTIMIZER_SGD = 0,
    CLSEQ_OPTIMIZER_ADAM = 1,     /* Kingma and Ba 2015 */
    CLSEQ_OPTIMIZER_MOMENTUM = 2, /* Polyak 1964, as torch.optim.SGD without dampening */
    CLSEQ_OPTIMIZER_NESTEROV = 3, /* Sutskever et al. 2013, as torch.optim.SGD */
    CLSEQ_OPTIMIZER_ADAGRAD = 4,  /* Duchi et al. 2011 */
    CLSEQ_OPTIMIZER_ADADELTA = 5, /* Zeiler 2012 */
    CLSEQ_OPTIMIZER_RMSPROP = 6,  /* Tieleman and Hinton 2012, not centred */
    CLSEQ_OPTIMIZER_ADAMW = 7,    /* Loshchilov and Hutter 2019: weight decay apart */
} clseq_optimizer_kind;

typedef enum clseq_schedule_kind {
    CLSEQ_SCHEDULE_CONSTANT = 0,
    CLSEQ_SCHEDULE_HALVE = 1, /* halved every decay_every epochs once decay_start epochs are over:
                                 Sutskever et al. 2014 with 5 and 0.5 */
    CLSEQ_SCHEDULE_LUONG = 2, /* the same with decay_every 1: Luong et al. 2015 */
    CLSEQ_SCHEDULE_INVERSE_SQRT = 3, /* lr sqrt(w / k) at update k, from 1, w = warmup or 1 */
    CLSEQ_SCHEDULE_PLATEAU = 4,      /* times decay_factor after `patience` validations without a
                                        better one, and again after as many more */
    CLSEQ_SCHEDULE_LINEAR = 5,       /* from the end of the warm-up straight to 0 at `after` */
    CLSEQ_SCHEDULE_COSINE = 6,       /* the same as half a cosine: Loshchilov and Hutter 2017 */
} clseq_schedule_kind;

/* How the part of the words that a decoder reads from the text falls from 1 to `teacher_forcing`
 * while training goes its way, p in [0, 1], to `teacher_forcing_end`: Bengio et al. 2015, section
 * 2.4, each curve stretched so that it begins and ends there. */
typedef enum clseq_teacher_kind {
    CLSEQ_TEACHER_CONSTANT = 0, /* not at all: it is `teacher_forcing` from the start */
    CLSEQ_TEACHER_LINEAR = 1,
    CLSEQ_TEACHER_EXPONENTIAL = 2,     /* teacher_forcing^p */
    CLSEQ_TEACHER_INVERSE_SIGMOID = 3, /* k / (k + exp(i / k)) with k = e^5 */
} clseq_teacher_kind;

/* What training minimises; validation and translation are always over all words. */
typedef enum clseq_loss_kind {
    CLSEQ_LOSS_SOFTMAX = 0, /* cross-entropy over all words */
    CLSEQ_LOSS_SAMPLED = 1, /* over words drawn for the update, with corrected logits: Jean et al.
                               2015; the output layer's cost follows their number */
    CLSEQ_LOSS_NCE = 2,     /* noise-contrastive estimation over the same words: Gutmann and
                               Hyvarinen 2010; Mnih and Teh 2012 */
} clseq_loss_kind;

/* Which words are drawn: src/train/candidates.h. */
typedef enum clseq_sampler_kind {
    CLSEQ_SAMPLER_LOG_UNIFORM = 0, /* as by Zipf's law */
    CLSEQ_SAMPLER_UNIGRAM = 1,     /* by how often they stand in the training text */
} clseq_sampler_kind;

/* src/nn/init.h says what is filled how. */
typedef enum clseq_init_kind {
    CLSEQ_INIT_KIND_UNIFORM = 0,   /* in [-init_scale, init_scale): Sutskever et al. 2014 */
    CLSEQ_INIT_KIND_NORMAL = 1,    /* standard deviation init_scale */
    CLSEQ_INIT_KIND_XAVIER = 2,    /* Glorot and Bengio 2010, gate by gate; biases 0, embeddings
                                      normal with init_scale */
    CLSEQ_INIT_KIND_ORTHOGONAL = 3 /* the same with orthogonal weight_hh: Saxe et al. 2014 */
} clseq_init_kind;

/* Which validation is the best one. */
typedef enum clseq_best_kind {
    CLSEQ_BEST_LOSS = 0,          /* that of the lowest loss */
    CLSEQ_BEST_HIGHEST_SCORE = 1, /* by clseq_train_hooks.score, such as a BLEU */
    CLSEQ_BEST_LOWEST_SCORE = 2,  /* the same, such as an error rate */
} clseq_best_kind;

/* A point in training: whichever is given (not 0) and reached first. */
struct clseq_when {
    double epochs;
    uint64_t updates;
    double seconds;
};

struct clseq_train_options {
    /* Data: two files, or one .tsv in `source` with target NULL. Validation likewise; both NULL:
     * none. */
    const char *source, *target;
    const char *valid_source, *valid_target;
    const char *run; /* folder; made when it is missing */

    clseq_text_options source_text, target_text;
    /* Units bpe and spm: files of codes (plain or gzip) or SentencePiece models, whose bytes become
     * part of the model; not read when the unit of the side is another. NULL: what `codes` of the
     * text options says, or, for bpe, merges learnt from the training text. */
    const char *source_codes, *target_codes;
    size_t merges;      /* to learn: 10000 */
    double bpe_dropout; /* BPE-dropout of the training text, of sides of unit bpe, in [0, 1]: 0 */
    bool joint;         /* the same merges for both sides, learnt from both together: false */
    /* Sides of unit bpe: pieces that are rarer in the side's own training text are cut again
     * wherever they come up, as subword-nmt's --vocabulary-threshold does; 0 (default): none. With
     * shared embeddings both sides count together. What is never cut stands in `glossaries` of the
     * text options. */
    uint64_t piece_threshold;
    size_t source_vocab_size, target_vocab_size; /* 30000 */
    uint64_t min_count;                          /* 2 */
    size_t max_length;                           /* 100 tokens a side; longer pairs are skipped */
    bool reverse_source;                         /* false */

    struct clseq_model_config model; /* its vocabularies are filled in from the text */

    /* Files of word vectors (clseq/vectors.h) that the embeddings begin with; NULL = none. Words
     * without a vector begin like all weights. */
    const char *source_vectors, *target_vectors;
    bool freeze_vectors;                /* rows that came from a file do not learn: false */
    struct clseq_when unfreeze_vectors; /* but from then on (epochs or updates); zeros = never */

    /* What is left out at random, each with its probability in [0, 1): inputs of the layers from
     * the second on, inputs of the first layer, inputs of the output layer, words (they become
     * unknown ones). All 0. */
    double layer_dropout, embedding_dropout, output_dropout, word_dropout;
    bool same_dropout;      /* one mask for all time steps (Gal and Ghahramani 2016); false */
    double label_smoothing; /* share of each target spread over all words: 0. Losses of training
                               are those that are minimised; validation is without */
    /* Scheduled sampling (src/train/scheduled_sampling.h): the probability with which the decoder
     * reads a word of the text, and not its own guess at it. 1 = always */
    double teacher_forcing;
    clseq_teacher_kind teacher_schedule;   /* constant */
    struct clseq_when teacher_forcing_end; /* epochs or updates; zeros (default): as `after` */

    clseq_loss_kind loss;       /* softmax. Others: without label smoothing; weights, moments and
                                   decay of output words change in updates they are part of */
    size_t samples;             /* words drawn for an update: 2048; as many as there are: all */
    clseq_sampler_kind sampler; /* log-uniform */
    double sampler_power;       /* of the counts of a unigram sampler: 0.75 */

    clseq_optimizer_kind optimizer; /* Adam */
    double lr; /* 0 = 0.7 for SGD, 0.07 with momentum, 0.01 for Adagrad, 1 for Adadelta, 0.001 for
                  the others */
    double momentum;      /* with momentum: 0.9 */
    double beta1, beta2;  /* means of gradients and of their squares: 0.9; 0 = 0.999 for Adam, 0.99
                            for RMSprop, 0.9 for Adadelta, which use beta2 only */
    double eps;           /* 0 = 1e-8 for Adam and RMSprop, 1e-10 Adagrad, 1e-6 Adadelta */
    double adagrad_start; /* what Adagrad's sums of squares begin with: 0 */
    double weight_decay;  /* X adds X times the weights to the clipped gradient (L2); for AdamW it
                             takes lr X of the weights instead. Of an embedding only the rows of
                             the batch decay. 0 */
    clseq_schedule_kind schedule;    /* constant */
    double decay_start, decay_every; /* epochs: 5, 0.5 */
    double decay_factor;             /* plateau: 0.5 */
    int patience;                    /* plateau: 1 */
    uint64_t warmup; /* updates in which the rate of any schedule grows from 0 in equal steps: 0 */
    double ema;  /* moving average of the weights: the part of the old average in the next one, at
                    most; 0 = none. Validations and best.safetensors are of the average: 0 */
    double clip; /* global norm: 5; 0 = off */
    /* Gradient of the mean loss per token; false (default): of the sum over the batch divided by
     * its sentences, as the paper does. */
    bool average_tokens;
    clseq_init_kind init; /* uniform */
    double init_scale;    /* 0.08 */
    bool set_forget_bias; /* false: as all biases; true: the forget gates' sum to forget_bias */
    double forget_bias;   /* 1 */
    size_t batch;         /* sentences: 64 */
    size_t batch_tokens;  /* instead of `batch`: clseq_batches_options.batch_tokens; 0 = not */
    size_t accumulate;    /* batches of an update: 1. The gradient is that of all of them together;
                           an epoch's last update may have fewer */
    bool similar_length;  /* batches of sentences of similar length: true */
    uint64_t seed;        /* 1 */

    struct clseq_when after;       /* 10 epochs */
    struct clseq_when valid_every; /* 1 epoch */
    struct clseq_when save_every;  /* 5 minutes */
    clseq_best_kind best_by; /* for best.safetensors, early_stop and plateau: loss. Of equal ones
                                the first is the best */
    /* Validations without a better one before training ends: 5; 0 = never. */
    int early_stop;
    /* Models of the last so many validations are kept, too, as valid-<update>.safetensors: 0. */
    size_t keep;
    uint64_t log_every; /* updates between two reports: 50 */
    /* Batches that a thread makes ahead: 2; 0 = no thread. Changes no result. */
    size_t batches_ahead;
    /* Bytes of device memory that the run may take; 0 = what the device and the machine have. A run
     * that would take more is refused before its first step. Changes no result. */
    uint64_t memory_limit;
};

/* What training reports. Fields that do not belong to an event are 0. */
struct clseq_train_event {
    enum clseq_train_event_kind {
        CLSEQ_TRAIN_DATA,   /* corpus and vocabularies are ready */
        CLSEQ_TRAIN_START,  /* the model is ready; `update` > 0 after a resume */
        CLSEQ_TRAIN_UPDATE, /* every log_every updates */
        CLSEQ_TRAIN_VALID,  /* a validation is done */
        CLSEQ_TRAIN_SAVE,   /* a checkpoint is written */
        CLSEQ_TRAIN_END,
    } kind;
    const char *text; /* one line for people, without line end */

    uint64_t update, updates_per_epoch;
    double epoch;      /* fraction: 1.5 is in the middle of the second */
    double loss;       /* mean negative log-likelihood per target token since the last report, or
                                 of the validation set; natural logarithm */
    double perplexity; /* exp(loss) */
    /* Of a validation, when hooks->score is given and the loss is finite. */
    bool has_score;
    double score;
    /* Of a validation with CLSEQ_LOSS_NCE: mean and standard deviation, over the target positions,
     * of log Z, Z being the sum of exp(score) over all words. Near 0 both, the scores are
     * logarithms of probabilities without a softmax. */
    bool has_log_z;
    double log_z, log_z_spread;
    double lr, gradient_norm; /* of the last update */
    double tokens_per_second; /* target tokens, since the last report */
    double seconds,
        seconds_left; /* since the start of the run (all sessions); estimate, -1 = unknown */
    uint64_t skipped; /* updates skipped because of NaN or infinity, so far */
    bool best;        /* the validation is the best so far */
};

struct clseq_train_hooks {
    void *user;
    void (*event)(void *user, const struct clseq_train_event *event); /* may be NULL */
    /* Polled between updates; when it returns true training saves and returns
     * CLSEQ_ERR_INTERRUPTED. May be NULL. */
    bool (*stop)(void *user);
    /* The score of the model of a validation, such as the BLEU of its translations: `model` is a
     * file in the run folder. It must be finite, and a function of that file, or a resumed run may
     * end differently; clseq_train_options.best_by says whether high or low is good. On an error
     * training ends with it; the text is in the context. NULL: none, the score is 0. */
    clseq_status (*score)(void *user, const char *model, double *ret);
    void *score_user;       /* for score, which may be of somebody else than the others */
    const char *score_name; /* "BLEU"; NULL: "score" */
    const char *score_unit; /* what stands behind the number: " %"; NULL: nothing */
};

struct clseq_train_result {
    uint64_t updates;
    double epochs, seconds;
    double train_loss;                 /* of the last report */
    double best_loss, best_perplexity; /* best validation; 0 without one */
    double best_score;                 /* of the same validation; 0 without one */
    bool stopped_early;
};

/* Set the defaults stated above: words, two files still to be named. */
CLSEQ_API void clseq_train_options_init(struct clseq_train_options *options);

/* Train, or go on with, the run in options->run. `hooks` and `result` may be NULL.
 * Errors: CLSEQ_ERR_DATA, CLSEQ_ERR_ARG (an option out of range; a run folder made with other
 * options: the text names them), CLSEQ_ERR_FORMAT (a damaged checkpoint), CLSEQ_ERR_IO,
 * CLSEQ_ERR_DEVICE_NOMEM (it does not fit into memory, with what would fit),
 * CLSEQ_ERR_INTERRUPTED (state saved: call again to go on), CLSEQ_ERR_NUMERIC (diverged; the last
 * good checkpoint is kept), CLSEQ_ERR_DEVICE and friends. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_train(clseq_context *ctx, clseq_backend *be,
                                                    const struct clseq_train_options *options,
                                                    const struct clseq_train_hooks *hooks,
                                                    struct clseq_train_result *result);

CLSEQ_END_DECLS

#endif
