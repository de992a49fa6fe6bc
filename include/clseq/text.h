/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text in: lines of a file and pairs of lines (parallel text).
 *
 * A file is plain or gzip (told by its first bytes, not by its name), "-" is
 * standard input. Lines end in LF or CR LF, the last one may lack its end, a byte
 * order mark at the start is dropped. Text must be UTF-8 without NUL bytes;
 * anything else is an error that names file, line and byte.
 */
#ifndef CLSEQ_TEXT_H
#define CLSEQ_TEXT_H

#include <clseq/context.h>

CLSEQ_BEGIN_DECLS

/* Longest line that is read when the caller names no limit, in bytes without its end. */
#define CLSEQ_LINE_LIMIT ((size_t)1 << 20)

typedef struct clseq_lines clseq_lines;

/* Open `path` for reading line by line; "-" is standard input. `limit`: longest line in bytes, 0
 * for CLSEQ_LINE_LIMIT. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_NOMEM. Close with clseq_lines_close(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_lines_open(clseq_context *ctx, const char *path,
                                                         size_t limit, clseq_lines **ret);

/* The next line without its end: `*length` bytes, then a 0 byte; valid until the next call.
 * *more is false at the end of the file (then *line is unchanged). A terminal or pipe is not read
 * further than needed. Errors: CLSEQ_ERR_DATA (not UTF-8, NUL byte, line too long, damaged gzip),
 * CLSEQ_ERR_IO, CLSEQ_ERR_NOMEM; after an error only close and rewind are of use. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_lines_next(clseq_lines *lines, const char **line,
                                                         size_t *length, bool *more);

/* Count the lines not read yet, without looking at their content. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_lines_count_rest(clseq_lines *lines, uint64_t *ret);

/* Start again at the first line. Errors: CLSEQ_ERR_DATA (a pipe or a terminal), CLSEQ_ERR_IO. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_lines_rewind(clseq_lines *lines);

/* True when the file can be read twice: not a pipe, a terminal or a socket. */
CLSEQ_API bool clseq_lines_can_rewind(const clseq_lines *lines);

/* The path as given, "standard input" for "-". */
CLSEQ_API const char *clseq_lines_name(const clseq_lines *lines);

/* Number of the last line returned; the first is 1; 0 before it. */
CLSEQ_API uint64_t clseq_lines_number(const clseq_lines *lines);

/* Close and set *lines to NULL. *lines may be NULL. */
CLSEQ_API void clseq_lines_close(clseq_lines **lines);

/* One pair of sentences: bytes and lengths; not terminated by a 0 byte. */
typedef struct clseq_pair {
    const char *source, *target;
    size_t source_length, target_length; /* in bytes */
    /* Bytes of the line behind target, a TAB first: further columns of a .tsv, such as other
     * references; 0 = none. */
    size_t further_length;
} clseq_pair;

/* Where made-up pairs come from. The strings a call returns must stay valid until the next call. */
typedef struct clseq_pair_generator {
    void *user;
    const char *name; /* for messages; copied */
    /* Write the next pair and *more = true, or *more = false at the end. */
    clseq_status (*next)(void *user, clseq_pair *pair, bool *more);
    /* Start again: the same pairs in the same order must follow. */
    clseq_status (*rewind)(void *user);
} clseq_pair_generator;

/* Parallel text from files, memory or a generator. */
typedef struct clseq_pairs clseq_pairs;

/* Open two files of equal line count, or, with target_path NULL, one file of "source TAB target"
 * lines (further columns: clseq_pair.further_length). `limit` as in clseq_lines_open().
 * Errors: CLSEQ_ERR_IO, CLSEQ_ERR_ARG ("-" twice), CLSEQ_ERR_NOMEM. Close with clseq_pairs_close().
 */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_pairs_open(clseq_context *ctx,
                                                         const char *source_path,
                                                         const char *target_path, size_t limit,
                                                         clseq_pairs **ret);

/* Pairs from two arrays of `count` strings, which must outlive the object. `name` (copied) stands
 * in messages. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status
clseq_pairs_create_from_strings(clseq_context *ctx, const char *name, const char *const *source,
                                const char *const *target, size_t count, clseq_pairs **ret);

/* Pairs from a generator; the struct is copied. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_pairs_create_from_generator(
    clseq_context *ctx, const clseq_pair_generator *generator, clseq_pairs **ret);

/* The next pair, valid until the next call. *more is false at the end (then *pair is unchanged).
 * Errors: those of clseq_lines_next(), CLSEQ_ERR_DATA for an empty file, for two files of
 * different line counts (the message has both counts) and for a line without a TAB. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_pairs_next(clseq_pairs *pairs, clseq_pair *pair,
                                                         bool *more);

/* Start again at the first pair; does nothing before the first clseq_pairs_next().
 * Errors: CLSEQ_ERR_DATA (cannot be read twice), CLSEQ_ERR_IO. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_pairs_rewind(clseq_pairs *pairs);

/* CLSEQ_OK when the text can be read twice; else CLSEQ_ERR_DATA with a message that says why and
 * what to do. Reads nothing. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_pairs_check_rewind(const clseq_pairs *pairs);

/* Where the source or target side of the last pair stands, "train.de:17". Valid until the next call
 * with the same object. */
CLSEQ_API const char *clseq_pairs_place(clseq_pairs *pairs, bool target);

/* Number of pairs returned since the start or the last rewind. */
CLSEQ_API uint64_t clseq_pairs_number(const clseq_pairs *pairs);

/* What the text is called in messages: "train.de and train.en". */
CLSEQ_API const char *clseq_pairs_name(const clseq_pairs *pairs);

/* Close and set *pairs to NULL. *pairs may be NULL. */
CLSEQ_API void clseq_pairs_close(clseq_pairs **pairs);

CLSEQ_END_DECLS

#endif
