/* SPDX-License-Identifier: BSD-2-Clause */
/* The models a command names. */
#ifndef CLSEQ_MODELS_H
#define CLSEQ_MODELS_H

#include <clseq/translate.h>

/* An ensemble of `first` and, where it is not NULL, the paths of `with`, which commas separate.
 * Errors as of clseq_translator_open_ensemble(). */
clseq_status models_open(clseq_context *ctx, clseq_backend *be, const char *first, const char *with,
                         const char *config, clseq_translator **ret);

#endif
