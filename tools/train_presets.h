/* SPDX-License-Identifier: BSD-2-Clause */
/* The presets of `clseq train`. */
#ifndef CLSEQ_TRAIN_PRESETS_H
#define CLSEQ_TRAIN_PRESETS_H

#include "cli.h"

/* The words of the option, in the order of the table. */
#define TRAIN_PRESETS "small|plain|tiny|base|sutskever2014|luong2015|bahdanau2015"

enum { TRAIN_PRESET_COUNT = 7 };
extern const cli_preset train_presets[TRAIN_PRESET_COUNT];

#endif
