/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLSEQ_MODEL_CONFIG_H
#define CLSEQ_MODEL_CONFIG_H

#include "base/base.h"

#include <clseq/model.h>

/* Refuse fields out of range. `status` is CLSEQ_ERR_ARG for options, CLSEQ_ERR_FORMAT for files. */
CLSEQ_MUST_CHECK clseq_status clseq_model_config_check(clseq_context *ctx,
                                                       const struct clseq_model_config *config,
                                                       clseq_status status);

#endif
