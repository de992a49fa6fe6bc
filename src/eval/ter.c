/* SPDX-License-Identifier: BSD-2-Clause */
#include <clseq/eval.h>
#include <clseq/version.h>

#include "eval/eval_intern.h"
#include "eval/eval_references.h"
#include "eval/eval_statistics.h"
#include "eval/ter_edits.h"
#include "eval/ter_tokenize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counts {
    uint64_t edits;
    double reference_tokens;
};

/* Numbers of the words of one line. */
struct words {
    size_t *at;
    size_t count, capacity;
};

struct clseq_ter {
    clseq_context *ctx; /* borrowed */
    clseq_ter_options options;
    struct counts counts;
    struct counts last; /* of the last line */
    clseq_reference_count references;
    /* scratch for one line */
    clseq_eval_text text, spare;
    clseq_intern table;
    struct words hyp, ref;
    clseq_ter_scratch scratch;
};

void clseq_ter_options_init(clseq_ter_options *options)
{
    *options = (clseq_ter_options) { 0 };
}

clseq_status clseq_ter_create(clseq_context *ctx, const clseq_ter_options *options, clseq_ter **ret)
{
    clseq_ter *ter;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*ter), "TER counts", &ter));
    ter->ctx = ctx;
    if (options)
        ter->options = *options;
    else
        clseq_ter_options_init(&ter->options);
    *ret = ter;
    return CLSEQ_OK;
}

void clseq_ter_destroy(clseq_ter **ter)
{
    if (!ter || !*ter)
        return;
    free((*ter)->text.s);
    free((*ter)->spare.s);
    clseq_intern_fini(&(*ter)->table);
    free((*ter)->hyp.at);
    free((*ter)->ref.at);
    clseq_ter_scratch_fini(&(*ter)->scratch);
    free(*ter);
    *ter = NULL;
}

void clseq_ter_reset(clseq_ter *ter)
{
    memset(&ter->counts, 0, sizeof(ter->counts));
    memset(&ter->references, 0, sizeof(ter->references));
}

static clseq_status read_line(clseq_ter *ter, const char *line, bool is_reference,
                              struct words *words)
{
    size_t at = 0, size;
    const char *token;

    words->count = 0;
    CLSEQ_TRY(clseq_eval_text_set(ter->ctx, &ter->text, line));
    CLSEQ_TRY(clseq_ter_tokenize(ter->ctx, &ter->options, is_reference, &ter->text, &ter->spare));
    while ((size = clseq_eval_text_next_token(&ter->text, &at, &token)) > 0) {
        CLSEQ_TRY(clseq_grow(ter->ctx, &words->at, &words->capacity, words->count + 1,
                             sizeof(*words->at), "words of a line"));
        CLSEQ_TRY(clseq_intern_add(ter->ctx, &ter->table, token, size, &words->at[words->count]));
        words->count++;
    }
    return CLSEQ_OK;
}

clseq_status clseq_ter_add(clseq_ter *ter, const char *hyp, const char *const *refs, size_t n_refs)
{
    size_t present = 0, best = SIZE_MAX;
    uint64_t length = 0;
    clseq_status status;

    CLSEQ_TRY(clseq_references_check(ter->ctx, &ter->references, refs, n_refs, &present));
    CLSEQ_TRY(clseq_intern_reset(ter->ctx, &ter->table));
    status = read_line(ter, hyp, false, &ter->hyp);
    if (status != CLSEQ_OK)
        return clseq_references_fail(ter->ctx, &ter->references, status, CLSEQ_HYPOTHESIS);
    for (size_t i = 0; i < n_refs; i++) {
        size_t edits = 0;

        if (!refs[i])
            continue;
        status = read_line(ter, refs[i], true, &ter->ref);
        if (status == CLSEQ_OK)
            status = clseq_ter_edits(ter->ctx, &ter->scratch, ter->hyp.at, ter->hyp.count,
                                     ter->ref.at, ter->ref.count, &edits);
        if (status != CLSEQ_OK)
            return clseq_references_fail(ter->ctx, &ter->references, status, i);
        length += ter->ref.count;
        if (edits < best)
            best = edits;
    }
    ter->last.edits = best;
    ter->last.reference_tokens = (double)length / (double)present;
    ter->counts.edits += ter->last.edits;
    ter->counts.reference_tokens += ter->last.reference_tokens;
    clseq_references_count(&ter->references, present);
    return CLSEQ_OK;
}

static double rate(const struct counts *counts)
{
    if (counts->reference_tokens > 0)
        return 100 * ((double)counts->edits / counts->reference_tokens);
    return counts->edits ? 100 : 0;
}

clseq_status clseq_ter_score(const clseq_ter *ter, clseq_ter_result *ret)
{
    const clseq_ter_options *options = &ter->options;
    char nrefs[48];

    CLSEQ_TRY(clseq_references_any(ter->ctx, &ter->references, "TER"));
    memset(ret, 0, sizeof(*ret));
    ret->score = rate(&ter->counts);
    ret->lines = ter->references.lines;
    ret->edits = ter->counts.edits;
    ret->reference_tokens = ter->counts.reference_tokens;
    clseq_references_describe(&ter->references, nrefs, sizeof(nrefs));
    snprintf(ret->signature, sizeof(ret->signature),
             "%scase:%s|tok:tercom|norm:%s|punct:%s|asian:%s|version:clseq-%s", nrefs,
             options->case_sensitive ? "mixed" : "lc", options->normalized ? "yes" : "no",
             options->no_punct ? "no" : "yes", options->asian_support ? "yes" : "no",
             CLSEQ_VERSION_STRING);
    return CLSEQ_OK;
}

size_t clseq_ter_statistics(const clseq_ter *ter, double *ret)
{
    ret[0] = (double)ter->last.edits;
    ret[1] = ter->last.reference_tokens;
    return 2;
}

double clseq_ter_statistics_score(const double *sums)
{
    const struct counts counts = { (uint64_t)sums[0], sums[1] };

    return rate(&counts);
}
