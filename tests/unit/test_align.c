/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Alignments: what a search says a word looked at is what teacher forcing with the same words looks
 * at, in whatever batch, beam and order of the source.
 */
#include "decode_unit.h"

#include "backend/fault_backend.h"
#include "data/batch_input.h"
#include "decode/search.h"
#include "decode/translator.h"

#include <math.h>

enum { SENTENCES = 11, WORDS_MAX = 9, LIMIT_MAX = 2 * WORDS_MAX + 10, BEAM = 4 };

/* A weight is an exponential over a sum of some more; the scores are products of a few numbers of
 * size 1. */
static const double bound = 2e-5;

static const struct clseq_model_config shapes[] = {
    { .source_vocabulary = 10,
      .target_vocabulary = 8,
      .embedding = 6,
      .hidden = 8,
      .layers = 2,
      .attention = CLSEQ_ATTENTION_DOT },
    { .source_vocabulary = 9,
      .target_vocabulary = 9,
      .embedding = 5,
      .hidden = 6,
      .layers = 1,
      .attention = CLSEQ_ATTENTION_GENERAL,
      .bidirectional = true,
      .input_feeding = true },
    { .source_vocabulary = 10,
      .target_vocabulary = 8,
      .embedding = 6,
      .hidden = 7,
      .layers = 1,
      .cell = CLSEQ_CELL_GRU,
      .attention = CLSEQ_ATTENTION_GENERAL,
      .context_input = true },
    { .source_vocabulary = 8,
      .target_vocabulary = 8,
      .embedding = 4,
      .hidden = 6,
      .layers = 1,
      .attention = CLSEQ_ATTENTION_ADDITIVE,
      .bidirectional = true },
};

struct sentences {
    int32_t B, words[SENTENCES][WORDS_MAX], length[SENTENCES], limit[SENTENCES];
    uint64_t line[SENTENCES];
    clseq_batch batch;
};

/* Random sentences of 1 to WORDS_MAX words, in no order of length. */
static void fill_sentences(const struct place *p, struct sentences *s, int32_t vocabulary,
                           uint64_t seed)
{
    clseq_sentence sides[SENTENCES];
    uint64_t counter = seed * 1000;

    *s = (struct sentences) { .B = SENTENCES };
    for (int32_t b = 0; b < s->B; b++) {
        s->length[b] = 1 + unit_below(&counter, WORDS_MAX);
        s->limit[b] = 2 * s->length[b] + 10;
        s->line[b] = 1 + (uint64_t)b;
        for (int32_t t = 0; t < s->length[b]; t++)
            s->words[b][t] = CLSEQ_ID_FIRST + unit_below(&counter, vocabulary - CLSEQ_ID_FIRST);
        sides[b] = (clseq_sentence) { s->words[b], (size_t)s->length[b] };
    }
    clseq_batch_init(&s->batch, p->ctx);
    ASSERT_OK(p->ctx, clseq_batch_from_sentences(&s->batch, sides, NULL, SENTENCES, false));
}

/* The same batch with sentence b alone. */
static void fill_alone(const struct place *p, const struct sentences *all, int32_t b,
                       struct sentences *s)
{
    const clseq_sentence side = { all->words[b], (size_t)all->length[b] };

    *s = (struct sentences) { .B = 1, .limit = { all->limit[b] }, .line = { all->line[b] } };
    clseq_batch_init(&s->batch, p->ctx);
    ASSERT_OK(p->ctx, clseq_batch_from_sentences(&s->batch, &side, NULL, 1, false));
}

