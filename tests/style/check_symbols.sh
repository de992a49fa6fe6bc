#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every global symbol of the static library starts with clseq_, and the shared library exports
# nothing but the public API. Arguments: libclseq.a libclseq.so include/clseq
bad=$(nm -A -g --defined-only "$1" | awk '$NF !~ /^clseq_/ && NF > 2 { print }' | grep -vE '__asan|__odr_asan|__ubsan')
[ -n "$bad" ] && { echo "global symbols without the prefix clseq_:"; echo "$bad"; exit 1; }
exported=$(nm -D --defined-only "$2" | awk '$2 ~ /[TDBRVW]/ { print $3 }' | sort)
[ -n "$exported" ] || { echo "$2 exports nothing"; exit 1; }
for symbol in $exported; do
    grep -qw "$symbol" "$3"/*.h || { echo "$2 exports $symbol, which no public header declares"; exit 1; }
done
