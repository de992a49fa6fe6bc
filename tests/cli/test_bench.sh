#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clseq bench: what it prints, as text and as JSON. Arguments: CLSEQ BACKEND PROVIDER...: those of the backend.
. "$(dirname "$0")/lib.sh"
backend=$1
shift
export XDG_CACHE_HOME="${CLSEQ_TEST_CACHE:-$work}"
small="--backend $backend --emb 24 --hidden 24 --target-vocab 90 --batch 3 --length 4 --steps 2"

# Every line a JSON object with these keys; prints the values of the first, a line each.
json() { python3 -c 'import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(" ".join(str(row[key]) for key in sys.argv[1:]))' "$@"; }
lines() { [ "$(wc -l <"$1")" -eq "$2" ] && ok || bad "$1 has $(wc -l <"$1") lines, expected $2"; }

expect 2 'use train, decode or gemm' "$clseq" bench trian
expect 2 'limit' "$clseq" bench gemm --limit 0
expect 2 'profile' "$clseq" bench gemm --profile $small
expect 2 'tune' "$clseq" bench gemm --tune perhaps
for what in train decode; do
    "$clseq" bench $what $small --json 2>err.txt | json what target_tokens_per_s >$what.txt && ok || bad "$what: not JSON"
done
lines train.txt 1
lines decode.txt 2

# The profile counts what was timed, not the drawing of weights, and one per search.
expect 0 'target tokens/s' "$clseq" bench train $small --profile
grep -q '^gemm ' err.txt && ok || bad "no gemm in the profile"
grep -q '^uniform ' err.txt && bad "the profile counts the weights being drawn" || ok
[ "$(awk '$1 == "sum" { print $2 }' err.txt)" -eq 2 ] && ok || bad "two steps, but not two calls of sum"
expect 0 'beam 5 batch 3' "$clseq" bench decode $small --profile
[ "$(grep -c '^operation ' err.txt)" -eq 2 ] && ok || bad "not a profile for each search"

# Products: a column for each provider, a row for each product, and only one that is chosen.
"$clseq" bench gemm $small --limit 5 >table.txt 2>err.txt && ok || bad "gemm: $(cat err.txt)"
header=$(grep '^GFLOP/s' table.txt)
for provider in "$@"; do
    echo "$header" | grep -qw -e "$provider" && ok || bad "no $provider in: $header"
done
[ "$(grep -c ' [tn][tn] ' table.txt)" -eq 9 ] && ok || bad "not nine products"
[ "$(grep -c '[0-9e%]\*' table.txt)" -eq 9 ] && ok || bad "not one choice for each product"
"$clseq" bench gemm $small --gemm "${GEMM:-auto}" --limit 3600 --json 2>err.txt | json product provider gflops chosen repeats >one.txt &&
    ok || bad "gemm: not JSON: $(cat err.txt)"
lines one.txt 9
[ "$(grep -c 'True 2$' one.txt)" -eq 9 ] && ok || bad "not nine products, each twice: $(cat one.txt)"
"$clseq" bench gemm $small --gemm "${GEMM:-auto}" --limit 1e-9 --json 2>err.txt | json product skipped expected_ms >none.txt &&
    ok || bad "gemm --limit: not JSON: $(cat err.txt)"
lines none.txt 9
"$clseq" bench gemm $small --gemm "${GEMM:-auto}" --limit 1e-9 2>err.txt | grep -q 'not timed.*output weights' && ok || bad "what was skipped is not said"

# The table of what is fastest: written when measuring is allowed, and then read. Greedy search, as
# that needs the fewest kernels of another class.
if [ "$backend" = opencl ]; then
    tables=$XDG_CACHE_HOME/clseq/clseq-opencl
    rm -f "$tables"/gemm-*.txt
    search() { expect 0 'greedy batch 3' "$clseq" bench decode $small --emb 96 --hidden 96 --beam 1 --kernels gpu --tune "$1"; }
    search never
    grep -q 'measuring matrix products' err.txt && bad "--tune never measures" || ok
    ls "$tables"/gemm-*.txt 2>/dev/null && bad "--tune never writes a table" || ok
    search always
    grep -q 'measuring matrix products' err.txt && ok || bad "--tune always does not measure"
    grep -q '^[0-9]' "$tables"/gemm-*.txt && ok || bad "--tune always writes no table"
    search always
    grep -q 'measuring matrix products' err.txt && bad "what was measured is measured again" || ok
fi
finish
