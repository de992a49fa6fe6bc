/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include <math.h>

/* What a hypothesis offers: row `parent` extended by `token`. */
struct candidate {
    float score;
    int32_t token, parent;
};

struct offers {
    const real *score, *lse;
    const int32_t *token;
    const struct clseq_beam_advance_args *args;
};

/* Candidate j of row r; false when there is none. Scores are float on the oracle too: rounded as on
 * every other backend, so that the ranking is the same everywhere. */
static bool offer(const struct offers *o, int32_t r, int32_t j, struct candidate *ret)
{
    const struct clseq_beam_advance_args *a = o->args;
    const float score = (float)o->score[r];

    ret->parent = r;
    if (isinf(score) && score < 0)
        return false;
    if (o->token[r] == a->eos) {
        ret->token = a->eos;
        ret->score = score;
        return j == 0;
    }
    const float gain = (float)real_row(&a->value, r)[j] - (float)o->lse[r];

    ret->token = index_row(&a->index, r)[j];
    ret->score = score + gain;
    if (isnan(ret->score))
        ret->token = -1;
    return true;
}

/* A NaN comes before every number. Equal candidates keep the order in which they are offered. */
static bool is_better(float x, float y)
{
    return isnan(x) ? !isnan(y) : x > y;
}

/* The K best of the candidates of rows [first, first + K), written to best[]; returns how many. */
static int32_t best_of_sentence(const struct offers *o, int32_t first, struct candidate *best)
{
    const int32_t K = o->args->beam;
    int32_t kept = 0;

    for (int32_t r = first; r < first + K; r++) {
        for (int32_t j = 0; j < K; j++) {
            struct candidate next;
            int32_t place = kept;

            if (!offer(o, r, j, &next))
                break;
            while (place > 0 && is_better(next.score, best[place - 1].score))
                place--;
            if (place == K)
                continue;
            if (kept < K)
                kept++;
            for (int32_t i = kept - 1; i > place; i--)
                best[i] = best[i - 1];
            best[place] = next;
        }
    }
    return kept;
}

clseq_status NAME(beam_advance)(clseq_backend *be, const struct clseq_beam_advance_args *a)
{
    const struct offers offers = {
        .score = real_data(&a->score),
        .lse = real_data(&a->lse),
        .token = index_data(&a->token),
        .args = a,
    };
    real *new_score = real_data(&a->new_score);
    int32_t *new_token = index_data(&a->new_token), *parent = index_data(&a->parent);
    struct candidate best[CLSEQ_TOPK_MAX];

    for (int32_t first = 0; first < a->score.dims[0]; first += a->beam) {
        const int32_t kept = best_of_sentence(&offers, first, best);

        for (int32_t k = 0; k < a->beam; k++) {
            const struct candidate none = { -INFINITY, a->eos, first + k };
            const struct candidate *chosen = k < kept ? &best[k] : &none;

            new_score[first + k] = (real)chosen->score;
            new_token[first + k] = chosen->token;
            parent[first + k] = chosen->parent;
        }
    }
    return CLSEQ_OK;
}
