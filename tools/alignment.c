/* SPDX-License-Identifier: BSD-2-Clause */
#include "alignment.h"

#include "heatmap.h"
#include "message.h"
#include "out_file.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *source_word(const clseq_translator *tr, const clseq_translation *t, size_t s)
{
    return clseq_vocab_token(clseq_translator_source_vocab(tr),
                             s < t->source_tokens ? t->source_ids[s] : CLSEQ_ID_EOS);
}

static const char *target_word(const clseq_translator *tr, const clseq_hypothesis *h, size_t i)
{
    return clseq_vocab_token(clseq_translator_target_vocab(tr), h->ids[i]);
}

json_t *alignment_source_words(const clseq_translator *tr, const clseq_translation *t)
{
    json_t *list = json_array();

    for (size_t s = 0; s <= t->source_tokens; s++)
        json_array_append_new(list, json_string(source_word(tr, t, s)));
    return list;
}

json_t *alignment_words(const clseq_translator *tr, const clseq_hypothesis *h)
{
    json_t *list = json_array();

    for (size_t i = 0; i < h->tokens; i++)
        json_array_append_new(list, json_string(target_word(tr, h, i)));
    return list;
}

json_t *alignment_rows(const clseq_translation *t, const clseq_hypothesis *h)
{
    const size_t width = t->source_tokens + 1;
    json_t *rows = json_array();

    for (size_t i = 0; i < h->tokens; i++) {
        json_t *row = json_array();

        for (size_t s = 0; s < width; s++) {
            const double w = (double)h->alignment[i * width + s];

            json_array_append_new(row, json_real(round(1e4 * w) / 1e4));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

/* ---- heat maps ---- */

/* A space is a word of models of characters, and would not be seen. */
static const char *shown(const char *word)
{
    return strcmp(word, " ") == 0 ? "\xe2\x90\xa3" : word;
}

/* The names are one array, which *names owns; the rest is borrowed. */
static bool make_map(const clseq_translator *tr, const clseq_translation *t,
                     const clseq_hypothesis *h, const char ***names, heatmap *map)
{
    const size_t width = t->source_tokens + 1;

    *names = calloc(width + h->tokens, sizeof(**names));
    if (!*names)
        return false;
    for (size_t s = 0; s < width; s++)
        (*names)[s] = shown(source_word(tr, t, s));
    for (size_t i = 0; i < h->tokens; i++)
        (*names)[width + i] = shown(target_word(tr, h, i));
    *map = (heatmap) {
        .columns = *names,
        .rows = *names + width,
        .column_count = width,
        .row_count = h->tokens,
        .weights = h->alignment,
    };
    return true;
}

static bool make_svg(const heatmap *map, char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);
    bool ok;

    if (!out)
        return false;
    ok = heatmap_svg(map, out);
    return fclose(out) == 0 && ok;
}

bool alignment_write_svg(const clseq_translator *tr, const clseq_translation *t,
                         const clseq_hypothesis *h, uint64_t number, const char *path)
{
    const char **names = NULL;
    char title[64], *text = NULL;
    size_t size = 0;
    heatmap map;
    bool ok;
    int error;

    snprintf(title, sizeof(title), "Line %llu: source to translation", (unsigned long long)number);
    ok = make_map(tr, t, h, &names, &map);
    if (ok) {
        map.title = title;
        ok = make_svg(&map, &text, &size) && out_file_write(path, text, size);
    }
    error = errno;
    free(text);
    free(names);
    errno = error;
    return ok;
}

static bool true_colour(FILE *out)
{
    const char *depth = getenv("COLORTERM");

    return cli_colour(out) && depth &&
           (strcmp(depth, "truecolor") == 0 || strcmp(depth, "24bit") == 0);
}

bool alignment_print(const clseq_translator *tr, const clseq_translation *t,
                     const clseq_hypothesis *h, FILE *out)
{
    const char **names = NULL;
    heatmap map;
    const bool ok =
        make_map(tr, t, h, &names, &map) &&
        heatmap_text(&map, cli_columns(out), plot_charset_of_locale(), true_colour(out), out);

    free(names);
    return ok;
}

char *alignment_path(const char *path, uint64_t number)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    const char *name = slash ? slash + 1 : path;
    /* A dot in a folder's name or at the start of the file's begins no ending. */
    const size_t stem = dot && dot > name ? (size_t)(dot - path) : strlen(path);
    const size_t size = strlen(path) + 24;
    char *ret = malloc(size);

    if (ret)
        snprintf(ret, size, "%.*s-%llu%s", (int)stem, path, (unsigned long long)number,
                 path + stem);
    return ret;
}
