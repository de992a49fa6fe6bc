/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Batches made ahead by a thread are those of a loop without one, and so are the
 * errors. The linker routes clseq_batches_next() and what threads are made of through
 * this file, so that it can make them fail, hold a call, and tell whether the thread has
 * anything to do: no check depends on how fast anything is.
 */
#include "random_corpus.h"

#include "data/batches_ahead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

clseq_status __real_clseq_batches_next(clseq_batches *batches, clseq_batch *batch);
clseq_status __wrap_clseq_batches_next(clseq_batches *batches, clseq_batch *batch);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user);
int __real_pthread_join(pthread_t thread, void **value);
int __wrap_pthread_join(pthread_t thread, void **value);
int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock);

static atomic_int calls;        /* of clseq_batches_next() */
static atomic_int fail_at;      /* the call that fails, from 1; 0: none */
static atomic_int hold;         /* calls do not end before the thread is to be joined */
static atomic_int takes_signal; /* the last call was open to SIGINT, SIGTERM or SIGALRM */
static atomic_int threads;      /* calls of pthread_create() */
static atomic_int no_threads;
static atomic_int idle; /* the thread waits for something to do */
static pthread_t caller;

static void rest(void)
{
    const struct timespec time = { .tv_nsec = 1000000 };

    nanosleep(&time, NULL);
}

clseq_status __wrap_clseq_batches_next(clseq_batches *batches, clseq_batch *batch)
{
    const int call = atomic_fetch_add(&calls, 1) + 1;
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    atomic_store(&takes_signal, !sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGTERM) ||
                                    !sigismember(&blocked, SIGALRM));
    while (atomic_load(&hold))
        rest();
    if (call == atomic_load(&fail_at))
        return clseq_fail(batch->ctx, CLSEQ_ERR_NOMEM, "call %d: no memory for %s", call, "100 %");
    return __real_clseq_batches_next(batches, batch);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *user)
{
    atomic_fetch_add(&threads, 1);
    return atomic_load(&no_threads) ? EAGAIN
                                    : __real_pthread_create(thread, attributes, start, user);
}

int __wrap_pthread_join(pthread_t thread, void **value)
{
    atomic_store(&hold, 0);
    return __real_pthread_join(thread, value);
}

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *lock)
{
    const bool thread = !pthread_equal(pthread_self(), caller);
    int error;

    if (thread)
        atomic_store(&idle, 1);
    error = __real_pthread_cond_wait(condition, lock);
    if (thread)
        atomic_store(&idle, 0);
    return error;
}

/* A corpus of 95 pairs in 10 batches, in pools of 3 batches. */
struct ahead_case {
    fixture *f;
    clseq_corpus *corpus;
    clseq_batches *batches;
    clseq_batch_limits limits;
    clseq_batches_ahead *ahead;
    clseq_batch batch;
};

static clseq_batches *make_batches(fixture *f, const clseq_corpus *corpus)
{
    const clseq_batches_options options = {
        .batch_size = 10, .pool_batches = 3, .seed = 3, .shuffle = true, .similar_length = true
    };
    clseq_batches *batches = NULL;

    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
    return batches;
}

static void case_begin(struct ahead_case *c, fixture *f, size_t pairs, size_t count)
{
    *c = (struct ahead_case) { .f = f };
    calls = fail_at = hold = takes_signal = threads = no_threads = idle = 0;
    caller = pthread_self();
    ASSERT_OK(f->ctx, clseq_fail(f->ctx, CLSEQ_OK, "%s", "")); /* forget earlier errors */
    c->corpus = random_corpus(f, pairs, 12);
    c->batches = make_batches(f, c->corpus);
    clseq_batches_get_limits(c->batches, &c->limits);
    clseq_batch_init(&c->batch, f->ctx);
    ASSERT_OK(f->ctx, clseq_batch_reserve(&c->batch, &c->limits));
    ASSERT_OK(f->ctx, clseq_batches_ahead_create(f->ctx, c->batches, count, &c->limits, &c->ahead));
}

static void case_end(struct ahead_case *c)
{
    clseq_batches_ahead_destroy(&c->ahead);
    assert_null(c->ahead);
    clseq_batch_fini(&c->batch);
    clseq_batches_destroy(&c->batches);
    clseq_corpus_destroy(&c->corpus);
}

/* Until the thread has made so many calls and will make no more unless asked. */
static void wait_for_calls(int count)
{
    while (atomic_load(&calls) < count || !atomic_load(&idle))
        rest();
}

#define SAME(count, member)                                                                        \
    assert_memory_equal(a->member, b->member, (count) * sizeof(a->member[0]))

static void same_rows(const clseq_row_lists *a, const clseq_row_lists *b)
{
    assert_int_equal(a->unique_count, b->unique_count);
    assert_int_equal(a->count, b->count);
    SAME(a->unique_count, unique);
    SAME(a->unique_count + 1, start);
    SAME(a->count, order);
}

