/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "device_options.h"
#include "model_options.h"
#include "plan_print.h"
#include "stop_signal.h"
#include "train_presets.h"
#include "train_report.h"
#include "valid_score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct values {
    cli_pair valid;
    const char *valid_tsv, *run, *source_vectors, *target_vectors;
    bool freeze_vectors;
    cli_span unfreeze_vectors;
    int unit, source_unit, target_unit;
    const char *codes, *source_codes, *target_codes, *spm, *source_spm, *target_spm;
    int64_t merges, piece_threshold;
    bool joint;
    cli_list glossaries;
    int tokenize;
    int64_t vocab_size, source_vocab_size, target_vocab_size, min_count, max_length;
    bool lowercase, reverse_source;
    int preset;
    int64_t emb, hidden, layers;
    struct model_options model;
    double dropout, layer_dropout, embedding_dropout, output_dropout, word_dropout, label_smoothing;
    double teacher_forcing, bpe_dropout;
    int teacher_schedule;
    cli_span teacher_end;
    bool same_dropout;
    int loss, sampler;
    int64_t samples;
    double sampler_power;
    int optimizer, schedule, average, init, early_stop_on;
    double lr, momentum, beta1, beta2, eps, adagrad_start, weight_decay;
    double decay_start, decay_every, decay_factor, ema, clip, init_scale, forget_bias;
    int64_t warmup, patience;
    int64_t batch, batch_tokens, accumulate, early_stop, seed, keep, log_every, batches_ahead;
    bool similar_length;
    cli_span after, valid_every, save_every;
    int64_t memory_limit;
    struct device_options device;
    struct plan_values plan; /* of clseq plan alone */
};

/* In the order of clseq_unit. */
#define UNITS "word|char|byte|bpe|spm"
/* In the order of clseq_optimizer_kind. */
#define OPTIMIZERS "sgd|adam|momentum|nesterov|adagrad|adadelta|rmsprop|adamw"
/* In the order of clseq_loss_kind and clseq_sampler_kind. */
#define LOSSES   "softmax|sampled|nce"
#define SAMPLERS "log-uniform|unigram"
/* In the order of clseq_init_kind. */
#define INITS "uniform|normal|xavier|orthogonal"
/* In the order of clseq_schedule_kind. */
#define SCHEDULES "constant|halve|luong|inverse-sqrt|plateau|linear|cosine"
/* In the order of clseq_teacher_kind. */
#define TEACHERS "constant|linear|exponential|inverse-sigmoid"

/* Of --early-stop-on. */
#define CRITERIA "loss|bleu|wer"
static const struct {
    clseq_best_kind best_by;
    clseq_eval_metric metric; /* unless by loss */
} criteria[] = {
    { .best_by = CLSEQ_BEST_LOSS },
    { CLSEQ_BEST_HIGHEST_SCORE, CLSEQ_EVAL_METRIC_BLEU },
    { CLSEQ_BEST_LOWEST_SCORE, CLSEQ_EVAL_METRIC_WRONG_RATE },
};

