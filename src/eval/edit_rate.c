/* SPDX-License-Identifier: BSD-2-Clause */
#include <clseq/eval.h>

#include "eval/edit_distance.h"
#include "eval/eval_intern.h"
#include "eval/eval_references.h"
#include "eval/eval_statistics.h"
#include "eval/eval_text.h"

#include <stdlib.h>
#include <string.h>

/* Numbers of the units of one line. */
struct units {
    size_t *at;
    size_t count, capacity;
};

struct clseq_edit {
    clseq_context *ctx; /* borrowed */
    clseq_edit_options options;
    uint64_t wrong_lines;
    uint64_t edits;
    uint64_t reference_tokens;
    size_t last_edits, last_length; /* of the last line */
    clseq_reference_count references;
    /* scratch for one line */
    clseq_eval_text text, spare;
    clseq_intern table;
    struct units hyp, ref;
    clseq_distance_scratch scratch;
};

void clseq_edit_options_init(clseq_edit_options *options)
{
    *options = (clseq_edit_options) { .unit = CLSEQ_EDIT_TOKENS };
}

clseq_status clseq_edit_create(clseq_context *ctx, const clseq_edit_options *options,
                               clseq_edit **ret)
{
    clseq_edit *edit;

    if (options && options->unit != CLSEQ_EDIT_TOKENS && options->unit != CLSEQ_EDIT_CHARACTERS)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "edit rate: unknown unit number %d; use CLSEQ_EDIT_TOKENS or "
                          "CLSEQ_EDIT_CHARACTERS",
                          (int)options->unit);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*edit), "edit counts", &edit));
    edit->ctx = ctx;
    if (options)
        edit->options = *options;
    else
        clseq_edit_options_init(&edit->options);
    *ret = edit;
    return CLSEQ_OK;
}

void clseq_edit_destroy(clseq_edit **edit)
{
    if (!edit || !*edit)
        return;
    free((*edit)->text.s);
    free((*edit)->spare.s);
    clseq_intern_fini(&(*edit)->table);
    free((*edit)->hyp.at);
    free((*edit)->ref.at);
    clseq_distance_fini(&(*edit)->scratch);
    free(*edit);
    *edit = NULL;
}

void clseq_edit_reset(clseq_edit *edit)
{
    edit->wrong_lines = 0;
    edit->edits = 0;
    edit->reference_tokens = 0;
    memset(&edit->references, 0, sizeof(edit->references));
}

static clseq_status add_unit(clseq_edit *edit, struct units *units, const char *s, size_t size)
{
    size_t number;

    CLSEQ_TRY(clseq_intern_add(edit->ctx, &edit->table, s, size, &number));
    CLSEQ_TRY(clseq_grow(edit->ctx, &units->at, &units->capacity, units->count + 1,
                         sizeof(*units->at), "units of a line"));
    units->at[units->count++] = number;
    return CLSEQ_OK;
}

static clseq_status read_line(clseq_edit *edit, const char *line, struct units *units)
{
    size_t at = 0, size, bytes;
    const char *token;

    units->count = 0;
    CLSEQ_TRY(clseq_eval_text_set(edit->ctx, &edit->text, line));
    if (edit->options.lowercase)
        CLSEQ_TRY(clseq_eval_text_lower(edit->ctx, &edit->text, &edit->spare));
    while ((size = clseq_eval_text_next_token(&edit->text, &at, &token)) > 0) {
        if (edit->options.unit == CLSEQ_EDIT_TOKENS) {
            CLSEQ_TRY(add_unit(edit, units, token, size));
            continue;
        }
        if (units->count)
            CLSEQ_TRY(add_unit(edit, units, " ", 1));
        for (size_t i = 0; i < size; i += bytes) {
            clseq_eval_text_code(token, i, &bytes);
            CLSEQ_TRY(add_unit(edit, units, token + i, bytes));
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_edit_add(clseq_edit *edit, const char *hyp, const char *const *refs,
                            size_t n_refs)
{
    size_t present = 0, best = SIZE_MAX, best_length = 0;
    clseq_status status;

    CLSEQ_TRY(clseq_references_check(edit->ctx, &edit->references, refs, n_refs, &present));
    CLSEQ_TRY(clseq_intern_reset(edit->ctx, &edit->table));
    status = read_line(edit, hyp, &edit->hyp);
    if (status != CLSEQ_OK)
        return clseq_references_fail(edit->ctx, &edit->references, status, CLSEQ_HYPOTHESIS);
    for (size_t i = 0; i < n_refs; i++) {
        size_t distance = 0;

        if (!refs[i])
            continue;
        status = read_line(edit, refs[i], &edit->ref);
        if (status == CLSEQ_OK)
            status =
                clseq_edit_distance(edit->ctx, &edit->scratch, edit->hyp.at, edit->hyp.count,
                                    edit->ref.at, edit->ref.count, edit->table.count, &distance);
        if (status != CLSEQ_OK)
            return clseq_references_fail(edit->ctx, &edit->references, status, i);
        if (distance < best || (distance == best && edit->ref.count < best_length)) {
            best = distance;
            best_length = edit->ref.count;
        }
    }
    edit->edits += best;
    edit->reference_tokens += best_length;
    edit->wrong_lines += best > 0;
    edit->last_edits = best;
    edit->last_length = best_length;
    clseq_references_count(&edit->references, present);
    return CLSEQ_OK;
}

clseq_status clseq_edit_score(const clseq_edit *edit, clseq_edit_result *ret)
{
    const uint64_t lines = edit->references.lines;

    CLSEQ_TRY(clseq_references_any(edit->ctx, &edit->references, "edit rate"));
    if (edit->reference_tokens == 0 && edit->edits > 0)
        return clseq_fail(edit->ctx, CLSEQ_ERR_DATA,
                          "edit rate: all %llu lines have an empty reference but some output is "
                          "not empty, so edits per reference token have no meaning; check the "
                          "reference file",
                          (unsigned long long)lines);
    *ret = (clseq_edit_result) {
        .edit_rate = edit->edits ? 100 * (double)edit->edits / (double)edit->reference_tokens : 0,
        .wrong_rate = 100 * (double)edit->wrong_lines / (double)lines,
        .exact = 100 * (double)(lines - edit->wrong_lines) / (double)lines,
        .lines = lines,
        .wrong_lines = edit->wrong_lines,
        .edits = edit->edits,
        .reference_tokens = edit->reference_tokens,
    };
    return CLSEQ_OK;
}

size_t clseq_edit_statistics(const clseq_edit *edit, double *ret)
{
    ret[0] = (double)edit->last_edits;
    ret[1] = (double)edit->last_length;
    ret[2] = edit->last_edits > 0;
    ret[3] = 1;
    return 4;
}

void clseq_edit_statistics_score(const double *sums, clseq_edit_result *ret)
{
    *ret = (clseq_edit_result) {
        .edit_rate = sums[0] <= 0  ? 0
                     : sums[1] > 0 ? 100 * sums[0] / sums[1]
                                   : 100,
        .wrong_rate = 100 * sums[2] / sums[3],
        .exact = 100 * (sums[3] - sums[2]) / sums[3],
    };
}
