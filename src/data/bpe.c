/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a codes file and a vocabulary of subword-nmt. */
#include "data/bpe_inside.h"

#include <errno.h>
#include <stdlib.h>

void clseq_bpe_options_init(clseq_bpe_options *options)
{
    *options = (clseq_bpe_options) { .separator = "@@",
                                     .merges = SIZE_MAX,
                                     .vocabulary_threshold = INT64_MIN };
}

/* A codes file being read. */
typedef struct loader {
    clseq_bpe *bpe;
    size_t wanted;       /* merges */
    size_t read;         /* merges */
    uint64_t line;       /* number of the last line */
    uint64_t empty_line; /* the first of the empty lines right before; 0: none */
} loader;

static clseq_status bad_line(const loader *l, uint64_t line, const char *why)
{
    return clseq_fail(l->bpe->ctx, CLSEQ_ERR_FORMAT,
                      "%s:%llu: %s; a codes file of subword-nmt has two symbols and one space on "
                      "every line",
                      l->bpe->name, (unsigned long long)line, why);
}

static clseq_status add_symbol(clseq_bpe *bpe, const char *text, size_t n, uint32_t *ret)
{
    size_t index = 0;
    bool added = false;

    CLSEQ_TRY(clseq_string_table_add(&bpe->symbols, text, n, &index, &added));
    *ret = (uint32_t)index;
    return CLSEQ_OK;
}

static clseq_status add_merge(loader *l, const char *text, size_t left, size_t right)
{
    clseq_bpe *bpe = l->bpe;
    clseq_bpe_merge merge = { .last = (uint32_t)l->read };
    clseq_text joined = { 0 };
    clseq_status status;
    uint32_t rank;

    if (l->read >= INT32_MAX)
        return bad_line(l, l->line, "more than 2^31 merges");
    CLSEQ_TRY(add_symbol(bpe, text, left, &merge.left));
    CLSEQ_TRY(add_symbol(bpe, text + left + 1, right, &merge.right));
    l->read++;
    rank = clseq_pair_table_find(&bpe->ranks, clseq_pair_key(merge.left, merge.right));
    if (rank != CLSEQ_PAIR_NONE) {
        bpe->merges[rank].last = merge.last;
        return CLSEQ_OK;
    }
    CLSEQ_TRY_GOTO(status, out, clseq_text_append(bpe->ctx, &joined, text, left));
    CLSEQ_TRY_GOTO(status, out, clseq_text_append(bpe->ctx, &joined, text + left + 1, right));
    CLSEQ_TRY_GOTO(status, out, add_symbol(bpe, joined.data, joined.size, &merge.result));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_grow(bpe->ctx, &bpe->merges, &bpe->merge_capacity, bpe->merge_count + 1,
                              sizeof(*bpe->merges), "merges"));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_pair_table_add(&bpe->ranks, bpe->ctx,
                                        clseq_pair_key(merge.left, merge.right),
                                        (uint32_t)bpe->merge_count));
    bpe->merges[bpe->merge_count++] = merge;
out:
    clseq_text_fini(&joined);
    return status;
}

/* The digits behind "#version:", with any number of ".0" behind them. */
static clseq_status read_version(loader *l, const char *line, size_t n)
{
    size_t begin = n;

    while (begin > 0 && line[begin - 1] != ' ' && line[begin - 1] != '\t')
        begin--;
    while (n > begin && line[n - 1] == '0') {
        size_t zeros = n;

        while (zeros > begin && line[zeros - 1] == '0')
            zeros--;
        if (zeros == begin || line[zeros - 1] != '.')
            break;
        n = zeros - 1;
    }
    l->bpe->end_is_symbol = n - begin == 3 && memcmp(line + begin, "0.1", 3) == 0;
    if (l->bpe->end_is_symbol || (n - begin == 3 && memcmp(line + begin, "0.2", 3) == 0))
        return CLSEQ_OK;
    return clseq_fail(l->bpe->ctx, CLSEQ_ERR_FORMAT,
                      "%s:1: \"%.*s\" is not a version that clseq knows: those are 0.1 and 0.2",
                      l->bpe->name, (int)(n < 60 ? n : 60), line);
}

static clseq_status add_line(loader *l, const char *line, size_t n)
{
    const char *space;
    size_t left;

    l->line++;
    if (l->line == 1 && n >= 9 && memcmp(line, "#version:", 9) == 0) {
        clseq_bpe_strip(&line, &n);
        return read_version(l, line, n);
    }
    if (l->line == 1) {
        l->bpe->end_is_symbol = true;
        if (n >= 3 && memcmp(line, "v3;", 3) == 0)
            return clseq_fail(l->bpe->ctx, CLSEQ_ERR_FORMAT,
                              "%s:1: this is a codes file of OpenNMT's Tokenizer (\"v3;\"), which "
                              "marks words in another way than subword-nmt; learn one with "
                              "subword-nmt or clseq",
                              l->bpe->name);
    }
    if (l->read >= l->wanted)
        return CLSEQ_OK;
    clseq_bpe_strip(&line, &n);
    if (n == 0) {
        l->empty_line = l->empty_line ? l->empty_line : l->line;
        return CLSEQ_OK;
    }
    /* Only at the end of the file empty lines do no harm. */
    if (l->empty_line)
        return bad_line(l, l->empty_line, "the line is empty");
    space = memchr(line, ' ', n);
    if (!space)
        return bad_line(l, l->line, "the line has one symbol");
    left = (size_t)(space - line);
    if (memchr(space + 1, ' ', n - left - 1))
        return bad_line(l, l->line, "the line has more than one space");
    return add_merge(l, line, left, n - left - 1);
}