static void same_batch(const clseq_batch *a, const clseq_batch *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->S, b->S);
    assert_int_equal(a->T, b->T);
    assert_int_equal(a->B, b->B);
    assert_int_equal(a->N, b->N);
    SAME(a->S * a->B, source);
    SAME(a->S * a->B, source_index);
    SAME(a->B, source_length);
    SAME(a->T * a->B, target_in);
    SAME(a->T * a->B, target_index);
    SAME(a->T * a->B, target_out);
    SAME(a->B, target_length);
    SAME(a->N, valid);
    SAME(a->N, valid_target);
    SAME(a->B, sentence);
    same_rows(&a->source_rows, &b->source_rows);
    same_rows(&a->target_rows, &b->target_rows);
}

/* Some batches from both, from wherever they stand. */
static void same_steps(struct ahead_case *c, clseq_batches *plain, uint64_t steps)
{
    clseq_batch want;

    clseq_batch_init(&want, c->f->ctx);
    for (uint64_t i = 0; i < steps; i++) {
        ASSERT_OK(c->f->ctx, __real_clseq_batches_next(plain, &want));
        ASSERT_OK(c->f->ctx, clseq_batches_ahead_next(c->ahead, &c->batch));
        same_batch(&c->batch, &want);
        assert_ptr_equal(c->batch.ctx, c->f->ctx);
    }
    clseq_batch_fini(&want);
}

static void thread_changes_no_batch(void **state)
{
    static const size_t pairs[] = { 1, 5, 95, 1000 }, counts[] = { 0, 1, 2, 4, 64 };
    struct ahead_case c;
    uint64_t draw = 0;

    for (size_t p = 0; p < CLSEQ_ARRAY_SIZE(pairs); p++) {
        for (size_t k = 0; k < CLSEQ_ARRAY_SIZE(counts); k++) {
            clseq_batches *plain;
            uint64_t per_epoch;

            case_begin(&c, *state, pairs[p], counts[k]);
            assert_int_equal(threads, counts[k] > 0);
            plain = make_batches(c.f, c.corpus);
            per_epoch = clseq_batches_per_epoch(plain);
            same_steps(&c, plain, 3 * per_epoch + 1);
            for (int i = 0; i < 50; i++) {
                const uint32_t epoch = (uint32_t)clseq_random_below(1, CLSEQ_RANDOM_TEST, 1, draw,
                                                                    i % 2 ? 3 : UINT32_MAX);
                const uint64_t index = clseq_random_below(1, CLSEQ_RANDOM_TEST, 2, draw, per_epoch);

                ASSERT_OK(c.f->ctx, clseq_batches_seek(plain, epoch, index));
                ASSERT_OK(c.f->ctx, clseq_batches_ahead_seek(c.ahead, epoch, index));
                same_steps(&c, plain, clseq_random_below(1, CLSEQ_RANDOM_TEST, 3, draw++, 7));
            }
            clseq_batches_destroy(&plain);
            case_end(&c);
        }
    }
}

/* With room for all of them the arrays only change hands. */
static void arrays_are_swapped(void **state)
{
    const int32_t *seen[4] = { NULL };
    struct ahead_case c;

    case_begin(&c, *state, 1000, 3);
    for (int i = 0; i < 500; i++) {
        size_t k = 0;

        ASSERT_OK(c.f->ctx, clseq_batches_ahead_next(c.ahead, &c.batch));
        while (k < 4 && seen[k] && seen[k] != c.batch.words)
            k++;
        assert_in_range(k, 0, 3);
        seen[k] = c.batch.words;
    }
    assert_non_null(seen[3]);
    case_end(&c);
}

/* The thread makes what there is room for, once somebody has asked. */
static void no_more_than_asked_for(void **state)
{
    struct ahead_case c;

    case_begin(&c, *state, 95, 3);
    wait_for_calls(0);
    assert_int_equal(calls, 0);
    ASSERT_OK(c.f->ctx, clseq_batches_ahead_next(c.ahead, &c.batch));
    wait_for_calls(4);
    assert_int_equal(calls, 4);
    case_end(&c);
}

/* The batches before an error come first, then the error, then the batch it was about. */
static void errors_come_in_their_place(void **state)
{
    static const size_t counts[] = { 0, 1, 3, 8 };
    struct ahead_case c;

    for (size_t k = 0; k < CLSEQ_ARRAY_SIZE(counts); k++) {
        clseq_batches *plain;

        case_begin(&c, *state, 95, counts[k]);
        plain = make_batches(c.f, c.corpus);
        atomic_store(&fail_at, 5);
        same_steps(&c, plain, 1);
        if (counts[k] > 3) {
            wait_for_calls(5);
            assert_int_equal(calls, 5); /* nothing is made after an error */
        }
        assert_string_equal(clseq_context_error(c.f->ctx), "");
        same_steps(&c, plain, 3);
        ASSERT_FAILS(c.f->ctx, CLSEQ_ERR_NOMEM, "call 5: no memory for 100 %",
                     clseq_batches_ahead_next(c.ahead, &c.batch));
        same_steps(&c, plain, 25);
        clseq_batches_destroy(&plain);
        case_end(&c);
    }
}

