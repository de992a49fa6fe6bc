/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces to text. */
#include "data/spm_inside.h"

#include <stdlib.h>

typedef struct decoder {
    const clseq_spm *spm;
    clseq_text *text;
    unsigned char bytes[4]; /* of byte pieces, not yet a character */
    size_t byte_count;
    bool at_start;   /* a space that begins a piece is left out */
    bool space_seen; /* the last piece began with the space that was added in front */
} decoder;

/* Write out the byte pieces that make a character or can never make one; all when `last`. */
static clseq_status flush_bytes(decoder *d, bool last)
{
    static const unsigned char lengths[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4 };

    while (d->byte_count > 0) {
        const size_t length = clseq_utf8_sequence((const char *)d->bytes, d->byte_count);

        if (length == 0 && !last && d->byte_count < lengths[d->bytes[0] >> 4])
            return CLSEQ_OK;
        CLSEQ_TRY(clseq_text_append(d->spm->ctx, d->text,
                                    length ? (const char *)d->bytes : "\xef\xbf\xbd",
                                    length ? length : 3));
        d->byte_count -= length ? length : 1;
        memmove(d->bytes, d->bytes + (length ? length : 1), d->byte_count);
    }
    return CLSEQ_OK;
}

static clseq_status add_byte(decoder *d, int byte)
{
    d->bytes[d->byte_count++] = (unsigned char)byte;
    return flush_bytes(d, false);
}

/* Text with U+2581 as spaces. */
static clseq_status add_text(decoder *d, const char *text, size_t n)
{
    const clseq_spm *spm = d->spm;
    size_t begin = 0;

    for (size_t at = 0; at + CLSEQ_SPM_SPACE_SIZE <= n;) {
        if (memcmp(text + at, CLSEQ_SPM_SPACE, CLSEQ_SPM_SPACE_SIZE) != 0) {
            at++;
            continue;
        }
        CLSEQ_TRY(clseq_text_append(spm->ctx, d->text, text + begin, at - begin));
        CLSEQ_TRY(clseq_text_append(spm->ctx, d->text, " ", 1));
        begin = at += CLSEQ_SPM_SPACE_SIZE;
    }
    return clseq_text_append(spm->ctx, d->text, text + begin, n - begin);
}

static clseq_status add_unknown(decoder *d, const char *piece, size_t n, int32_t id)
{
    const clseq_spm *spm = d->spm;

    if (n == spm->pieces[id].length && memcmp(piece, clseq_spm_piece_text(spm, id), n) == 0)
        return clseq_text_append(spm->ctx, d->text, spm->unk_surface, strlen(spm->unk_surface));
    return clseq_text_append(spm->ctx, d->text, piece, n);
}

static clseq_status add_piece(decoder *d, const char *piece, size_t n)
{
    const clseq_spm *spm = d->spm;
    const int32_t id = clseq_spm_find(spm, piece, n);
    const clseq_spm_kind kind = spm->pieces[id].kind;
    const bool squeeze = spm->normalizer.remove_extra_whitespaces;

    if (kind == CLSEQ_SPM_BYTE)
        return add_byte(d, clseq_spm_byte_value(piece, n));
    CLSEQ_TRY(flush_bytes(d, true));
    if (d->space_seen || d->text->size > 0)
        d->at_start = false;
    d->space_seen = false;
    if (kind == CLSEQ_SPM_CONTROL)
        return CLSEQ_OK;
    if (kind == CLSEQ_SPM_UNKNOWN)
        return add_unknown(d, piece, n, id);
    if (d->at_start && (spm->normalizer.add_dummy_prefix || squeeze) && n >= CLSEQ_SPM_SPACE_SIZE &&
        memcmp(piece, CLSEQ_SPM_SPACE, CLSEQ_SPM_SPACE_SIZE) == 0) {
        piece += CLSEQ_SPM_SPACE_SIZE;
        n -= CLSEQ_SPM_SPACE_SIZE;
        /* Where spaces at the start are dropped, all of them are. */
        d->space_seen = !squeeze;
    }
    return add_text(d, piece, n);
}

/* Apply the rules for decoded text, if there are any. */
static clseq_status denormalize(const clseq_spm *spm, clseq_text *text)
{
    clseq_text result = { 0 };
    clseq_status status;

    if (!spm->denormalize)
        return CLSEQ_OK;
    status = clseq_spm_rules_apply(spm->ctx, &spm->denormalizer, text->data, text->size, &result);
    if (status != CLSEQ_OK) {
        clseq_text_fini(&result);
        return status;
    }
    clseq_text_fini(text);
    *text = result;
    return CLSEQ_OK;
}

clseq_status clseq_spm_decode(const clseq_spm *spm, const int32_t *ids, size_t count,
                              clseq_text *ret)
{
    decoder d = { .spm = spm, .text = ret, .at_start = true };

    CLSEQ_TRY(clseq_text_clear(spm->ctx, ret));
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= spm->count)
            return clseq_fail(
                spm->ctx, CLSEQ_ERR_ARG,
                "%s: id %ld at place %zu is not one of its pieces: those are 0 to %zu", spm->name,
                (long)ids[i], i, spm->count - 1);
        CLSEQ_TRY(add_piece(&d, clseq_spm_piece_text(spm, ids[i]), spm->pieces[ids[i]].length));
    }
    CLSEQ_TRY(flush_bytes(&d, true));
    return denormalize(spm, ret);
}

clseq_status clseq_spm_decode_pieces(const clseq_spm *spm, const char *line, size_t length,
                                     clseq_text *ret)
{
    decoder d = { .spm = spm, .text = ret, .at_start = true };

    CLSEQ_TRY(clseq_text_clear(spm->ctx, ret));
    for (size_t begin = 0; begin < length;) {
        const char *space = memchr(line + begin, ' ', length - begin);
        const size_t end = space ? (size_t)(space - line) : length;

        CLSEQ_TRY(add_piece(&d, line + begin, end - begin));
        begin = end + 1;
    }
    CLSEQ_TRY(flush_bytes(&d, true));
    return denormalize(spm, ret);
}
