/* SPDX-License-Identifier: BSD-2-Clause */
/* Backends that are wrong on purpose: the reference path with one operation replaced. */
#ifndef CLSEQ_CHECK_WRONG_H
#define CLSEQ_CHECK_WRONG_H

#include "check.h"

struct check_wrong {
    const char *name;
    enum clseq_op op;          /* that must be reported */
    enum check_fault expected; /* how; NONE: in any way */
    struct clseq_backend_impl impl;
};

/* All of them; the first `*ret_count` elements. */
const struct check_wrong *check_wrong_list(int *ret_count);

/* The reference path in the same wrapping, with nothing replaced: it must pass. */
extern const struct clseq_backend_impl check_right_backend;

#endif
