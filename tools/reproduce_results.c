/* SPDX-License-Identifier: BSD-2-Clause */
#include "message.h"
#include "out_file.h"
#include "reproduce.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int no_memory(void)
{
    cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
    return CLI_EXIT_MEMORY;
}

char *reproduce_path(const struct reproduce *r, const char *name, const char *file)
{
    const char *folder = r->v->folder;
    const size_t size = strlen(folder) + strlen(name) + (file ? strlen(file) : 0) + 3;
    char *path = malloc(size);

    if (path)
        snprintf(path, size, "%s/%s%s%s", folder, name, file ? "/" : "", file ? file : "");
    return path;
}

static char *text_of(const json_t *value)
{
    return value ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
}

/* Say it when an option of `of` differs in the two recipes, one of which may lack it. */
static bool says_difference(const struct reproduce *r, json_t *of, const json_t *old,
                            const json_t *now)
{
    const char *key;
    json_t *value;

    json_object_foreach(of, key, value)
    {
        const json_t *before = json_object_get(old, key), *after = json_object_get(now, key);
        char *a, *b;

        if (before && after && json_equal(before, after))
            continue;
        a = text_of(before);
        b = text_of(after);
        cli_error("%s: begun with another recipe: %s was %s, now it is %s. Give the old value to "
                  "go on, or choose another folder with -o",
                  r->results_path, key, a ? a : "not given", b ? b : "not given");
        free(a);
        free(b);
        return true;
    }
    return false;
}

static int refuse_other(const struct reproduce *r, json_t *old, json_t *now)
{
    if (!says_difference(r, now, old, now))
        says_difference(r, old, old, now);
    return CLI_EXIT_USAGE;
}

static int write_results(const struct reproduce *r)
{
    char *text = json_dumps(r->results, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    int code = CLI_EXIT_DONE;

    if (!text)
        return no_memory();
    if (!out_file_write(r->results_path, text, strlen(text))) {
        cli_error("%s: cannot write: %s: make room, then run the same command again",
                  r->results_path, strerror(errno));
        code = CLI_EXIT_IO;
    }
    free(text);
    return code;
}

static int begin(struct reproduce *r, json_t *recipe)
{
    r->results = json_object();
    if (!r->results || json_object_set(r->results, "recipe", recipe) != 0)
        return no_memory();
    if (!out_make_folder(r->v->folder)) {
        cli_error("%s: cannot make the folder: %s: choose another with -o", r->v->folder,
                  strerror(errno));
        return CLI_EXIT_IO;
    }
    return write_results(r);
}

static int go_on(struct reproduce *r, json_t *recipe)
{
    json_error_t error;
    json_t *old;

    r->results = json_load_file(r->results_path, JSON_REJECT_DUPLICATES, &error);
    old = r->results ? json_object_get(r->results, "recipe") : NULL;
    if (!json_is_object(old)) {
        cli_error("%s: line %d: not the results of a reproduction (%s): move the file away to "
                  "measure everything again, or choose another folder with -o",
                  r->results_path, error.line, r->results ? "no recipe in it" : error.text);
        return CLI_EXIT_DATA;
    }
    return json_equal(old, recipe) ? CLI_EXIT_DONE : refuse_other(r, old, recipe);
}

int reproduce_results_open(struct reproduce *r, json_t *recipe)
{
    int code = CLI_EXIT_MEMORY;

    r->results_path = reproduce_path(r, "results.json", NULL);
    if (r->results_path && recipe)
        code = access(r->results_path, F_OK) == 0 ? go_on(r, recipe) : begin(r, recipe);
    else
        no_memory();
    json_decref(recipe);
    return code;
}

const json_t *reproduce_result(const struct reproduce *r, const char *group, const char *name)
{
    const json_t *all = json_object_get(r->results, group);

    return name ? json_object_get(all, name) : all;
}

double reproduce_number(const struct reproduce *r, const char *group, const char *name,
                        const char *key)
{
    const json_t *value = json_object_get(reproduce_result(r, group, name), key);

    return json_is_number(value) ? json_number_value(value) : REPRODUCE_NONE;
}

int reproduce_results_add(struct reproduce *r, const char *group, const char *name, json_t *result)
{
    json_t *all = json_object_get(r->results, group);

    if (!all) {
        all = json_object();
        if (json_object_set_new(r->results, group, all) != 0)
            all = NULL;
    }
    if (!result || !all || json_object_set_new(all, name, result) != 0)
        return no_memory();
    return write_results(r);
}
