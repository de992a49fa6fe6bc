/* SPDX-License-Identifier: BSD-2-Clause */
/* The words that a decoder reads under scheduled sampling: those of the text or the model's best
 * guess after all that it read before, in the proportion asked for. */
#include "decode_unit.h"

#include "data/batch_input.h"
#include "train/scheduled_sampling.h"

#include <math.h>

enum { B = 24, S_MAX = 7, T_MAX = 9, SOURCES = 11, TARGETS = 13, DRAWS = 6 };

struct text {
    int32_t source[B][S_MAX], target[B][T_MAX];
    clseq_sentence from[B], to[B];
};

/* Rows of all lengths, the empty target among them, longest source first as a corpus makes them. */
static void make_text(struct text *x, uint64_t seed)
{
    uint64_t counter = seed << 32;

    for (int32_t b = 0; b < B; b++) {
        const size_t n = (size_t)(S_MAX - b * S_MAX / B), m = (size_t)unit_below(&counter, T_MAX);

        for (size_t i = 0; i < n; i++)
            x->source[b][i] = CLSEQ_ID_FIRST + unit_below(&counter, SOURCES - CLSEQ_ID_FIRST);
        for (size_t i = 0; i < m; i++)
            x->target[b][i] = CLSEQ_ID_FIRST + unit_below(&counter, TARGETS - CLSEQ_ID_FIRST);
        x->from[b] = (clseq_sentence) { x->source[b], n };
        x->to[b] = (clseq_sentence) { x->target[b], m };
    }
}

static void fill_batch(const struct place *p, clseq_batch *batch, const struct text *x)
{
    ASSERT_OK(p->ctx, clseq_batch_from_sentences(batch, x->from, x->to, B, false));
}

/* Only words that are read may be other ones, and the list of rows in use follows. */
static void expect_rest(const clseq_batch *now, const clseq_batch *text)
{
    const size_t n = text->T * text->B;
    size_t listed = 0;

    assert_int_equal(now->T, text->T);
    assert_int_equal(now->N, text->N);
    assert_memory_equal(now->target_out, text->target_out, n * sizeof(int32_t));
    assert_memory_equal(now->target_length, text->target_length, text->B * sizeof(int32_t));
    assert_memory_equal(now->valid, text->valid, text->N * sizeof(int32_t));
    assert_memory_equal(now->valid_target, text->valid_target, text->N * sizeof(int32_t));
    for (size_t i = 0; i < n; i++) {
        if (text->target_index[i] < 0 || i < text->B) {
            assert_int_equal(now->target_in[i], text->target_in[i]);
            assert_int_equal(now->target_index[i], text->target_index[i]);
        } else {
            assert_int_equal(now->target_in[i], now->target_index[i]);
            assert_true(now->target_in[i] == CLSEQ_ID_UNK || now->target_in[i] >= CLSEQ_ID_FIRST);
        }
    }
    assert_int_equal(now->target_rows.count, text->N);
    for (size_t u = 0; u < now->target_rows.unique_count; u++) {
        assert_true(u == 0 || now->target_rows.unique[u] > now->target_rows.unique[u - 1]);
        for (int32_t k = now->target_rows.start[u]; k < now->target_rows.start[u + 1];
             k++, listed++)
            assert_int_equal(now->target_index[now->target_rows.order[k]],
                             now->target_rows.unique[u]);
    }
    assert_int_equal(listed, text->N);
}

struct counts {
    size_t own, kept, special;
};

/* Feed the batch as training does: at each real place the word read next is that of the text or
 * the largest logit here. */
static void expect_guesses(const struct place *p, clseq_seq2seq *model, clseq_buffer *loss,
                           const clseq_batch *now, const clseq_batch *text, struct counts *counts)
{
    struct clseq_seq2seq_input input = clseq_batch_input(now);
    float logits[B * (T_MAX + 1) * TARGETS];

    ASSERT_OK(p->ctx, clseq_seq2seq_begin(model, &input));
    ASSERT_OK(p->ctx, clseq_seq2seq_loss(model, clseq_tensor_1d(loss, 0, model->real, 1)));
    assert_int_equal(model->decoder_pass.output.chunk, now->N); /* all rows at once */
    ASSERT_OK(p->ctx, clseq_tensor_read_f32(p->be, &model->decoder_pass.output.logits, logits));
    for (size_t r = 0; r < now->N; r++) {
        const size_t next = (size_t)now->valid[r] + now->B;
        int32_t guess = 0;

        if (next >= now->T * now->B || text->target_index[next] < 0)
            continue;
        for (int32_t v = 1; v < TARGETS; v++) {
            if (logits[r * TARGETS + (size_t)v] > logits[r * TARGETS + (size_t)guess])
                guess = v;
        }
        if (guess != CLSEQ_ID_UNK && guess < CLSEQ_ID_FIRST) {
            counts->special++;
            assert_int_equal(now->target_in[next], text->target_in[next]);
        } else if (guess != text->target_in[next]) {
            assert_true(now->target_in[next] == guess ||
                        now->target_in[next] == text->target_in[next]);
            counts->own += now->target_in[next] == guess;
            counts->kept += now->target_in[next] != guess;
        }
    }
}

