/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/row_tables.h"

#include "base/base.h"

/* The tied table's gradient is dense: that of the output layer has all rows. */
static bool dense(const clseq_seq2seq *m)
{
    return m->config.tied_output && m->samples == 0;
}

/* The table of `use` is the joint one. */
static bool joins(const clseq_seq2seq *m, int use)
{
    const bool shared = m->config.shared_embeddings;
    const bool tied = m->config.tied_output && m->samples > 0;

    if (dense(m) || (!shared && !tied))
        return false;
    return use == CLSEQ_USE_SOURCE ? shared : use == CLSEQ_USE_TARGET ? true : tied;
}

static bool merges(const clseq_seq2seq *m)
{
    return joins(m, CLSEQ_USE_TARGET);
}

/* Different words of all uses together, at most; 0 without a joint table. */
static int32_t joint_most(const clseq_seq2seq *m, int32_t source, int32_t target,
                          int32_t candidates)
{
    const int32_t count[CLSEQ_USES] = { source, target, candidates };
    int64_t all = 0;

    for (int use = 0; use < CLSEQ_USES; use++)
        all += joins(m, use) ? count[use] : 0;
    return all < m->config.target_vocabulary ? (int32_t)all : m->config.target_vocabulary;
}

int clseq_seq2seq_row_limits(const clseq_seq2seq *m, const struct clseq_seq2seq_limits *limits,
                             int32_t most[CLSEQ_ROW_TABLES])
{
    const int32_t columns = clseq_seq2seq_most_candidates(m, limits->N);
    const int32_t joint = joint_most(m, limits->source_unique, limits->target_unique, columns);
    int n = 0;

    if (joins(m, CLSEQ_USE_SOURCE))
        most[n++] = joint;
    else if (!m->config.shared_embeddings)
        most[n++] = limits->source_unique;
    if (!m->config.shared_embeddings && !dense(m))
        most[n++] = merges(m) ? joint : limits->target_unique;
    if (m->samples > 0 && !m->config.tied_output)
        most[n++] = columns;
    if (m->samples > 0)
        most[n++] = columns;
    return n;
}

clseq_status clseq_row_tables_create(clseq_seq2seq *m)
{
    const size_t V = (size_t)m->config.target_vocabulary;

    if (!merges(m) || m->joint.row)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_calloc(m->ctx, V, sizeof(*m->joint.row), "rows of words", &m->joint.row));
    for (size_t w = 0; w < V; w++)
        m->joint.row[w] = -1;
    return CLSEQ_OK;
}

size_t clseq_row_tables_input(const clseq_seq2seq *m, const struct clseq_seq2seq_limits *limits)
{
    const size_t most =
        (size_t)joint_most(m, limits->source_unique, limits->target_unique, limits->candidates);

    return (1 + CLSEQ_USES) * most;
}

clseq_status clseq_row_tables_take(clseq_seq2seq *m, clseq_workspace *ws,
                                   const struct clseq_seq2seq_limits *shape)
{
    const int32_t E = m->config.embedding;
    const int32_t source = shape->source_unique, target = shape->target_unique;
    int32_t n;

    if (!m->training || (!merges(m) && !dense(m)))
        return CLSEQ_OK;
    n = merges(m)         ? joint_most(m, source, target, shape->candidates)
        : source > target ? source
                          : target;
    CLSEQ_TRY(clseq_workspace_take(ws, m->real, 2, n, E, 0, &m->joint.rows));
    if (!merges(m))
        return CLSEQ_OK;
    return clseq_workspace_take(ws, m->real, 2, n, E, 0, &m->joint.other);
}

/* The words of a use, which are different ones. */
static const int32_t *words_of(const struct clseq_seq2seq_input *input, int use, int32_t *count)
{
    const struct clseq_input_tokens *tokens =
        use == CLSEQ_USE_SOURCE ? &input->source_tokens : &input->target_tokens;

    if (use == CLSEQ_USE_OUTPUT) {
        *count = input->candidates ? input->candidates->count : 0;
        return input->candidates ? input->candidates->words : NULL;
    }
    *count = tokens->unique_count;
    return tokens->unique;
}

/* The words of all uses in ascending order, whatever the order of each; m->joint.row says where. */
static int32_t list_words(const clseq_seq2seq *m, const struct clseq_seq2seq_input *input,
                          int32_t *words)
{
    int32_t *row = m->joint.row, n = 0, count;

    for (int use = 0; use < CLSEQ_USES; use++) {
        const int32_t *list = words_of(input, use, &count);

        for (int32_t i = 0; joins(m, use) && i < count; i++)
            row[list[i]] = 0;
    }
    for (int32_t w = 0; w < m->config.target_vocabulary; w++) {
        if (row[w] < 0)
            continue;
        row[w] = n;
        words[n++] = w;
    }
    return n;
}

