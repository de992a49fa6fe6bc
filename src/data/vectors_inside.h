/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of vector files share: bytes of a file, and the words found so far. */
#ifndef CLSEQ_VECTORS_INSIDE_H
#define CLSEQ_VECTORS_INSIDE_H

#include "data/string_table.h"

#include <clseq/vectors.h>

#define CLSEQ_VECTOR_SIZE_LIMIT 1000000u          /* numbers in a vector */
#define CLSEQ_VECTOR_WORD_LIMIT ((size_t)1 << 16) /* bytes of a word */

struct clseq_vectors {
    clseq_string_table words;
    float *values; /* (words.count, size) */
    size_t values_capacity;
    size_t size;
    struct clseq_vectors_stats stats;
};

/* A file that is read from front to back; compressed or not. */
typedef struct clseq_vector_file {
    clseq_context *ctx; /* borrowed */
    const char *path;   /* borrowed */
    void *gz;           /* gzFile */
    unsigned char *bytes;
    size_t capacity, at, end; /* bytes[at .. end) are not used yet */
    bool ended;               /* nothing follows bytes[end) */
    uint64_t offset;          /* of bytes[at] in the decompressed file */
    uint64_t line;            /* of the line that was read last; from 1 */

    clseq_vectors *out; /* borrowed */
    bool filtered;
    clseq_string_table wanted; /* filtered */
    uint64_t limit;            /* words to take; 0 = all */
} clseq_vector_file;

/* At least `n` bytes from `at` on, or all there are. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_FORMAT (a
 * damaged gzip file), CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_vector_file_fill(clseq_vector_file *f, size_t n);

static inline size_t clseq_vector_file_left(const clseq_vector_file *f)
{
    return f->end - f->at;
}

static inline void clseq_vector_file_use(clseq_vector_file *f, size_t n)
{
    f->at += n;
    f->offset += n;
}

/* Pass over `n` bytes, which need not be there. */
CLSEQ_MUST_CHECK clseq_status clseq_vector_file_skip(clseq_vector_file *f, uint64_t n);

/* The next line without its end (\n or \r\n), borrowed until the next call; *more is false at the
 * end of the file. Errors: those of fill, CLSEQ_ERR_LIMIT. */
CLSEQ_MUST_CHECK clseq_status clseq_vector_file_line(clseq_vector_file *f, const char **line,
                                                     size_t *n, bool *more);

/* Count a word of the file. *row is where its vector goes, (size) zeros; NULL when nobody wants
 * it. */
CLSEQ_MUST_CHECK clseq_status clseq_vector_file_word(clseq_vector_file *f, const char *word,
                                                     size_t n, float **row);

/* A word that the file does not have gets a vector nevertheless. */
CLSEQ_MUST_CHECK clseq_status clseq_vector_file_add(clseq_vector_file *f, const char *word,
                                                    size_t n, float **row);

/* No more words are taken. */
static inline bool clseq_vector_file_full(const clseq_vector_file *f)
{
    return f->limit > 0 && f->out->stats.words >= f->limit;
}

/* The files by their format; each begins at the start of the file and sets stats.format. */
CLSEQ_MUST_CHECK clseq_status clseq_vectors_read_text(clseq_vector_file *f);
CLSEQ_MUST_CHECK clseq_status clseq_vectors_read_fasttext(clseq_vector_file *f);

/* `words` rows of a word2vec binary file, behind its header. */
CLSEQ_MUST_CHECK clseq_status clseq_vectors_read_binary(clseq_vector_file *f, uint64_t words);

/* `n` little-endian floats at `bytes`. False when one is not finite. */
bool clseq_vectors_floats(const unsigned char *bytes, size_t n, float *ret);

/* Whether the file begins as a fastText model does. */
bool clseq_vectors_is_fasttext(const unsigned char *bytes, size_t n);

#endif
