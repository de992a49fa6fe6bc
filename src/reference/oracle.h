/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference path with real = double: what every other path is measured against. Built for the
 * tests only (reference_tmpl.h says how). Its buffers hold f64; be->real is CLSEQ_F64. */
#ifndef CLSEQ_ORACLE_H
#define CLSEQ_ORACLE_H

#include "backend/backend_impl.h"

extern const struct clseq_backend_impl clseq_oracle_backend;

#endif
