/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a SentencePiece model: the message ModelProto of sentencepiece_model.proto. */
#include "data/spm_inside.h"

#include "base/file.h"
#include "data/protobuf.h"

#include <math.h>
#include <stdlib.h>

#define FILE_LIMIT  ((size_t)256 << 20)
#define PIECE_LIMIT 8000 /* bytes; SentencePiece's own limit */

/* What is read before it is known whether it fits together. */
typedef struct loader {
    clseq_spm *spm;
    char *bos_piece, *eos_piece, *pad_piece;
    bool seen_trainer, seen_normalizer;
    size_t unk_offset; /* of the unknown piece */
} loader;

static clseq_status read_string(const clseq_protobuf *m, const clseq_protobuf_field *field,
                                char **ret)
{
    char *copy = NULL;

    CLSEQ_TRY(clseq_protobuf_expect(m, field, CLSEQ_WIRE_BYTES));
    if (clseq_utf8_valid_prefix((const char *)m->data + field->begin, field->size) < field->size)
        return clseq_protobuf_fail(m, field->begin, "the text of field %u is not UTF-8",
                                   (unsigned)field->number);
    CLSEQ_TRY(clseq_calloc(m->ctx, field->size + 1, 1, "model text", &copy));
    memcpy(copy, m->data + field->begin, field->size);
    free(*ret);
    *ret = copy;
    return CLSEQ_OK;
}

static clseq_status read_bool(const clseq_protobuf *m, const clseq_protobuf_field *field, bool *ret)
{
    CLSEQ_TRY(clseq_protobuf_expect(m, field, CLSEQ_WIRE_VARINT));
    *ret = field->value != 0;
    return CLSEQ_OK;
}

static clseq_status read_score(const clseq_protobuf *m, const clseq_protobuf_field *field,
                               float *ret)
{
    uint32_t bits;

    CLSEQ_TRY(clseq_protobuf_expect(m, field, CLSEQ_WIRE_FIXED32));
    bits = (uint32_t)field->value;
    memcpy(ret, &bits, sizeof(bits));
    /* -infinity is the logarithm of how often a required character occurs that never does. */
    if (isnan(*ret) || *ret == INFINITY)
        return clseq_protobuf_fail(m, field->offset, "a score is not a number, or infinite");
    return CLSEQ_OK;
}

static clseq_status read_kind(const clseq_protobuf *m, const clseq_protobuf_field *field,
                              clseq_spm_kind *ret)
{
    CLSEQ_TRY(clseq_protobuf_expect(m, field, CLSEQ_WIRE_VARINT));
    if (field->value < CLSEQ_SPM_NORMAL || field->value > CLSEQ_SPM_BYTE)
        return clseq_protobuf_fail(m, field->offset, "the kind of a piece is %llu, not 1 to 6",
                                   (unsigned long long)field->value);
    *ret = (clseq_spm_kind)field->value;
    return CLSEQ_OK;
}

static clseq_status check_piece(const clseq_protobuf *m, size_t offset, const char *text,
                                size_t length)
{
    if (length == 0)
        return clseq_protobuf_fail(m, offset, "a piece is empty");
    if (length >= PIECE_LIMIT)
        return clseq_protobuf_fail(m, offset, "a piece has %zu bytes, the limit is %d", length,
                                   PIECE_LIMIT);
    if (memchr(text, 0, length))
        return clseq_protobuf_fail(m, offset, "a piece holds a NUL byte");
    if (clseq_utf8_valid_prefix(text, length) < length)
        return clseq_protobuf_fail(m, offset, "a piece is not UTF-8");
    return CLSEQ_OK;
}

static bool made_from_text(clseq_spm_kind kind)
{
    return kind == CLSEQ_SPM_NORMAL || kind == CLSEQ_SPM_USER_DEFINED || kind == CLSEQ_SPM_UNUSED;
}

/* Enter the piece into the table of its sort. */
static clseq_status index_piece(const clseq_protobuf *m, size_t offset, clseq_spm *spm, int32_t id)
{
    const bool text = made_from_text(spm->pieces[id].kind);
    clseq_string_table *table = text ? &spm->text_table : &spm->other_table;
    int32_t **ids = text ? &spm->text_ids : &spm->other_ids;
    size_t *capacity = text ? &spm->text_ids_capacity : &spm->other_ids_capacity;
    size_t index = 0;
    bool added = false;

    CLSEQ_TRY(clseq_string_table_add(table, clseq_spm_piece_text(spm, id), spm->pieces[id].length,
                                     &index, &added));
    if (!added)
        return clseq_protobuf_fail(m, offset, "piece %ld (\"%s\") is there already, as piece %ld",
                                   (long)id, clseq_spm_piece_text(spm, id), (long)(*ids)[index]);
    CLSEQ_TRY(clseq_grow(spm->ctx, ids, capacity, index + 1, sizeof(**ids), "pieces"));
    (*ids)[index] = id;
    return CLSEQ_OK;
}

