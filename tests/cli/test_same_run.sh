#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Real text (Multi30k German-English) on both paths: no operation differs in 20 steps of the mirror, the
# first 50 losses agree within 1e-4, greedy translations are the same text. Arguments: CLSEQ DATA
. "$(dirname "$0")/lib.sh"
data=$1/multi30k/tok
if [ ! -f "$data/train.lc.norm.tok.de.gz" ]; then
    echo "skipped: real text on both paths: $data is missing"
    exit 77
fi
run() {
    folder=$1
    shift
    "$clseq" train "$data/train.lc.norm.tok.de.gz" "$data/train.lc.norm.tok.en.gz" --reverse-source --emb 48 --hidden 64 \
        --layers 2 --batch 24 --log-every 1 -o "$folder" "$@" 2>"$folder.err" || {
        bad "$folder: $(tail -n 3 "$folder.err")"
        return 1
    }
}

run mirror --backend mirror --after 20u && ok
for backend in opencl reference; do
    run $backend --backend $backend --after 50u && ok
    sed -n 's/.*"event":"update".*"loss":\([0-9.e+-]*\).*/\1/p' $backend/log.jsonl >$backend.losses
done
[ "$(wc -l <opencl.losses)" -eq 50 ] && ok || bad "expected 50 losses, got $(wc -l <opencl.losses)"
worst=$(paste opencl.losses reference.losses | awk '{ d = ($1 - $2) / $2; if (d < 0) d = -d; if (d > w) w = d } END { print w }')
echo "largest relative difference of 50 losses: $worst"
awk -v w="$worst" 'BEGIN { exit !(w < 1e-4) }' && ok || bad "losses differ by $worst"

zcat "$data/val.lc.norm.tok.de.gz" | head -n 40 >text.de
for backend in opencl reference; do
    "$clseq" translate opencl/best.safetensors --backend $backend --beam 1 --max-length 20 -i text.de >$backend.txt 2>err.txt ||
        bad "translating on $backend: $(cat err.txt)"
done
[ "$(wc -l <opencl.txt)" -eq 40 ] && cmp -s opencl.txt reference.txt && ok || bad "greedy translations differ"
finish
