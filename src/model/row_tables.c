/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/row_tables.h"

static bool merges(const clseq_seq2seq *m)
{
    return m->config.shared_embeddings && !m->config.tied_output;
}

static int32_t joint_most(const clseq_seq2seq *m, int32_t source, int32_t target)
{
    const int64_t both = (int64_t)source + target;

    return both < m->config.source_vocabulary ? (int32_t)both : m->config.source_vocabulary;
}

int clseq_seq2seq_row_limits(const clseq_seq2seq *m, const struct clseq_seq2seq_limits *limits,
                             int32_t most[CLSEQ_ROW_TABLES])
{
    const int32_t columns = clseq_seq2seq_most_candidates(m, limits->N);
    int n = 0;

    if (merges(m))
        most[n++] = joint_most(m, limits->source_unique, limits->target_unique);
    else if (!m->config.shared_embeddings)
        most[n++] = limits->source_unique;
    if (!m->config.shared_embeddings && !m->config.tied_output)
        most[n++] = limits->target_unique;
    for (int i = 0; i < 2 && m->samples > 0; i++)
        most[n++] = columns;
    return n;
}

clseq_status clseq_row_tables_take(clseq_seq2seq *m, clseq_workspace *ws,
                                   const struct clseq_seq2seq_limits *shape)
{
    const int32_t E = m->config.embedding;
    int32_t source = shape->source_unique, target = shape->target_unique, n;

    if (!m->training || (!merges(m) && !m->config.tied_output))
        return CLSEQ_OK;
    n = merges(m) ? joint_most(m, source, target) : source > target ? source : target;
    CLSEQ_TRY(clseq_workspace_take(ws, m->real, 2, n, E, 0, &m->joint.rows));
    if (!merges(m))
        return CLSEQ_OK;
    return clseq_workspace_take(ws, m->real, 2, n, E, 0, &m->joint.other);
}

/* Both lists are ascending. */
static void stage_joint(clseq_seq2seq *m, size_t *used, const struct clseq_seq2seq_input *input)
{
    const struct clseq_input_tokens *a = &input->source_tokens, *b = &input->target_tokens;
    const int32_t most = joint_most(m, a->unique_count, b->unique_count);
    const size_t pitch = ((size_t)most + 31) / 32 * 32;
    int32_t *words = m->input_host + *used, *source = words + pitch, *target = source + pitch;
    int32_t i = 0, k = 0, n = 0;

    while (i < a->unique_count || k < b->unique_count) {
        const bool left =
            k == b->unique_count || (i < a->unique_count && a->unique[i] <= b->unique[k]);
        const bool right =
            i == a->unique_count || (k < b->unique_count && b->unique[k] <= a->unique[i]);

        words[n] = left ? a->unique[i] : b->unique[k];
        source[n] = left ? i++ : -1;
        target[n++] = right ? k++ : -1;
    }
    m->joint.words = words;
    m->joint.index = clseq_tensor_1d(m->input_buffer, *used, CLSEQ_I32, n);
    m->joint.source = clseq_tensor_1d(m->input_buffer, *used + pitch, CLSEQ_I32, n);
    m->joint.target = clseq_tensor_1d(m->input_buffer, *used + 2 * pitch, CLSEQ_I32, n);
    m->joint.rows = clseq_tensor_range(m->joint.rows, 0, n);
    m->joint.other = clseq_tensor_range(m->joint.other, 0, n);
    *used += 3 * pitch;
}

void clseq_row_tables_stage(clseq_seq2seq *m, size_t *used, const struct clseq_seq2seq_input *input)
{
    int n = 0;

    if (merges(m)) {
        stage_joint(m, used, input);
        m->row_words[n++] = m->joint.words;
    } else if (!m->config.shared_embeddings) {
        m->row_words[n++] = input->source_tokens.unique;
    }
    if (!m->config.shared_embeddings && !m->config.tied_output)
        m->row_words[n++] = input->target_tokens.unique;
    for (int i = 0; i < 2 && input->candidates; i++)
        m->row_words[n++] = input->candidates->words;
    m->row_tables = n;
}

/* to = from[index] + other[other_index], rows that are missing on one side being 0 there. */
static clseq_status merge(const clseq_seq2seq *m, const clseq_row_gradient *source,
                          const clseq_row_gradient *target)
{
    const struct clseq_joint_rows *j = &m->joint;

    CLSEQ_TRY(clseq_op_row_gather(m->be, &(struct clseq_row_gather_args) { .src = source->rows,
                                                                           .index = j->source,
                                                                           .dst = j->rows }));
    CLSEQ_TRY(clseq_op_row_gather(m->be, &(struct clseq_row_gather_args) { .src = target->rows,
                                                                           .index = j->target,
                                                                           .dst = j->other }));
    return clseq_op_axpby(
        m->be, &(struct clseq_axpby_args) { .x = j->other, .y = j->rows, .alpha = 1, .beta = 1 });
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
    int n = 0;

    if (m->config.tied_output)
        CLSEQ_TRY(add_rows(m, run, &rows[1]));
    if (merges(m)) {
        CLSEQ_TRY(merge(m, &rows[0], &rows[1]));
        m->row_gradients[n++] = (clseq_row_gradient) { .param = rows[0].param,
                                                       .index = m->joint.index,
                                                       .rows = m->joint.rows };
    } else if (!m->config.shared_embeddings) {
        m->row_gradients[n++] = rows[0];
    } else {
        CLSEQ_TRY(add_rows(m, run, &rows[0]));
    }
    if (!m->config.shared_embeddings && !m->config.tied_output)
        m->row_gradients[n++] = rows[1];
    for (int i = 2; i < CLSEQ_ROW_TABLES && m->samples > 0; i++)
        m->row_gradients[n++] = rows[i];
    return CLSEQ_OK;
}