/* Search with a beam of `beam` (0: greedy); found (B * max(beam, 1)), count (B). */
static void search(const struct place *p, clseq_decoder_state *st, const struct sentences *s,
                   int32_t beam, clseq_found *found, int32_t *count)
{
    const struct clseq_seq2seq_limits limits = { .S = (int32_t)s->batch.S, .B = s->B };
    const int32_t K = beam > 0 ? beam : 1;
    const clseq_search_job job = {
        .input = clseq_batch_input(&s->batch),
        .limit = s->limit,
        .line = s->line,
        .beam = K,
        .nbest = K,
        .length_penalty = 1,
        .alignments = true,
    };

    ASSERT_OK(p->ctx, clseq_seq2seq_plan(st->model, &limits, false));
    ASSERT_OK(p->ctx, clseq_decoder_state_plan(st, s->B, limits.S, K));
    for (int32_t b = 0; b < s->B; b++)
        count[b] = 1;
    if (beam > 0)
        ASSERT_OK(p->ctx, clseq_search_beam(st, &job, found, count));
    else
        ASSERT_OK(p->ctx, clseq_search_greedy(st, &job, found));
}

static size_t steps_of(const clseq_found *f)
{
    return f->count + (f->complete ? 1 : 0);
}

static double distance(const float *x, const float *y, size_t n)
{
    double worst = 0;

    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)x[i] - (double)y[i]);

        /* Not >, which a NaN would pass. */
        worst = d <= worst ? worst : d;
    }
    return worst;
}

/* The weights of all steps of these words after this source: (count + 1, source + 1). */
static void teacher(const struct place *p, clseq_seq2seq *model, const struct sentences *s,
                    int32_t b, const clseq_found *found, float *ret)
{
    const clseq_sentence source = { s->words[b], (size_t)s->length[b] };
    const clseq_sentence target = { found->ids, found->count };
    clseq_buffer *sum = NULL;
    clseq_batch batch;
    struct clseq_seq2seq_input input;
    struct clseq_seq2seq_limits limits;

    clseq_batch_init(&batch, p->ctx);
    ASSERT_OK(p->ctx, clseq_batch_from_sentences(&batch, &source, &target, 1, false));
    input = clseq_batch_input(&batch);
    limits = (struct clseq_seq2seq_limits) { .S = input.S, .T = input.T, .B = 1, .N = input.N };
    ASSERT_OK(p->ctx, clseq_buffer_create(p->be, clseq_dtype_size(model->real), "loss", &sum));
    ASSERT_OK(p->ctx, clseq_seq2seq_plan(model, &limits, false));
    ASSERT_OK(p->ctx, clseq_seq2seq_begin(model, &input));
    ASSERT_OK(p->ctx, clseq_seq2seq_loss(model, clseq_tensor_1d(sum, 0, model->real, 1)));
    assert_int_equal(clseq_tensor_count(&model->decoder_pass.steps.weights),
                     (found->count + 1) * (source.length + 1));
    ASSERT_OK(p->ctx, clseq_tensor_read_f32(p->be, &model->decoder_pass.steps.weights, ret));
    clseq_buffer_destroy(&sum);
    clseq_batch_fini(&batch);
}

/* What the comparisons met, so that none passes for want of cases. */
struct seen {
    int complete, cut, compacted, after_compaction, different;
};

static void check_found(const struct place *p, clseq_seq2seq *model, const struct sentences *s,
                        int32_t b, const clseq_found *found, struct seen *seen)
{
    const size_t width = (size_t)s->length[b] + 1, steps = steps_of(found);
    float expected[(LIMIT_MAX + 1) * (WORDS_MAX + 1)];

    assert_non_null(found->alignment);
    for (size_t t = 0; t < steps; t++) {
        double sum = 0;

        for (size_t i = 0; i < width; i++) {
            const double w = (double)found->alignment[t * width + i];

            assert_true(w >= 0 && w <= 1);
            sum += w;
        }
        assert_true(fabs(sum - 1) < 1e-5);
    }
    if (found->complete)
        assert_int_equal(found->ids[found->count], CLSEQ_ID_EOS);
    teacher(p, model, s, b, found, expected);
    if (!(distance(expected, found->alignment, steps * width) < bound))
        fail_msg("sentence %d, %zu steps: weights differ by %g from those of teacher forcing", b,
                 steps, distance(expected, found->alignment, steps * width));
    seen->complete += found->complete;
    seen->cut += !found->complete;
    for (size_t t = 1; t < steps; t++)
        seen->different +=
            distance(expected + (t - 1) * width, expected + t * width, width) > 100 * bound;
}

