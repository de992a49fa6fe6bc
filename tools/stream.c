/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Does `text` begin with what was printed? */
static bool goes_on(const struct stream *s, const char *text, size_t length)
{
    return length >= s->size && (s->size == 0 || memcmp(s->shown, text, s->size) == 0);
}

void stream_add(void *user, size_t line, const char *text, size_t length)
{
    struct stream *s = user;

    (void)line; /* one at a time */
    while (s->cut_words && length > 0 && text[length - 1] != ' ')
        length--;
    while (length > 0 && text[length - 1] == ' ')
        length--; /* with the next word */
    if (length <= s->size || !goes_on(s, text, length))
        return;
    if (length > s->capacity) {
        char *grown = realloc(s->shown, 2 * length);

        if (!grown)
            return; /* the rest comes at the end */
        s->shown = grown;
        s->capacity = 2 * length;
    }
    fwrite(text + s->size, 1, length - s->size, stdout);
    fflush(stdout);
    memcpy(s->shown, text, length);
    s->size = length;
}

bool stream_end(struct stream *s, const char *text)
{
    const size_t length = strlen(text);

    if (!goes_on(s, text, length)) { /* never, unless a unit is joined otherwise: say it again */
        putchar('\n');
        s->size = 0;
    }
    fwrite(text + s->size, 1, length - s->size, stdout);
    putchar('\n');
    s->size = 0;
    return fflush(stdout) == 0 && !ferror(stdout);
}

void stream_fini(struct stream *s)
{
    free(s->shown);
    *s = (struct stream) { 0 };
}
