/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/protobuf.h"

#include <stdio.h>

/* Groups inside groups; nobody writes them any more. */
#define DEPTH_MAX 100

clseq_status clseq_protobuf_fail(const clseq_protobuf *message, size_t offset, const char *fmt, ...)
{
    char what[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return clseq_fail(message->ctx, CLSEQ_ERR_FORMAT,
                      "%s: byte %zu: %s; this is no SentencePiece model, or it is damaged: fetch "
                      "or copy it again",
                      message->name, offset, what);
}

static clseq_status read_varint(clseq_protobuf *m, uint64_t *ret)
{
    const size_t offset = m->at;
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint64_t bits;

        if (m->at == m->end)
            return clseq_protobuf_fail(m, offset, "a number is cut short at byte %zu", m->end);
        bits = m->data[m->at] & 0x7f;
        if (shift == 63 && bits > 1)
            break;
        value |= bits << shift;
        if (!(m->data[m->at++] & 0x80)) {
            *ret = value;
            return CLSEQ_OK;
        }
    }
    return clseq_protobuf_fail(m, offset, "a number is longer than 64 bits");
}

static clseq_status read_fixed(clseq_protobuf *m, size_t bytes, uint64_t *ret)
{
    uint64_t value = 0;

    if (m->end - m->at < bytes)
        return clseq_protobuf_fail(m, m->at, "a number of %zu bytes is cut short at byte %zu",
                                   bytes, m->end);
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)m->data[m->at + i] << (8 * i);
    m->at += bytes;
    *ret = value;
    return CLSEQ_OK;
}

static clseq_status read_key(clseq_protobuf *m, clseq_protobuf_field *field)
{
    uint64_t key = 0;

    *field = (clseq_protobuf_field) { .offset = m->at };
    CLSEQ_TRY(read_varint(m, &key));
    if (key >> 32 || key >> 3 == 0)
        return clseq_protobuf_fail(m, field->offset, "no field has the number %llu",
                                   (unsigned long long)(key >> 3));
    field->number = (uint32_t)(key >> 3);
    field->wire = (uint32_t)(key & 7);
    return CLSEQ_OK;
}

static clseq_status read_value(clseq_protobuf *m, clseq_protobuf_field *field)
{
    uint64_t size = 0;

    switch (field->wire) {
    case CLSEQ_WIRE_VARINT:
        return read_varint(m, &field->value);
    case CLSEQ_WIRE_FIXED64:
        return read_fixed(m, 8, &field->value);
    case CLSEQ_WIRE_FIXED32:
        return read_fixed(m, 4, &field->value);
    case CLSEQ_WIRE_BYTES:
        CLSEQ_TRY(read_varint(m, &size));
        if (size > m->end - m->at)
            return clseq_protobuf_fail(
                m, field->offset, "field %u says it has %llu bytes, but only %zu are left",
                (unsigned)field->number, (unsigned long long)size, m->end - m->at);
        field->begin = m->at;
        field->size = (size_t)size;
        m->at += (size_t)size;
        return CLSEQ_OK;
    case CLSEQ_WIRE_GROUP:
    case CLSEQ_WIRE_GROUP_END:
        return CLSEQ_OK;
    default:
        return clseq_protobuf_fail(m, field->offset, "field %u has the unknown type %u",
                                   (unsigned)field->number, (unsigned)field->wire);
    }
}

/* Behind the start of a group: on to its end. */
static clseq_status skip_group(clseq_protobuf *m, clseq_protobuf_field group)
{
    uint32_t open[DEPTH_MAX];
    size_t depth = 0;

    open[depth++] = group.number;
    while (depth > 0) {
        clseq_protobuf_field field;

        if (m->at == m->end)
            return clseq_protobuf_fail(m, group.offset, "the group of field %u has no end",
                                       (unsigned)group.number);
        CLSEQ_TRY(read_key(m, &field));
        CLSEQ_TRY(read_value(m, &field));
        if (field.wire == CLSEQ_WIRE_GROUP) {
            if (depth == DEPTH_MAX)
                return clseq_protobuf_fail(m, field.offset, "more than %d groups in each other",
                                           DEPTH_MAX);
            open[depth++] = field.number;
        } else if (field.wire == CLSEQ_WIRE_GROUP_END && open[--depth] != field.number) {
            return clseq_protobuf_fail(m, field.offset, "the end of group %u stands in group %u",
                                       (unsigned)field.number, (unsigned)open[depth]);
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_protobuf_next(clseq_protobuf *message, clseq_protobuf_field *field, bool *more)
{
    while (message->at < message->end) {
        CLSEQ_TRY(read_key(message, field));
        CLSEQ_TRY(read_value(message, field));
        if (field->wire == CLSEQ_WIRE_GROUP_END)
            return clseq_protobuf_fail(message, field->offset, "a group ends that did not start");
        if (field->wire != CLSEQ_WIRE_GROUP) {
            *more = true;
            return CLSEQ_OK;
        }
        CLSEQ_TRY(skip_group(message, *field));
    }
    *more = false;
    return CLSEQ_OK;
}

clseq_protobuf clseq_protobuf_inside(const clseq_protobuf *message,
                                     const clseq_protobuf_field *field)
{
    clseq_protobuf inside = *message;

    inside.at = field->begin;
    inside.end = field->begin + field->size;
    return inside;
}

clseq_status clseq_protobuf_expect(const clseq_protobuf *message, const clseq_protobuf_field *field,
                                   uint32_t wire)
{
    if (field->wire == wire)
        return CLSEQ_OK;
    return clseq_protobuf_fail(message, field->offset, "field %u has the type %u instead of %u",
                               (unsigned)field->number, (unsigned)field->wire, (unsigned)wire);
}
