/* SPDX-License-Identifier: BSD-2-Clause */
/* Small SentencePiece models made in memory, byte by byte. */
#ifndef CLSEQ_SPM_MAKER_H
#define CLSEQ_SPM_MAKER_H

#include "data_files.h"

#include <clseq/subword.h>

/* How pieces write a space. */
#define SP "\xe2\x96\x81"

typedef struct bytes {
    unsigned char data[1 << 16];
    size_t size;
} bytes;

static inline void put(bytes *b, const void *data, size_t n)
{
    assert_true(b->size + n <= sizeof(b->data));
    memcpy(b->data + b->size, data, n);
    b->size += n;
}

static inline void put_varint(bytes *b, uint64_t value)
{
    do {
        const unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

        put(b, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static inline void put_number(bytes *b, unsigned field, uint64_t value)
{
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, value);
}

static inline void put_field(bytes *b, unsigned field, const void *data, size_t n)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, n);
    put(b, data, n);
}

static inline void put_float(bytes *b, unsigned field, float value)
{
    put_varint(b, (uint64_t)field << 3 | 5);
    put(b, &value, 4); /* little-endian machines only, as the tests run on */
}

static inline void put_piece(bytes *b, const char *text, float score, clseq_spm_kind kind)
{
    bytes *piece = calloc(1, sizeof(*piece));

    assert_non_null(piece);
    put_field(piece, 1, text, strlen(text));
    put_float(piece, 2, score);
    if (kind != CLSEQ_SPM_NORMAL) /* the default */
        put_number(piece, 3, kind);
    put_field(b, 1, piece->data, piece->size);
    free(piece);
}

/* The three pieces that all models begin with. */
static inline void put_special(bytes *b)
{
    put_piece(b, "<unk>", 0, CLSEQ_SPM_UNKNOWN);
    put_piece(b, "<s>", 0, CLSEQ_SPM_CONTROL);
    put_piece(b, "</s>", 0, CLSEQ_SPM_CONTROL);
}

/* Ids 3 to 6: the space, a, b, c. */
static inline void put_letters(bytes *b)
{
    put_special(b);
    put_piece(b, SP, -2, CLSEQ_SPM_NORMAL);
    put_piece(b, "a", -3, CLSEQ_SPM_NORMAL);
    put_piece(b, "b", -3, CLSEQ_SPM_NORMAL);
    put_piece(b, "c", -4, CLSEQ_SPM_NORMAL);
}

/* trainer_spec and normalizer_spec; `map` may be NULL. */
static inline void put_specs(bytes *b, clseq_spm_type type, bool byte_fallback, const bytes *map)
{
    bytes *spec = calloc(1, sizeof(*spec));

    assert_non_null(spec);
    put_number(spec, 3, type);
    put_number(spec, 35, byte_fallback);
    put_field(b, 2, spec->data, spec->size);
    spec->size = 0;
    put_field(spec, 1, "made", 4);
    if (map)
        put_field(spec, 2, map->data, map->size);
    put_field(b, 3, spec->data, spec->size);
    free(spec);
}

static inline clseq_spm *make(fixture *f, const bytes *b)
{
    clseq_spm *spm = NULL;

    ASSERT_OK(f->ctx, clseq_spm_create_from_memory(f->ctx, "made.model", b->data, b->size, &spm));
    return spm;
}

/* Expect these pieces of a line, and this text of their ids. */
static inline void expect(fixture *f, const clseq_spm *spm, const char *line, const char *pieces,
                          const char *decoded)
{
    clseq_text text = { 0 };
    clseq_ids ids = { 0 };

    ASSERT_OK(f->ctx, clseq_spm_encode_pieces(spm, line, strlen(line), &text));
    assert_string_equal(text.data, pieces);
    ASSERT_OK(f->ctx, clseq_spm_encode(spm, line, strlen(line), &ids));
    ASSERT_OK(f->ctx, clseq_spm_decode(spm, ids.data, ids.size, &text));
    assert_string_equal(text.data, decoded);
    clseq_ids_fini(&ids);
    clseq_text_fini(&text);
}

/* A precompiled map: every node of the tree has 256 units of its own, its value in the first. */
typedef struct map_maker {
    uint32_t units[48 * 256];
    uint32_t bases; /* in use; the root's is 1 */
    char replacements[1024];
    size_t replacements_size;
} map_maker;

static inline void map_init(map_maker *m)
{
    memset(m, 0, sizeof(*m));
    m->bases = 2;
    m->units[0] = 256u << 10;
}

static inline void map_add(map_maker *m, const char *from, const char *to)
{
    uint32_t at = 0, base = 256;

    for (; *from; from++) {
        const unsigned char byte = (unsigned char)*from;

        at = base ^ byte;
        if ((m->units[at] & 0xff) != byte)
            m->units[at] = byte | (at ^ 256 * m->bases++) << 10;
        base = at ^ (m->units[at] >> 10);
        assert_true(m->bases <= 48);
    }
    m->units[at] |= 0x100;
    m->units[base] = 0x80000000u | (uint32_t)m->replacements_size;
    memcpy(m->replacements + m->replacements_size, to, strlen(to) + 1);
    m->replacements_size += strlen(to) + 1;
}

static inline void map_write(const map_maker *m, bytes *b)
{
    const uint32_t size = m->bases * 256 * 4;

    put(b, &size, 4);
    put(b, m->units, size);
    put(b, m->replacements, m->replacements_size);
}

#endif
