/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks shared by all public headers. */
#ifndef CLSEQ_API_H
#define CLSEQ_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define CLSEQ_BEGIN_DECLS extern "C" {
#define CLSEQ_END_DECLS   }
#else
#define CLSEQ_BEGIN_DECLS
#define CLSEQ_END_DECLS
#endif

#if defined(__GNUC__) || defined(__clang__)
#define CLSEQ_API               __attribute__((visibility("default")))
#define CLSEQ_MUST_CHECK        __attribute__((warn_unused_result))
#define CLSEQ_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define CLSEQ_API
#define CLSEQ_MUST_CHECK
#define CLSEQ_PRINTF(fmt, args)
#endif

#endif
