/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include "backend/fault_backend.h"
#include "reference/oracle.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef void check_family(struct check *t);

/* A new operation without a test does not link. */
static check_family *const families[CLSEQ_OP_COUNT] = {
#define X(name, slot, tolerance, constant) [CLSEQ_OP_##name] = check_##name,
    CLSEQ_OP_LIST(X)
#undef X
};

void check_all(struct check *t)
{
    if (t->mode == CHECK_MODE_BENCH) {
        check_bench_cases(t);
        return;
    }
    for (int op = 0; op < CLSEQ_OP_COUNT; op++) {
        if (t->only_op < 0 || t->only_op == op)
            families[op](t);
    }
}

struct settings {
    struct clseq_backend_options backend;
    bool list, bench, selftest, require_device, seed_given;
    char options[512]; /* of the backend, as typed */
};

static void print_help(void)
{
    puts(
        "usage: clseq-check [options]\n"
        "Run every operation of a backend against the oracle (the scalar path in double).\n\n"
        "  --backend NAME      opencl, reference, auto, mirror (default opencl), or fault:N: the\n"
        "                      reference path with one bit of the N-th result flipped\n"
        "  --device INDEX|NAME OpenCL device (default: the best usable one)\n"
        "  --kernels CLASS     cpu, gpu, auto (default auto)\n"
        "  --gemm PROVIDER     auto, cpu, gpu, clblast (default auto)\n"
        "  --precision NAME    fp32, tf32, bf16: of the factors of products (default fp32)\n"
        "  --matrix-unit NAME  auto, none, or a name, with -emulated for tests (default auto)\n"
        "  --tune N            choose products by measuring: 1 always, -1 never, 0 on GPUs "
        "(default)\n"
        "  --vector-width N    floats per vector, --kernels cpu: 4, 8, 16 (default: the device's)\n"
        "  --launch-lists N    short kernels as one launch: 1 always, -1 never, 0 with PoCL "
        "(default)\n"
        "  --cache FOLDER      of built kernels; \"\" for none (default: as clseq)\n"
        "  --no-probe          do not try the device in a child process first\n"
        "  --function PATTERN  an operation, or cases by name with * and ?\n"
        "  --part I/N          every N-th of these cases, from the I-th on: N runs make all\n"
        "  --seed N            of the inputs (default: from the clock; always printed)\n"
        "  --quick             fewer and smaller cases, for simulators\n"
        "  --list              names of the cases\n"
        "  --bench             time, GFLOP/s and GB/s at realistic sizes\n"
        "  --selftest          deliberately wrong kernels must be caught\n"
        "  --require-device    fail instead of exit code 77 when there is no device\n"
        "  --json              one object a line\n"
        "  --verbose           also cases that pass, and messages of the library\n\n"
        "Exit codes: 0 all passed, 1 some failed, 77 nothing was compared, 99 the tool is broken.");
}

static int choice_of(const char *option, const char *text, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    fprintf(stderr, "clseq-check: %s: \"%s\" is not one of", option, text);
    for (int i = 0; i < n; i++)
        fprintf(stderr, " %s", names[i]);
    fputc('\n', stderr);
    exit(CHECK_BROKEN);
}

static uint64_t number_of(const char *option, const char *text)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || value > INT64_MAX)
        check_broken("%s: \"%s\" is not a number from 0 to 2^63 - 1", option, text);
    return value;
}

/* "2/3": number 1 from 0, of 3. */
static void part_of(const char *text, uint64_t *part, uint64_t *parts)
{
    const char *slash = strchr(text, '/');
    char first[24] = "";

    if (slash && slash - text < (ptrdiff_t)sizeof(first))
        memcpy(first, text, (size_t)(slash - text));
    if (!slash || !first[0])
        check_broken("--part: \"%s\" is not like 2/3", text);
    *part = number_of("--part", first);
    *parts = number_of("--part", slash + 1);
    if (*part < 1 || *part > *parts)
        check_broken("--part: there is no part %s", text);
    --*part;
}