static void seek_drops_what_was_ahead(void **state)
{
    struct ahead_case c;
    clseq_batches *plain;

    case_begin(&c, *state, 95, 4);
    plain = make_batches(c.f, c.corpus);
    atomic_store(&fail_at, 3);
    same_steps(&c, plain, 1);
    wait_for_calls(3);
    /* A place that is not there: nothing changes. */
    ASSERT_FAILS(c.f->ctx, CLSEQ_ERR_ARG, "10 batches an epoch",
                 clseq_batches_ahead_seek(c.ahead, 0, 10));
    same_steps(&c, plain, 1);
    /* The error is about a batch that nobody wants any more. */
    ASSERT_OK(c.f->ctx, clseq_batches_ahead_seek(c.ahead, 7, 9));
    ASSERT_OK(c.f->ctx, clseq_batches_seek(plain, 7, 9));
    same_steps(&c, plain, 12);
    clseq_batches_destroy(&plain);
    case_end(&c);
}

/* In whatever it is: not asked for anything, waiting for room, at work, after an error. */
static void destroy_ends_the_thread(void **state)
{
    struct ahead_case c;

    case_begin(&c, *state, 95, 2);
    case_end(&c);

    case_begin(&c, *state, 95, 2);
    ASSERT_OK(c.f->ctx, clseq_batches_ahead_next(c.ahead, &c.batch));
    wait_for_calls(3);
    case_end(&c);

    case_begin(&c, *state, 95, 2);
    atomic_store(&hold, 1);
    ASSERT_OK(c.f->ctx, clseq_batches_ahead_seek(c.ahead, 0, 4));
    while (atomic_load(&calls) == 0)
        rest();
    case_end(&c);
    assert_int_equal(calls, 1);

    case_begin(&c, *state, 95, 2);
    atomic_store(&fail_at, 1);
    ASSERT_FAILS(c.f->ctx, CLSEQ_ERR_NOMEM, "call 1", clseq_batches_ahead_next(c.ahead, &c.batch));
    case_end(&c);
    clseq_batches_ahead_destroy(NULL);
}

static void keep_text(void *user, clseq_log_level level, const char *text)
{
    snprintf(user, 200, "%s", text);
}

static void works_without_a_thread(void **state)
{
    char text[200] = "";
    struct ahead_case c;
    clseq_batches *plain;

    case_begin(&c, *state, 95, 2);
    clseq_batches_ahead_destroy(&c.ahead);
    atomic_store(&no_threads, 1);
    clseq_context_set_log(c.f->ctx, keep_text, text, CLSEQ_LOG_INFO);
    ASSERT_OK(c.f->ctx, clseq_batches_ahead_create(c.f->ctx, c.batches, 2, &c.limits, &c.ahead));
    clseq_context_set_log(c.f->ctx, NULL, NULL, CLSEQ_LOG_INFO);
    assert_non_null(strstr(text, "no thread"));
    plain = make_batches(c.f, c.corpus);
    same_steps(&c, plain, 25);
    ASSERT_OK(c.f->ctx, clseq_batches_ahead_seek(c.ahead, 2, 3));
    ASSERT_OK(c.f->ctx, clseq_batches_seek(plain, 2, 3));
    same_steps(&c, plain, 5);
    clseq_batches_destroy(&plain);
    case_end(&c);
}

static void signals_are_for_the_caller(void **state)
{
    struct ahead_case c;
    sigset_t mask;

    case_begin(&c, *state, 95, 2);
    ASSERT_OK(c.f->ctx, clseq_batches_ahead_next(c.ahead, &c.batch));
    assert_false(atomic_load(&takes_signal));
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGINT));
    case_end(&c);
}

static void bad_counts(void **state)
{
    const clseq_batch_limits huge = { .S = (size_t)1 << 20, .T = 5, .B = (size_t)1 << 20 };
    struct ahead_case c;

    case_begin(&c, *state, 95, 0);
    clseq_batches_ahead_destroy(&c.ahead);
    ASSERT_FAILS(c.f->ctx, CLSEQ_ERR_ARG, "65 batches made ahead: at most 64",
                 clseq_batches_ahead_create(c.f->ctx, c.batches, 65, &c.limits, &c.ahead));
    ASSERT_FAILS(c.f->ctx, CLSEQ_ERR_LIMIT, "2^31 positions",
                 clseq_batches_ahead_create(c.f->ctx, c.batches, 2, &huge, &c.ahead));
    assert_null(c.ahead);
    case_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_changes_no_batch),
        cmocka_unit_test(arrays_are_swapped),
        cmocka_unit_test(no_more_than_asked_for),
        cmocka_unit_test(errors_come_in_their_place),
        cmocka_unit_test(seek_drops_what_was_ahead),
        cmocka_unit_test(destroy_ends_the_thread),
        cmocka_unit_test(works_without_a_thread),
        cmocka_unit_test(signals_are_for_the_caller),
        cmocka_unit_test(bad_counts),
    };

    return cmocka_run_group_tests_name("batches ahead", tests, fixture_create, fixture_destroy);
}