static const cli_option options[] = {
    /* clang-format off */
    { "valid", 0, CLI_PAIR_FIELD(struct values, valid), "SRC TGT", NULL, .group = "Data",
      .help = "text to validate on; the best model is the one that does best here" },
    { "valid-tsv", 0, CLI_STRING_FIELD(struct values, valid_tsv), "FILE", NULL, .group = "Data",
      .help = "the same as one .tsv file" },
    { "output", 'o', CLI_STRING_FIELD(struct values, run), "RUN", "run", .group = "Data",
      .help = "folder of the run; the same command again resumes it" },
    { "unit", 0, CLI_CHOICE_FIELD(struct values, unit), UNITS, "word", .group = "Data",
      .help = "what a line is cut into; bpe: pieces of words, spm: pieces of a SentencePiece model" },
    { "source-unit", 0, CLI_CHOICE_FIELD(struct values, source_unit), UNITS, NULL, .group = "Data",
      .help = "the same for the source alone" },
    { "target-unit", 0, CLI_CHOICE_FIELD(struct values, target_unit), UNITS, NULL, .group = "Data",
      .help = "the same for the target alone" },
    { "tokenize", 0, CLI_CHOICE_FIELD(struct values, tokenize), "none|rules", "none", .group = "Data",
      .help = "rules: the text is raw; units word and bpe then cut off punctuation first, and translations are joined to raw text" },
    { "codes", 0, CLI_STRING_FIELD(struct values, codes), "FILE", NULL, .group = "Data",
      .help = "merges of --unit bpe, as subword-nmt writes them; when not given they are learnt from SRC and TGT" },
    { "source-codes", 0, CLI_STRING_FIELD(struct values, source_codes), "FILE", NULL, .group = "Data",
      .help = "the same for the source alone" },
    { "target-codes", 0, CLI_STRING_FIELD(struct values, target_codes), "FILE", NULL, .group = "Data",
      .help = "the same for the target alone" },
    { "merges", 0, CLI_INT_FIELD(struct values, merges), "N", "10000", .min = 1, .max = 1e9, .group = "Data",
      .help = "how many merges to learn for a side" },
    { "joint", 0, CLI_FLAG_FIELD(struct values, joint), NULL, NULL, .group = "Data",
      .help = "learn the same merges for both sides" },
    { "bpe-vocabulary-threshold", 0, CLI_INT_FIELD(struct values, piece_threshold), "N", "0", .min = 0, .max = 1e12, .group = "Data",
      .help = "pieces of --unit bpe that are rarer in their own side of the training text are cut again, there and in translation; 0: none" },
    { "glossary", 0, CLI_LIST_FIELD(struct values, glossaries), "PATTERN", NULL, .group = "Data",
      .help = "a word or regular expression that --unit bpe never cuts; may be given several times" },
    { "spm-model", 0, CLI_STRING_FIELD(struct values, spm), "FILE", NULL, .group = "Data",
      .help = "the model of --unit spm, whose pieces are the vocabulary" },
    { "source-spm-model", 0, CLI_STRING_FIELD(struct values, source_spm), "FILE", NULL, .group = "Data",
      .help = "the same for the source alone" },
    { "target-spm-model", 0, CLI_STRING_FIELD(struct values, target_spm), "FILE", NULL, .group = "Data",
      .help = "the same for the target alone" },
    { "vocab-size", 0, CLI_INT_FIELD(struct values, vocab_size), "N", "30000", .min = 5, .max = 4e6,
      .group = "Data", .help = "largest vocabulary of each side, the 4 special tokens included; not for units byte and spm" },
    { "source-vocab-size", 0, CLI_INT_FIELD(struct values, source_vocab_size), "N", NULL, .min = 5, .max = 4e6,
      .group = "Data", .help = "the same for the source alone" },
    { "target-vocab-size", 0, CLI_INT_FIELD(struct values, target_vocab_size), "N", NULL, .min = 5, .max = 4e6,
      .group = "Data", .help = "the same for the target alone" },
    { "min-count", 0, CLI_INT_FIELD(struct values, min_count), "N", "2", .min = 1, .max = 1e9,
      .group = "Data", .help = "rarer words are unknown" },
    { "lowercase", 0, CLI_FLAG_FIELD(struct values, lowercase), NULL, NULL, .group = "Data",
      .help = "lower-case both sides" },
    { "max-length", 0, CLI_INT_FIELD(struct values, max_length), "N", "100", .min = 1, .max = 10000,
      .group = "Data", .help = "skip pairs with more tokens on a side" },
    { "reverse-source", 0, CLI_FLAG_FIELD(struct values, reverse_source), NULL, NULL, .group = "Data",
      .help = "read the source backwards, as Sutskever et al. 2014 do" },

    { "preset", 0, CLI_CHOICE_FIELD(struct values, preset), TRAIN_PRESETS, "small", .group = "Model",
      .help = "a set of options, which you can change one by one: docs/presets.md; small, tiny, base: both directions and attention; plain: neither; or a paper's" },
    { "emb", 0, CLI_INT_FIELD(struct values, emb), "N", "256", .min = 1, .max = 65536,
      .group = "Model", .help = "size of the embeddings" },
    { "hidden", 0, CLI_INT_FIELD(struct values, hidden), "N", "512", .min = 1, .max = 65536,
      .group = "Model", .help = "units per layer" },
    { "layers", 0, CLI_INT_FIELD(struct values, layers), "N", "1", .min = 1, .max = 16,
      .group = "Model", .help = "layers of encoder and of decoder" },
    MODEL_OPTIONS(struct values, model, "Model"),
    { "source-vectors", 0, CLI_STRING_FIELD(struct values, source_vectors), "FILE", NULL, .group = "Model",
      .help = "source embeddings begin with these word vectors: word2vec, GloVe or fastText, of --emb numbers" },
    { "target-vectors", 0, CLI_STRING_FIELD(struct values, target_vectors), "FILE", NULL, .group = "Model",
      .help = "the same for the target" },
    { "freeze-vectors", 0, CLI_FLAG_FIELD(struct values, freeze_vectors), NULL, NULL, .group = "Model",
      .help = "words that have such a vector keep it" },
    { "unfreeze-vectors", 0, CLI_SPAN_FIELD(struct values, unfreeze_vectors), "WHEN", NULL, .group = "Model",
      .help = "only until then: epochs 3e or updates 2000u" },
    { "init", 0, CLI_CHOICE_FIELD(struct values, init), INITS, "uniform", .group = "Model",
      .help = "initial weights; orthogonal: the recurrent ones of each gate, the rest as xavier" },
    { "init-scale", 0, CLI_FLOAT_FIELD(struct values, init_scale), "X", "0.08", .min = 0, .max = 10,
      .group = "Model", .help = "bound of the uniform, standard deviation of the normal distribution; for xavier and orthogonal the latter of embeddings" },
    { "forget-bias", 0, CLI_FLOAT_FIELD(struct values, forget_bias), "X", NULL, .min = -100, .max = 100,
      .group = "Model", .help = "what the biases of LSTM forget gates begin with, 1 say; when not given as the other biases" },

    { "dropout", 0, CLI_FLOAT_FIELD(struct values, dropout), "P", "0", .min = 0, .max = 0.99, .group = "Regularisation",
      .help = "left out at random of the inputs of every layer, the first and the output layer included" },
    { "layer-dropout", 0, CLI_FLOAT_FIELD(struct values, layer_dropout), "P", NULL, .min = 0, .max = 0.99, .group = "Regularisation",
      .help = "the same for layers from the second on alone" },
    { "embedding-dropout", 0, CLI_FLOAT_FIELD(struct values, embedding_dropout), "P", NULL, .min = 0, .max = 0.99, .group = "Regularisation",
      .help = "the same for the first layer, whose inputs are embeddings" },
    { "output-dropout", 0, CLI_FLOAT_FIELD(struct values, output_dropout), "P", NULL, .min = 0, .max = 0.99, .group = "Regularisation",
      .help = "the same for the output layer" },
    { "same-dropout", 0, CLI_FLAG_FIELD(struct values, same_dropout), NULL, NULL, .group = "Regularisation",
      .help = "one mask for all time steps (Gal and Ghahramani 2016)" },
    { "word-dropout", 0, CLI_FLOAT_FIELD(struct values, word_dropout), "P", "0", .min = 0, .max = 0.99, .group = "Regularisation",
      .help = "words read as unknown ones at random, on both sides" },
    { "bpe-dropout", 0, CLI_FLOAT_FIELD(struct values, bpe_dropout), "P", "0", .min = 0, .max = 1, .group = "Regularisation",
      .help = "merges of --unit bpe left out at random, others in every epoch (Provilkov et al. 2020)" },
    { "label-smoothing", 0, CLI_FLOAT_FIELD(struct values, label_smoothing), "X", "0", .min = 0, .max = 0.99, .group = "Regularisation",
      .help = "share of each target spread over all words" },
    { "teacher-forcing", 0, CLI_FLOAT_FIELD(struct values, teacher_forcing), "P", "1", .min = 0, .max = 1, .group = "Regularisation",
      .help = "scheduled sampling: how often the decoder reads the word of the text in training, and not its own guess" },
    { "teacher-forcing-schedule", 0, CLI_CHOICE_FIELD(struct values, teacher_schedule), TEACHERS, "constant", .group = "Regularisation",
      .help = "how that falls from 1 to P; constant: it is P from the start" },
    { "teacher-forcing-end", 0, CLI_SPAN_FIELD(struct values, teacher_end), "WHEN", NULL, .group = "Regularisation",
      .help = "when it has come down to P: epochs 5e or updates 2000u; when not given at the end of --after" },

    { "loss", 0, CLI_CHOICE_FIELD(struct values, loss), LOSSES, "softmax", .group = "Loss",
      .help = "over all target words, or for large vocabularies over words drawn for each update: Jean et al. 2015, or noise-contrastive estimation; validation is always over all" },
    { "samples", 0, CLI_INT_FIELD(struct values, samples), "N", "2048", .min = 1, .max = 4e6, .group = "Loss",
      .help = "words drawn" },
    { "sampler", 0, CLI_CHOICE_FIELD(struct values, sampler), SAMPLERS, "log-uniform", .group = "Loss",
      .help = "how: by the rank of a word, or by its count in the training text" },
    { "sampler-power", 0, CLI_FLOAT_FIELD(struct values, sampler_power), "X", "0.75", .min = 0, .max = 1, .group = "Loss",
      .help = "unigram: counts to the power of X; 0: all words alike" },

    { "optimizer", 0, CLI_CHOICE_FIELD(struct values, optimizer), OPTIMIZERS, "adam", .group = "Optimizer",
      .help = "how weights follow gradients" },
    { "momentum", 0, CLI_FLOAT_FIELD(struct values, momentum), "X", "0.9", .min = 0, .max = 0.999999,
      .group = "Optimizer", .help = "part of the last step in the next one, for momentum and nesterov" },
    { "beta1", 0, CLI_FLOAT_FIELD(struct values, beta1), "X", "0.9", .min = 0, .max = 0.999999,
      .group = "Optimizer", .help = "memory of the mean of gradients, for adam and adamw" },
    { "beta2", 0, CLI_FLOAT_FIELD(struct values, beta2), "X", NULL, .min = 0, .max = 0.999999, .bounds = CLI_ABOVE_MIN,
      .group = "Optimizer", .help = "memory of the mean of squares; when not given 0.999 for adam and adamw, 0.99 for rmsprop, 0.9 for adadelta" },
    { "eps", 0, CLI_FLOAT_FIELD(struct values, eps), "X", NULL, .min = 1e-30, .max = 1,
      .group = "Optimizer", .help = "keeps divisors from 0; when not given 1e-8 for adam, adamw and rmsprop, 1e-10 for adagrad, 1e-6 for adadelta" },
    { "adagrad-start", 0, CLI_FLOAT_FIELD(struct values, adagrad_start), "X", "0", .min = 0, .max = 1e6,
      .group = "Optimizer", .help = "what the sums of squares begin with" },
    { "weight-decay", 0, CLI_FLOAT_FIELD(struct values, weight_decay), "X", "0", .min = 0, .max = 1,
      .group = "Optimizer", .help = "pull of weights to 0: added to the gradient, for adamw apart from it; of embeddings only rows of the batch" },
    { "lr", 0, CLI_FLOAT_FIELD(struct values, lr), "X", NULL, .min = 0, .max = 100, .bounds = CLI_ABOVE_MIN,
      .group = "Learning rate", .help = "learning rate; when not given 0.7 for sgd, 0.07 for momentum and nesterov, 0.01 for adagrad, 1 for adadelta, 0.001 for the others" },
    { "schedule", 0, CLI_CHOICE_FIELD(struct values, schedule), SCHEDULES, "constant", .group = "Learning rate",
      .help = "halve: as Sutskever et al. 2014, luong: as Luong et al. 2015, both see --decay-start; plateau: when validation stops getting better; linear, cosine: to 0 at the end of --after" },
    { "warmup", 0, CLI_INT_FIELD(struct values, warmup), "N", "0", .min = 0, .max = 1e12, .group = "Learning rate",
      .help = "updates in which the rate grows from 0 to what the schedule says; inverse-sqrt falls from there" },
    { "decay-start", 0, CLI_FLOAT_FIELD(struct values, decay_start), "EPOCHS", "5", .min = 0, .max = 1e6,
      .group = "Learning rate", .help = "when halve and luong halve the rate first" },
    { "decay-every", 0, CLI_FLOAT_FIELD(struct values, decay_every), "EPOCHS", "0.5", .min = 0.01, .max = 1e6,
      .group = "Learning rate", .help = "how often halve does it from then on; luong: every epoch" },
    { "decay-factor", 0, CLI_FLOAT_FIELD(struct values, decay_factor), "X", "0.5", .min = 0.001, .max = 1,
      .group = "Learning rate", .help = "what plateau multiplies the rate by" },
    { "patience", 0, CLI_INT_FIELD(struct values, patience), "N", "1", .min = 1, .max = 1e6,
      .group = "Learning rate", .help = "after how many validations without a better one it does so" },
    { "ema", 0, CLI_FLOAT_FIELD(struct values, ema), "X", "0", .min = 0, .max = 0.999999, .group = "Training",
      .help = "validate and save a moving average of the weights, of memory X: 0.999, say; 0: off" },
    { "clip", 0, CLI_FLOAT_FIELD(struct values, clip), "X", "5", .min = 0, .max = 1e6, .group = "Training",
      .help = "largest norm of the gradient; 0 switches clipping off" },
    { "average", 0, CLI_CHOICE_FIELD(struct values, average), "sentence|token", "sentence", .group = "Training",
      .help = "what the gradient of a batch is divided by" },
    { "batch", 0, CLI_INT_FIELD(struct values, batch), "N", "64", .min = 1, .max = 65536,
      .group = "Training", .help = "sentences in a batch" },
    { "batch-tokens", 0, CLI_INT_FIELD(struct values, batch_tokens), "N", "0", .min = 0, .max = 2097152,
      .group = "Training", .help = "instead of --batch: as many sentences as have N tokens on the longer side, padding and end tokens included; 0: off" },
    { "accumulate", 0, CLI_INT_FIELD(struct values, accumulate), "N", "1", .min = 1, .max = 65536,
      .group = "Training", .help = "batches of one update, whose gradients add up; for larger batches than memory holds" },
    { "similar-length", 0, CLI_FLAG_FIELD(struct values, similar_length), NULL, "on", .group = "Training",
      .help = "batches of sentences of similar length (faster)" },
    { "after", 0, CLI_SPAN_FIELD(struct values, after), "WHEN", "10e", .group = "Training",
      .help = "how long to train: epochs 20e, updates 5000u, or time 30m; whichever comes first" },
    { "early-stop", 0, CLI_INT_FIELD(struct values, early_stop), "N", "5", .min = 0, .max = 1e6,
      .group = "Training", .help = "stop after so many validations without a better one; 0: never" },
    { "early-stop-on", 0, CLI_CHOICE_FIELD(struct values, early_stop_on), CRITERIA, "loss", .group = "Training",
      .help = "what makes a validation better, for --early-stop, plateau and best.safetensors; of greedy translations of the text of --valid: "
              "bleu, higher, or wer, lower: lines equal to no reference" },
    { "seed", 0, CLI_INT_FIELD(struct values, seed), "N", "1", .min = 0, .max = 9007199254740992.0,
      .group = "Training", .help = "of weights and order of the data; same seed and device, same bits" },

    { "valid-every", 0, CLI_SPAN_FIELD(struct values, valid_every), "WHEN", "1e", .group = "Run",
      .help = "epochs 1e or updates 500u between validations" },
    { "save-every", 0, CLI_SPAN_FIELD(struct values, save_every), "WHEN", "5m", .group = "Run",
      .help = "between checkpoints: 5m, 500u or 1e" },
    { "keep", 0, CLI_INT_FIELD(struct values, keep), "N", "0", .min = 0, .max = 1e6, .group = "Run",
      .help = "keep the models of the last N validations, for clseq average" },
    { "log-every", 0, CLI_INT_FIELD(struct values, log_every), "N", "50", .min = 1, .max = 1e9, .group = "Run",
      .help = "updates between two reports" },
    { "batches-ahead", 0, CLI_INT_FIELD(struct values, batches_ahead), "N", "2", .min = 0, .max = 64, .group = "Run",
      .help = "batches made ahead by a thread; 0: no thread. Changes no result" },
    { "memory-limit", 0, CLI_SIZE_FIELD(struct values, memory_limit), "BYTES", "0", .min = 0, .max = 9007199254740992.0, .group = "Run",
      .help = "refuse to begin a run that takes more device memory, 4G say; 0: what the device has, and the machine where they share it" },
    /* clang-format on */
    DEVICE_OPTIONS(struct values, device),
    PLAN_OPTIONS(struct values, plan), /* these last: clseq train does not have them */
};

