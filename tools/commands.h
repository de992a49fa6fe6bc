/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of clseq, one per cmd_<name>.c. */
#ifndef CLSEQ_COMMANDS_H
#define CLSEQ_COMMANDS_H

#include "cli.h"

extern const cli_command cmd_train, cmd_translate, cmd_score, cmd_eval, cmd_demo, cmd_devices,
    cmd_bench, cmd_info, cmd_average, cmd_neighbors, cmd_embed, cmd_vocab, cmd_plan, cmd_curves,
    cmd_rescore, cmd_reproduce, cmd_convert;

#endif
