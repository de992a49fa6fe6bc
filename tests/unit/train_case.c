/* SPDX-License-Identifier: BSD-2-Clause */
#include "train_case.h"

#include "io/safetensors.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

char *train_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    char *data;

    if (!file)
        return NULL;
    assert_int_equal(fstat(fileno(file), &info), 0);
    *size = (size_t)info.st_size;
    data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    data[*size] = 0;
    fclose(file);
    return data;
}

void train_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    if (!file)
        fail_msg("%s: cannot be written", path);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void join(char *path, size_t size, const char *folder, const char *name)
{
    assert_in_range(snprintf(path, size, "%s/%s", folder, name), 1, size - 1);
}

/* Folders here are two deep. */
static void remove_tree(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        char inside[600];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        join(inside, sizeof(inside), path, entry->d_name);
        if (unlink(inside) != 0)
            remove_tree(inside);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

void train_case_remove(struct train_case *c)
{
    remove_tree(c->folder);
}

void train_case_set_run(struct train_case *c, const char *name)
{
    join(c->run, sizeof(c->run), c->folder, name);
    c->options.run = c->run;
}

const char *train_case_file(struct train_case *c, const char *name)
{
    static char path[2][600]; /* two, so that a call can name two files */
    static int turn;

    turn = !turn;
    join(path[turn], sizeof(path[turn]), c->run, name);
    return path[turn];
}

/* ---- tasks ---- */

/* Sentence `number` of all with `length` letters. */
static void put_sentence(FILE *file, int number, int length, int letters, bool reverse)
{
    char word[32];

    for (int i = 0; i < length; i++) {
        word[i] = (char)('a' + number % letters);
        number /= letters;
    }
    for (int i = 0; i < length; i++)
        fprintf(file, "%s%c", i == 0 ? "" : " ", word[reverse ? length - 1 - i : i]);
    fputc('\n', file);
}

static void write_texts(struct train_case *c, enum train_task task, int letters, int longest,
                        int one_in)
{
    FILE *files[2][2] = { { fopen(c->source, "w"), fopen(c->target, "w") },
                          { fopen(c->valid_source, "w"), fopen(c->valid_target, "w") } };
    int count = 1, n = 0;

    for (int i = 0; i < 4; i++)
        assert_non_null(files[i / 2][i % 2]);
    for (int length = 1; length <= longest; length++) {
        count *= letters;
        for (int k = 0; k < count; k++) {
            /* Single letters are all for training, so that every letter is known. */
            FILE *const *side = files[length > 1 && ++n % one_in == 0];

            put_sentence(side[0], k, length, letters, false);
            put_sentence(side[1], k, length, letters, task == TRAIN_REVERSE);
        }
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(fclose(files[i / 2][i % 2]), 0);
}

void train_case_make(struct train_case *c, enum train_task task, int letters, int longest,
                     int one_in)
{
    const char *base = getenv("TMPDIR");

    join(c->folder, sizeof(c->folder), base && *base ? base : "/tmp", "clseq-test-XXXXXX");
    assert_non_null(mkdtemp(c->folder));
    join(c->source, sizeof(c->source), c->folder, "train.source");
    join(c->target, sizeof(c->target), c->folder, "train.target");
    join(c->valid_source, sizeof(c->valid_source), c->folder, "valid.source");
    join(c->valid_target, sizeof(c->valid_target), c->folder, "valid.target");
    write_texts(c, task, letters, longest, one_in);

    clseq_train_options_init(&c->options);
    train_case_set_run(c, "run");
    c->options.source = c->source;
    c->options.target = c->target;
    c->options.valid_source = c->valid_source;
    c->options.valid_target = c->valid_target;
    c->options.min_count = 1;
    c->options.model.embedding = 6;
    c->options.model.hidden = 10;
    c->options.model.layers = 2;
    c->options.lr = 0.01;
    c->options.batch = 8;
    c->options.early_stop = 0;
    c->options.log_every = 1;
    c->options.after = (struct clseq_when) { .updates = 40 };
    c->options.valid_every = (struct clseq_when) { .updates = 12 };
    c->options.save_every = (struct clseq_when) { .updates = 16 };
}

/* ---- hooks ---- */

static void on_event(void *user, const struct clseq_train_event *event)
{
    struct train_stopper *stopper = user;

    stopper->events++;
    assert_non_null(event->text);
    assert_null(strchr(event->text, '\n'));
}

static bool on_stop(void *user)
{
    struct train_stopper *stopper = user;

    if (stopper->polls_left < 0)
        return false;
    return stopper->polls_left-- == 0;
}

struct clseq_train_hooks train_hooks(struct train_stopper *stopper)
{
    return (struct clseq_train_hooks) { .user = stopper, .event = on_event, .stop = on_stop };
}

/* ---- log.jsonl ---- */

json_t *train_log(struct train_case *c, const char *event)
{
    const char *path = train_case_file(c, "log.jsonl");
    json_t *log = json_array();
    size_t size = 0;
    char *data = train_read(path, &size), *line = data;

    assert_non_null(data);
    assert_true(size > 0 && data[size - 1] == '\n');
    for (int number = 1; *line; number++) {
        char *end = strchr(line, '\n');
        json_error_t error;
        json_t *object;

        *end = 0;
        object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(object) || !json_is_string(json_object_get(object, "event")) ||
            !json_is_string(json_object_get(object, "t")) ||
            !json_is_integer(json_object_get(object, "update")))
            fail_msg("%s:%d: not an event: %s", path, number, line);
        if (!event || strcmp(event, json_string_value(json_object_get(object, "event"))) == 0)
            json_array_append(log, object);
        json_decref(object);
        line = end + 1;
    }
    free(data);
    return log;
}

double train_log_number(const json_t *log, size_t index, const char *key)
{
    const json_t *value = json_object_get(json_array_get(log, index), key);

    if (!json_is_number(value))
        fail_msg("log.jsonl: event %zu of this kind has no number \"%s\"", index, key);
    return json_number_value(value);
}

/* ---- model files ---- */

/* NULL when both files are alike, or the name of the first tensor that is not. */
static const char *first_difference(clseq_context *ctx, const char *path, const char *other,
                                    char name[CLSEQ_SAFETENSORS_MAX_NAME])
{
    clseq_safetensors *a = NULL, *b = NULL;
    bool found = false;

    ASSERT_OK(ctx, clseq_safetensors_open(ctx, path, &a));
    ASSERT_OK(ctx, clseq_safetensors_open(ctx, other, &b));
    assert_int_equal(clseq_safetensors_count(a), clseq_safetensors_count(b));
    for (size_t i = 0; i < clseq_safetensors_count(a) && !found; i++) {
        const clseq_safetensors_info *x = clseq_safetensors_at(a, i);
        const clseq_safetensors_info *y = clseq_safetensors_find(b, x->name);
        char *data = malloc(2 * x->bytes);

        assert_non_null(data);
        assert_non_null(y);
        assert_int_equal(x->bytes, y->bytes);
        ASSERT_OK(ctx, clseq_safetensors_read_raw(a, x, 0, x->bytes, data));
        ASSERT_OK(ctx, clseq_safetensors_read_raw(b, y, 0, x->bytes, data + x->bytes));
        found = memcmp(data, data + x->bytes, x->bytes) != 0;
        if (found)
            snprintf(name, CLSEQ_SAFETENSORS_MAX_NAME, "%s", x->name);
        free(data);
    }
    clseq_safetensors_close(&a);
    clseq_safetensors_close(&b);
    return found ? name : NULL;
}

void train_same_tensors(clseq_context *ctx, const char *path, const char *expected)
{
    char name[CLSEQ_SAFETENSORS_MAX_NAME];

    if (first_difference(ctx, path, expected, name))
        fail_msg("%s: tensor \"%s\" has other bits than in %s", path, name, expected);
}

bool train_other_tensors(clseq_context *ctx, const char *path, const char *other)
{
    char name[CLSEQ_SAFETENSORS_MAX_NAME];

    return first_difference(ctx, path, other, name) != NULL;
}

json_t *train_state(clseq_context *ctx, const char *path)
{
    clseq_safetensors *file = NULL;
    const char *text;
    json_t *state;

    ASSERT_OK(ctx, clseq_safetensors_open(ctx, path, &file));
    text = clseq_safetensors_metadata(file, "clseq.train");
    assert_non_null(text);
    state = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(state);
    assert_int_equal(json_object_del(state, "seconds"), 0);
    clseq_safetensors_close(&file);
    return state;
}

/* ---- whole runs ---- */

clseq_status train_run(const struct probe_place *place, struct train_case *c, long stop_after,
                       struct clseq_train_result *result)
{
    struct train_stopper stopper = { .polls_left = stop_after };
    const struct clseq_train_hooks hooks = train_hooks(&stopper);
    const uint64_t alive = place->be->buffers_alive;
    const clseq_status status = clseq_train(place->ctx, place->be, &c->options, &hooks, result);

    assert_int_equal(place->be->buffers_alive, alive);
    return status;
}

/* What the validations found, and after which updates. Release with json_decref(). */
static json_t *validations(struct train_case *c)
{
    json_t *log = train_log(c, "valid");

    for (size_t i = 0; i < json_array_size(log); i++) {
        json_object_del(json_array_get(log, i), "t");
        json_object_del(json_array_get(log, i), "seconds");
    }
    return log;
}

/* Two finished runs: models, optimizer, state of training, and each validation done once. */
void train_same_run(const struct probe_place *place, struct train_case *c, struct train_case *other)
{
    json_t *got = validations(c), *expected = validations(other);

    if (!json_equal(got, expected))
        fail_msg("%s: other validations than in %s", c->run, other->run);
    json_decref(got);
    json_decref(expected);
    got = train_state(place->ctx, train_case_file(c, "last.safetensors"));
    expected = train_state(place->ctx, train_case_file(other, "last.safetensors"));
    if (!json_equal(got, expected))
        fail_msg("%s: another state of training than in %s", c->run, other->run);
    json_decref(got);
    json_decref(expected);
    train_same_tensors(place->ctx, train_case_file(c, "last.safetensors"),
                       train_case_file(other, "last.safetensors"));
    train_same_tensors(place->ctx, train_case_file(c, "best.safetensors"),
                       train_case_file(other, "best.safetensors"));
}

const char *const train_kept[TRAIN_KEPT] = { "config.json", "best.safetensors",
                                             "last.safetensors" };

void train_snapshot_take(struct train_case *c, struct train_snapshot *s)
{
    for (int i = 0; i < TRAIN_KEPT; i++) {
        s->data[i] = train_read(train_case_file(c, train_kept[i]), &s->size[i]);
        assert_non_null(s->data[i]);
    }
}

void train_snapshot_same(struct train_case *c, const struct train_snapshot *s)
{
    for (int i = 0; i < TRAIN_KEPT; i++) {
        size_t size = 0;
        char *data = train_read(train_case_file(c, train_kept[i]), &size);

        assert_non_null(data);
        assert_int_equal(size, s->size[i]);
        assert_memory_equal(data, s->data[i], size);
        free(data);
    }
}

void train_snapshot_free(struct train_snapshot *s)
{
    for (int i = 0; i < TRAIN_KEPT; i++)
        free(s->data[i]);
}
