#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A training that is stopped or killed at random moments and started again ends with the same bits as
# one that was not. Arguments: CLSEQ BACKEND MOMENTS
. "$(dirname "$0")/lib.sh"
backend=$1 moments=$2
make_text 600
# Replaces the shell that calls it, so that in the background $! is the program itself.
start() {
    exec "$clseq" train src.txt tgt.txt --valid src.txt tgt.txt --backend "$backend" --emb 16 --hidden 16 --layers 2 \
        --min-count 1 --batch 32 --after 300u --valid-every 25u --save-every 7u --early-stop 0 --log-every 5 -o "$1" 2>err.txt
}

(start whole) || { sed 's/^/    /' err.txt; bad "uninterrupted run"; finish; }
cut=0
moment=0
seed=${CLSEQ_TEST_SEED:-$(date +%s)}
echo "CLSEQ_TEST_SEED=$seed"
while [ $moment -lt "$moments" ]; do
    moment=$((moment + 1))
    [ $((moment % 10)) -eq 1 ] && { rm -rf pieces; }
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    delay=$(awk -v s=$seed -v w="${CLSEQ_TEST_WINDOW:-1.0}" 'BEGIN { printf "%.3f", 0.02 + (s / 2147483648) * w }')
    case $((moment % 3)) in 0) signal=INT ;; 1) signal=KILL ;; 2) signal=TERM ;; esac
    start pieces &
    pid=$!
    sleep "$delay"
    kill -$signal $pid 2>/dev/null && cut=$((cut + 1))
    wait $pid 2>/dev/null
    code=$?
    case $code in
    0 | 75 | 129 | 130 | 137 | 143) ok ;;
    *) bad "exit status $code after $signal at $delay s"; sed 's/^/    /' err.txt ;;
    esac
    # Every tenth moment the run is brought to its end and compared.
    if [ $((moment % 10)) -eq 0 ] || [ $moment -eq "$moments" ]; then
        (start pieces) || { bad "the run cannot go on"; sed 's/^/    /' err.txt; }
        cmp -s whole/best.safetensors pieces/best.safetensors && ok || bad "best model differs after $moment moments"
        "$clseq" info --verify pieces/last.safetensors >/dev/null 2>&1 && ok || bad "checkpoint is damaged"
    fi
done
echo "$cut signals met a running training"
[ $cut -gt 0 ] || bad "no signal met a running training"
finish
