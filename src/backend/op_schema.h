/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the argument structs contain, as data: which members are tensors, which
 * are read or written, what may alias. The front end, the mirror, the fault
 * backend, the profile and clseq-check work from this table and know no op by name.
 */
#ifndef CLSEQ_OP_SCHEMA_H
#define CLSEQ_OP_SCHEMA_H

#include "backend/op_args.h"
#include "backend/op_list.h"

enum {
    CLSEQ_FIELD_READ = 1,
    CLSEQ_FIELD_WRITE = 2,
    CLSEQ_FIELD_OPTIONAL = 4, /* may be absent */
    CLSEQ_FIELD_INDEX = 8,    /* i32; otherwise the backend's real type */
    CLSEQ_FIELD_ANY = 16,     /* any dtype (copy, fill) */
    CLSEQ_FIELD_BETA = 32,    /* read only when the struct's beta is not 0 */
    CLSEQ_FIELD_SCRATCH = 64, /* memory to work in: what is written means nothing afterwards */
};

#define CLSEQ_OP_MAX_FIELDS 12

struct clseq_op_field {
    const char *name;
    size_t offset;     /* of the clseq_tensor in the argument struct */
    unsigned flags;    /* CLSEQ_FIELD_* */
    const char *alias; /* for outputs: name of the input that may be the same view; or NULL */
};

enum clseq_tolerance { CLSEQ_TOLERANCE_EXACT, CLSEQ_TOLERANCE_SUM, CLSEQ_TOLERANCE_MAGNITUDE };

struct clseq_op_schema {
    const char *name;
    size_t args_size;
    bool required;
    enum clseq_tolerance tolerance;
    int constant;
    int n_fields;
    struct clseq_op_field fields[CLSEQ_OP_MAX_FIELDS];
};

/* The largest argument struct, for copies of unknown kind. */
union clseq_op_any_args {
#define X(name, slot, tolerance, constant) struct clseq_##name##_args name;
    CLSEQ_OP_LIST(X)
#undef X
};

const struct clseq_op_schema *clseq_op_schema(enum clseq_op op);

/* "lstm_cell_fwd" */
const char *clseq_op_name(enum clseq_op op);

/* The tensor of a field. */
static inline clseq_tensor *clseq_op_tensor(void *args, const struct clseq_op_field *field)
{
    return (clseq_tensor *)(void *)((char *)args + field->offset);
}

static inline const clseq_tensor *clseq_op_tensor_const(const void *args,
                                                        const struct clseq_op_field *field)
{
    return (const clseq_tensor *)(const void *)((const char *)args + field->offset);
}

/* Is it an update of weights (sgd_update and its kin): fields g, stats, index, w and moments? */
bool clseq_op_is_update(enum clseq_op op);

/* The tensor of an update's field by name; NULL when it has none of that name. */
const clseq_tensor *clseq_op_update_part(enum clseq_op op, const void *args, const char *name);

/* Length of the longest sum behind one output element, for error bounds: K of a product, the number
 * of rows of col_sums and col_dots, 1 for pointwise ops. */
double clseq_op_terms(enum clseq_op op, const void *args);

/* Floating-point operations (a multiply-add is 2) and bytes touched, for profiles; what counts is
 * said at struct clseq_profile_row. */
double clseq_op_flops(enum clseq_op op, const void *args);
double clseq_op_bytes(enum clseq_op op, const void *args);

#endif