static clseq_status add_piece(const clseq_protobuf *m, size_t offset, loader *l,
                              clseq_spm_piece_data piece, const char *text)
{
    clseq_spm *spm = l->spm;
    const int32_t id = (int32_t)spm->count;

    CLSEQ_TRY(check_piece(m, offset, text, piece.length));
    if (spm->count >= CLSEQ_VOCAB_SIZE)
        return clseq_protobuf_fail(m, offset, "more than %u pieces", CLSEQ_VOCAB_SIZE);
    CLSEQ_TRY(clseq_grow(spm->ctx, &spm->pieces, &spm->capacity, spm->count + 1,
                         sizeof(*spm->pieces), "pieces"));
    CLSEQ_TRY(clseq_grow(spm->ctx, &spm->bytes, &spm->bytes_capacity,
                         spm->bytes_size + piece.length + 1, 1, "pieces"));
    piece.offset = spm->bytes_size;
    memcpy(spm->bytes + piece.offset, text, piece.length);
    spm->bytes[piece.offset + piece.length] = 0;
    spm->bytes_size += piece.length + 1;
    spm->pieces[spm->count++] = piece;
    if (piece.kind == CLSEQ_SPM_UNKNOWN) {
        if (spm->unk_id >= 0)
            return clseq_protobuf_fail(
                m, offset, "a second unknown piece, the first is at byte %zu", l->unk_offset);
        spm->unk_id = id;
        l->unk_offset = offset;
    }
    if (piece.kind == CLSEQ_SPM_BYTE && clseq_spm_byte_value(text, piece.length) < 0)
        return clseq_protobuf_fail(m, offset, "a byte piece is not spelled like <0x41>");
    return index_piece(m, offset, spm, id);
}

static clseq_status read_piece(clseq_protobuf *outer, const clseq_protobuf_field *outer_field,
                               loader *l)
{
    clseq_protobuf m = clseq_protobuf_inside(outer, outer_field);
    clseq_spm_piece_data piece = { .kind = CLSEQ_SPM_NORMAL };
    clseq_protobuf_field field;
    const char *text = "";
    bool more = false;

    for (;;) {
        CLSEQ_TRY(clseq_protobuf_next(&m, &field, &more));
        if (!more)
            return add_piece(&m, outer_field->offset, l, piece, text);
        if (field.number == 1) {
            CLSEQ_TRY(clseq_protobuf_expect(&m, &field, CLSEQ_WIRE_BYTES));
            text = (const char *)m.data + field.begin;
            piece.length = (uint32_t)field.size; /* below FILE_LIMIT */
        } else if (field.number == 2) {
            CLSEQ_TRY(read_score(&m, &field, &piece.score));
        } else if (field.number == 3) {
            CLSEQ_TRY(read_kind(&m, &field, &piece.kind));
        }
    }
}

static clseq_status read_type(const clseq_protobuf *m, const clseq_protobuf_field *field,
                              clseq_spm_type *ret)
{
    CLSEQ_TRY(clseq_protobuf_expect(m, field, CLSEQ_WIRE_VARINT));
    if (field->value < CLSEQ_SPM_UNIGRAM || field->value > CLSEQ_SPM_CHAR)
        return clseq_protobuf_fail(m, field->offset,
                                   "the type of the model is %llu, not 1 to 4 (unigram, bpe, word, "
                                   "char)",
                                   (unsigned long long)field->value);
    *ret = (clseq_spm_type)field->value;
    return CLSEQ_OK;
}

/* TrainerSpec. The ids of special pieces (40 to 43) say what was asked for; what counts is where
 * the pieces are. */
static clseq_status read_trainer(clseq_protobuf m, loader *l)
{
    clseq_spm *spm = l->spm;
    clseq_protobuf_field field;
    bool more = false;

    l->seen_trainer = true;
    for (;;) {
        CLSEQ_TRY(clseq_protobuf_next(&m, &field, &more));
        if (!more)
            return CLSEQ_OK;
        switch (field.number) {
        case 3:
            CLSEQ_TRY(read_type(&m, &field, &spm->type));
            break;
        case 24:
            CLSEQ_TRY(read_bool(&m, &field, &spm->normalizer.space_is_suffix));
            break;
        case 35:
            CLSEQ_TRY(read_bool(&m, &field, &spm->byte_fallback));
            break;
        case 44:
            CLSEQ_TRY(read_string(&m, &field, &spm->unk_surface));
            break;
        case 46:
            CLSEQ_TRY(read_string(&m, &field, &l->bos_piece));
            break;
        case 47:
            CLSEQ_TRY(read_string(&m, &field, &l->eos_piece));
            break;
        case 48:
            CLSEQ_TRY(read_string(&m, &field, &l->pad_piece));
            break;
        default:
            break;
        }
    }
}

