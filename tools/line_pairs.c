/* SPDX-License-Identifier: BSD-2-Clause */
#include "line_pairs.h"

#include "eval_inputs.h"

#include <stdlib.h>
#include <string.h>

static char *copy_line(const char *text, size_t length)
{
    char *line = malloc(length + 1);

    if (line) {
        memcpy(line, text, length);
        line[length] = 0;
    }
    return line;
}

static clseq_status grow(struct line_pairs *p)
{
    const size_t more = p->capacity ? 2 * p->capacity : 256;
    char **source = realloc(p->source, more * sizeof(*source)), **target;
    size_t *n_refs;

    if (!source)
        return CLSEQ_ERR_NOMEM;
    p->source = source;
    target = realloc(p->target, more * sizeof(*target));
    if (!target)
        return CLSEQ_ERR_NOMEM;
    p->target = target;
    n_refs = realloc(p->n_refs, more * sizeof(*n_refs));
    if (!n_refs)
        return CLSEQ_ERR_NOMEM;
    p->n_refs = n_refs;
    p->capacity = more;
    return CLSEQ_OK;
}

static clseq_status add_pair(struct line_pairs *p, const clseq_pair *pair, bool tsv)
{
    const char *refs[EVAL_MAX_REFERENCES];
    const clseq_status status = p->n == p->capacity ? grow(p) : CLSEQ_OK;
    char *source, *target;

    if (status != CLSEQ_OK)
        return status;
    source = copy_line(pair->source, pair->source_length);
    target = copy_line(pair->target, pair->target_length + pair->further_length);
    p->source[p->n] = source;
    p->target[p->n] = target;
    /* A TAB in one of two files is white space. */
    p->n_refs[p->n] = target && tsv ? eval_split_references(target, refs) : 1;
    p->n++;
    return source && target ? CLSEQ_OK : CLSEQ_ERR_NOMEM;
}

clseq_status line_pairs_open(struct line_pairs *p, clseq_context *ctx, const char *source_path,
                             const char *target_path)
{
    clseq_pairs *pairs = NULL;
    clseq_status status = clseq_pairs_open(ctx, source_path, target_path, 0, &pairs);
    bool more = true;

    while (status == CLSEQ_OK && more) {
        clseq_pair pair;

        status = clseq_pairs_next(pairs, &pair, &more);
        if (status == CLSEQ_OK && more)
            status = add_pair(p, &pair, !target_path);
    }
    clseq_pairs_close(&pairs);
    return status;
}

void line_pairs_close(struct line_pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->source[i]);
        free(p->target[i]);
    }
    free(p->source);
    free(p->target);
    free(p->n_refs);
    *p = (struct line_pairs) { 0 };
}

size_t line_pairs_references(const struct line_pairs *p, size_t i, const char **refs)
{
    const char *at = p->target[i];

    for (size_t k = 0; k < p->n_refs[i]; k++) {
        refs[k] = at;
        at += strlen(at) + 1;
    }
    return p->n_refs[i];
}
