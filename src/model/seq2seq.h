/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model graph: encoder, hand-over of the state, decoder, loss, and
 * back-propagation through all of it. One training step is
 *
 *     clseq_seq2seq_begin(model, &input)       upload the batch, lay out the activations
 *     clseq_seq2seq_loss_bwd(model, ...)       forward, loss, backward
 *     optimizer (train/optimizer.h)            norm, clipping, update
 *
 * Nothing here allocates after clseq_seq2seq_plan(), and nothing waits for the device.
 */
#ifndef CLSEQ_SEQ2SEQ_H
#define CLSEQ_SEQ2SEQ_H

#include "model/decoder.h"
#include "model/encoder.h"
#include "model/model_config.h"
#include "nn/bridge.h"
#include "nn/init.h"

/* Distinct tokens of one side of a batch (op_args.h, embedding_bwd). */
struct clseq_input_tokens {
    int32_t unique_count, order_count;
    const int32_t *unique; /* (unique_count) */
    const int32_t *start;  /* (unique_count + 1) */
    const int32_t *order;  /* (order_count) positions t * B + b */
};

/* Sampled softmax: the words that are the columns of a batch's logits, and each word's correction
 * (nn/sampled_output.h). */
struct clseq_input_candidates {
    int32_t drawn, count;  /* 1 <= drawn <= count */
    const int32_t *words;  /* (count) distinct; the first `drawn` were drawn for the update, the
                              others are targets of the batch */
    const float *shift;    /* (count) -log of the probability of being drawn */
    const int32_t *target; /* (N) the column of each real target */
};

/* A batch in host memory, time-major; all arrays are borrowed for the call only. For encoding alone
 * T and N are 0. Token lists are needed for training only. */
struct clseq_seq2seq_input {
    int32_t S, T, B, N;
    const int32_t *source_index;  /* (S, B), -1 at padding */
    const int32_t *source_length; /* (B), 1 .. S */
    const int32_t *target_index;  /* (T, B) decoder inputs (SOS, then words), -1 at padding */
    const int32_t *target_length; /* (B), 1 .. T */
    const int32_t *rows;          /* (N) places t * B + b of the real targets */
    const int32_t *target;        /* (N) their words */
    struct clseq_input_tokens source_tokens, target_tokens;
    const struct clseq_input_candidates
        *candidates; /* for training with sampled softmax; else NULL */
};

/* The largest batch that will be seen. */
struct clseq_seq2seq_limits {
    int32_t S, T, B, N;
    int32_t source_unique, target_unique;
    int32_t candidates; /* of a batch; the plan finds the most there can be by itself */
};

/* Tables whose gradients are rows: source and target embedding, and with sampled softmax weight and
 * bias of the output layer. In this order, which is that of the store. Tables that are one count
 * once; one that is tied to an output layer over all words has a dense gradient and is none of
 * these. */
#define CLSEQ_ROW_TABLES 4

/* Who uses a table: its rows come from the source's words, the target's, the candidates. */
enum { CLSEQ_USE_SOURCE, CLSEQ_USE_TARGET, CLSEQ_USE_OUTPUT, CLSEQ_USES };

/* Gradients of a table that has several uses: rows of all words of the batch. */
struct clseq_joint_rows {
    const int32_t *words;         /* (J) ascending, in host memory */
    int32_t *row;                 /* (V) row of each word, -1 between batches; owned */
    clseq_tensor index;           /* (J) i32 the words */
    clseq_tensor use[CLSEQ_USES]; /* (J) i32 their rows in each use, or -1; absent: no such use */
    clseq_tensor rows, other;     /* (J, E) */
};

enum { CLSEQ_SIDE_SOURCE, CLSEQ_SIDE_TARGET, CLSEQ_SIDES };

typedef struct clseq_seq2seq {
    clseq_context *ctx; /* borrowed */
    clseq_backend *be;  /* borrowed */
    clseq_dtype real;
    struct clseq_model_config config; /* resolved */

    clseq_encoder encoder;
    clseq_decoder decoder;
    clseq_bridge bridge;
    clseq_param_store store;
    clseq_param_buffers weights, gradients; /* owned; gradients only when training */
    bool training;
    clseq_buffer *tables[CLSEQ_SIDES][2]; /* of clseq_seq2seq_tabulate(); owned, NULL: none */
    clseq_dropout dropout; /* of training; the caller sets `step` before every batch */
    double smoothing;

    clseq_workspace ws; /* its buffers are owned here */
    clseq_buffer *input_buffer;
    int32_t *input_host;
    size_t input_capacity; /* in int32 */

    /* The batch in hand, valid from begin to the next begin. */
    clseq_encoder_pass encoder_pass;
    clseq_decoder_pass decoder_pass;
    clseq_token_rows source_tokens, target_tokens;
    clseq_row_gradient row_gradients[CLSEQ_ROW_TABLES]; /* after loss_bwd: of each table */
    const int32_t *row_words[CLSEQ_ROW_TABLES];         /* their words, in host memory */
    int row_tables;                                     /* how many there are, after begin */
    struct clseq_joint_rows joint;
    bool nce;        /* with candidates: noise-contrastive estimation; set by the caller */
    int32_t samples; /* words drawn for an update; 0: the loss is over all words */
} clseq_seq2seq;

