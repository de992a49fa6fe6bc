/* SPDX-License-Identifier: BSD-2-Clause */
#include "eval_inputs.h"

#include "cli.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

size_t eval_split_references(char *columns, const char **refs)
{
    size_t n = 0;

    while (columns && n < EVAL_MAX_REFERENCES) {
        char *tab = strchr(columns, '\t');

        refs[n++] = columns;
        if (tab)
            *tab++ = 0;
        columns = tab;
    }
    return n;
}

/* Standard input can be read by one only. */
static bool twice_standard_input(const char *hyp, const char *other, const char *const *refs,
                                 size_t n_refs)
{
    size_t n = !strcmp(hyp, "-");

    n += other && !strcmp(other, "-");
    for (size_t i = 0; i < n_refs; i++)
        n += !strcmp(refs[i], "-");
    return n > 1;
}

int eval_inputs_open(struct eval_inputs *in, clseq_context *ctx, const char *hyp, const char *other,
                     const char *const *refs, size_t n_refs, bool tsv)
{
    clseq_status status;

    if (n_refs > EVAL_MAX_REFERENCES || (tsv && n_refs != 1)) {
        cli_error(tsv ? "--tsv takes one REF" : "more than 64 references");
        return CLI_EXIT_USAGE;
    }
    if (twice_standard_input(hyp, other, refs, n_refs)) {
        cli_error("standard input (-) is named more than once; put all but one into files");
        return CLI_EXIT_USAGE;
    }
    in->tsv = tsv;
    status = clseq_lines_open(ctx, hyp, 0, &in->hyp);
    if (status == CLSEQ_OK && other)
        status = clseq_lines_open(ctx, other, 0, &in->other);
    for (size_t i = 0; status == CLSEQ_OK && i < n_refs; i++) {
        status = clseq_lines_open(ctx, refs[i], 0, &in->refs[i]);
        if (status == CLSEQ_OK)
            in->n_refs++;
    }
    return status == CLSEQ_OK ? CLI_EXIT_DONE : cli_report(ctx, status);
}

void eval_inputs_close(struct eval_inputs *in)
{
    clseq_lines_close(&in->hyp);
    clseq_lines_close(&in->other);
    for (size_t i = 0; i < in->n_refs; i++)
        clseq_lines_close(&in->refs[i]);
    free(in->tsv_line);
}

/* The references of the next line; *more is false at the end of any of them. */
static clseq_status next_references(struct eval_inputs *in, struct eval_line *ret, bool *more)
{
    *more = true;
    ret->n_refs = 0;
    for (size_t i = 0; i < in->n_refs; i++) {
        const char *line;
        char *tab;
        size_t length;
        bool here = false;
        const clseq_status status = clseq_lines_next(in->refs[i], &line, &length, &here);

        if (status != CLSEQ_OK)
            return status;
        if (!here) {
            *more = false;
            return CLSEQ_OK;
        }
        if (!in->tsv) {
            ret->refs[ret->n_refs++] = line;
            continue;
        }
        free(in->tsv_line);
        in->tsv_line = malloc(length + 1);
        if (!in->tsv_line)
            return CLSEQ_ERR_NOMEM;
        memcpy(in->tsv_line, line, length + 1);
        tab = strchr(in->tsv_line, '\t');
        ret->n_refs = tab ? eval_split_references(tab + 1, ret->refs) : 0;
    }
    return CLSEQ_OK;
}

/* Does this file end where the references end? Prints if not. */
static bool same_end(const clseq_lines *file, bool more, bool ref_more)
{
    if (more == ref_more)
        return true;
    cli_error("%s has %s lines than the reference (it ends after line %llu): the two must "
              "correspond line by line",
              clseq_lines_name(file), more ? "more" : "fewer",
              (unsigned long long)clseq_lines_number(file) - (more ? 1 : 0));
    return false;
}

int eval_inputs_next(struct eval_inputs *in, clseq_context *ctx, struct eval_line *line, bool *more)
{
    size_t length;
    bool other_more = false, ref_more = false;
    clseq_status status = clseq_lines_next(in->hyp, &line->hyp, &length, more);

    if (status == CLSEQ_OK && in->other)
        status = clseq_lines_next(in->other, &line->other, &length, &other_more);
    if (status == CLSEQ_OK)
        status = next_references(in, line, &ref_more);
    if (status != CLSEQ_OK)
        return cli_report(ctx, status);
    if (!same_end(in->hyp, *more, ref_more) ||
        (in->other && !same_end(in->other, other_more, ref_more)))
        return CLI_EXIT_DATA;
    if (*more && line->n_refs == 0) {
        cli_error("%s:%llu: no TAB, so no reference: --tsv wants source TAB reference",
                  clseq_lines_name(in->refs[0]),
                  (unsigned long long)clseq_lines_number(in->refs[0]));
        return CLI_EXIT_DATA;
    }
    return CLI_EXIT_DONE;
}