static void remember(struct settings *s, const char *option, const char *value)
{
    const size_t used = strlen(s->options);

    snprintf(s->options + used, sizeof(s->options) - used, " --%s '%s'", option, value);
}

static void parse(int argc, char **argv, struct check *t, struct settings *s)
{
    static const char *const kernels[] = { "auto", "cpu", "gpu" };
    static const char *const gemms[] = { "auto", "cpu", "gpu", "clblast" };
    static const char *const precisions[] = { "fp32", "tf32", "bf16" };
    static const char *const tunes[] = { "-1", "0", "1" };
    enum {
        BACKEND = 1,
        DEVICE,
        KERNELS,
        GEMM,
        PRECISION,
        MATRIX_UNIT,
        TUNE,
        VECTOR_WIDTH,
        LAUNCH_LISTS,
        CACHE,
        NO_PROBE,
        FUNCTION,
        PART,
        SEED,
        QUICK,
        LIST,
        BENCH,
        SELFTEST,
        REQUIRE_DEVICE,
        JSON,
        VERBOSE,
        HELP
    };
    static const struct option options[] = {
        { "backend", required_argument, NULL, BACKEND },
        { "device", required_argument, NULL, DEVICE },
        { "kernels", required_argument, NULL, KERNELS },
        { "gemm", required_argument, NULL, GEMM },
        { "precision", required_argument, NULL, PRECISION },
        { "matrix-unit", required_argument, NULL, MATRIX_UNIT },
        { "tune", required_argument, NULL, TUNE },
        { "vector-width", required_argument, NULL, VECTOR_WIDTH },
        { "launch-lists", required_argument, NULL, LAUNCH_LISTS },
        { "cache", required_argument, NULL, CACHE },
        { "no-probe", no_argument, NULL, NO_PROBE },
        { "function", required_argument, NULL, FUNCTION },
        { "part", required_argument, NULL, PART },
        { "seed", required_argument, NULL, SEED },
        { "quick", no_argument, NULL, QUICK },
        { "list", no_argument, NULL, LIST },
        { "bench", no_argument, NULL, BENCH },
        { "selftest", no_argument, NULL, SELFTEST },
        { "require-device", no_argument, NULL, REQUIRE_DEVICE },
        { "json", no_argument, NULL, JSON },
        { "verbose", no_argument, NULL, VERBOSE },
        { "help", no_argument, NULL, HELP },
        { NULL, 0, NULL, 0 },
    };
    int option, which = 0;

    while ((option = getopt_long(argc, argv, "", options, &which)) != -1) {
        if (option <= CACHE && option >= BACKEND)
            remember(s, options[which].name, optarg);
        switch (option) {
        case BACKEND:
            s->backend.name = optarg;
            break;
        case DEVICE:
            s->backend.device = optarg;
            break;
        case KERNELS:
            s->backend.kernels = (clseq_kernel_class)choice_of("--kernels", optarg, kernels, 3);
            break;
        case GEMM:
            s->backend.gemm = (clseq_gemm_provider)choice_of("--gemm", optarg, gemms, 4);
            break;
        case PRECISION:
            s->backend.precision = (clseq_precision)choice_of("--precision", optarg, precisions, 3);
            break;
        case MATRIX_UNIT:
            s->backend.matrix_unit = optarg;
            break;
        case TUNE:
            s->backend.tune = choice_of("--tune", optarg, tunes, 3) - 1;
            break;
        case VECTOR_WIDTH:
            s->backend.vector_width = (int)number_of("--vector-width", optarg);
            break;
        case LAUNCH_LISTS:
            s->backend.launch_lists = choice_of("--launch-lists", optarg, tunes, 3) - 1;
            break;
        case CACHE:
            s->backend.cache_folder = optarg;
            break;
        case NO_PROBE:
            s->backend.probe = false;
            break;
        case FUNCTION:
            t->pattern = optarg;
            break;
        case PART:
            part_of(optarg, &t->part, &t->parts);
            break;
        case SEED:
            t->seed = number_of("--seed", optarg);
            s->seed_given = true;
            break;
        case QUICK:
            t->quick = true;
            strncat(s->options, " --quick", sizeof(s->options) - strlen(s->options) - 1);
            break;
        case LIST:
            s->list = true;
            break;
        case BENCH:
            s->bench = true;
            break;
        case SELFTEST:
            s->selftest = true;
            break;
        case REQUIRE_DEVICE:
            s->require_device = true;
            break;
        case JSON:
            t->json = true;
            break;
        case VERBOSE:
            t->verbose = true;
            break;
        case HELP:
            print_help();
            exit(CHECK_PASSED);
        default:
            fprintf(stderr, "clseq-check: --help lists the options\n");
            exit(CHECK_BROKEN);
        }
    }
    if (optind < argc)
        check_broken("unexpected argument \"%s\"; --help lists the options", argv[optind]);
}