static void alignments_are_those_of_teacher_forcing(void **state)
{
    const struct place *p = *state;
    struct seen seen = { 0 };

    for (uint64_t seed = 1; seed <= 8; seed++) {
        for (int32_t beam = 0; beam <= BEAM; beam += 2) {
            clseq_seq2seq *model =
                unit_model(p, shapes[seed % CLSEQ_ARRAY_SIZE(shapes)], 0.8, seed);
            const int32_t K = beam > 0 ? beam : 1;
            clseq_found found[SENTENCES * BEAM];
            int32_t count[SENTENCES];
            clseq_decoder_state st;
            struct sentences s;

            fill_sentences(p, &s, model->config.source_vocabulary, seed);
            clseq_decoder_state_init(&st, model);
            search(p, &st, &s, beam, found, count);
            seen.compacted += st.open < st.sentences;
            for (int32_t b = 0; b < s.B; b++) {
                for (int32_t i = 0; i < count[b]; i++) {
                    const clseq_found *f = &found[b * K + i];

                    check_found(p, model, &s, b, f, &seen);
                    seen.after_compaction +=
                        st.open < st.sentences && (int32_t)steps_of(f) > CLSEQ_DECODE_BLOCK + 1;
                }
            }
            clseq_found_fini(found, (size_t)s.B * (size_t)K);
            clseq_batch_fini(&s.batch);
            clseq_decoder_state_fini(&st);
            clseq_seq2seq_destroy(&model);
        }
    }
    assert_true(seen.complete > 50 && seen.cut > 50 && seen.compacted > 3);
    assert_true(seen.after_compaction > 50 && seen.different > 1000);
}

/* The same words, and weights that are the same bits on the reference, near on a device. */
static void assert_same(const struct place *p, const clseq_found *x, const clseq_found *y,
                        size_t width)
{
    const size_t steps = steps_of(x);

    assert_int_equal(x->count, y->count);
    assert_int_equal(x->complete, y->complete);
    assert_memory_equal(x->ids, y->ids, steps * sizeof(*x->ids));
    if (p->reference)
        assert_memory_equal(x->alignment, y->alignment, steps * width * sizeof(float));
    else
        assert_true(distance(x->alignment, y->alignment, steps * width) < bound);
}

static void company_changes_no_alignment(void **state)
{
    const struct place *p = *state;

    for (uint64_t seed = 1; seed <= 4; seed++) {
        clseq_seq2seq *model = unit_model(p, shapes[seed % CLSEQ_ARRAY_SIZE(shapes)], 0.8, seed);
        clseq_found greedy[SENTENCES], beam[SENTENCES * 3], one[3];
        int32_t count[SENTENCES], one_count[SENTENCES];
        clseq_decoder_state st;
        struct sentences s;

        fill_sentences(p, &s, model->config.source_vocabulary, seed);
        clseq_decoder_state_init(&st, model);
        search(p, &st, &s, 0, greedy, count);
        search(p, &st, &s, 3, beam, count);
        for (int32_t b = 0; b < s.B; b++) {
            const size_t width = (size_t)s.length[b] + 1;
            struct sentences alone;

            fill_alone(p, &s, b, &alone);
            search(p, &st, &alone, 0, one, one_count);
            assert_same(p, &greedy[b], one, width);
            clseq_found_fini(one, 1);
            search(p, &st, &alone, 3, one, one_count);
            assert_int_equal(count[b], one_count[0]);
            for (int32_t i = 0; i < one_count[0]; i++)
                assert_same(p, &beam[b * 3 + i], &one[i], width);
            clseq_found_fini(one, 3);
            clseq_batch_fini(&alone.batch);
        }
        clseq_found_fini(greedy, SENTENCES);
        clseq_found_fini(beam, SENTENCES * 3);
        clseq_batch_fini(&s.batch);
        clseq_decoder_state_fini(&st);
        clseq_seq2seq_destroy(&model);
    }
}