static void stage_joint(clseq_seq2seq *m, size_t *used, const struct clseq_seq2seq_input *input)
{
    struct clseq_joint_rows *j = &m->joint;
    int32_t *words = m->input_host + *used, count;
    const int32_t n = list_words(m, input, words);
    const size_t pitch = ((size_t)n + 31) / 32 * 32;

    j->words = words;
    j->index = clseq_tensor_1d(m->input_buffer, *used, CLSEQ_I32, n);
    *used += pitch;
    for (int use = 0; use < CLSEQ_USES; use++) {
        const int32_t *list = words_of(input, use, &count);
        int32_t *from = m->input_host + *used;

        j->use[use] = (clseq_tensor) { 0 };
        if (!joins(m, use))
            continue;
        for (int32_t i = 0; i < n; i++)
            from[i] = -1;
        for (int32_t i = 0; i < count; i++)
            from[j->row[list[i]]] = i;
        j->use[use] = clseq_tensor_1d(m->input_buffer, *used, CLSEQ_I32, n);
        *used += pitch;
    }
    for (int32_t i = 0; i < n; i++)
        j->row[words[i]] = -1;
    j->rows = clseq_tensor_range(j->rows, 0, n);
    j->other = clseq_tensor_range(j->other, 0, n);
}

void clseq_row_tables_stage(clseq_seq2seq *m, size_t *used, const struct clseq_seq2seq_input *input)
{
    int n = 0;

    if (merges(m))
        stage_joint(m, used, input);
    if (joins(m, CLSEQ_USE_SOURCE))
        m->row_words[n++] = m->joint.words;
    else if (!m->config.shared_embeddings)
        m->row_words[n++] = input->source_tokens.unique;
    if (!m->config.shared_embeddings && !dense(m))
        m->row_words[n++] = merges(m) ? m->joint.words : input->target_tokens.unique;
    if (input->candidates && !m->config.tied_output)
        m->row_words[n++] = input->candidates->words;
    if (input->candidates)
        m->row_words[n++] = input->candidates->words;
    m->row_tables = n;
}

/* The rows of all uses, added up in the order of the uses; rows that are missing in one are 0
 * there. `rows` is of each use. */
static clseq_status merge(const clseq_seq2seq *m, const clseq_row_gradient *rows)
{
    const struct clseq_joint_rows *j = &m->joint;
    bool first = true;

    for (int use = 0; use < CLSEQ_USES; use++) {
        if (!joins(m, use))
            continue;
        CLSEQ_TRY(clseq_op_row_gather(
            m->be, &(struct clseq_row_gather_args) { .src = rows[use].rows,
                                                     .index = j->use[use],
                                                     .dst = first ? j->rows : j->other }));
        if (!first)
            CLSEQ_TRY(clseq_op_axpby(
                m->be,
                &(struct clseq_axpby_args) { .x = j->other, .y = j->rows, .alpha = 1, .beta = 1 }));
        first = false;
    }
    return CLSEQ_OK;
}

/* The dense gradient of the table gets the rows of its words. */
static clseq_status add_rows(const clseq_seq2seq *m, const clseq_run *run,
                             const clseq_row_gradient *g)
{
    const clseq_tensor table = clseq_run_gradient(run, g->param);
    const clseq_tensor old = clseq_tensor_range(m->joint.rows, 0, g->rows.dims[0]);

    CLSEQ_TRY(clseq_op_row_gather(
        m->be, &(struct clseq_row_gather_args) { .src = table, .index = g->index, .dst = old }));
    CLSEQ_TRY(clseq_op_axpby(
        m->be, &(struct clseq_axpby_args) { .x = g->rows, .y = old, .alpha = 1, .beta = 1 }));
    return clseq_op_row_scatter(
        m->be, &(struct clseq_row_scatter_args) { .src = old, .index = g->index, .dst = table });
}

clseq_status clseq_row_tables_end(clseq_seq2seq *m, const clseq_run *run,
                                  const clseq_row_gradient rows[CLSEQ_ROW_TABLES])
{
    const clseq_row_gradient joint = { .param = rows[CLSEQ_USE_TARGET].param,
                                       .index = m->joint.index,
                                       .rows = m->joint.rows };
    const bool shared = m->config.shared_embeddings, tied = m->config.tied_output;
    int n = 0;

    if (dense(m))
        CLSEQ_TRY(add_rows(m, run, &rows[CLSEQ_USE_TARGET]));
    if (dense(m) && shared)
        CLSEQ_TRY(add_rows(m, run, &rows[CLSEQ_USE_SOURCE]));
    if (merges(m))
        CLSEQ_TRY(merge(m, rows));
    if (joins(m, CLSEQ_USE_SOURCE))
        m->row_gradients[n++] = joint;
    else if (!shared)
        m->row_gradients[n++] = rows[CLSEQ_USE_SOURCE];
    if (!shared && !dense(m))
        m->row_gradients[n++] = merges(m) ? joint : rows[CLSEQ_USE_TARGET];
    if (m->samples > 0 && !tied)
        m->row_gradients[n++] = rows[CLSEQ_USE_OUTPUT];
    if (m->samples > 0)
        m->row_gradients[n++] = rows[CLSEQ_ROW_TABLES - 1];
    return CLSEQ_OK;
}