static void print_log(void *user, clseq_log_level level, const char *message)
{
    fprintf(stderr, "clseq-check: %s\n", message);
}

/* A driver that crashes must not take the name of the case with it. */
static const char *volatile running_case;

void check_note_running(const char *name)
{
    running_case = name;
}

static void on_crash(int number)
{
    const char *const name = running_case;
    const char text[] = "\nFAIL  crashed in ", other[] = "\nFAIL  crashed outside a case";
    const char end[] = "; the rest was not run\n0 passed, 1 failed\n";
    ssize_t ignored;

    if (name) {
        ignored = write(STDOUT_FILENO, text, sizeof(text) - 1);
        ignored += write(STDOUT_FILENO, name, strlen(name));
    } else {
        ignored = write(STDOUT_FILENO, other, sizeof(other) - 1);
    }
    ignored += write(STDOUT_FILENO, end, sizeof(end) - 1);
    _exit(ignored >= 0 ? CHECK_FAILED : CHECK_BROKEN);
}

static void catch_crashes(void)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGABRT };
    struct sigaction action = { .sa_handler = on_crash };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &action, NULL);
}

/* Every operation has a case, whatever was selected. */
static void require_cases(const struct check *t)
{
    struct check count = {
        .ctx = t->ctx, .mode = CHECK_MODE_COUNT, .only_op = -1, .quick = t->quick
    };

    check_all(&count);
    for (int op = 0; op < CLSEQ_OP_COUNT; op++) {
        if (count.ops[op].cases == 0)
            check_broken("%s has no case", clseq_op_name((enum clseq_op)op));
    }
    check_forget_names(&count);
}

static int nothing_compared(const struct settings *s, const char *why)
{
    fprintf(stderr, "clseq-check: nothing was compared: %s\n", why);
    printf("0 passed, %d failed\n", s->require_device ? 1 : 0);
    return s->require_device ? CHECK_FAILED : CHECK_NOTHING;
}

/* "fault:N" is a backend that is right but for one bit, to see that this tool says so. */
static clseq_status open_tested(struct check *t, const struct settings *s)
{
    const char prefix[] = "fault:";
    const struct clseq_fault_options options = {
        .call = CLSEQ_FAULT_OP,
        .effect = CLSEQ_FAULT_FLIP_BIT,
        .bit = 30,
        .nth = strncmp(s->backend.name, prefix, strlen(prefix)) == 0
                   ? number_of("--backend fault", s->backend.name + strlen(prefix))
                   : 0,
    };

    if (options.nth > 0)
        return clseq_fault_open(t->ctx, &options, &t->tested);
    return clseq_backend_open(t->ctx, &s->backend, &t->tested);
}

