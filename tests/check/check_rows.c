/* SPDX-License-Identifier: BSD-2-Clause */
/* row_gather, row_scatter, keep_target, embedding_bwd */
#include "check.h"

static void row_gather_case(struct check *t, int32_t v, int32_t m, int32_t n, bool outside)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_row_gather, "v%d_m%d_n%d%s", v, m, n, outside ? "_outside" : "");
    const int32_t values[] = { -1, v, -2, INT32_MAX, INT32_MIN };

    if (!c)
        return;
    check_real(c, "src", 2, v, n, 1);
    check_index(c, "index", m);
    for (int32_t i = 0; i < m; i++) {
        const bool use = v == 0 || (outside && check_below(c, 3) == 0);

        check_indices(c, "index")[i] =
            use ? values[check_below(c, (int32_t)CLSEQ_ARRAY_SIZE(values))] : check_below(c, v);
    }
    check_out(c, "dst", 2, m, n, 1);
    check_run(c);
}

void check_row_gather(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        row_gather_case(t, check_size(t, i + 5), check_size(t, i), check_size(t, i + 2), false);
        row_gather_case(t, check_size(t, i + 9), check_size(t, i + 4), check_size(t, i), true);
    }
    row_gather_case(t, 6, 40, 17, true);
}

static void row_scatter_case(struct check *t, int32_t v, int32_t m, int32_t n, double outside)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_row_scatter, "v%d_m%d_n%d_outside%g", v, m, n, outside);

    if (!c)
        return;
    check_real(c, "src", 2, m, n, 1);
    check_index(c, "index", m);
    check_distinct(c, "index", v, outside);
    check_real(c, "dst", 2, v, n, 1);
    check_run(c);
}

void check_row_scatter(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        row_scatter_case(t, check_size(t, i) + 70, check_size(t, i) / 2, check_size(t, i + 6), 0);
        row_scatter_case(t, check_size(t, i + 3), check_size(t, i + 3), check_size(t, i), 0.3);
    }
    row_scatter_case(t, 4, 9, 5, 0); /* more rows than places: the rest is -1 */
}

/* Targets before, among and behind the columns. */
static void keep_target_case(struct check *t, int32_t m, int32_t n, int32_t first, bool edges,
                             bool in_place)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_keep_target, "m%d_n%d_first%d%s%s", m, n, first,
                                       edges ? "_edges" : "", in_place ? "_inplace" : "");
    const int32_t values[] = { -1, first - 1, INT32_MAX, INT32_MIN };
    int32_t *target;

    if (!c)
        return;
    check_real(c, "x", 2, m, n, 1);
    if (edges)
        check_edges(c, "x", 0.7);
    check_index(c, "target", m);
    target = check_indices(c, "target");
    for (int32_t i = 0; i < m; i++) {
        target[i] = first + check_below(c, n + 1); /* n: one behind the last */
        if (check_below(c, 5) == 0)
            target[i] = values[check_below(c, (int32_t)CLSEQ_ARRAY_SIZE(values))];
    }
    if (m > 2 && n > 0) {
        target[0] = first;
        target[1] = first + n - 1;
    }
    check_out(c, "y", 2, m, n, 1);
    if (in_place)
        check_alias(c, "y");
    c->args.keep_target.first = first;
    check_run(c);
}

void check_keep_target(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        keep_target_case(t, check_size(t, i), check_size(t, i + 3), i % 3 * 100, i % 2 == 0,
                         i % 4 < 2);
        keep_target_case(t, check_size(t, i + 7), check_size(t, i), 2048, i % 2 == 1, i % 4 >= 2);
    }
    keep_target_case(t, 3, t->quick ? 301 : 5003, 17, false, true);
}

/* P tokens, sorted into U rows, some of them empty. */
static void embedding_bwd_case(struct check *t, int32_t m, int32_t e, int32_t p, int32_t u,
                               bool outside)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_embedding_bwd, "m%d_e%d_p%d_u%d%s", m, e, p, u,
                                       outside ? "_outside" : "");
    const int32_t values[] = { -1, m, INT32_MAX, INT32_MIN };
    int32_t *order, *start;

    if (!c)
        return;
    check_real(c, "dy", 2, m, e, 1);
    check_index(c, "order", p);
    check_index(c, "start", u + 1);
    order = check_indices(c, "order");
    start = check_indices(c, "start");
    for (int32_t i = 0; i < p; i++) {
        const bool use = m == 0 || (outside && check_below(c, 4) == 0);

        order[i] =
            use ? values[check_below(c, (int32_t)CLSEQ_ARRAY_SIZE(values))] : check_below(c, m);
    }
    /* ascending borders, with rows of none, one and many; the last may leave tokens over */
    for (int32_t i = 1; i <= u; i++) {
        const int32_t left = p - start[i - 1];
        const int32_t most = i % 7 == 3 ? left : left / (u - i + 1) * 2;

        start[i] = start[i - 1] + check_below(c, (most < left ? most : left) + 1);
    }
    check_out(c, "drow", 2, u, e, 1);
    check_run(c);
}

void check_embedding_bwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t e = check_size(t, i), m = check_size(t, i + 6), u = check_size(t, i + 3);

        embedding_bwd_case(t, m, e, m, u, false);
        embedding_bwd_case(t, m, e, 2 * m + 1, u / 2 + 1, true);
    }
    embedding_bwd_case(t, 50, 64, 0, 5, false);    /* no token: zeros */
    embedding_bwd_case(t, 200, 33, 200, 1, false); /* one token everywhere */
}
