/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clseq-check: every operation of a backend against the oracle.
 *
 * A family file (check_gemm.c, ...) describes cases: shapes, values, scalars. The
 * rest is the same for all of them, and works from op_schema.h: lay the operands
 * out with guard zones, poison what will be written, run both backends, compare
 * (check_run.c), or measure (check_bench.c).
 *
 *     struct check_case *c = check_begin(t, CLSEQ_OP_bias_add, "m%d_n%d", m, n);
 *     if (!c)
 *         return;                           // not selected
 *     check_real(c, "x", 2, m, n, 1);       // normal values; edit them through check_values()
 *     check_real(c, "b0", 1, n, 1, 1);
 *     check_out(c, "y", 2, m, n, 1);
 *     check_run(c);
 */
#ifndef CLSEQ_CHECK_H
#define CLSEQ_CHECK_H

#include "backend/backend_impl.h"
#include "backend/ops.h"
#include "backend/tolerance.h"

#include <stdio.h>

enum check_exit { CHECK_PASSED = 0, CHECK_FAILED = 1, CHECK_NOTHING = 77, CHECK_BROKEN = 99 };

enum check_mode {
    CHECK_MODE_COUNT, /* only count the cases */
    CHECK_MODE_LIST,  /* print their names */
    CHECK_MODE_TEST,
    CHECK_MODE_BENCH,
};

/* What a comparison found wrong; the self-test expects a certain kind. */
enum check_fault {
    CHECK_FAULT_NONE,
    CHECK_FAULT_STATUS,   /* the call returned an error */
    CHECK_FAULT_GUARD,    /* wrote outside its output */
    CHECK_FAULT_INPUT,    /* changed an input */
    CHECK_FAULT_POISON,   /* left an output element unwritten */
    CHECK_FAULT_NAN,      /* NaN where the oracle has a number, or the reverse */
    CHECK_FAULT_VALUE,    /* outside the tolerance */
    CHECK_FAULT_REPEAT,   /* other bits at the second call */
    CHECK_FAULT_COMPOSED, /* the fused form and the composed form differ */
};

struct check_op_result {
    int cases, failed;
    double worst; /* largest difference as a part of its bound */
};

struct check {
    clseq_context *ctx;
    clseq_backend *oracle, *tested;
    clseq_backend *reference; /* for the ratio of --bench; otherwise NULL */
    enum check_mode mode;
    const char *pattern;  /* of --function, or NULL */
    uint64_t part, parts; /* of --part: every parts-th case, from number `part` on; parts 0 = all */
    uint64_t selected;    /* cases so far that the pattern selects */
    int only_op;          /* the self-test runs one operation; -1 = all */
    uint64_t seed;
    const char *options; /* text of the options that open this backend, to repeat a case */
    bool verbose, json, quick;
    bool silent; /* the self-test reports for itself */

    int passed, failed;
    unsigned faults_seen; /* bits of enum check_fault */
    char first_text[512];
    struct check_op_result ops[CLSEQ_OP_COUNT];

    uint64_t *names; /* hashes of the cases so far, so that none counts twice; owned */
    size_t n_names, names_capacity;
};

/* One operand of a case. */
struct check_operand {
    const struct clseq_op_field *field;
    bool present, is_index;
    bool given;         /* has values; otherwise it is only written */
    int32_t left, wide; /* columns from `left` on of rows of this length; wide 0: no such part */
    bool swapped;       /* rank 3, the first two dimensions the other way round in memory */
    int same_as;        /* operand whose view it shares; -1 = its own */
    clseq_tensor view;  /* shape, strides and offset; buffer NULL */
    size_t count;       /* elements */
    double *real;       /* values in row-major order, one of the two */
    int32_t *index;
    size_t base, total; /* its segment of the image, in elements */
};

enum check_layout {
    CHECK_DENSE,   /* contiguous, at the start of its buffer; also for --bench */
    CHECK_STRIDED, /* rows apart, at an offset */
    CHECK_SHARED,  /* the same, all operands in one buffer */
};

struct check_case {
    struct check *t;
    enum clseq_op op;
    const struct clseq_op_schema *schema;
    char name[96];
    uint64_t random_key, random_count;
    union clseq_op_any_args args; /* scalars; check_run fills in the tensors */
    struct check_operand operands[CLSEQ_OP_MAX_FIELDS];
    enum check_layout layout;
    clseq_buffer placeholder; /* of the tensors in args, where only shapes count */
};

/* ---- check_case.c: building a case ---- */

/* Start a case named "<op>_<text>", with its own random sequence made of the seed and the name.
 * NULL when the case is not wanted: not selected, or the mode only counts or lists. */
struct check_case *check_begin(struct check *t, enum clseq_op op, const char *format, ...)
    CLSEQ_PRINTF(3, 4);

/* An operand that is read (and perhaps written): normal values, or indices 0. Dimensions behind the
 * rank are ignored. */
void check_real(struct check_case *c, const char *name, int ndim, int32_t d0, int32_t d1,
                int32_t d2);
void check_index(struct check_case *c, const char *name, int32_t n);

/* An operand that is only written, of the field's own type. */
void check_out(struct check_case *c, const char *name, int ndim, int32_t d0, int32_t d1,
               int32_t d2);

/* The same for copy and fill, whose type is free. */
void check_index_nd(struct check_case *c, const char *name, int ndim, int32_t d0, int32_t d1,
                    int32_t d2);
