/* SPDX-License-Identifier: BSD-2-Clause */
/* Does a run fit, and if not, what would? */
#include "base/host_memory.h"
#include "train/dry_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Vocabularies and layers below these are of no use as advice. */
#define LEAST_VOCABULARY 1000
#define LEAST_HIDDEN     64

struct clseq_memory_there clseq_trainer_memory_there(const clseq_trainer *t)
{
    const struct clseq_backend_info *info = clseq_backend_info(t->be);
    struct clseq_memory_there there = { info->memory_bytes, "the device" };
    uint64_t host;

    if (t->options->memory_limit > 0)
        return (struct clseq_memory_there) { t->options->memory_limit, "the limit" };
    if (!info->host_memory)
        return there;
    host = clseq_host_available();
    if (host > 0) {
        host -= host < CLSEQ_HOST_RESERVE ? host : CLSEQ_HOST_RESERVE;
        if (there.bytes == 0 || host < there.bytes)
            there = (struct clseq_memory_there) { host > 0 ? host : 1, "this machine" };
    }
    return there;
}

static bool fits(uint64_t bytes, const struct clseq_memory_there *there)
{
    return there->bytes == 0 || bytes <= there->bytes;
}

/* Mirror has everything twice. */
static uint64_t bytes_of(const clseq_trainer *t, const struct clseq_memory_table *memory)
{
    return memory->peak * (strcmp(clseq_backend_info(t->be)->name, "mirror") == 0 ? 2 : 1);
}

/* ---- what would fit ---- */

/* The same run with other options or another model. Data is borrowed from the first. */
struct variant {
    struct clseq_train_options options;
    clseq_trainer t;
};

static clseq_status remake_batches(struct variant *v, const clseq_trainer *from)
{
    const struct clseq_train_options *o = &v->options;

    v->t.train.batches = v->t.valid.batches = NULL;
    CLSEQ_TRY(clseq_dataset_batches(from->ctx, o, &from->meta, from->train.corpus, true,
                                    &v->t.train.batches));
    if (!from->valid.corpus)
        return CLSEQ_OK;
    return clseq_dataset_batches(from->ctx, o, &from->meta, from->valid.corpus, false,
                                 &v->t.valid.batches);
}

/* A variant that is too large in one buffer does not fit; *ok is false. */
static clseq_status try_variant(const struct variant *v, const struct clseq_memory_there *there,
                                uint64_t *bytes, bool *ok)
{
    struct clseq_memory_table memory;
    const clseq_status status = clseq_trainer_dry_run(&v->t, &memory);

    *ok = false;
    if (status == CLSEQ_ERR_LIMIT)
        return CLSEQ_OK;
    CLSEQ_TRY(status);
    *bytes = bytes_of(&v->t, &memory);
    *ok = fits(*bytes, there);
    return CLSEQ_OK;
}

/* Halve the batch until it fits. */
static clseq_status smaller_batch(const clseq_trainer *t, struct variant *v,
                                  const struct clseq_memory_there *there, char *text, size_t size)
{
    const bool tokens = t->options->batch_tokens > 0;
    size_t *batch = tokens ? &v->options.batch_tokens : &v->options.batch;
    bool ok = false;

    while (*batch > 1 && !ok) {
        clseq_status status;
        uint64_t bytes = 0;

        *batch /= 2;
        status = remake_batches(v, t);
        if (status == CLSEQ_OK)
            status = try_variant(v, there, &bytes, &ok);
        clseq_batches_destroy(&v->t.train.batches);
        clseq_batches_destroy(&v->t.valid.batches);
        CLSEQ_TRY(status);
        if (ok)
            snprintf(text, size, "--batch%s %zu takes %.1f MB", tokens ? "-tokens" : "", *batch,
                     1e-6 * (double)bytes);
    }
    return CLSEQ_OK;
}

static void halve(int32_t *value, int32_t least)
{
    *value = *value / 2 > least ? *value / 2 : *value < least ? *value : least;
}