static void a_beam_of_one_looks_where_greedy_looks(void **state)
{
    const struct place *p = *state;

    for (uint64_t seed = 1; seed <= 4; seed++) {
        clseq_seq2seq *model = unit_model(p, shapes[seed % CLSEQ_ARRAY_SIZE(shapes)], 0.8, seed);
        clseq_found greedy[SENTENCES], beam[SENTENCES];
        int32_t count[SENTENCES];
        clseq_decoder_state st;
        struct sentences s;

        fill_sentences(p, &s, model->config.source_vocabulary, seed);
        clseq_decoder_state_init(&st, model);
        search(p, &st, &s, 0, greedy, count);
        search(p, &st, &s, 1, beam, count);
        for (int32_t b = 0; b < s.B; b++)
            assert_same(p, &greedy[b], &beam[b], (size_t)s.length[b] + 1);
        clseq_found_fini(greedy, SENTENCES);
        clseq_found_fini(beam, SENTENCES);
        clseq_batch_fini(&s.batch);
        clseq_decoder_state_fini(&st);
        clseq_seq2seq_destroy(&model);
    }
}

/* ---- the translator ---- */

static const char *const words[] = { "<pad>", "<unk>", "<s>", "</s>", "a", "b", "c", "d", "e" };

static clseq_translator *translator(const struct place *p, clseq_attention_kind attention,
                                    bool reverse_source)
{
    const struct clseq_model_config config = {
        .source_vocabulary = CLSEQ_ARRAY_SIZE(words),
        .target_vocabulary = CLSEQ_ARRAY_SIZE(words),
        .embedding = 6,
        .hidden = 8,
        .layers = 1,
        .attention = attention,
    };
    const clseq_text_options text = { .unit = CLSEQ_UNIT_WORD };
    clseq_model_meta meta = { .config = config, .reverse_source = reverse_source };
    clseq_seq2seq *model = unit_model(p, config, 0.8, 7);
    clseq_translator *tr = NULL;

    ASSERT_OK(p->ctx, clseq_vocab_create_from_tokens(p->ctx, text, words, CLSEQ_ARRAY_SIZE(words),
                                                     &meta.source_vocab));
    ASSERT_OK(p->ctx, clseq_vocab_create_from_tokens(p->ctx, text, words, CLSEQ_ARRAY_SIZE(words),
                                                     &meta.target_vocab));
    ASSERT_OK(p->ctx, clseq_translator_create(&model, &meta, &tr));
    return tr;
}

static clseq_translate_options options_of(int32_t beam)
{
    clseq_translate_options o;

    clseq_translate_options_init(&o);
    o.beam = o.nbest = beam;
    o.alignments = true;
    return o;
}

