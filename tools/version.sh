#!/bin/sh
# Prints the version that include/clseq/version.h states, for meson.
sed -n 's/^#define CLSEQ_VERSION_STRING "\(.*\)"/\1/p' "$(dirname "$0")/../include/clseq/version.h"
