/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The safetensors file format, read strictly and written in one pass.
 *
 * A file is: 8 bytes little-endian header length N; N bytes of JSON, which may end in spaces; the
 * data of all tensors, without holes, to the last byte of the file. The JSON is an object of
 * "name": {"dtype", "shape", "data_offsets"} and "__metadata__": {string: string}. The format is
 * described in the README of github.com/huggingface/safetensors.
 *
 * This reader accepts what Python's safetensors writes, within the limits below, and nothing else:
 * a file that it opens has a table in which every size is checked against the bytes present.
 *
 * Files written here carry checksums in their metadata (XXH3-64, 16 hexadecimal digits):
 *   "clseq.xxh3"         of the header, taken with these 16 digits as zeros
 *   "clseq.xxh3.<name>"  of the data of one tensor
 * The header sum counts only where this writer puts it, at the very start of the header and with
 * spaces after the colons, which no compact JSON writer makes: a file re-saved by another program
 * keeps its tensor sums and is not refused for its new header.
 */
#ifndef CLSEQ_SAFETENSORS_H
#define CLSEQ_SAFETENSORS_H

#include "base/base.h"

enum clseq_safetensors_limits {
    CLSEQ_SAFETENSORS_MAX_HEADER = 64 << 20, /* bytes; vocabularies are in the metadata */
    CLSEQ_SAFETENSORS_MAX_TENSORS = 4096,
    CLSEQ_SAFETENSORS_MAX_METADATA = 8192, /* entries, checksums included */
    CLSEQ_SAFETENSORS_MAX_RANK = 3,
    CLSEQ_SAFETENSORS_MAX_NAME = 128, /* bytes of [A-Za-z0-9_.] */
};

typedef enum clseq_safetensors_dtype {
    CLSEQ_SAFETENSORS_F32,
    CLSEQ_SAFETENSORS_F16,
    CLSEQ_SAFETENSORS_BF16,
    CLSEQ_SAFETENSORS_F64,
    CLSEQ_SAFETENSORS_I32,
    CLSEQ_SAFETENSORS_I64,
    CLSEQ_SAFETENSORS_U8,
} clseq_safetensors_dtype;

/* "F32"; "?" for a value that is not in the list. */
const char *clseq_safetensors_dtype_name(clseq_safetensors_dtype dtype);

/* Bytes of one element. */
size_t clseq_safetensors_dtype_size(clseq_safetensors_dtype dtype);

/* One tensor of an open file. */
typedef struct clseq_safetensors_info {
    const char *name; /* owned by the file object */
    clseq_safetensors_dtype dtype;
    size_t rank;                              /* 1 to 3 */
    size_t shape[CLSEQ_SAFETENSORS_MAX_RANK]; /* unused dimensions are 1 */
    size_t count;                             /* elements */
    size_t offset;                            /* of the first byte in the file */
    size_t bytes;
} clseq_safetensors_info;

/* A file open for reading. */
typedef struct clseq_safetensors clseq_safetensors;

/* Open a file and check its header; no tensor data is read. `ctx` is borrowed until close.
 * Errors: CLSEQ_ERR_IO, CLSEQ_ERR_FORMAT (the file breaks a rule: the text says which),
 * CLSEQ_ERR_NOMEM. Release with clseq_safetensors_close(). */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_open(clseq_context *ctx, const char *path,
                                                     clseq_safetensors **ret);

/* Close and set *file to NULL. *file may be NULL. */
void clseq_safetensors_close(clseq_safetensors **file);

/* The path given to open, for messages. */
const char *clseq_safetensors_path(const clseq_safetensors *file);

/* Bytes of the whole file. */
size_t clseq_safetensors_size(const clseq_safetensors *file);

/* Number of tensors. */
size_t clseq_safetensors_count(const clseq_safetensors *file);

/* Tensor `index` in the order of the data, index < count. */
const clseq_safetensors_info *clseq_safetensors_at(const clseq_safetensors *file, size_t index);

/* The tensor of this name, NULL when there is none. */
const clseq_safetensors_info *clseq_safetensors_find(const clseq_safetensors *file,
                                                     const char *name);

/* The tensor of this name, which must hold floating point numbers in exactly this shape. The error
 * text states what was expected and what the file has. Errors: CLSEQ_ERR_FORMAT. */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_require(const clseq_safetensors *file,
                                                        const char *name, size_t rank,
                                                        const size_t *shape,
                                                        const clseq_safetensors_info **ret);

/* The metadata value of `key`, NULL when there is none. Owned by the file object. */
const char *clseq_safetensors_metadata(const clseq_safetensors *file, const char *key);