void check_out_index(struct check_case *c, const char *name, int ndim, int32_t d0, int32_t d1,
                     int32_t d2);

/* Make output `name` the same view as the input its contract allows. */
void check_alias(struct check_case *c, const char *name);

/* Lay an operand of rank 2 out as columns [left, left + its columns) of a matrix with rows of
 * `wide` elements: a part of states that stand side by side. */
void check_columns(struct check_case *c, const char *name, int32_t left, int32_t wide);

/* Lay an operand (D0, D1, D2) out as clseq_tensor_swap() of a tensor (D1, D0, D2). */
void check_swapped(struct check_case *c, const char *name);

struct check_operand *check_find(struct check_case *c, const char *name);
double *check_values(struct check_case *c, const char *name);
int32_t *check_indices(struct check_case *c, const char *name);
void check_end(struct check_case *c); /* called by check_run */
void check_forget_names(struct check *t);

/* Memory or exit code 99: the tool cannot go on without. */
void *check_alloc(size_t count, size_t size);

/* Say what is wrong with the tool itself and exit with code 99. */
_Noreturn void check_broken(const char *format, ...) CLSEQ_PRINTF(1, 2);

/* ---- check_values.c: what to fill operands with ---- */

uint64_t check_random(struct check_case *c);
int32_t check_below(struct check_case *c, int32_t n); /* [0, n), n > 0 */
double check_draw(struct check_case *c, double low, double high);
double check_draw_normal(struct check_case *c);

void check_fill_uniform(struct check_case *c, const char *name, double low, double high);

/* Put one of `values` at a random part of the places (all when part is 1). */
void check_sprinkle(struct check_case *c, const char *name, double part, const double *values,
                    int n);

/* Gate inputs where sigmoid, tanh and exp saturate or vanish: 0, -0, tiny, 20, 88 and their
 * negatives. */
void check_edges(struct check_case *c, const char *name, double part);

/* Distinct indices of [0, n); `part` of them replaced by values outside: n, -1, -7, a huge one. */
void check_distinct(struct check_case *c, const char *name, int32_t n, double part);

/* Valid steps per row for step t of T: 0, 1, t, t + 1, T and others. */
void check_lengths(struct check_case *c, const char *name, int32_t t, int32_t T);

/* DESIGN sizes, cut to a few by --quick; check_size(t, i) for any i >= 0 wraps around. */
int check_size_count(const struct check *t);
int32_t check_size(const struct check *t, int i);

/* ---- check_image.c: operands in memory ---- */

/* Choose strides and offsets; returns the elements of the whole image. */
size_t check_lay_out(struct check_case *c);

/* The image of all operands as 32-bit words: values, guards, and poison in what is only written. */
void check_pack(const struct check_case *c, uint32_t *image);

/* Position in the image of element i (row-major) of an operand. */
size_t check_position(const struct check_operand *x, size_t i);

/* Whether an output element still holds its poison. */
bool check_is_poison(const struct check_operand *x, uint32_t word);

/* Look for changed guards and changed inputs. Returns the fault, with a text. */
enum check_fault check_untouched(const struct check_case *c, const uint32_t *before,
                                 const uint32_t *after, char *text, size_t size);

/* Which operands are written or read by this case. */
bool check_is_written(const struct check_case *c, const struct check_operand *x);
bool check_is_read(const struct check_case *c, const struct check_operand *x);

/* ---- check_oracle.c: what is right ---- */

/* Results of the oracle, with what the rules of backend/tolerance.h need. */
struct check_expected {
    struct clseq_op_values value;  /* of the written operands */
    struct clseq_op_values before; /* of the read operands */
    struct clseq_op_values sums;   /* of absolute terms; SUM rule only */
};

/* Errors: those of the front end, which are faults of the case. */
CLSEQ_MUST_CHECK clseq_status check_expect(const struct check_case *c, struct check_expected *ret);
void check_expected_fini(struct check_expected *expected);

/* ---- check_run.c, check_bench.c, check_report.c ---- */

/* Test or measure the case, by mode, report it, and release it. */
void check_run(struct check_case *c);

/* Device memory of one backend for a case, and its arguments. */
struct check_run_state {
    clseq_backend *be;
    clseq_buffer *buffers[CLSEQ_OP_MAX_FIELDS];
    union clseq_op_any_args args;
};

CLSEQ_MUST_CHECK clseq_status check_upload(const struct check_case *c, clseq_backend *be,
                                           const uint32_t *image, size_t elements,
                                           struct check_run_state *ret);
void check_run_state_fini(struct check_run_state *state);

void check_measure(struct check_case *c, size_t elements);
void check_bench_cases(struct check *t);
void check_bench_header(const struct check *t);

void check_report_header(const struct check *t);
void check_report_pass(struct check_case *c, double worst);
void check_report_fail(struct check_case *c, enum check_fault fault, const char *text);
void check_report_ops(const struct check *t);
void check_report_end(const struct check *t);

/* ---- the families: one function per operation ---- */

#define X(name, slot, tolerance, constant) void check_##name(struct check *t);
CLSEQ_OP_LIST(X)
#undef X

/* Run every selected operation. */
void check_all(struct check *t);

/* Remember the case for the message of a crash. */
void check_note_running(const char *name);

/* ---- check_selftest.c ---- */

int check_selftest(struct check *t);

#endif
