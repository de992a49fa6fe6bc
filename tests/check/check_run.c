/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

clseq_status check_upload(const struct check_case *c, clseq_backend *be, const uint32_t *image,
                          size_t elements, struct check_run_state *ret)
{
    const size_t word = sizeof(uint32_t);
    const bool shared = c->layout == CHECK_SHARED;

    *ret = (struct check_run_state) { .be = be, .args = c->args };
    if (shared) {
        CLSEQ_TRY(clseq_buffer_create(be, elements * word, c->name, &ret->buffers[0]));
        CLSEQ_TRY(clseq_buffer_write(ret->buffers[0], 0, image, elements * word));
    }
    for (int i = 0; i < c->schema->n_fields; i++) {
        const struct check_operand *x = &c->operands[i];

        if (!x->present || x->same_as >= 0 || shared)
            continue;
        CLSEQ_TRY(clseq_buffer_create(be, x->total * word, x->field->name, &ret->buffers[i]));
        CLSEQ_TRY(clseq_buffer_write(ret->buffers[i], 0, image + x->base, x->total * word));
    }
    for (int i = 0; i < c->schema->n_fields; i++) {
        const struct check_operand *x = &c->operands[i];
        const int owner = shared ? 0 : x->same_as >= 0 ? x->same_as : i;
        clseq_tensor *view = clseq_op_tensor(&ret->args, x->field);

        if (!x->present)
            continue;
        *view = x->view;
        view->buffer = ret->buffers[owner];
        if (shared)
            view->offset += x->base;
    }
    return CLSEQ_OK;
}

void check_run_state_fini(struct check_run_state *state)
{
    for (int i = 0; i < CLSEQ_OP_MAX_FIELDS; i++)
        clseq_buffer_destroy(&state->buffers[i]);
}

static clseq_status download(const struct check_case *c, const struct check_run_state *state,
                             size_t elements, uint32_t *image)
{
    if (c->layout == CHECK_SHARED)
        return clseq_buffer_read(state->buffers[0], 0, image, elements * sizeof(uint32_t));
    for (int i = 0; i < c->schema->n_fields; i++) {
        const struct check_operand *x = &c->operands[i];

        if (x->present && x->same_as < 0)
            CLSEQ_TRY(clseq_buffer_read(state->buffers[i], 0, image + x->base,
                                        x->total * sizeof(uint32_t)));
    }
    return CLSEQ_OK;
}

/* One call on fresh memory: before -> after. */
static clseq_status run_tested(const struct check_case *c, bool composed, const uint32_t *before,
                               size_t elements, uint32_t *after)
{
    struct check_run_state state;
    clseq_status status = check_upload(c, c->t->tested, before, elements, &state);

    if (status == CLSEQ_OK)
        status = composed ? clseq_op_run_composed(c->t->tested, c->op, &state.args)
                          : clseq_op_run(c->t->tested, c->op, &state.args);
    if (status == CLSEQ_OK)
        status = clseq_backend_sync(c->t->tested);
    if (status == CLSEQ_OK)
        status = download(c, &state, elements, after);
    check_run_state_fini(&state);
    return status;
}

struct comparison {
    enum check_fault fault;
    char text[CLSEQ_TOLERANCE_TEXT + 32];
    double worst; /* of the differences, as a part of their bound */
};

static double number_of(const struct check_operand *x, uint32_t word)
{
    if (x->is_index) {
        int32_t value;

        memcpy(&value, &word, sizeof(value));
        return value;
    }
    float value;

    memcpy(&value, &word, sizeof(value));
    return (double)value;
}

/* Compare one written operand with `want`; the first fault stays. */
static void compare_operand(const struct check_case *c, int field, const uint32_t *after,
                            const struct check_expected *expected, const double *want,
                            struct comparison *ret)
{
    const struct check_operand *x = &c->operands[field];
    const struct clseq_tolerance_case call = {
        .op = c->op,
        .args = &c->args,
        .before = &expected->before,
        .precision = clseq_backend_info(c->t->tested)->precision,
        .sums = &expected->sums,
    };
    struct clseq_tolerance_result result;
    double *got = check_alloc(x->count, sizeof(double));
    double ratio = 0;

    for (size_t e = 0; e < x->count; e++) {
        const uint32_t word = after[check_position(x, e)];

        got[e] = number_of(x, word);
        if (check_is_poison(x, word) && !ret->fault) {
            ret->fault = CHECK_FAULT_POISON;
            snprintf(
                ret->text, sizeof(ret->text),
                "%s: element %zu still holds what it was filled with, expected %.9g: it was not "
                "written, or the old value went into the new one",
                x->field->name, e, want[e]);
        }
    }
    if (clseq_tolerance_compare(c->t->ctx, &call, field, want, got, &result) != CLSEQ_OK)
        check_broken("%s: %s", c->name, clseq_context_error(c->t->ctx));
    if (result.compared > 0 && result.expected != result.got && result.bound > 0)
        ratio = fabs(result.expected - result.got) / result.bound;
    if (!result.ok && !ret->fault) {
        ret->fault =
            isnan(result.expected) || isnan(result.got) ? CHECK_FAULT_NAN : CHECK_FAULT_VALUE;
        clseq_tolerance_text(&call, field, &result, ret->text);
    }
    if (ratio > ret->worst)
        ret->worst = ratio;
    free(got);
}