static struct clseq_when when(const cli_span *span)
{
    return (struct clseq_when) { .epochs = span->epochs,
                                 .updates = (uint64_t)span->updates,
                                 .seconds = span->seconds };
}

/* --dropout where the option of this name was not given. */
static double or_dropout(const cli_parse *parse, const struct values *v, const char *name,
                         double value)
{
    return cli_source_of(parse, name) == CLI_FROM_DEFAULT ? v->dropout : value;
}

static bool takes_words(clseq_unit unit)
{
    return unit == CLSEQ_UNIT_WORD || unit == CLSEQ_UNIT_BPE;
}

static void fill_units(const cli_parse *parse, const struct values *v,
                       struct clseq_train_options *o)
{
    const char *const codes[2] = { v->source_codes ? v->source_codes : v->codes,
                                   v->target_codes ? v->target_codes : v->codes };
    const char *const models[2] = { v->source_spm ? v->source_spm : v->spm,
                                    v->target_spm ? v->target_spm : v->spm };

    o->source_text.unit = o->target_text.unit = (clseq_unit)v->unit;
    if (cli_source_of(parse, "source-unit") != CLI_FROM_DEFAULT)
        o->source_text.unit = (clseq_unit)v->source_unit;
    if (cli_source_of(parse, "target-unit") != CLI_FROM_DEFAULT)
        o->target_text.unit = (clseq_unit)v->target_unit;
    o->source_text.lowercase = o->target_text.lowercase = v->lowercase;
    /* A side of another unit takes raw text anyway. */
    o->source_text.rules = v->tokenize == 1 && takes_words(o->source_text.unit);
    o->target_text.rules = v->tokenize == 1 && takes_words(o->target_text.unit);
    o->source_codes = o->source_text.unit == CLSEQ_UNIT_SPM ? models[0] : codes[0];
    o->target_codes = o->target_text.unit == CLSEQ_UNIT_SPM ? models[1] : codes[1];
    o->merges = (size_t)v->merges;
    o->joint = v->joint;
    o->piece_threshold = (uint64_t)v->piece_threshold;
}

