/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

void *check_alloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);

    if (!p)
        check_broken("%zu elements of %zu bytes do not fit in memory", count, size);
    return p;
}

void check_broken(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    fputs("clseq-check: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(CHECK_BROKEN);
}

/* FNV-1a, so that a case sees the same numbers whichever cases run before it. */
static uint64_t hash_of(const char *text)
{
    uint64_t h = 14695981039346656037u;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

static bool is_selected(const struct check *t, enum clseq_op op, const char *name)
{
    if (t->only_op >= 0 && t->only_op != (int)op)
        return false;
    return !t->pattern || strcmp(t->pattern, clseq_op_name(op)) == 0 ||
           fnmatch(t->pattern, name, 0) == 0;
}

/* Whether the name is new. Families may come to the same shapes in two ways. */
static bool note_name(struct check *t, const char *name)
{
    const uint64_t h = hash_of(name) | 1; /* 0 marks a free place */
    size_t i;

    if (2 * (t->n_names + 1) > t->names_capacity) {
        const size_t old_capacity = t->names_capacity;
        uint64_t *const old = t->names;

        t->names_capacity = old_capacity ? 2 * old_capacity : 1024;
        t->names = check_alloc(t->names_capacity, sizeof(*t->names));
        t->n_names = 0;
        for (size_t j = 0; j < old_capacity; j++) {
            for (i = (size_t)old[j] % t->names_capacity; old[j] && t->names[i];)
                i = (i + 1) % t->names_capacity;
            if (old[j]) {
                t->names[i] = old[j];
                t->n_names++;
            }
        }
        free(old);
    }
    for (i = (size_t)h % t->names_capacity; t->names[i]; i = (i + 1) % t->names_capacity) {
        if (t->names[i] == h)
            return false;
    }
    t->names[i] = h;
    t->n_names++;
    return true;
}

void check_forget_names(struct check *t)
{
    free(t->names);
    t->names = NULL;
    t->n_names = t->names_capacity = 0;
}

struct check_case *check_begin(struct check *t, enum clseq_op op, const char *format, ...)
{
    struct check_case *c;
    char text[64], name[sizeof(c->name)];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    snprintf(name, sizeof(name), "%s_%s", clseq_op_name(op), text);
    if (!is_selected(t, op, name) || !note_name(t, name))
        return NULL;
    if (t->parts && t->selected++ % t->parts != t->part)
        return NULL;
    t->ops[op].cases++;
    if (t->mode == CHECK_MODE_LIST)
        printf("%s\n", name);
    if (t->mode == CHECK_MODE_LIST || t->mode == CHECK_MODE_COUNT)
        return NULL;

    c = check_alloc(1, sizeof(*c));
    c->t = t;
    c->op = op;
    c->schema = clseq_op_schema(op);
    memcpy(c->name, name, sizeof(name));
    c->random_key = t->seed ^ hash_of(name);
    for (int i = 0; i < c->schema->n_fields; i++) {
        c->operands[i].field = &c->schema->fields[i];
        c->operands[i].same_as = -1;
    }
    return c;
}

void check_end(struct check_case *c)
{
    for (int i = 0; i < c->schema->n_fields; i++) {
        free(c->operands[i].real);
        free(c->operands[i].index);
    }
    free(c);
}

struct check_operand *check_find(struct check_case *c, const char *name)
{
    for (int i = 0; i < c->schema->n_fields; i++) {
        if (strcmp(c->operands[i].field->name, name) == 0)
            return &c->operands[i];
    }
    check_broken("case %s names \"%s\", which is no operand of %s", c->name, name, c->schema->name);
}

static struct check_operand *add_operand(struct check_case *c, const char *name, bool is_index,
                                         int ndim, int32_t d0, int32_t d1, int32_t d2)
{
    struct check_operand *x = check_find(c, name);
    const clseq_dtype dtype = is_index ? CLSEQ_I32 : CLSEQ_F32;

    if (x->present)
        check_broken("case %s gives \"%s\" twice", c->name, name);
    x->present = true;
    x->is_index = is_index;
    if (ndim == 1)
        x->view = clseq_tensor_1d(NULL, 0, dtype, d0);
    else if (ndim == 2)
        x->view = clseq_tensor_2d(NULL, 0, dtype, d0, d1);
    else
        x->view = clseq_tensor_3d(NULL, 0, dtype, d0, d1, d2);
    x->count = clseq_tensor_count(&x->view);
    return x;
}

void check_real(struct check_case *c, const char *name, int ndim, int32_t d0, int32_t d1,
                int32_t d2)
{
    struct check_operand *x = add_operand(c, name, false, ndim, d0, d1, d2);

    x->given = true;
    x->real = check_alloc(x->count, sizeof(double));
    for (size_t i = 0; i < x->count; i++)
        x->real[i] = check_draw_normal(c);
}

void check_index_nd(struct check_case *c, const char *name, int ndim, int32_t d0, int32_t d1,
                    int32_t d2)
{
    struct check_operand *x = add_operand(c, name, true, ndim, d0, d1, d2);

    x->given = true;
    x->index = check_alloc(x->count, sizeof(int32_t));
}

void check_index(struct check_case *c, const char *name, int32_t n)
{
    check_index_nd(c, name, 1, n, 1, 1);
}

void check_out(struct check_case *c, const char *name, int ndim, int32_t d0, int32_t d1, int32_t d2)
{
    const bool is_index = (check_find(c, name)->field->flags & CLSEQ_FIELD_INDEX) != 0;

    add_operand(c, name, is_index, ndim, d0, d1, d2);
}

void check_out_index(struct check_case *c, const char *name, int ndim, int32_t d0, int32_t d1,
                     int32_t d2)
{
    add_operand(c, name, true, ndim, d0, d1, d2);
}

void check_alias(struct check_case *c, const char *name)
{
    struct check_operand *x = check_find(c, name);

    if (!x->field->alias)
        check_broken("case %s: the contract allows no alias for \"%s\"", c->name, name);
    x->same_as = (int)(check_find(c, x->field->alias) - c->operands);
}

void check_swapped(struct check_case *c, const char *name)
{
    struct check_operand *x = check_find(c, name);
    const int32_t *d = x->view.dims;

    if (x->view.ndim != 3)
        check_broken("case %s: \"%s\" is not of rank 3", c->name, name);
    x->swapped = true;
    x->view =
        clseq_tensor_swap(clseq_tensor_3d(NULL, 0, (clseq_dtype)x->view.dtype, d[1], d[0], d[2]));
}

void check_columns(struct check_case *c, const char *name, int32_t left, int32_t wide)
{
    struct check_operand *x = check_find(c, name);

    if (x->view.ndim != 2 || left + x->view.dims[1] > wide)
        check_broken("case %s: \"%s\" is no part of rows of %d", c->name, name, wide);
    x->left = left;
    x->wide = wide;
}

double *check_values(struct check_case *c, const char *name)
{
    return check_find(c, name)->real;
}

int32_t *check_indices(struct check_case *c, const char *name)
{
    return check_find(c, name)->index;
}
