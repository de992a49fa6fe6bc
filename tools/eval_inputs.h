/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of clseq eval, read side by side. */
#ifndef CLSEQ_EVAL_INPUTS_H
#define CLSEQ_EVAL_INPUTS_H

#include <clseq/text.h>

/* Files, and alternatives on one line of a .tsv. */
#define EVAL_MAX_REFERENCES 64

/* Start from { 0 }; release with eval_inputs_close(). */
struct eval_inputs {
    clseq_lines *hyp, *other /* NULL: one system */, *refs[EVAL_MAX_REFERENCES];
    size_t n_refs;
    bool tsv; /* refs[0] is source TAB reference TAB ... */
    char *tsv_line;
};

/* One line of each, valid until the next is read. */
struct eval_line {
    const char *hyp, *other, *refs[EVAL_MAX_REFERENCES];
    size_t n_refs;
};

/* Cut the columns "reference TAB reference ..." of a .tsv line apart, in place, into
 * refs[EVAL_MAX_REFERENCES], which borrow them; more are left out. Returns how many, at least 1. */
size_t eval_split_references(char *columns, const char **refs);

/* Open the files; `other` may be NULL. Returns 0 or an exit code, the message printed. */
int eval_inputs_open(struct eval_inputs *in, clseq_context *ctx, const char *hyp, const char *other,
                     const char *const *refs, size_t n_refs, bool tsv);
void eval_inputs_close(struct eval_inputs *in);

/* The next line of all; *more is false at their common end. Returns 0 or an exit code, the message
 * printed: also when they have different numbers of lines. */
int eval_inputs_next(struct eval_inputs *in, clseq_context *ctx, struct eval_line *line,
                     bool *more);

#endif