/* Did the provider of products that was asked for open? Another one may have taken its place. */
static bool has_wanted_gemm(const struct check *t, const struct settings *s)
{
    static const char *const names[] = {
        [CLSEQ_GEMM_CPU] = "cpu", [CLSEQ_GEMM_GPU] = "gpu", [CLSEQ_GEMM_CLBLAST] = "clblast"
    };
    const struct clseq_backend_info *info = clseq_backend_info(t->tested);

    return s->backend.gemm == CLSEQ_GEMM_AUTO || strcmp(info->name, "opencl") != 0 ||
           strcmp(info->gemm, names[s->backend.gemm]) == 0;
}

/* Test or measure one backend. */
static int check_backend(struct check *t, struct settings *s)
{
    const clseq_status status = open_tested(t, s);

    if (status == CLSEQ_ERR_NO_DEVICE || status == CLSEQ_ERR_UNSUPPORTED)
        return nothing_compared(s, clseq_context_error(t->ctx));
    if (status != CLSEQ_OK) {
        fprintf(stderr, "clseq-check: the backend does not open: %s\n",
                clseq_context_error(t->ctx));
        puts("0 passed, 1 failed");
        return CHECK_FAILED;
    }
    if (s->require_device && strcmp(clseq_backend_info(t->tested)->name, "reference") == 0 &&
        strcmp(s->backend.name, "reference") != 0)
        return nothing_compared(s, "there is no device, only the reference path");
    check_report_header(t);
    if (!has_wanted_gemm(t, s)) {
        fprintf(stderr, "clseq-check: the products that were asked for do not work here\n");
        puts("0 passed, 1 failed");
        return CHECK_FAILED;
    }
    if (s->bench) {
        struct clseq_backend_options options = s->backend;

        options.name = "reference";
        options.device = NULL;
        if (strcmp(clseq_backend_info(t->tested)->name, "reference") != 0 &&
            clseq_backend_open(t->ctx, &options, &t->reference) != CLSEQ_OK)
            check_broken("the reference path does not open: %s", clseq_context_error(t->ctx));
        check_bench_header(t);
    }
    check_all(t);
    if (!s->bench)
        check_report_ops(t);
    if (t->passed + t->failed == 0)
        return nothing_compared(s, "no case has this name; --list shows the names");
    check_report_end(t);
    return t->failed ? CHECK_FAILED : CHECK_PASSED;
}

int main(int argc, char **argv)
{
    struct check t = { .only_op = -1, .mode = CHECK_MODE_TEST };
    struct settings s = { .list = false };
    int code;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* so that a log shows how far a slow run came */
    clseq_backend_options_init(&s.backend);
    s.backend.probe_timeout = 1800; /* a busy test machine compiles CLBlast for minutes */
    s.backend.name = "opencl";
    parse(argc, argv, &t, &s);
    t.options = s.options;
    if (!s.seed_given)
        t.seed = ((uint64_t)time(NULL) * 1000003u ^ (uint64_t)getpid()) & INT64_MAX;
    if (clseq_context_create(&t.ctx) != CLSEQ_OK)
        check_broken("no memory");
    clseq_context_set_log(t.ctx, print_log, NULL, t.verbose ? CLSEQ_LOG_INFO : CLSEQ_LOG_WARNING);
    require_cases(&t);
    if (s.list || s.bench)
        t.mode = s.list ? CHECK_MODE_LIST : CHECK_MODE_BENCH;
    if (s.list) {
        check_all(&t);
        code = CHECK_PASSED;
    } else {
        catch_crashes();
        if (clseq_backend_open_impl(t.ctx, &clseq_oracle_backend, &s.backend, &t.oracle) !=
            CLSEQ_OK)
            check_broken("the oracle does not open: %s", clseq_context_error(t.ctx));
        code = s.selftest ? check_selftest(&t) : check_backend(&t, &s);
    }
    check_forget_names(&t);
    clseq_backend_close(&t.reference);
    clseq_backend_close(&t.tested);
    clseq_backend_close(&t.oracle);
    clseq_context_destroy(&t.ctx);
    return code;
}
