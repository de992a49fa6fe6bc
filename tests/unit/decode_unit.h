/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the tests of decoding: a backend for a group of tests, random models, random lines. */
#ifndef CLSEQ_DECODE_UNIT_H
#define CLSEQ_DECODE_UNIT_H

#include "unit.h"

#include "backend/backend_impl.h"
#include "base/philox.h"
#include "model/seq2seq.h"

struct place {
    clseq_context *ctx;
    clseq_backend *be;
    bool reference;
};

/* Random number in [0, n) from a running counter. */
static inline int32_t unit_below(uint64_t *counter, int32_t n)
{
    return (int32_t)clseq_random_below(7, CLSEQ_RANDOM_TEST, 0, (*counter)++, (uint64_t)n);
}

static inline int unit_place_open_kernels(void **state, const char *name,
                                          clseq_kernel_class kernels)
{
    struct clseq_backend_options options;
    struct place *p = calloc(1, sizeof(*p));

    unit_backend_options(name, &options);
    options.kernels = kernels;
    if (!p || clseq_context_create(&p->ctx) != CLSEQ_OK)
        return -1;
    if (clseq_backend_open(p->ctx, &options, &p->be) != CLSEQ_OK) {
        fprintf(stderr, "%s\n", clseq_context_error(p->ctx));
        return -1;
    }
    p->reference = strcmp(name, "reference") == 0;
    *state = p;
    return 0;
}

static inline int unit_place_open(void **state, const char *name)
{
    return unit_place_open_kernels(state, name, CLSEQ_KERNELS_AUTO);
}

static inline int unit_place_reference(void **state)
{
    return unit_place_open(state, "reference");
}

static inline int unit_place_opencl(void **state)
{
    return unit_place_open(state, "opencl");
}

static inline int unit_place_close(void **state)
{
    struct place *p = *state;

    clseq_backend_close(&p->be);
    clseq_context_destroy(&p->ctx);
    free(p);
    return 0;
}

/* True when there is an OpenCL device; else says what is skipped. */
static inline bool unit_have_opencl(const char *what)
{
    struct clseq_backend_options options;
    clseq_context *ctx = NULL;
    clseq_backend *be = NULL;
    clseq_status status;

    unit_backend_options("opencl", &options);
    if (clseq_context_create(&ctx) != CLSEQ_OK)
        return false;
    status = clseq_backend_open(ctx, &options, &be);
    if (status == CLSEQ_ERR_NO_DEVICE || status == CLSEQ_ERR_UNSUPPORTED)
        printf("skipped: %s on OpenCL: %s\n", what, clseq_context_error(ctx));
    clseq_backend_close(&be);
    clseq_context_destroy(&ctx);
    /* Any other failure is left to the group itself, which fails with it. */
    return status != CLSEQ_ERR_NO_DEVICE && status != CLSEQ_ERR_UNSUPPORTED;
}

/* A random model whose outputs vary from word to word. */
static inline clseq_seq2seq *unit_model(const struct place *p, struct clseq_model_config config,
                                        double scale, uint64_t seed)
{
    clseq_seq2seq *model = NULL;

    ASSERT_OK(p->ctx, clseq_seq2seq_create(p->be, &config, &model));
    ASSERT_OK(p->ctx, clseq_seq2seq_init(model, CLSEQ_INIT_NORMAL, scale, seed));
    return model;
}

#endif