/* Column s belongs to word s of the line, whichever way the model reads it. */
static void a_reversed_source_is_turned_back(void **state)
{
    const struct place *p = *state;
    clseq_translator *forward = translator(p, CLSEQ_ATTENTION_GENERAL, false);
    clseq_translator *backward = translator(p, CLSEQ_ATTENTION_GENERAL, true);
    const char *const lines[] = { "a b c d z", "e b a c" };
    const char *const mirrored[] = { "z d c b a", "c a b e" };
    clseq_translation x[2], y[2];
    int different = 0;

    for (int32_t beam = 1; beam <= 3; beam += 2) {
        const clseq_translate_options o = options_of(beam);

        ASSERT_OK(p->ctx, clseq_translator_run(backward, lines, NULL, 2, &o, x));
        ASSERT_OK(p->ctx, clseq_translator_run(forward, mirrored, NULL, 2, &o, y));
        for (int i = 0; i < 2; i++) {
            const size_t S = x[i].source_tokens;

            assert_int_equal(x[i].source_ids[0], y[i].source_ids[S - 1]);
            for (size_t k = 0; k < x[i].count; k++) {
                const clseq_hypothesis *a = &x[i].hypotheses[k], *b = &y[i].hypotheses[k];

                assert_int_equal(a->tokens, b->tokens);
                for (size_t t = 0; t < a->tokens; t++) {
                    const float *row = a->alignment + t * (S + 1);
                    const float *other = b->alignment + t * (S + 1);

                    for (size_t s = 0; s < S; s++)
                        assert_true(row[s] == other[S - 1 - s]);
                    assert_true(row[S] == other[S]);
                    different += row[0] != row[S - 1];
                }
            }
        }
        clseq_translations_fini(x, 2);
        clseq_translations_fini(y, 2);
    }
    assert_true(different > 5);
    clseq_translator_close(&forward);
    clseq_translator_close(&backward);
}

static void alignments_come_when_asked_for(void **state)
{
    const struct place *p = *state;
    clseq_translator *with = translator(p, CLSEQ_ATTENTION_DOT, true);
    clseq_translator *without = translator(p, CLSEQ_ATTENTION_NONE, true);
    const char *const lines[] = { "a z c", " ", "e" };
    static const int32_t ids[] = { 4, CLSEQ_ID_UNK, 6 };
    clseq_translation x[3];

    for (int32_t beam = 1; beam <= 2; beam++) {
        clseq_translate_options o = options_of(beam);

        ASSERT_OK(p->ctx, clseq_translator_run(with, lines, NULL, 3, &o, x));
        assert_int_equal(x[0].source_tokens, 3);
        assert_memory_equal(x[0].source_ids, ids, sizeof(ids));
        for (int i = 0; i < 3; i++) {
            for (size_t k = 0; k < x[i].count; k++) {
                const clseq_hypothesis *h = &x[i].hypotheses[k];

                assert_int_equal(h->alignment != NULL, i != 1);
                assert_int_equal(h->ids != NULL, i != 1);
                if (i != 1)
                    assert_int_equal(h->ids[h->tokens - 1] == CLSEQ_ID_EOS, h->complete);
            }
        }
        assert_null(x[1].source_ids);
        clseq_translations_fini(x, 3);
        ASSERT_OK(p->ctx, clseq_translator_run(without, lines, NULL, 3, &o, x));
        assert_null(x[0].hypotheses[0].alignment);
        assert_non_null(x[0].hypotheses[0].ids);
        clseq_translations_fini(x, 3);
        o.alignments = false;
        ASSERT_OK(p->ctx, clseq_translator_run(with, lines, NULL, 3, &o, x));
        assert_null(x[0].hypotheses[0].alignment);
        clseq_translations_fini(x, 3);
    }
    clseq_translator_close(&with);
    clseq_translator_close(&without);
}

/* The words and, within the bound, the weights of every backend are those of the reference. */
static void alignments_are_those_of_the_reference(void **state)
{
    const struct place *p = *state;
    const char *const lines[] = { "a b c d e", "b", "e d a", "c c c c a b", "d e" };
    const clseq_translate_options o = options_of(3);
    clseq_translation x[5], y[5];
    const struct place *other;
    void *other_state = NULL;
    clseq_translator *tr = translator(p, CLSEQ_ATTENTION_GENERAL, true), *reference;

    assert_int_equal(unit_place_reference(&other_state), 0);
    other = other_state;
    reference = translator(other, CLSEQ_ATTENTION_GENERAL, true);
    ASSERT_OK(p->ctx, clseq_translator_run(tr, lines, NULL, 5, &o, x));
    ASSERT_OK(other->ctx, clseq_translator_run(reference, lines, NULL, 5, &o, y));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(x[i].count, y[i].count);
        for (size_t k = 0; k < x[i].count; k++) {
            const clseq_hypothesis *a = &x[i].hypotheses[k], *b = &y[i].hypotheses[k];

            assert_string_equal(a->text, b->text);
            assert_int_equal(a->tokens, b->tokens);
            assert_true(distance(a->alignment, b->alignment, a->tokens * (x[i].source_tokens + 1)) <
                        bound);
        }
    }
    clseq_translations_fini(x, 5);
    clseq_translations_fini(y, 5);
    clseq_translator_close(&reference);
    unit_place_close(&other_state);
    clseq_translator_close(&tr);
}