static void compare_outputs(const struct check_case *c, const uint32_t *after,
                            const struct check_expected *expected, struct comparison *ret)
{
    for (int i = 0; i < c->schema->n_fields; i++) {
        if (check_is_written(c, &c->operands[i]))
            compare_operand(c, i, after, expected, expected->value.field[i], ret);
    }
}

/* The composed form against the oracle, then the fused form `after` against the composed one. */
static void compare_composed(const struct check_case *c, const uint32_t *before,
                             const uint32_t *after, size_t elements,
                             const struct check_expected *expected, struct comparison *ret)
{
    uint32_t *composed = check_alloc(elements, sizeof(uint32_t));
    const clseq_status status = run_tested(c, true, before, elements, composed);
    const char *form = "composed form";

    if (status != CLSEQ_OK) {
        ret->fault = CHECK_FAULT_STATUS;
        snprintf(ret->text, sizeof(ret->text), "composed form: %.300s",
                 clseq_context_error(c->t->ctx));
        free(composed);
        return;
    }
    compare_outputs(c, composed, expected, ret);
    for (int i = 0; i < c->schema->n_fields && !ret->fault; i++) {
        const struct check_operand *x = &c->operands[i];
        double *want;

        if (!check_is_written(c, x))
            continue;
        form = "fused form against the composed form";
        want = check_alloc(x->count, sizeof(double));
        for (size_t e = 0; e < x->count; e++)
            want[e] = number_of(x, composed[check_position(x, e)]);
        compare_operand(c, i, after, expected, want, ret);
        free(want);
    }
    if (ret->fault) {
        char text[sizeof(ret->text)];

        snprintf(text, sizeof(text), "%s", ret->text);
        snprintf(ret->text, sizeof(ret->text), "%s: %.300s", form, text);
        ret->fault = CHECK_FAULT_COMPOSED;
    }
    free(composed);
}

static void test_case(const struct check_case *c, const uint32_t *before, size_t elements,
                      const struct check_expected *expected, struct comparison *ret)
{
    uint32_t *after = check_alloc(elements, sizeof(uint32_t));
    uint32_t *again = check_alloc(elements, sizeof(uint32_t));
    clseq_status status = run_tested(c, false, before, elements, after);

    if (status == CLSEQ_OK && !c->t->quick)
        status = run_tested(c, false, before, elements, again);
    if (status != CLSEQ_OK) {
        ret->fault = CHECK_FAULT_STATUS;
        snprintf(ret->text, sizeof(ret->text), "%s: %.200s", clseq_status_name(status),
                 clseq_context_error(c->t->ctx));
        goto out;
    }
    ret->fault = check_untouched(c, before, after, ret->text, sizeof(ret->text));
    if (!ret->fault)
        compare_outputs(c, after, expected, ret);
    if (!ret->fault && !c->t->quick && memcmp(after, again, elements * sizeof(uint32_t)) != 0) {
        ret->fault = CHECK_FAULT_REPEAT;
        snprintf(ret->text, sizeof(ret->text),
                 "a second call with the same inputs gave other bits");
    }
    if (!ret->fault && !c->schema->required)
        compare_composed(c, before, after, elements, expected, ret);
out:
    free(after);
    free(again);
}

/* The shapes in args, for clseq_op_terms, tolerances and messages, which look at no memory. */
static void fill_shapes(struct check_case *c)
{
    for (int i = 0; i < c->schema->n_fields; i++) {
        clseq_tensor *x = clseq_op_tensor(&c->args, &c->schema->fields[i]);

        if (!c->operands[i].present)
            continue;
        *x = c->operands[i].view;
        x->buffer = &c->placeholder;
    }
}

void check_run(struct check_case *c)
{
    const size_t elements = check_lay_out(c);
    struct comparison result = { .fault = CHECK_FAULT_NONE };
    struct check_expected expected;
    uint32_t *before;

    fill_shapes(c);
    check_note_running(c->name);
    if (c->t->mode == CHECK_MODE_BENCH) {
        check_measure(c, elements);
        check_end(c);
        return;
    }
    before = check_alloc(elements, sizeof(uint32_t));
    check_pack(c, before);
    if (check_expect(c, &expected) == CLSEQ_OK) {
        test_case(c, before, elements, &expected, &result);
    } else {
        result.fault = CHECK_FAULT_STATUS;
        snprintf(result.text, sizeof(result.text), "the oracle refuses: %.300s",
                 clseq_context_error(c->t->ctx));
    }
    if (result.fault)
        check_report_fail(c, result.fault, result.text);
    else
        check_report_pass(c, result.worst);
    check_expected_fini(&expected);
    free(before);
    check_note_running(NULL);
    check_end(c);
}
