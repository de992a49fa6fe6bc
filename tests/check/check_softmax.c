/* SPDX-License-Identifier: BSD-2-Clause */
/* softmax_xent_fwd, softmax_xent_bwd, softmax_xent, sigmoid_xent_fwd, sigmoid_xent_bwd */
#include "check.h"

#include <math.h>

enum logits {
    LOGITS_NORMAL,
    LOGITS_EDGES,
    LOGITS_EQUAL,
    LOGITS_ONE_HOT,
    LOGITS_LARGE,
    LOGITS_KINDS
};

static const char *const logits_name[LOGITS_KINDS] = { "normal", "edges", "equal", "onehot",
                                                       "large" };

static void fill_logits(struct check_case *c, enum logits kind)
{
    struct check_operand *x = check_find(c, "logits");
    const int32_t V = x->view.dims[1];

    if (kind == LOGITS_EDGES)
        check_edges(c, "logits", 0.7);
    for (size_t i = 0; i < x->count; i++) {
        if (kind == LOGITS_EQUAL)
            x->real[i] = 3.25;
        else if (kind == LOGITS_ONE_HOT)
            x->real[i] = 0;
        else if (kind == LOGITS_LARGE)
            x->real[i] =
                (double)(float)(x->real[i] * 1e4); /* overflows unless the maximum is subtracted */
    }
    for (int32_t m = 0; kind == LOGITS_ONE_HOT && m < x->view.dims[0]; m++)
        x->real[m * V + check_below(c, V)] = 50;
}

/* Some masked, and where asked some outside the vocabulary. */
static void add_targets(struct check_case *c, int32_t M, int32_t V, bool outside)
{
    const int32_t values[] = { V, -2, INT32_MAX, INT32_MIN };
    int32_t *target;

    check_index(c, "target", M);
    target = check_indices(c, "target");
    for (int32_t m = 0; m < M; m++) {
        target[m] = check_below(c, 4) == 0 ? -1 : check_below(c, V);
        if (outside && check_below(c, 3) == 0)
            target[m] = values[check_below(c, (int32_t)CLSEQ_ARRAY_SIZE(values))];
    }
    if (M > 2) {
        target[0] = 0;
        target[1] = V - 1;
    }
}

enum targets { TARGETS_NONE, TARGETS_MASKED, TARGETS_OUTSIDE };

static void add_rows(struct check_case *c, int32_t M, int32_t V, enum logits kind,
                     enum targets targets)
{
    check_real(c, "logits", 2, M, V, 1);
    fill_logits(c, kind);
    if (targets != TARGETS_NONE)
        add_targets(c, M, V, targets == TARGETS_OUTSIDE);
}

static void add_gradient(struct check_case *c, int32_t M, int32_t V, bool in_place)
{
    check_out(c, "dlogits", 2, M, V, 1);
    if (in_place)
        check_alias(c, "dlogits");
}

static void fwd_case(struct check *t, int32_t M, int32_t V, enum logits kind, enum targets targets,
                     double smoothing)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_softmax_xent_fwd, "m%d_v%d_%s%s%s", M, V, logits_name[kind],
                    targets == TARGETS_NONE      ? "_notarget"
                    : targets == TARGETS_OUTSIDE ? "_outside"
                                                 : "",
                    smoothing > 0 ? "_smooth" : "");

    if (!c)
        return;
    add_rows(c, M, V, kind, targets);
    check_out(c, "loss", 1, M, 1, 1);
    check_out(c, "lse", 1, M, 1, 1);
    c->args.softmax_xent_fwd.smoothing = smoothing;
    check_run(c);
}

void check_softmax_xent_fwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < LOGITS_KINDS; kind++) {
            const int32_t V = check_size(t, i + 3 * kind);

            fwd_case(t, check_size(t, i), V > 0 ? V : 4, (enum logits)kind,
                     (enum targets)((i + kind) % 3), 0);
            fwd_case(t, 1 + i % 5, V > 0 ? V : 4, (enum logits)kind, (enum targets)((i + kind) % 3),
                     i % 2 ? 0.1 : 0.7);
        }
    }
    for (int smooth = 0; smooth < 2; smooth++) {
        const double smoothing = smooth ? 0.1 : 0;

        fwd_case(t, 3, t->quick ? 301 : 8003, LOGITS_NORMAL, TARGETS_MASKED, smoothing);
        fwd_case(t, 40, 33, LOGITS_NORMAL, TARGETS_OUTSIDE, smoothing);
    }
}

static double lse_of(const double *logits, int32_t V)
{
    double largest = logits[0], sum = 0;

    for (int32_t v = 1; v < V; v++)
        largest = fmax(largest, logits[v]);
    for (int32_t v = 0; v < V; v++)
        sum += exp(logits[v] - largest);
    return (double)(float)(largest + log(sum));
}