/* How many guesses were tokens that are no words. */
static size_t check_ratio(const struct place *p, clseq_seq2seq *model, double ratio, uint64_t seed)
{
    const struct clseq_seq2seq_limits limits = {
        S_MAX + 1, T_MAX + 1, B, B * (T_MAX + 1), SOURCES, TARGETS, 0,
    };
    clseq_scheduled_sampling sampling = { 0 };
    struct counts counts = { 0 };
    clseq_batch now, again, text;
    clseq_buffer *loss = NULL;
    size_t differ = 0;

    clseq_batch_init(&now, p->ctx);
    clseq_batch_init(&again, p->ctx);
    clseq_batch_init(&text, p->ctx);
    ASSERT_OK(p->ctx, clseq_seq2seq_plan(model, &limits, true));
    ASSERT_OK(p->ctx, clseq_scheduled_sampling_init(&sampling, model, &limits, seed));
    ASSERT_OK(p->ctx, clseq_buffer_create(p->be, sizeof(float), "loss", &loss));
    for (uint32_t k = 0; k < DRAWS; k++) {
        struct text x;

        make_text(&x, seed + k);
        fill_batch(p, &now, &x);
        fill_batch(p, &again, &x);
        fill_batch(p, &text, &x);
        ASSERT_OK(p->ctx, clseq_scheduled_sampling_draw(&sampling, &now, k, ratio));
        expect_rest(&now, &text);
        expect_guesses(p, model, loss, &now, &text, &counts);
        /* The same number gives the same words, another one others. */
        ASSERT_OK(p->ctx, clseq_scheduled_sampling_draw(&sampling, &again, k, ratio));
        assert_memory_equal(again.target_in, now.target_in, now.T * now.B * sizeof(int32_t));
        fill_batch(p, &again, &x);
        ASSERT_OK(p->ctx, clseq_scheduled_sampling_draw(&sampling, &again, k + 1000, ratio));
        for (size_t i = 0; i < now.T * now.B; i++)
            differ += again.target_in[i] != now.target_in[i];
    }
    if (ratio == 0) {
        assert_int_equal(counts.kept, 0);
        assert_true(counts.own > 100);
        assert_int_equal(differ, 0);
    } else if (ratio == 1) {
        assert_int_equal(counts.own, 0);
        assert_true(counts.kept > 100);
        assert_int_equal(differ, 0);
    } else {
        const double n = (double)(counts.own + counts.kept);

        /* Five standard deviations. */
        assert_true(fabs((double)counts.kept - ratio * n) < 5 * sqrt(n * ratio * (1 - ratio)));
        assert_true(counts.own > 20 && counts.kept > 20);
        assert_true(differ > 20);
    }
    clseq_buffer_destroy(&loss);
    clseq_scheduled_sampling_fini(&sampling);
    clseq_batch_fini(&text);
    clseq_batch_fini(&again);
    clseq_batch_fini(&now);
    return counts.special;
}

#define VOCABULARIES .source_vocabulary = SOURCES, .target_vocabulary = TARGETS

static const struct clseq_model_config plain = {
    VOCABULARIES,
    .embedding = 5,
    .hidden = 6,
    .layers = 2,
};
static const struct clseq_model_config feeding = {
    VOCABULARIES,
    .embedding = 4,
    .hidden = 6,
    .layers = 1,
    .bidirectional = true,
    .bridge = CLSEQ_BRIDGE_CONCAT,
    .attention = CLSEQ_ATTENTION_GENERAL,
    .input_feeding = true,
};
static const struct clseq_model_config additive = {
    VOCABULARIES,
    .embedding = 4,
    .hidden = 5,
    .layers = 1,
    .cell = CLSEQ_CELL_GRU,
    .bidirectional = true,
    .attention = CLSEQ_ATTENTION_ADDITIVE,
    .context_input = true,
};

static void check(void **state, const struct clseq_model_config *config)
{
    static const double ratios[] = { 0, 0.3, 0.75, 1 };
    /* Dropout is of the pass that learns, not of the one that guesses. */
    const clseq_dropout dropout = { .layers = 0.5, .embedding = 0.5, .output = 0.5, .seed = 3 };
    const struct place *p = *state;
    size_t special = 0;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(ratios); i++) {
        clseq_seq2seq *model = unit_model(p, *config, 1.5, 5 + i);

        clseq_seq2seq_regularise(model, &dropout, 0);
        special += check_ratio(p, model, ratios[i], 20 + i);
        clseq_seq2seq_destroy(&model);
    }
    assert_true(special > 0);
}

static void plain_lstm(void **state)
{
    check(state, &plain);
}

static void input_feeding(void **state)
{
    check(state, &feeding);
}

static void additive_gru(void **state)
{
    check(state, &additive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lstm),
        cmocka_unit_test(input_feeding),
        cmocka_unit_test(additive_gru),
    };
    int failed = cmocka_run_group_tests_name("scheduled sampling, reference", tests,
                                             unit_place_reference, unit_place_close);

    if (unit_have_opencl("scheduled sampling"))
        failed += cmocka_run_group_tests_name("scheduled sampling, opencl", tests,
                                              unit_place_opencl, unit_place_close);
    return failed;
}