/* The glossaries one a line, for both sides or the one of unit bpe; NULL: no memory. Release with
 * free(). */
static char *fill_glossaries(const struct values *v, struct clseq_train_options *o)
{
    clseq_text_options *const sides[2] = { &o->source_text, &o->target_text };
    const bool any = o->source_text.unit == CLSEQ_UNIT_BPE || o->target_text.unit == CLSEQ_UNIT_BPE;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; out && i < v->glossaries.count; i++)
        fprintf(out, "%s\n", v->glossaries.text[i]);
    if (!out || fclose(out) != 0) {
        free(text);
        return NULL;
    }
    for (int side = 0; side < 2 && size > 0; side++) {
        /* Without a side that has a use for them both get them, and are refused. */
        if (any && sides[side]->unit != CLSEQ_UNIT_BPE)
            continue;
        sides[side]->glossaries = text;
        sides[side]->glossaries_size = size;
    }
    return text;
}

/* Files for a unit that no side has. */
static int check_units(const struct values *v, const struct clseq_train_options *o)
{
    const struct {
        const char *option, *path;
        clseq_unit unit;
        bool source, target; /* sides that it may be for */
    } files[] = {
        { "codes", v->codes, CLSEQ_UNIT_BPE, true, true },
        { "source-codes", v->source_codes, CLSEQ_UNIT_BPE, true, false },
        { "target-codes", v->target_codes, CLSEQ_UNIT_BPE, false, true },
        { "spm-model", v->spm, CLSEQ_UNIT_SPM, true, true },
        { "source-spm-model", v->source_spm, CLSEQ_UNIT_SPM, true, false },
        { "target-spm-model", v->target_spm, CLSEQ_UNIT_SPM, false, true },
    };

    if (v->tokenize == 1 && !takes_words(o->source_text.unit) &&
        !takes_words(o->target_text.unit)) {
        cli_error("--tokenize rules is for units word and bpe: the others take raw text as it is");
        return CLI_EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        const char *unit = clseq_unit_name(files[i].unit);

        if (!files[i].path || (files[i].source && o->source_text.unit == files[i].unit) ||
            (files[i].target && o->target_text.unit == files[i].unit))
            continue;
        cli_error("--%s is for unit %s: give --unit %s, too, or leave it out", files[i].option,
                  unit, unit);
        return CLI_EXIT_USAGE;
    }
    return CLI_EXIT_DONE;
}

