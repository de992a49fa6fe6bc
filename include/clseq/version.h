/* SPDX-License-Identifier: BSD-2-Clause */
/* The version of clseq. meson reads it from here. */
#ifndef CLSEQ_VERSION_H
#define CLSEQ_VERSION_H

#define CLSEQ_VERSION_MAJOR  0
#define CLSEQ_VERSION_MINOR  1
#define CLSEQ_VERSION_PATCH  0
#define CLSEQ_VERSION_STRING "0.1.0"

#endif