/* Which merge made a symbol: where several do, the one that stands first in the file. */
static clseq_status finish(loader *l)
{
    clseq_bpe *bpe = l->bpe;

    if (l->read == 0 && l->wanted > 0)
        return clseq_fail(bpe->ctx, CLSEQ_ERR_FORMAT,
                          "%s: no merges in it; is this a codes file of subword-nmt?", bpe->name);
    CLSEQ_TRY(
        clseq_calloc(bpe->ctx, bpe->symbols.count, sizeof(*bpe->splits), "merges", &bpe->splits));
    for (size_t i = 0; i < bpe->symbols.count; i++)
        bpe->splits[i] = CLSEQ_PAIR_NONE;
    for (size_t i = 0; i < bpe->merge_count; i++) {
        uint32_t *split = &bpe->splits[bpe->merges[i].result];

        if (*split == CLSEQ_PAIR_NONE || bpe->merges[i].last < bpe->merges[*split].last)
            *split = (uint32_t)i;
    }
    return CLSEQ_OK;
}

/* "piece count"; a TAB between them is fine too. */
static clseq_status add_vocabulary_line(clseq_bpe *bpe, clseq_lines *lines, const char *line,
                                        size_t n, int64_t threshold)
{
    const char *space, *digits;
    char *end = NULL;
    long long count = 0;
    size_t index;
    bool added;

    clseq_bpe_strip(&line, &n);
    space = memchr(line, ' ', n);
    if (!space)
        space = memchr(line, '\t', n);
    digits = space ? space + 1 : line;
    if (space && digits < line + n && digits[0] != ' ' && digits[0] != '\t') {
        errno = 0;
        count = strtoll(digits, &end, 10);
    }
    /* What was stripped stands behind the number, so that it ends there. */
    if (!end || end == digits || end != line + n || errno != 0)
        return clseq_fail(bpe->ctx, CLSEQ_ERR_FORMAT,
                          "%s:%llu: not \"piece count\"; a vocabulary is what subword-nmt "
                          "get-vocab writes",
                          clseq_lines_name(lines), (unsigned long long)clseq_lines_number(lines));
    if (count < threshold)
        return CLSEQ_OK;
    return clseq_string_table_add(&bpe->vocabulary, line, (size_t)(space - line), &index, &added);
}

static clseq_status read_vocabulary(clseq_bpe *bpe, const char *path, int64_t threshold)
{
    clseq_lines *lines = NULL;
    const char *line = NULL;
    size_t n = 0;
    bool more = true;
    clseq_status status;

    CLSEQ_TRY(clseq_lines_open(bpe->ctx, path, 0, &lines));
    for (;;) {
        CLSEQ_TRY_GOTO(status, out, clseq_lines_next(lines, &line, &n, &more));
        if (!more)
            break;
        CLSEQ_TRY_GOTO(status, out, add_vocabulary_line(bpe, lines, line, n, threshold));
    }
out:
    clseq_lines_close(&lines);
    return status;
}

static clseq_status take_pieces(clseq_bpe *bpe, const char *text, size_t size)
{
    for (size_t begin = 0; begin < size;) {
        const char *newline = memchr(text + begin, '\n', size - begin);
        const size_t end = newline ? (size_t)(newline - text) : size;
        size_t index;
        bool added;

        if (end > begin)
            CLSEQ_TRY(clseq_string_table_add(&bpe->vocabulary, text + begin, end - begin, &index,
                                             &added));
        begin = end + 1;
    }
    return CLSEQ_OK;
}

static clseq_status take_glossaries(clseq_bpe *bpe, const clseq_bpe_options *options)
{
    clseq_context *ctx = bpe->ctx;
    size_t index;
    bool added;

    for (size_t i = 0; i < options->glossary_count; i++) {
        const char *text = options->glossaries[i];

        if (text[0] == 0)
            return clseq_fail(ctx, CLSEQ_ERR_ARG, "byte pair encoding: glossary %zu is empty", i);
        CLSEQ_TRY(clseq_string_table_add(&bpe->glossaries, text, strlen(text), &index, &added));
    }
    if (!options->glossary_patterns || bpe->glossaries.count == 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_calloc(ctx, bpe->glossaries.count, sizeof(clseq_pattern *), "glossaries",
                           &bpe->patterns));
    for (size_t i = 0; i < bpe->glossaries.count; i++) {
        const clseq_status status =
            clseq_pattern_create(ctx, clseq_string_table_get(&bpe->glossaries, i),
                                 bpe->glossaries.entries[i].length, &bpe->patterns[i]);

        if (status != CLSEQ_OK)
            return clseq_fail_in(ctx, status, "glossary");
    }
    return CLSEQ_OK;
}

