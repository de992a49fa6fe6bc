/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shift takes a run of words that stands in the reference at another place, too, and puts it
 * behind the partner of a word at that place. It is tried only where both the run and the place are
 * wrong in the alignment so far.
 */
#include "eval/ter_edits.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SHIFT_SIZE       10
#define MAX_SHIFT_DISTANCE   50
#define MAX_SHIFT_CANDIDATES 1000

/* Words from .. from+length-1 go before word `to`, counted before the shift. */
struct shift {
    size_t from, length, to;
    size_t distance; /* that is left after it */
};

/* The search for the best shift of one step. */
struct search {
    clseq_ter_scratch *scratch;
    const size_t *ref;
    size_t n_hyp, n_ref;
    size_t tried; /* shifts looked at, in all steps together */
    struct shift best;
    bool found;
};

void clseq_ter_scratch_fini(clseq_ter_scratch *scratch)
{
    clseq_ter_table_fini(&scratch->table);
    free(scratch->words);
    free(scratch->moved);
    memset(scratch, 0, sizeof(*scratch));
}

/* Where the run begins when the others have closed up behind it. A target inside or at the end of
 * the run counts in what is left without it. */
static size_t landing(const struct shift *shift, size_t n)
{
    const size_t last = n - shift->length;

    if (shift->to > shift->from + shift->length)
        return shift->to - shift->length;
    return shift->to < last ? shift->to : last;
}

/* scratch->moved = scratch->words after the shift. */
static void move_words(clseq_ter_scratch *scratch, size_t n, const struct shift *shift)
{
    const size_t from = shift->from, length = shift->length, at = landing(shift, n);
    const size_t *words = scratch->words;
    size_t *moved = scratch->moved;

    memcpy(moved, words, n * sizeof(*words));
    if (at < from)
        memcpy(moved + at + length, words + at, (from - at) * sizeof(*words));
    else
        memcpy(moved + from, words + from + length, (at - from) * sizeof(*words));
    memcpy(moved + at, words + from, length * sizeof(*words));
}

/* The first word that a shift changes. */
static size_t first_moved(const struct shift *shift, size_t n)
{
    const size_t at = landing(shift, n);

    return at < shift->from ? at : shift->from;
}

/* Of equal distances the longest run, then the first, then the first place for it. */
static bool better(const struct shift *a, const struct shift *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    if (a->length != b->length)
        return a->length > b->length;
    if (a->from != b->from)
        return a->from < b->from;
    return a->to < b->to;
}

static void try_shift(struct search *s, struct shift shift)
{
    const size_t at = landing(&shift, s->n_hyp);
    const size_t behind = (at > shift.from ? at : shift.from) + shift.length;

    move_words(s->scratch, s->n_hyp, &shift);
    shift.distance = clseq_ter_table_try(&s->scratch->table, s->scratch->moved,
                                         first_moved(&shift, s->n_hyp), behind);
    s->tried++;
    if (!s->found || better(&shift, &s->best)) {
        s->best = shift;
        s->found = true;
    }
}

/* Every place for the run `from`, which equals the reference at `ref_from`. */
static void try_run(struct search *s, size_t from, size_t ref_from, size_t length)
{
    const clseq_ter_table *t = &s->scratch->table;
    const size_t partner = t->reach[ref_from + 1];
    size_t last = SIZE_MAX;

    if (t->hyp_wrong[from + length] == t->hyp_wrong[from] ||
        t->ref_wrong[ref_from + length] == t->ref_wrong[ref_from])
        return; /* right already, on one side */
    if (partner > from && partner <= from + length)
        return; /* the run is at that place */
    for (size_t k = 0; k <= length; k++) {
        const size_t to = t->reach[ref_from + k];

        if (to != last)
            try_shift(s, (struct shift) { .from = from, .length = length, .to = to });
        last = to;
    }
}

/* The runs that start at word `from`, for every place in the reference. */
static void try_runs(struct search *s, size_t from)
{
    const size_t first = from > MAX_SHIFT_DISTANCE ? from - MAX_SHIFT_DISTANCE : 0;
    const size_t *words = s->scratch->words;

    for (size_t at = first; at < s->n_ref && at <= from + MAX_SHIFT_DISTANCE; at++) {
        for (size_t length = 1;
             length <= MAX_SHIFT_SIZE && from + length <= s->n_hyp && at + length <= s->n_ref &&
             words[from + length - 1] == s->ref[at + length - 1];
             length++) {
            try_run(s, from, at, length);
            if (s->tried >= MAX_SHIFT_CANDIDATES)
                return;
        }
    }
}

/* Take steps until none helps; return their number and what is left. */
static size_t shift_and_edit(struct search *s)
{
    clseq_ter_scratch *scratch = s->scratch;
    size_t distance = clseq_ter_table_fill(&scratch->table, scratch->words, 0), shifts = 0;

    for (;;) {
        size_t *words = scratch->words;

        clseq_ter_table_align(&scratch->table);
        s->found = false;
        for (size_t from = 0; from < s->n_hyp && s->tried < MAX_SHIFT_CANDIDATES; from++)
            try_runs(s, from);
        if (s->tried >= MAX_SHIFT_CANDIDATES || !s->found || s->best.distance >= distance)
            return shifts + distance;
        move_words(scratch, s->n_hyp, &s->best);
        scratch->words = scratch->moved;
        scratch->moved = words;
        distance =
            clseq_ter_table_fill(&scratch->table, scratch->words, first_moved(&s->best, s->n_hyp));
        shifts++;
    }
}

clseq_status clseq_ter_edits(clseq_context *ctx, clseq_ter_scratch *scratch, const size_t *hyp,
                             size_t n_hyp, const size_t *ref, size_t n_ref, size_t *ret)
{
    struct search s = { .scratch = scratch, .ref = ref, .n_hyp = n_hyp, .n_ref = n_ref };

    if (n_hyp == 0 || n_ref == 0) {
        *ret = n_hyp + n_ref;
        return CLSEQ_OK;
    }
    CLSEQ_TRY(clseq_ter_table_start(ctx, &scratch->table, n_hyp, ref, n_ref));
    CLSEQ_TRY(clseq_grow(ctx, &scratch->words, &scratch->words_capacity, n_hyp,
                         sizeof(*scratch->words), "words of a line"));
    CLSEQ_TRY(clseq_grow(ctx, &scratch->moved, &scratch->moved_capacity, n_hyp,
                         sizeof(*scratch->moved), "words of a line"));
    memcpy(scratch->words, hyp, n_hyp * sizeof(*hyp));
    *ret = shift_and_edit(&s);
    return CLSEQ_OK;
}
