/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the tests of pictures: is it XML, and what does it hold? */
#ifndef CLSEQ_SVG_UNIT_H
#define CLSEQ_SVG_UNIT_H

#include "unit.h"

#include "tools/plot_axis.h"

/* Is this well-formed XML of one element? Tags balance, attributes are quoted, & begins one of the
 * four escapes, all bytes are UTF-8 characters. */
static inline bool well_formed(const char *p)
{
    const char *names[32];
    size_t lengths[32], depth = 0, roots = 0;

    while (*p) {
        if (*p == '&') {
            if (strncmp(p, "&amp;", 5) != 0 && strncmp(p, "&lt;", 4) != 0 &&
                strncmp(p, "&gt;", 4) != 0 && strncmp(p, "&quot;", 6) != 0)
                return false;
            p++;
        } else if (*p == '<' && p[1] == '/') {
            const size_t n = strcspn(p + 2, ">");

            if (depth == 0 || n != lengths[depth - 1] || strncmp(p + 2, names[depth - 1], n) != 0)
                return false;
            depth--;
            p += n + 3;
        } else if (*p == '<') {
            const size_t n = strcspn(p + 1, " />");
            bool quoted = false;

            if (depth == 32 || n == 0 || (depth == 0 && ++roots > 1))
                return false;
            names[depth] = p + 1;
            lengths[depth] = n;
            for (p += n + 1; *p && (quoted || *p != '>'); p++) {
                if (*p == '"')
                    quoted = !quoted;
                if (*p == '<')
                    return false;
            }
            if (*p != '>')
                return false;
            depth += p[-1] != '/';
            p++;
        } else {
            const size_t n = *p == '\n' ? 1 : plot_character(p);

            if (n == 0 || (depth == 0 && *p != '\n'))
                return false;
            p += n;
        }
    }
    return depth == 0 && roots == 1;
}

static inline size_t count_of(const char *text, const char *part)
{
    size_t n = 0;

    for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
        n++;
    return n;
}

#endif