static clseq_status create(clseq_context *ctx, const char *name, const clseq_bpe_options *options,
                           clseq_bpe **ret)
{
    clseq_bpe *bpe = NULL;
    clseq_status status;

    if (!options->separator || options->separator[0] == 0 || strchr(options->separator, ' '))
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "byte pair encoding: the separator must be text without spaces");
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*bpe), "byte pair encoding", &bpe));
    bpe->ctx = bpe->symbols.ctx = bpe->vocabulary.ctx = bpe->glossaries.ctx = ctx;
    CLSEQ_TRY_GOTO(status, out, clseq_strdup(ctx, name, &bpe->name));
    CLSEQ_TRY_GOTO(status, out, clseq_strdup(ctx, options->separator, &bpe->separator));
    bpe->separator_size = strlen(bpe->separator);
    CLSEQ_TRY_GOTO(status, out, take_glossaries(bpe, options));
    if (options->pieces)
        CLSEQ_TRY_GOTO(status, out, take_pieces(bpe, options->pieces, options->pieces_size));
    if (options->vocabulary_path)
        CLSEQ_TRY_GOTO(
            status, out,
            read_vocabulary(bpe, options->vocabulary_path, options->vocabulary_threshold));
    *ret = bpe;
    return CLSEQ_OK;
out:
    clseq_bpe_destroy(&bpe);
    return status;
}

static clseq_status add_lines(loader *l, clseq_lines *lines)
{
    const char *line = NULL;
    size_t n = 0;
    bool more = true;

    for (;;) {
        CLSEQ_TRY(clseq_lines_next(lines, &line, &n, &more));
        if (!more)
            return finish(l);
        CLSEQ_TRY(add_line(l, line, n));
    }
}

clseq_status clseq_bpe_load(clseq_context *ctx, const char *codes_path,
                            const clseq_bpe_options *options, clseq_bpe **ret)
{
    clseq_bpe_options defaults;
    clseq_lines *lines = NULL;
    loader l = { 0 };
    clseq_status status;

    clseq_bpe_options_init(&defaults);
    options = options ? options : &defaults;
    l.wanted = options->merges;
    CLSEQ_TRY(create(ctx, codes_path, options, &l.bpe));
    CLSEQ_TRY_GOTO(status, out, clseq_lines_open(ctx, codes_path, 0, &lines));
    CLSEQ_TRY_GOTO(status, out, add_lines(&l, lines));
    *ret = l.bpe;
    l.bpe = NULL;
out:
    clseq_lines_close(&lines);
    clseq_bpe_destroy(&l.bpe);
    return status;
}

static clseq_status add_text(loader *l, const char *codes, size_t size)
{
    const size_t valid = clseq_utf8_valid_prefix(codes, size);

    if (valid < size)
        return clseq_fail(l->bpe->ctx, CLSEQ_ERR_DATA, "%s: byte %zu is not valid UTF-8",
                          l->bpe->name, valid + 1);
    for (size_t begin = 0; begin < size;) {
        const char *newline = memchr(codes + begin, '\n', size - begin);
        const size_t end = newline ? (size_t)(newline - codes) : size;

        CLSEQ_TRY(add_line(l, codes + begin, end - begin));
        begin = end + 1;
    }
    return finish(l);
}

clseq_status clseq_bpe_create_from_memory(clseq_context *ctx, const char *name, const char *codes,
                                          size_t size, const clseq_bpe_options *options,
                                          clseq_bpe **ret)
{
    clseq_bpe_options defaults;
    loader l = { 0 };
    clseq_status status;

    clseq_bpe_options_init(&defaults);
    options = options ? options : &defaults;
    l.wanted = options->merges;
    CLSEQ_TRY(create(ctx, name, options, &l.bpe));
    status = add_text(&l, codes, size);
    if (status == CLSEQ_OK)
        *ret = l.bpe;
    else
        clseq_bpe_destroy(&l.bpe);
    return status;
}

size_t clseq_bpe_size(const clseq_bpe *bpe)
{
    return bpe->merge_count;
}

void clseq_bpe_destroy(clseq_bpe **bpe)
{
    clseq_bpe *b = bpe ? *bpe : NULL;

    if (!b)
        return;
    clseq_string_table_fini(&b->symbols);
    clseq_string_table_fini(&b->vocabulary);
    for (size_t i = 0; b->patterns && i < b->glossaries.count; i++)
        clseq_pattern_destroy(&b->patterns[i]);
    free(b->patterns);
    clseq_string_table_fini(&b->glossaries);
    clseq_pair_table_fini(&b->ranks);
    free(b->merges);
    free(b->splits);
    free(b->separator);
    free(b->name);
    free(b);
    *bpe = NULL;
}