/* Create a model; its weights are zeros. Errors: CLSEQ_ERR_ARG, CLSEQ_ERR_LIMIT, ... Destroy with
 * clseq_seq2seq_destroy(), which accepts a pointer to NULL and sets it to NULL. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_create(clseq_backend *be,
                                                   const struct clseq_model_config *config,
                                                   clseq_seq2seq **ret);
void clseq_seq2seq_destroy(clseq_seq2seq **model);

/* The same for training with sampled softmax: every input of loss_bwd has candidates, of which up
 * to `samples` are drawn, and the gradients of the output layer are rows. samples 0:
 * clseq_seq2seq_create(). The model is the same one. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_create_sampled(clseq_backend *be,
                                                           const struct clseq_model_config *config,
                                                           int32_t samples, clseq_seq2seq **ret);

/* The most candidates of a batch with N real targets. */
int32_t clseq_seq2seq_most_candidates(const clseq_seq2seq *model, int32_t N);

/* Register all parameters of a configuration: the table of a model file without any backend. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_register(const struct clseq_model_config *config,
                                                     clseq_encoder *encoder, clseq_bridge *bridge,
                                                     clseq_decoder *decoder,
                                                     clseq_param_store *store);

/* Random initial weights. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_init(clseq_seq2seq *model, enum clseq_init kind,
                                                 double scale, uint64_t seed);

/* Dropout and label smoothing (torch.nn.CrossEntropyLoss, label_smoothing) of every loss_bwd from
 * now on; call it before plan. */
void clseq_seq2seq_regularise(clseq_seq2seq *model, const clseq_dropout *dropout, double smoothing);

/* Allocate everything a step needs for batches up to `limits`. May be called again with other
 * limits; memory is kept where it suffices. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_plan(clseq_seq2seq *model,
                                                 const struct clseq_seq2seq_limits *limits,
                                                 bool training);

/* What clseq_seq2seq_tabulate() may take for each side. */
#define CLSEQ_TABLE_BYTES_MAX ((uint64_t)128 << 20)

/* For inference with weights that do not change any more: make the products of all words of a side
 * with the W_ih of its first layer, which are looked up from then on until a plan for training.
 * The cost is that of as many words read one by one, and memory for V G H numbers and direction.
 * *ret is the bytes taken; nothing happens, and it is 0, where that is more than
 * CLSEQ_TABLE_BYTES_MAX or there is no such memory; nor a second time. Errors: those of the
 * device. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_tabulate(clseq_seq2seq *model, int side, uint64_t *ret);

/* Device memory of weights, gradients and activations after plan, in bytes. */
uint64_t clseq_seq2seq_bytes(const clseq_seq2seq *model);

/* Upload a batch and lay out its activations. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_begin(clseq_seq2seq *model,
                                                  const struct clseq_seq2seq_input *input);

/* Forward through the encoder alone. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_encode(clseq_seq2seq *model);

/* Forward only. loss (1) = sum of the losses of all real positions. The losses of the positions are
 * in decoder_pass.output.loss. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_loss(clseq_seq2seq *model, clseq_tensor loss);

/* Forward and backward. The gradients are of `scale` times the summed loss; `accumulate` adds to
 * those that are there, but for the embeddings: their row gradients are always of this call. */
CLSEQ_MUST_CHECK clseq_status clseq_seq2seq_loss_bwd(clseq_seq2seq *model, double scale,
                                                     bool accumulate, clseq_tensor loss);

/* How many tables have rows as gradients, and the most rows each can have in a batch. */
int clseq_seq2seq_row_limits(const clseq_seq2seq *model, const struct clseq_seq2seq_limits *limits,
                             int32_t most[CLSEQ_ROW_TABLES]);

/* Append an array to the upload and make its view. */
clseq_tensor clseq_seq2seq_stage(clseq_seq2seq *model, size_t *used, const int32_t *data,
                                 int32_t n);

/* A layer's view on weights and gradients. */
clseq_run clseq_seq2seq_run(const clseq_seq2seq *model, bool accumulate);

#endif