/* Every read of a translation fails in turn; the weights of a block are read last. */
static void a_failed_read_is_passed_up(void **state)
{
    clseq_context *ctx = *state;
    const clseq_translate_options o = options_of(2);
    const char *const lines[] = { "a b c", "d e" };
    uint64_t reads = 1;

    for (uint64_t nth = 0; nth <= reads; nth++) {
        const struct clseq_fault_options fault = { .call = CLSEQ_FAULT_READ,
                                                   .nth = nth,
                                                   .effect = CLSEQ_FAULT_FAIL,
                                                   .status = CLSEQ_ERR_DEVICE };
        struct place p = { .ctx = ctx, .reference = true };
        clseq_translation x[2] = { { .count = 77 } };
        clseq_translator *tr;
        clseq_status status;

        ASSERT_OK(ctx, clseq_fault_open(ctx, &fault, &p.be));
        tr = translator(&p, CLSEQ_ATTENTION_GENERAL, true);
        status = clseq_translator_run(tr, lines, NULL, 2, &o, x);
        if (nth == 0) {
            assert_int_equal(status, CLSEQ_OK);
            reads = clseq_fault_count(p.be, CLSEQ_FAULT_READ);
            assert_true(reads >= 4 && reads % 4 == 0);
            clseq_translations_fini(x, 2);
        } else {
            assert_int_equal(status, CLSEQ_ERR_DEVICE);
            assert_int_equal(x[0].count, 77);
        }
        clseq_translator_close(&tr);
        assert_int_equal(p.be->buffers_alive, 0);
        clseq_backend_close(&p.be);
    }
}

static int place_gpu(void **state)
{
    return unit_place_open_kernels(state, "opencl", CLSEQ_KERNELS_GPU);
}

static int place_mirror(void **state)
{
    return unit_place_open(state, "mirror");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alignments_are_those_of_teacher_forcing),
        cmocka_unit_test(company_changes_no_alignment),
        cmocka_unit_test(a_beam_of_one_looks_where_greedy_looks),
        cmocka_unit_test(a_reversed_source_is_turned_back),
        cmocka_unit_test(alignments_come_when_asked_for),
        cmocka_unit_test(alignments_are_those_of_the_reference),
    };
    /* What shows the backends that cost more nothing new is left out. */
    const struct CMUnitTest few[] = { cmocka_unit_test(alignments_are_those_of_teacher_forcing) };
    const struct CMUnitTest faults[] = { cmocka_unit_test(a_failed_read_is_passed_up) };
    int failed = cmocka_run_group_tests_name("align, reference", tests, unit_place_reference,
                                             unit_place_close);

    failed += cmocka_run_group_tests_name("align, faults", faults, unit_context_create,
                                          unit_context_destroy);
    if (unit_have_opencl("align")) {
        failed += cmocka_run_group_tests_name("align, opencl", tests, unit_place_opencl,
                                              unit_place_close);
        failed += cmocka_run_group_tests_name("align, kernels for GPUs", few, place_gpu,
                                              unit_place_close);
        failed += cmocka_run_group_tests_name("align, mirror", few, place_mirror, unit_place_close);
    }
    return failed;
}
