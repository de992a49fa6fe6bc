/* SPDX-License-Identifier: BSD-2-Clause */
/* The command clseq: a table of commands, each in cmd_<name>.c. */
#include "commands.h"

#include <clseq/version.h>

int main(int argc, char **argv)
{
    const cli_command commands[] = { cmd_train,    cmd_translate, cmd_score,   cmd_rescore,
                                     cmd_eval,     cmd_demo,      cmd_devices, cmd_bench,
                                     cmd_info,     cmd_average,   cmd_convert, cmd_neighbors,
                                     cmd_embed,    cmd_vocab,     cmd_plan,    cmd_curves,
                                     cmd_reproduce };
    const cli_program program = {
        .name = "clseq",
        .version = CLSEQ_VERSION_STRING,
        .summary = "train and run sequence-to-sequence models on any OpenCL device",
        .commands = commands,
        .command_count = sizeof(commands) / sizeof(commands[0]),
        .details = "Exit codes: 0 done, 1 other, 2 usage, 3 input data, 4 model or checkpoint "
                   "rejected, 5 I/O,\n"
                   "6 device, 7 out of memory, 8 training diverged, 75 stopped with state saved.\n",
    };

    return cli_main(&program, argc, argv);
}
