/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading protocol buffers (protobuf.dev/programming-guides/encoding), field after field. */
#ifndef CLSEQ_PROTOBUF_H
#define CLSEQ_PROTOBUF_H

#include "base/base.h"

enum clseq_protobuf_wire {
    CLSEQ_WIRE_VARINT = 0,
    CLSEQ_WIRE_FIXED64 = 1,
    CLSEQ_WIRE_BYTES = 2,
    CLSEQ_WIRE_GROUP = 3, /* never returned: groups are skipped */
    CLSEQ_WIRE_GROUP_END = 4,
    CLSEQ_WIRE_FIXED32 = 5,
};

/* One message: data[at .. end) is not read yet. Offsets count from the start of the file, so that
 * messages inside messages name the right byte. */
typedef struct clseq_protobuf {
    clseq_context *ctx;        /* borrowed */
    const char *name;          /* of the file; borrowed */
    const unsigned char *data; /* the whole file; borrowed */
    size_t at, end;
} clseq_protobuf;

typedef struct clseq_protobuf_field {
    uint32_t number, wire;
    size_t offset;  /* where the field starts */
    uint64_t value; /* of a varint or fixed number */
    size_t begin;   /* bytes: data[begin .. begin + size) */
    size_t size;
} clseq_protobuf_field;

/* The next field; *more is false at the end of the message. Groups are skipped. Errors:
 * CLSEQ_ERR_FORMAT (damaged), the message names file and byte. */
CLSEQ_MUST_CHECK clseq_status clseq_protobuf_next(clseq_protobuf *message,
                                                  clseq_protobuf_field *field, bool *more);

/* The message inside a field of bytes. */
clseq_protobuf clseq_protobuf_inside(const clseq_protobuf *message,
                                     const clseq_protobuf_field *field);

/* CLSEQ_ERR_FORMAT unless the field has this wire type. */
CLSEQ_MUST_CHECK clseq_status clseq_protobuf_expect(const clseq_protobuf *message,
                                                    const clseq_protobuf_field *field,
                                                    uint32_t wire);

/* CLSEQ_ERR_FORMAT "<name>: byte <offset>: <what>". */
clseq_status clseq_protobuf_fail(const clseq_protobuf *message, size_t offset, const char *fmt, ...)
    CLSEQ_PRINTF(3, 4);

#endif
