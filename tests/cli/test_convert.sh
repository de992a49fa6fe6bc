#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clseq convert: bf16 and back, the same answers from both kinds of file, what is refused.
. "$(dirname "$0")/lib.sh"

size() { wc -c <"$1"; }

make_text 200
"$clseq" train src.txt tgt.txt --backend reference --emb 24 --hidden 32 --min-count 1 --after 60u --lr 0.01 \
    --dropout 0 -o run >log.txt 2>&1 || bad "train: $(cat log.txt)"
best=run/best.safetensors
head -n 20 src.txt >twenty.src
head -n 20 tgt.txt >twenty.tgt

expect 0 'small: [0-9.]*k bytes, weights in bf16; run/best.safetensors has [0-9.]*k' "$clseq" convert $best -o small
expect 0 'big: .* bytes, weights in fp32' "$clseq" convert small -o big --weights fp32
cmp -s big $best && bad 'nothing is rounded' || ok
[ "$(size big)" = "$(size $best)" ] && ok || bad "sizes $(size big) and $(size $best) of fp32"
# The header is the same; the rest is half.
weights=$("$clseq" info $best --json | sed -n 's/^ *"weights": \([0-9]*\),*$/\1/p')
[ $(($(size big) - $(size small))) -ge $((weights * 2 - 256)) ] && [ $((10 * $(size small))) -lt $((6 * $(size big))) ] && ok ||
    bad "$(size small) bytes of bf16, $(size big) of fp32, $weights weights"
expect 0 '^stored_as: BF16$' "$clseq" info small --verify
expect 0 "^file_bytes: $(size small)\$" "$clseq" info small
expect 0 '^verified: true$' "$clseq" info small --verify
expect 0 '"stored_as": "F32"' "$clseq" info big --json

# Everything that reads models gives the same for both.
same() {
    name=$1
    shift
    "$@" small >small.out 2>err.txt || bad "$name: $(cat err.txt)"
    "$@" big >big.out 2>err.txt || bad "$name: $(cat err.txt)"
    [ -s small.out ] && cmp -s small.out big.out && ok || bad "$name differs between bf16 and fp32 of the same numbers"
}
score() { "$clseq" score "$1" twenty.src twenty.tgt --backend reference; }
embed() { "$clseq" embed "$1" --backend reference -i twenty.src; }
translate() { "$clseq" translate "$1" --backend reference -i twenty.src --json --beam 3; }
ensemble() { "$clseq" translate "$1" $best --backend reference -i twenty.src --beam 2; }
"$clseq" translate $best --backend reference -i twenty.src --beam 3 --nbest 3 >lists.txt
rescore() { "$clseq" rescore "$1" --backend reference -i twenty.src --nbest lists.txt; }
average() { "$clseq" average "$1" $best -o mean 2>&1 && cat mean; }
neighbors() { "$clseq" neighbors "$1" a; }
for command in score embed translate ensemble rescore average neighbors; do same $command $command; done
# And other numbers than before rounding, which are near them.
score $best >best.out 2>err.txt
cmp -s best.out big.out && bad 'scores do not change' || ok
score small 2>err.txt | paste best.out - | awk 'NF != 6 || ($1 - $4) ^ 2 > (0.02 * $1) ^ 2 { exit 1 }' && ok || bad 'scores are far from those in fp32'

# A checkpoint: the model alone.
expect 0 'bf16' "$clseq" convert run/last.safetensors -o small.last
expect 0 '^kind: model$' "$clseq" info small.last
expect 0 'bf16' "$clseq" convert $best -o small.again
cmp -s small small.again && ok || bad 'the same command makes other bytes'

mkdir run3
cp small run3/last.safetensors
expect 4 'model without training state, not a checkpoint' "$clseq" train src.txt tgt.txt --backend reference -o run3

expect 2 'choose another name' "$clseq" convert small -o ./small
expect 2 'give -o OUT' "$clseq" convert small
expect 2 '"fp8" is not one of bf16|fp32' "$clseq" convert small -o out --weights fp8
expect 2 'MODEL is missing' "$clseq" convert -o out
expect 5 'missing: cannot open' "$clseq" convert missing -o out
expect 5 'folder' "$clseq" convert small -o folder/out
expect 4 'src.txt' "$clseq" convert src.txt -o out
expect 4 'cut short' sh -c "head -c 9000 small >cut; '$clseq' convert cut -o out"
[ ! -e out ] && [ -z "$(ls | grep tmp)" ] && cmp -s small small.again && ok || bad "a failure leaves files: $(ls)"
finish
