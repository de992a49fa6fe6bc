/* SPDX-License-Identifier: BSD-2-Clause */
/* A translation that is printed while it is made. */
#ifndef CLSEQ_STREAM_H
#define CLSEQ_STREAM_H

#include <stdbool.h>
#include <stddef.h>

/* Start from zeros; end with stream_fini(). */
struct stream {
    bool cut_words; /* words come in parts: what stands behind the last space may still change */
    char *shown;    /* of the line in hand; owned */
    size_t size, capacity;
};

/* Print what `text` has beyond what was printed; `user` is the stream. A failure to write shows in
 * stream_end(). For clseq_translate_options.partial. */
void stream_add(void *user, size_t line, const char *text, size_t length);

/* Print the rest of the line, which is `text`, and its end. False when it could not be written. */
bool stream_end(struct stream *s, const char *text);

void stream_fini(struct stream *s);

#endif
