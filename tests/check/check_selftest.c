/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does the checker see what it must see? Backends that are wrong on purpose must
 * be caught, each in the expected way, and the right one must pass.
 */
#include "check_wrong.h"

/* Run the cases of `op` (-1: all) on `impl`. */
static void run_backend(const struct check *t, const struct clseq_backend_impl *impl, int op,
                        struct check *ret)
{
    struct clseq_backend_options options;

    clseq_backend_options_init(&options);
    *ret = (struct check) {
        .ctx = t->ctx,
        .oracle = t->oracle,
        .mode = CHECK_MODE_TEST,
        .only_op = op,
        .seed = t->seed,
        .options = "",
        .silent = true,
        .quick = op < 0,
    };
    if (clseq_backend_open_impl(t->ctx, impl, &options, &ret->tested) != CLSEQ_OK)
        check_broken("a backend of the self-test does not open: %s", clseq_context_error(t->ctx));
    check_all(ret);
    clseq_backend_close(&ret->tested);
    check_forget_names(ret);
}

static void report(struct check *t, bool ok, const char *name, const char *text)
{
    if (ok)
        t->passed++;
    else
        t->failed++;
    printf("%s %-20s %s\n", ok ? "ok   " : "FAIL ", name, text);
}

int check_selftest(struct check *t)
{
    struct check result;
    int n;
    const struct check_wrong *list = check_wrong_list(&n);

    printf("self-test, seed %llu\n", (unsigned long long)t->seed);
    run_backend(t, &check_right_backend, -1, &result);
    report(t, result.failed == 0 && result.passed > 0, "nothing_wrong",
           result.failed ? result.first_text : "a right backend passes");
    for (int i = 0; i < n; i++) {
        char text[512];
        bool ok;

        run_backend(t, &list[i].impl, (int)list[i].op, &result);
        ok = result.failed > 0 && (list[i].expected == CHECK_FAULT_NONE ||
                                   (result.faults_seen & 1u << list[i].expected));
        if (result.failed)
            snprintf(text, sizeof(text), "%s in %d of %d cases: %.400s",
                     ok ? "caught" : "seen as another fault", result.failed,
                     result.failed + result.passed, result.first_text);
        else
            snprintf(text, sizeof(text), "not caught in %d cases", result.passed);
        report(t, ok, list[i].name, text);
    }
    printf("%d passed, %d failed\n", t->passed, t->failed);
    return t->failed ? CHECK_FAILED : CHECK_PASSED;
}