static void bwd_case(struct check *t, int32_t M, int32_t V, enum logits kind, bool in_place,
                     double smoothing)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_softmax_xent_bwd, "m%d_v%d_%s%s%s", M, V, logits_name[kind],
                    in_place ? "_inplace" : "", smoothing > 0 ? "_smooth" : "");

    if (!c)
        return;
    add_rows(c, M, V, kind, TARGETS_MASKED);
    check_real(c, "lse", 1, M, 1, 1);
    for (int32_t m = 0; m < M; m++)
        check_values(c, "lse")[m] = lse_of(check_values(c, "logits") + (size_t)m * (size_t)V, V);
    add_gradient(c, M, V, in_place);
    c->args.softmax_xent_bwd.scale = M % 2 ? 1 : 1.0 / 64;
    c->args.softmax_xent_bwd.smoothing = smoothing;
    check_run(c);
}

void check_softmax_xent_bwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < LOGITS_KINDS; kind++) {
            const int32_t V = check_size(t, i + 3 * kind);

            bwd_case(t, check_size(t, i), V > 0 ? V : 4, (enum logits)kind, (i + kind) % 2 == 0, 0);
            bwd_case(t, 1 + i % 5, V > 0 ? V : 4, (enum logits)kind, (i + kind) % 2 == 1,
                     i % 2 ? 0.1 : 0.7);
        }
    }
    bwd_case(t, 3, t->quick ? 301 : 8003, LOGITS_NORMAL, true, 0);
    bwd_case(t, 3, t->quick ? 301 : 8003, LOGITS_NORMAL, true, 0.1);
}

static void both_case(struct check *t, int32_t M, int32_t V, enum logits kind, enum targets targets,
                      bool in_place, double smoothing)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_softmax_xent, "m%d_v%d_%s%s%s%s", M, V, logits_name[kind],
                    targets == TARGETS_OUTSIDE ? "_outside" : "", in_place ? "_inplace" : "",
                    smoothing > 0 ? "_smooth" : "");

    if (!c)
        return;
    add_rows(c, M, V, kind, targets);
    check_out(c, "loss", 1, M, 1, 1);
    check_out(c, "lse", 1, M, 1, 1);
    add_gradient(c, M, V, in_place);
    c->args.softmax_xent.scale = M % 2 ? 1 : 1.0 / 64;
    c->args.softmax_xent.smoothing = smoothing;
    check_run(c);
}

void check_softmax_xent(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < LOGITS_KINDS; kind++) {
            const int32_t V = check_size(t, i + 3 * kind);
            const enum targets targets = (i + kind) % 3 == 0 ? TARGETS_OUTSIDE : TARGETS_MASKED;

            both_case(t, check_size(t, i), V > 0 ? V : 4, (enum logits)kind, targets,
                      (i + kind) % 2 == 0, 0);
            both_case(t, 1 + i % 5, V > 0 ? V : 4, (enum logits)kind, targets, (i + kind) % 2 == 1,
                      i % 2 ? 0.1 : 0.7);
        }
    }
    for (int smooth = 0; smooth < 2; smooth++) {
        const double smoothing = smooth ? 0.1 : 0;

        both_case(t, 3, t->quick ? 301 : 8003, LOGITS_NORMAL, TARGETS_MASKED, true, smoothing);
        both_case(t, 40, 33, LOGITS_NORMAL, TARGETS_OUTSIDE, false, smoothing);
    }
    if (!t->quick) /* longer than what is fetched ahead */
        both_case(t, 2, 40003, LOGITS_NORMAL, TARGETS_MASKED, true, 0);
}

static void sigmoid_fwd_case(struct check *t, int32_t M, int32_t V, enum logits kind, bool outside)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_sigmoid_xent_fwd, "m%d_v%d_%s%s", M, V,
                                       logits_name[kind], outside ? "_outside" : "");

    if (!c)
        return;
    add_rows(c, M, V, kind, outside ? TARGETS_OUTSIDE : TARGETS_MASKED);
    check_out(c, "loss", 1, M, 1, 1);
    check_run(c);
}

void check_sigmoid_xent_fwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < LOGITS_KINDS; kind++) {
            const int32_t V = check_size(t, i + 3 * kind);

            sigmoid_fwd_case(t, check_size(t, i), V > 0 ? V : 4, (enum logits)kind,
                             (i + kind) % 3 == 0);
        }
    }
    sigmoid_fwd_case(t, 3, t->quick ? 301 : 8003, LOGITS_NORMAL, false);
}

static void sigmoid_bwd_case(struct check *t, int32_t M, int32_t V, enum logits kind, bool in_place)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_sigmoid_xent_bwd, "m%d_v%d_%s%s", M, V,
                                       logits_name[kind], in_place ? "_inplace" : "");

    if (!c)
        return;
    add_rows(c, M, V, kind, TARGETS_MASKED);
    add_gradient(c, M, V, in_place);
    c->args.sigmoid_xent_bwd.scale = M % 2 ? 1 : 1.0 / 64;
    check_run(c);
}

void check_sigmoid_xent_bwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < LOGITS_KINDS; kind++) {
            const int32_t V = check_size(t, i + 3 * kind);

            sigmoid_bwd_case(t, check_size(t, i), V > 0 ? V : 4, (enum logits)kind,
                             (i + kind) % 2 == 0);
        }
    }
    sigmoid_bwd_case(t, 3, t->quick ? 301 : 8003, LOGITS_NORMAL, true);
}