static void fill_options(const cli_parse *parse, const struct values *v,
                         struct clseq_train_options *o)
{
    clseq_train_options_init(o);
    o->source = parse->arguments[0];
    o->target = parse->argument_count > 1 ? parse->arguments[1] : NULL;
    o->valid_source = v->valid.first ? v->valid.first : v->valid_tsv;
    o->valid_target = v->valid.second;
    o->run = v->run;
    fill_units(parse, v, o);
    o->source_vocab_size = (size_t)(v->source_vocab_size ? v->source_vocab_size : v->vocab_size);
    o->target_vocab_size = (size_t)(v->target_vocab_size ? v->target_vocab_size : v->vocab_size);
    o->min_count = (uint64_t)v->min_count;
    o->max_length = (size_t)v->max_length;
    o->reverse_source = v->reverse_source;
    o->source_vectors = v->source_vectors;
    o->target_vectors = v->target_vectors;
    o->freeze_vectors = v->freeze_vectors;
    o->unfreeze_vectors = when(&v->unfreeze_vectors);
    o->model.embedding = (int32_t)v->emb;
    o->model.hidden = (int32_t)v->hidden;
    o->model.layers = (int32_t)v->layers;
    model_options_fill(&v->model, &o->model);
    o->layer_dropout = or_dropout(parse, v, "layer-dropout", v->layer_dropout);
    o->embedding_dropout = or_dropout(parse, v, "embedding-dropout", v->embedding_dropout);
    o->output_dropout = or_dropout(parse, v, "output-dropout", v->output_dropout);
    o->same_dropout = v->same_dropout;
    o->word_dropout = v->word_dropout;
    o->bpe_dropout = v->bpe_dropout;
    o->label_smoothing = v->label_smoothing;
    o->loss = (clseq_loss_kind)v->loss;
    /* A preset's smoothing is for the softmax over all words. */
    if (v->loss != CLSEQ_LOSS_SOFTMAX && cli_source_of(parse, "label-smoothing") == CLI_FROM_PRESET)
        o->label_smoothing = 0;
    o->samples = (size_t)v->samples;
    o->sampler = (clseq_sampler_kind)v->sampler;
    o->sampler_power = v->sampler_power;
    o->teacher_forcing = v->teacher_forcing;
    o->teacher_schedule = (clseq_teacher_kind)v->teacher_schedule;
    o->teacher_forcing_end = when(&v->teacher_end);
    o->init = (clseq_init_kind)v->init;
    o->set_forget_bias = cli_source_of(parse, "forget-bias") != CLI_FROM_DEFAULT;
    if (o->set_forget_bias)
        o->forget_bias = v->forget_bias;
    o->init_scale = v->init_scale;
    o->optimizer = (clseq_optimizer_kind)v->optimizer;
    o->lr = v->lr;
    o->momentum = v->momentum;
    o->beta1 = v->beta1;
    o->beta2 = v->beta2;
    o->eps = v->eps;
    o->adagrad_start = v->adagrad_start;
    o->weight_decay = v->weight_decay;
    o->schedule = (clseq_schedule_kind)v->schedule;
    o->decay_start = v->decay_start;
    o->decay_every = v->decay_every;
    o->decay_factor = v->decay_factor;
    o->patience = (int)v->patience;
    o->warmup = (uint64_t)v->warmup;
    o->ema = v->ema;
    o->keep = (size_t)v->keep;
    o->clip = v->clip;
    o->average_tokens = v->average == 1;
    o->batch = (size_t)v->batch;
    o->batch_tokens = (size_t)v->batch_tokens;
    o->accumulate = (size_t)v->accumulate;
    o->similar_length = v->similar_length;
    o->after = when(&v->after);
    o->valid_every = when(&v->valid_every);
    o->save_every = when(&v->save_every);
    o->early_stop = (int)v->early_stop;
    o->best_by = criteria[v->early_stop_on].best_by;
    o->seed = (uint64_t)v->seed;
    o->log_every = (uint64_t)v->log_every;
    o->batches_ahead = (size_t)v->batches_ahead;
    o->memory_limit = (uint64_t)v->memory_limit;
}

