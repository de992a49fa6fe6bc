/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

/* The tools are no library: the test takes their code in. */
#include "tools/out_file.c"
#include "tools/run_log.c"

#include <math.h>

/* A log with this text, read back; the file is gone afterwards. */
static struct run_log log_of(const char *text)
{
    char path[] = "/tmp/clseq-run-log-XXXXXX";
    const int fd = mkstemp(path);
    struct run_log log;

    assert_true(fd >= 0);
    close(fd);
    assert_true(out_file_write(path, text, strlen(text)));
    assert_true(out_file_holds(path, text, strlen(text)));
    assert_true(run_log_read(path, &log));
    assert_int_equal(unlink(path), 0);
    return log;
}

#define START  "{\"event\":\"start\",\"update\":0}\n"
#define RESUME "{\"event\":\"resume\",\"update\":100}\n"
#define UPDATE(n, loss)                                                                            \
    "{\"event\":\"update\",\"update\":" #n ",\"epoch\":" #n "e-2,\"loss\":" #loss                  \
    ",\"seconds\":" #n "}\n"
#define VALID(n, loss)                                                                             \
    "{\"event\":\"valid\",\"update\":" #n ",\"epoch\":" #n "e-2,\"loss\":" #loss                   \
    ",\"seconds\":" #n "}\n"
#define STOP(why) "{\"event\":\"stop\",\"update\":200,\"why\":\"" why "\",\"seconds\":250.5}\n"

static void one_session(void **state)
{
    struct run_log log =
        log_of(START UPDATE(50, 2.5) UPDATE(100, 1.5) VALID(100, 1.25) STOP("done"));

    assert_true(log.started);
    assert_true(log.complete);
    assert_int_equal(log.train.count, 2);
    assert_true(log.train.update[1] == 100 && log.train.loss[1] == 1.5);
    assert_int_equal(log.valid.count, 1);
    assert_true(log.valid.loss[0] == 1.25);
    assert_int_equal(log.updates, 200);
    assert_true(log.seconds == 250.5);
    assert_true(log.epochs == 1);
    run_log_fini(&log);
    assert_int_equal(log.train.count, 0);
}

/* Killed at 170 with a checkpoint of 100: what came after that happened again. */
static void killed_and_resumed(void **state)
{
    struct run_log log =
        log_of(START UPDATE(50, 2.5) UPDATE(100, 1.5) VALID(100, 1.25) UPDATE(150, 9)
                   VALID(160, 9) "{\"event\":\"upda\n" RESUME UPDATE(150, 1) UPDATE(200, 0.5)
                       VALID(200, 0.75) STOP("early"));

    assert_true(log.complete);
    assert_int_equal(log.train.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(log.train.update[i] == 50 * ((double)i + 1));
    assert_true(log.train.loss[2] == 1);
    assert_int_equal(log.valid.count, 2);
    assert_true(log.valid.loss[1] == 0.75);
    run_log_fini(&log);
}

/* Killed before the first checkpoint: it starts again. */
static void started_twice(void **state)
{
    struct run_log log = log_of(START UPDATE(50, 9) START UPDATE(50, 2));

    assert_int_equal(log.train.count, 1);
    assert_true(log.train.loss[0] == 2);
    assert_false(log.complete);
    run_log_fini(&log);
}

static void not_complete(void **state)
{
    struct run_log log = log_of(START STOP("asked"));

    assert_false(log.complete);
    run_log_fini(&log);
    log = log_of(START STOP("done") RESUME);
    assert_false(log.complete);
    run_log_fini(&log);
}

static void loss_not_finite(void **state)
{
    struct run_log log = log_of(START UPDATE(50, -1));

    assert_int_equal(log.train.count, 1);
    assert_true(isnan(log.train.loss[0]));
    run_log_fini(&log);
}

static void odd_lines(void **state)
{
    struct run_log log = log_of("\n[1]\n17\n{\"event\":3}\n{}\nnull\n" START UPDATE(50, 1));

    assert_int_equal(log.train.count, 1);
    run_log_fini(&log);
}

static void many_points(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct run_log log;

    for (int i = 1; i <= 1000; i++)
        fprintf(out, "{\"event\":\"update\",\"update\":%d,\"loss\":%d.5}\n", i, i);
    assert_int_equal(fclose(out), 0);
    log = log_of(text);
    assert_int_equal(log.train.count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(log.train.update[i] == i + 1 && log.train.loss[i] == i + 1.5);
    run_log_fini(&log);
    free(text);
}

static void missing_and_unreadable(void **state)
{
    struct run_log log;

    assert_true(run_log_read("/tmp/clseq-there-is-no-such-log", &log));
    assert_false(log.started);
    assert_false(run_log_read("/tmp", &log));
    assert_int_equal(log.train.count, 0);
}

static void files(void **state)
{
    char folder[] = "/tmp/clseq-out-XXXXXX", path[80], deep[80];

    assert_non_null(mkdtemp(folder));
    snprintf(deep, sizeof(deep), "%s/a/b/", folder);
    assert_true(out_make_folder(deep));
    assert_true(out_make_folder(deep));
    snprintf(path, sizeof(path), "%s/a/b/text", folder);
    assert_false(out_file_holds(path, "x", 1));
    assert_true(out_file_write(path, "one two", 7));
    assert_true(out_file_holds(path, "one two", 7));
    assert_false(out_file_holds(path, "one twx", 7));
    assert_false(out_file_holds(path, "one two ", 8));
    assert_false(out_file_holds(path, "one tw", 6));
    assert_true(out_file_write(path, "", 0));
    assert_true(out_file_holds(path, "", 0));
    snprintf(deep, sizeof(deep), "%s/a/b/text/c", folder);
    assert_false(out_make_folder(deep));
    assert_int_equal(errno, ENOTDIR);
    assert_false(out_file_write(deep, "x", 1));
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/a/b", folder);
    assert_int_equal(rmdir(path), 0); /* nothing was left beside the file */
    snprintf(path, sizeof(path), "%s/a", folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_session),     cmocka_unit_test(killed_and_resumed),
        cmocka_unit_test(started_twice),   cmocka_unit_test(not_complete),
        cmocka_unit_test(loss_not_finite), cmocka_unit_test(odd_lines),
        cmocka_unit_test(many_points),     cmocka_unit_test(missing_and_unreadable),
        cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