/* Halve the vocabularies; then, when nothing else has helped, the layers, too. */
static clseq_status smaller_model(const clseq_trainer *t, struct variant *v, bool layers,
                                  const struct clseq_memory_there *there, char *text, size_t size)
{
    struct clseq_model_config *c = &v->t.meta.config;
    bool ok = false;

    for (;;) {
        const struct clseq_model_config before = *c;
        uint64_t bytes = 0;

        halve(&c->source_vocabulary, LEAST_VOCABULARY);
        halve(&c->target_vocabulary, LEAST_VOCABULARY);
        if (layers) {
            halve(&c->embedding, LEAST_HIDDEN);
            halve(&c->hidden, LEAST_HIDDEN);
            halve(&c->encoder_hidden, LEAST_HIDDEN);
        }
        if (memcmp(&before, c, sizeof(before)) == 0)
            return CLSEQ_OK;
        CLSEQ_TRY(try_variant(v, there, &bytes, &ok));
        if (!ok)
            continue;
        if (layers)
            snprintf(text, size,
                     "--hidden %d --emb %d --source-vocab-size %d "
                     "--target-vocab-size %d takes %.1f MB",
                     c->hidden, c->embedding, c->source_vocabulary, c->target_vocabulary,
                     1e-6 * (double)bytes);
        else
            snprintf(text, size, "--source-vocab-size %d --target-vocab-size %d takes %.1f MB",
                     c->source_vocabulary, c->target_vocabulary, 1e-6 * (double)bytes);
        return CLSEQ_OK;
    }
}

static void start_variant(const clseq_trainer *t, struct variant *v)
{
    *v = (struct variant) { .options = *t->options };
    v->t.ctx = t->ctx;
    v->t.be = t->be;
    v->t.options = &v->options;
    v->t.meta.config = t->meta.config;
    v->t.train.batches = t->train.batches;
    v->t.valid.batches = t->valid.batches;
}

/* "--batch 16 takes 40.2 MB, or ...". A resumed run can change none of this. */
static clseq_status advise(const clseq_trainer *t, const struct clseq_memory_there *there,
                           char *text, size_t size)
{
    char batch[96] = "", model[160] = "";
    struct variant *v = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(t->ctx, 1, sizeof(*v), "plan", &v));
    start_variant(t, v);
    CLSEQ_TRY_GOTO(status, out, smaller_batch(t, v, there, batch, sizeof(batch)));
    start_variant(t, v);
    CLSEQ_TRY_GOTO(status, out, smaller_model(t, v, false, there, model, sizeof(model)));
    if (!batch[0] && !model[0]) {
        start_variant(t, v);
        CLSEQ_TRY_GOTO(status, out, smaller_model(t, v, true, there, model, sizeof(model)));
    }
    if (batch[0] || model[0])
        snprintf(text, size, "%s%s%s", batch, batch[0] && model[0] ? ", " : "", model);
    else
        snprintf(text, size, "even a model of %d units does not fit", LEAST_HIDDEN);
out:
    free(v);
    return status;
}

clseq_status clseq_trainer_check_memory(const clseq_trainer *t, uint64_t *planned)
{
    const struct clseq_memory_there there = clseq_trainer_memory_there(t);
    struct clseq_memory_table memory;
    char advice[320], takes[96];
    clseq_status status = clseq_trainer_dry_run(t, &memory);

    *planned = 0;
    if (status == CLSEQ_OK) {
        *planned = bytes_of(t, &memory);
        if (fits(*planned, &there))
            return CLSEQ_OK;
        snprintf(takes, sizeof(takes), "training takes %.1f MB of memory", 1e-6 * (double)*planned);
    } else if (status == CLSEQ_ERR_LIMIT) {
        snprintf(takes, sizeof(takes), "training needs a buffer that is too large for one");
    } else {
        return status;
    }
    CLSEQ_TRY(advise(t, &there, advice, sizeof(advice)));
    return clseq_fail(
        t->ctx, CLSEQ_ERR_DEVICE_NOMEM, "%s on %s, but %s has %.1f MB for it. What would fit: %s",
        takes, clseq_backend_info(t->be)->device, there.what, 1e-6 * (double)there.bytes, advice);
}