static bool valid_is_clear(const struct values *v)
{
    if (!v->valid.first || !v->valid_tsv)
        return true;
    cli_error("--valid and --valid-tsv name the same thing: give one of them");
    return false;
}

/* The options; *glossaries is what they borrow, released with free(). */
static int read_options(const cli_parse *parse, const struct values *v,
                        struct clseq_train_options *o, char **glossaries)
{
    if (!valid_is_clear(v))
        return CLI_EXIT_USAGE;
    fill_options(parse, v, o);
    *glossaries = fill_glossaries(v, o);
    if (*glossaries)
        return check_units(v, o);
    cli_error("no memory for the command line");
    return CLI_EXIT_MEMORY;
}

static int train(const struct values *v, const struct clseq_train_options *o)
{
    struct clseq_train_result result;
    struct train_report report;
    struct clseq_train_hooks hooks;
    struct valid_score score = { 0 };
    clseq_context *ctx = NULL;
    clseq_backend *be = NULL;
    clseq_status status;
    char time[32];
    int code;

    stop_signal_hold();
    code = device_open(&v->device, &ctx, &be);
    if (code != CLI_EXIT_DONE)
        return code;
    stop_signal_watch();
    train_report_init(&report, false);
    hooks = train_report_hooks(&report);
    status = CLSEQ_OK;
    if (o->best_by != CLSEQ_BEST_LOSS && o->valid_source) {
        status = valid_score_open(&score, ctx, be, o->valid_source, o->valid_target,
                                  criteria[v->early_stop_on].metric, o->target_text.lowercase);
        valid_score_hook(&score, &hooks);
    }
    if (status == CLSEQ_OK)
        status = clseq_train(ctx, be, o, &hooks, &result);
    valid_score_close(&score);
    train_report_end(&report);
    if (status == CLSEQ_ERR_INTERRUPTED) {
        cli_note("%s", clseq_context_error(ctx));
        code = cli_exit_code(status);
    } else if (status != CLSEQ_OK) {
        code = cli_report(ctx, status);
    } else {
        if (result.best_perplexity > 0)
            fprintf(stderr, "best validation perplexity %.2f; ", result.best_perplexity);
        fprintf(stderr, "%llu updates, %.2f epochs, %s\n", (unsigned long long)result.updates,
                result.epochs, cli_format_seconds(result.seconds, time));
        fprintf(stderr, "translate with: clseq translate %s/best.safetensors < TEXT\n", o->run);
    }
    device_close(&v->device, &ctx, &be);
    return code;
}

