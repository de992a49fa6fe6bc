/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of batches between one thread that fills it and one that empties it.
 *
 * The lock guards the few numbers below it. The thread works on the slot behind the
 * ready ones, on `batches` and on its own context without the lock; while `busy` is
 * set these are its own, and the other side waits for it before touching them.
 */
#include "data/batches_ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct clseq_batches_ahead {
    clseq_context *ctx;     /* the caller's, borrowed */
    clseq_batches *batches; /* borrowed */
    size_t count;           /* slots */
    clseq_batch *slots;     /* (count) */
    clseq_context *own;     /* where the thread leaves its errors */
    pthread_t thread;
    bool has_thread, has_lock, has_changed;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* any of: */
    size_t first, ready;    /* slots first, first + 1, ... (modulo count) are ready */
    bool go;                /* the thread may begin another batch */
    bool busy;              /* it is at one */
    bool end;               /* it is to leave */
    clseq_status status;    /* of the batch after the ready ones; its text is in `own` */
};

/* Wait for something to do. False: leave. */
static bool begin_batch(clseq_batches_ahead *a, clseq_batch **slot)
{
    while (!a->end && (!a->go || a->ready == a->count))
        pthread_cond_wait(&a->changed, &a->lock);
    *slot = &a->slots[(a->first + a->ready) % a->count];
    a->busy = !a->end;
    return a->busy;
}

/* An error ends the work until somebody has heard of it. */
static void end_batch(clseq_batches_ahead *a, clseq_status status)
{
    a->busy = false;
    a->status = status;
    if (status == CLSEQ_OK)
        a->ready++;
    else
        a->go = false;
    pthread_cond_broadcast(&a->changed);
}

static void *work(void *user)
{
    clseq_batches_ahead *a = user;
    clseq_batch *slot;

    pthread_mutex_lock(&a->lock);
    while (begin_batch(a, &slot)) {
        clseq_status status;

        pthread_mutex_unlock(&a->lock);
        status = clseq_batches_next(a->batches, slot);
        pthread_mutex_lock(&a->lock);
        end_batch(a, status);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* A thread inherits the mask: signals of the outside are for those who handle them. Those of an
 * error in the thread stay, they cannot go elsewhere. */
static void start_thread(clseq_batches_ahead *a)
{
    static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
    sigset_t outside, before;
    int error;

    sigfillset(&outside);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(own); i++)
        sigdelset(&outside, own[i]);
    pthread_sigmask(SIG_BLOCK, &outside, &before);
    error = pthread_create(&a->thread, NULL, work, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    a->has_thread = error == 0;
    if (error)
        clseq_log(a->ctx, CLSEQ_LOG_INFO,
                  "no thread for making batches ahead (%s): each is made when it is needed",
                  strerror(error));
}

static clseq_status make_slots(clseq_batches_ahead *a, size_t count,
                               const clseq_batch_limits *limits)
{
    if (clseq_context_create(&a->own) != CLSEQ_OK)
        return clseq_fail(a->ctx, CLSEQ_ERR_NOMEM, "batches made ahead: out of memory");
    CLSEQ_TRY(clseq_calloc(a->ctx, count, sizeof(*a->slots), "batches made ahead", &a->slots));
    a->count = count;
    for (size_t i = 0; i < count; i++)
        clseq_batch_init(&a->slots[i], a->own);
    for (size_t i = 0; i < count; i++) {
        const clseq_status status = clseq_batch_reserve(&a->slots[i], limits);

        if (status != CLSEQ_OK)
            return clseq_fail(a->ctx, status, "%zu batches made ahead (--batches-ahead): %s", count,
                              clseq_context_error(a->own));
    }
    return CLSEQ_OK;
}

clseq_status clseq_batches_ahead_create(clseq_context *ctx, clseq_batches *batches, size_t count,
                                        const clseq_batch_limits *limits, clseq_batches_ahead **ret)
{
    clseq_batches_ahead *a = NULL;
    clseq_status status = CLSEQ_OK;

    if (count > CLSEQ_BATCHES_AHEAD_LIMIT)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "%zu batches made ahead: at most %u", count,
                          CLSEQ_BATCHES_AHEAD_LIMIT);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*a), "batches made ahead", &a));
    a->ctx = ctx;
    a->batches = batches;
    if (count > 0) {
        CLSEQ_TRY_GOTO(status, out, make_slots(a, count, limits));
        a->has_lock = pthread_mutex_init(&a->lock, NULL) == 0;
        a->has_changed = pthread_cond_init(&a->changed, NULL) == 0;
        if (a->has_lock && a->has_changed)
            start_thread(a);
    }
    *ret = a;
    return CLSEQ_OK;
out:
    clseq_batches_ahead_destroy(&a);
    return status;
}

static void join_thread(clseq_batches_ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->end = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
}

void clseq_batches_ahead_destroy(clseq_batches_ahead **ahead)
{
    clseq_batches_ahead *a = ahead ? *ahead : NULL;

    if (!a)
        return;
    if (a->has_thread)
        join_thread(a);
    if (a->has_changed)
        pthread_cond_destroy(&a->changed);
    if (a->has_lock)
        pthread_mutex_destroy(&a->lock);
    for (size_t i = 0; i < a->count; i++)
        clseq_batch_fini(&a->slots[i]);
    free(a->slots);
    clseq_context_destroy(&a->own);
    free(a);
    *ahead = NULL;
}

clseq_status clseq_batches_ahead_seek(clseq_batches_ahead *a, uint32_t epoch, uint64_t index)
{
    clseq_status status;

    if (!a->has_thread)
        return clseq_batches_seek(a->batches, epoch, index);
    pthread_mutex_lock(&a->lock);
    a->go = false;
    while (a->busy)
        pthread_cond_wait(&a->changed, &a->lock);
    status = clseq_batches_seek(a->batches, epoch, index);
    if (status == CLSEQ_OK) {
        a->first = a->ready = 0;
        a->status = CLSEQ_OK;
    }
    a->go = a->status == CLSEQ_OK;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return status;
}

/* Each keeps its own context. */
static void swap(clseq_batch *a, clseq_batch *b)
{
    const clseq_batch copy = *a;

    *a = *b;
    *b = copy;
    b->ctx = a->ctx;
    a->ctx = copy.ctx;
}

/* The oldest batch, or the error in its place. An error is told once: the next call tries again, as
 * it would without the thread. */
static clseq_status take(clseq_batches_ahead *a, clseq_batch *batch)
{
    const clseq_status status = a->status;

    if (a->ready > 0) {
        swap(batch, &a->slots[a->first]);
        a->first = (a->first + 1) % a->count;
        a->ready--;
        return CLSEQ_OK;
    }
    a->status = CLSEQ_OK;
    return clseq_fail(batch->ctx, status, "%s", clseq_context_error(a->own));
}

clseq_status clseq_batches_ahead_next(clseq_batches_ahead *a, clseq_batch *batch)
{
    clseq_status status;

    if (!a->has_thread)
        return clseq_batches_next(a->batches, batch);
    pthread_mutex_lock(&a->lock);
    a->go = a->status == CLSEQ_OK;
    pthread_cond_broadcast(&a->changed);
    while (a->ready == 0 && a->status == CLSEQ_OK)
        pthread_cond_wait(&a->changed, &a->lock);
    status = take(a, batch);
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return status;
}