static clseq_status read_map(const clseq_protobuf *m, const clseq_protobuf_field *field,
                             clseq_spm_rules *rules)
{
    const char *why = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_protobuf_expect(m, field, CLSEQ_WIRE_BYTES));
    status = clseq_spm_rules_read(m->ctx, rules, m->data + field->begin, field->size, &why);
    return status == CLSEQ_ERR_FORMAT ? clseq_protobuf_fail(m, field->begin, "%s", why) : status;
}

/* NormalizerSpec. */
static clseq_status read_rules(clseq_protobuf m, clseq_spm_rules *rules)
{
    clseq_protobuf_field field;
    bool more = false;

    for (;;) {
        CLSEQ_TRY(clseq_protobuf_next(&m, &field, &more));
        if (!more)
            return CLSEQ_OK;
        switch (field.number) {
        case 2:
            CLSEQ_TRY(read_map(&m, &field, rules));
            break;
        case 3:
            CLSEQ_TRY(read_bool(&m, &field, &rules->add_dummy_prefix));
            break;
        case 4:
            CLSEQ_TRY(read_bool(&m, &field, &rules->remove_extra_whitespaces));
            break;
        case 5:
            CLSEQ_TRY(read_bool(&m, &field, &rules->escape_whitespaces));
            break;
        default:
            break;
        }
    }
}

static clseq_status read_model(clseq_protobuf m, loader *l)
{
    clseq_protobuf_field field;
    bool more = false;

    for (;;) {
        CLSEQ_TRY(clseq_protobuf_next(&m, &field, &more));
        if (!more)
            break;
        if (field.number == 0 || field.number > 5 || field.number == 4)
            continue;
        CLSEQ_TRY(clseq_protobuf_expect(&m, &field, CLSEQ_WIRE_BYTES));
        if (field.number == 1)
            CLSEQ_TRY(read_piece(&m, &field, l));
        else if (field.number == 2)
            CLSEQ_TRY(read_trainer(clseq_protobuf_inside(&m, &field), l));
        else if (field.number == 3)
            CLSEQ_TRY(read_rules(clseq_protobuf_inside(&m, &field), &l->spm->normalizer));
        else
            CLSEQ_TRY(read_rules(clseq_protobuf_inside(&m, &field), &l->spm->denormalizer));
        l->seen_normalizer |= field.number == 3;
    }
    /* Every writer puts them behind the pieces: without them the file was cut. */
    if (!l->seen_trainer || !l->seen_normalizer)
        return clseq_protobuf_fail(&m, m.end, "the file ends before the model's %s",
                                   l->seen_trainer ? "normalizer_spec" : "trainer_spec");
    if (l->spm->unk_id < 0)
        return clseq_protobuf_fail(&m, m.end, "none of %zu pieces is the unknown piece",
                                   l->spm->count);
    return CLSEQ_OK;
}

static int32_t control_id(const clseq_spm *spm, const char *set, const char *usual)
{
    const char *piece = set && set[0] ? set : usual;
    const int32_t id = clseq_spm_find(spm, piece, strlen(piece));

    return spm->pieces[id].kind == CLSEQ_SPM_CONTROL ? id : -1;
}

static clseq_status collect_bytes(clseq_spm *spm)
{
    for (int byte = 0; byte < 256; byte++)
        spm->byte_ids[byte] = -1;
    for (size_t id = 0; id < spm->count; id++) {
        const clseq_spm_piece_data *piece = &spm->pieces[id];

        if (piece->kind != CLSEQ_SPM_BYTE)
            continue;
        if (!spm->byte_fallback)
            return clseq_fail(spm->ctx, CLSEQ_ERR_FORMAT,
                              "%s: piece %zu is a byte, but the model has byte_fallback false",
                              spm->name, id);
        spm->byte_ids[clseq_spm_byte_value(spm->bytes + piece->offset, piece->length)] =
            (int32_t)id;
    }
    for (int byte = 0; byte < 256 && spm->byte_fallback; byte++) {
        if (spm->byte_ids[byte] < 0)
            return clseq_fail(spm->ctx, CLSEQ_ERR_FORMAT,
                              "%s: the model has byte_fallback true, but no piece <0x%02X>",
                              spm->name, (unsigned)byte);
    }
    return CLSEQ_OK;
}