static int run(const cli_parse *parse, const void *values)
{
    struct clseq_train_options o;
    char *glossaries = NULL;
    int code = read_options(parse, values, &o, &glossaries);

    if (code == CLI_EXIT_DONE)
        code = train(values, &o);
    free(glossaries);
    return code;
}

const cli_command cmd_train = {
    .name = "train",
    .arguments = "SRC [TGT]",
    .summary = "train a model on parallel text; the same command again resumes",
    .details =
        "SRC and TGT are text files with one sentence a line, plain or .gz; or SRC is one .tsv "
        "file\n"
        "(source TAB target). RUN/ gets config.json, log.jsonl, best.safetensors (the model) and\n"
        "last.safetensors (the checkpoint). Ctrl-C saves and stops.\n\n"
        "  clseq train train.de train.en --valid dev.de dev.en -o run\n"
        "  clseq translate run/best.safetensors < test.de\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]) - PLAN_OPTION_COUNT,
    .presets = train_presets,
    .preset_count = TRAIN_PRESET_COUNT,
    .values_size = sizeof(struct values),
    .run = run,
};

static int run_plan(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    struct clseq_train_options o;
    char *glossaries = NULL;
    int code = read_options(parse, v, &o, &glossaries);

    if (code == CLI_EXIT_DONE)
        code = plan_print(&v->device, &v->plan, &o);
    free(glossaries);
    return code;
}

const cli_command cmd_plan = {
    .name = "plan",
    .arguments = "SRC [TGT]",
    .summary = "memory and time of a training, before its first step",
    .details = "Takes what clseq train takes, and writes no run: put \"plan\" in the place of "
               "\"train\".\n"
               "Exit code 7 when it does not fit, with what would.\n\n"
               "  clseq plan train.de train.en --valid dev.de dev.en -o run\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .presets = train_presets,
    .preset_count = TRAIN_PRESET_COUNT,
    .values_size = sizeof(struct values),
    .run = run_plan,
};