/* The metadata key behind `key` in the order of the file, the first one for NULL; NULL behind the
 * last one. Owned by the file object. */
const char *clseq_safetensors_next_metadata(const clseq_safetensors *file, const char *key);

/* True when every tensor has a checksum. */
bool clseq_safetensors_has_checksums(const clseq_safetensors *file);

/* Read `bytes` bytes from byte `offset` of a tensor, as they are in the file (little-endian).
 *
 * Checksums: whenever a tensor has been read from its first byte to its last in order, in one call
 * or in several, the last call compares the checksum where the file has one. Errors: CLSEQ_ERR_ARG
 * (beyond the tensor), CLSEQ_ERR_IO, CLSEQ_ERR_FORMAT (checksum). On failure the content of `dst`
 * is undefined. */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_read_raw(clseq_safetensors *file,
                                                         const clseq_safetensors_info *tensor,
                                                         size_t offset, size_t bytes, void *dst);

/* What read_f32 does about NaN and infinity (also a double too large for a float). */
typedef enum clseq_safetensors_values {
    CLSEQ_SAFETENSORS_FINITE_ONLY,
    CLSEQ_SAFETENSORS_ANY_VALUE,
} clseq_safetensors_values;

/* Read `count` elements from element `offset` of a tensor in row-major order, as floats. F16 and
 * BF16 convert exactly, F64 rounds to nearest; integers are refused. Checksums as in read_raw.
 * Errors: those of read_raw; CLSEQ_ERR_FORMAT (dtype; a value that is not finite). */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_read_f32(clseq_safetensors *file,
                                                         const clseq_safetensors_info *tensor,
                                                         size_t offset, size_t count,
                                                         clseq_safetensors_values values,
                                                         float *dst);

/* Read every tensor, in pieces, and compare all checksums. A file without checksums passes when it
 * can be read; see has_checksums. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_FORMAT, CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_verify(clseq_safetensors *file);

/*
 * Writing: create; declare every tensor and metadata entry; begin; write the data of all tensors in
 * the order of their declaration, in pieces of any size; commit. Nothing is at `path` before
 * commit. The same calls make the same bytes. The data starts at a multiple of 64 bytes.
 */
typedef struct clseq_safetensors_writer clseq_safetensors_writer;

CLSEQ_MUST_CHECK clseq_status clseq_safetensors_writer_create(clseq_context *ctx,
                                                              clseq_safetensors_writer **ret);

/* Destroy and set *writer to NULL. A file begun and not committed is removed. *writer may be NULL.
 */
void clseq_safetensors_writer_destroy(clseq_safetensors_writer **writer);

/* Declare the next tensor. Errors: CLSEQ_ERR_ARG (name, rank, dimension or number of tensors beyond
 * the limits above, or after begin), CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_writer_tensor(clseq_safetensors_writer *writer,
                                                              const char *name,
                                                              clseq_safetensors_dtype dtype,
                                                              size_t rank, const size_t *shape);

/* Add one metadata entry; both texts are copied. Errors: CLSEQ_ERR_ARG (key given twice or reserved
 * for checksums, text that is not UTF-8, after begin), CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_writer_metadata(clseq_safetensors_writer *writer,
                                                                const char *key, const char *value);

/* Start the file and set aside its whole size on the disk. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_LIMIT
 * (header longer than the limit), CLSEQ_ERR_ARG (two tensors of one name), CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_writer_begin(clseq_safetensors_writer *writer,
                                                             const char *path);

/* Append little-endian tensor data; a piece may end one tensor and begin the next. Errors:
 * CLSEQ_ERR_IO, CLSEQ_ERR_ARG (more than was declared, or before begin). */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_writer_write(clseq_safetensors_writer *writer,
                                                             const void *data, size_t bytes);

/* Append numbers in the type that their tensor was declared with, F32 or BF16. BF16 rounds to the
 * nearest, of two equally near ones to that with an even last bit; NaN stays NaN, an infinity stays
 * one. A piece may end one tensor and begin the next. Errors: CLSEQ_ERR_IO; CLSEQ_ERR_FORMAT (a
 * finite number that would round to an infinity: destroy the writer, nothing is saved);
 * CLSEQ_ERR_ARG (another type, more than was declared, before begin). */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_writer_write_f32(clseq_safetensors_writer *writer,
                                                                 const float *values, size_t count);

/* Put the checksums into the header and the file into place. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_ARG
 * (less data than declared). On failure the old file at `path` is as it was. */
CLSEQ_MUST_CHECK clseq_status clseq_safetensors_writer_commit(clseq_safetensors_writer *writer);

#endif