/* A tree of the pieces that text can make, or of the user-defined ones among them. */
static clseq_status build_trie(clseq_spm *spm, bool only_user_defined, clseq_byte_trie *trie)
{
    clseq_trie_key *keys = NULL;
    clseq_status status;
    size_t count = 0;

    CLSEQ_TRY(clseq_calloc(spm->ctx, spm->text_table.count, sizeof(*keys), "pieces", &keys));
    for (size_t i = 0; i < spm->text_table.count; i++) {
        const int32_t id = spm->text_ids[i];

        if (only_user_defined && spm->pieces[id].kind != CLSEQ_SPM_USER_DEFINED)
            continue;
        keys[count++] = (clseq_trie_key) { .text = clseq_spm_piece_text(spm, id),
                                           .length = spm->pieces[id].length,
                                           .value = id };
    }
    status = count > 0 ? clseq_byte_trie_init(trie, spm->ctx, keys, count) : CLSEQ_OK;
    free(keys);
    return status;
}

static clseq_status finish(loader *l)
{
    clseq_spm *spm = l->spm;

    CLSEQ_TRY(collect_bytes(spm));
    spm->lowest_score = 3.402823466e+38f; /* FLT_MAX, FLT_MIN: as there without normal pieces */
    spm->highest_score = 1.175494351e-38f;
    for (size_t id = 0; id < spm->count; id++) {
        const clseq_spm_piece_data *piece = &spm->pieces[id];

        spm->has_unused |= piece->kind == CLSEQ_SPM_UNUSED;
        if (piece->kind != CLSEQ_SPM_NORMAL)
            continue;
        if (piece->score < spm->lowest_score)
            spm->lowest_score = piece->score;
        if (piece->score > spm->highest_score)
            spm->highest_score = piece->score;
    }
    spm->bos_id = control_id(spm, l->bos_piece, "<s>");
    spm->eos_id = control_id(spm, l->eos_piece, "</s>");
    spm->pad_id = control_id(spm, l->pad_piece, "<pad>");
    CLSEQ_TRY(build_trie(spm, true, &spm->user_defined));
    spm->normalizer.untouched = &spm->user_defined;
    spm->denormalize = spm->denormalizer.unit_count > 0;
    if (spm->type != CLSEQ_SPM_UNIGRAM)
        return CLSEQ_OK;
    if (spm->text_table.count == 0)
        return clseq_fail(spm->ctx, CLSEQ_ERR_FORMAT, "%s: the model has no piece for text",
                          spm->name);
    return build_trie(spm, false, &spm->trie);
}

clseq_status clseq_spm_create_from_memory(clseq_context *ctx, const char *name, const void *data,
                                          size_t size, clseq_spm **ret)
{
    const clseq_spm_rules defaults = { .add_dummy_prefix = true,
                                       .remove_extra_whitespaces = true,
                                       .escape_whitespaces = true };
    const clseq_protobuf m = { .ctx = ctx, .name = name, .data = data, .end = size };
    loader l = { 0 };
    clseq_status status;

    if (size > FILE_LIMIT)
        return clseq_fail(ctx, CLSEQ_ERR_LIMIT, "%s: longer than the limit of %zu bytes", name,
                          FILE_LIMIT);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*l.spm), "SentencePiece model", &l.spm));
    l.spm->ctx = l.spm->text_table.ctx = l.spm->other_table.ctx = ctx;
    l.spm->type = CLSEQ_SPM_UNIGRAM;
    l.spm->unk_id = -1;
    l.spm->normalizer = l.spm->denormalizer = defaults;
    CLSEQ_TRY_GOTO(status, out, clseq_strdup(ctx, name, &l.spm->name));
    CLSEQ_TRY_GOTO(status, out, clseq_strdup(ctx, " \xe2\x81\x87 ", &l.spm->unk_surface));
    CLSEQ_TRY_GOTO(status, out, read_model(m, &l));
    CLSEQ_TRY_GOTO(status, out, finish(&l));
    *ret = l.spm;
    l.spm = NULL;
out:
    free(l.bos_piece);
    free(l.eos_piece);
    free(l.pad_piece);
    clseq_spm_destroy(&l.spm);
    return status;
}

clseq_status clseq_spm_load(clseq_context *ctx, const char *path, clseq_spm **ret)
{
    char *data = NULL;
    size_t size = 0;
    clseq_status status;

    CLSEQ_TRY(clseq_file_read(ctx, path, FILE_LIMIT, &data, &size));
    status = clseq_spm_create_from_memory(ctx, path, data, size, ret);
    free(data);
    return status;
}

void clseq_spm_destroy(clseq_spm **spm)
{
    clseq_spm *s = spm ? *spm : NULL;

    if (!s)
        return;
    clseq_spm_rules_fini(&s->normalizer);
    clseq_spm_rules_fini(&s->denormalizer);
    clseq_byte_trie_fini(&s->trie);
    clseq_byte_trie_fini(&s->user_defined);
    clseq_string_table_fini(&s->text_table);
    clseq_string_table_fini(&s->other_table);
    free(s->text_ids);
    free(s->other_ids);
    free(s->pieces);
    free(s->bytes);
    free(s->unk_surface);
    free(s->name);
    free(s);
    *spm = NULL;
}
