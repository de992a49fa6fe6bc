#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Subwords and bytes: a training that is killed, robbed of its codes and started again ends with the same bits; its
# model needs no other file and translates alike on both paths. Arguments: CLSEQ DATA BACKEND...
. "$(dirname "$0")/lib.sh"
data=$1
shift
if [ ! -r "$data/multi30k/train.de.gz" ] || [ ! -r "$data/subword/joeynmt_sp200.model" ]; then
    echo "skipped: units: $data is missing"
    exit 77
fi
for side in de en; do
    gunzip -c "$data/multi30k/train.$side.gz" | head -n 400 >train.$side
    gunzip -c "$data/multi30k/val.$side.gz" | head -n 12 >valid.$side
done
cat train.de train.en | "$clseq" vocab learn --merges 200 >codes 2>err.txt || bad "no codes: $(cat err.txt)"
cp codes old-codes
cp "$data/subword/joeynmt_sp200.model" model
batch=8
# start FOLDER OPTION...: replaces the shell that calls it.
start() {
    folder=$1
    shift
    exec "$clseq" train train.de train.en --valid valid.de valid.en --backend reference --emb 16 --hidden 16 \
        --lr 0.02 --batch "$batch" --after 60u --save-every 20u --valid-every 20u --log-every 5 -o "$folder" "$@" 2>err.txt
}
# translate MODEL BACKEND
translate() { "$clseq" translate "$1" --backend "$2" --max-length 30 --beam 1 <valid.de 2>err.txt; }

# stopped UNIT OPTION FILE OPTION...: whole and in pieces, the codes gone before the second one.
stopped() {
    unit=$1 file=$3
    shift
    (start "$unit" --unit "$unit" "$@") || bad "$unit: $(tail -n 2 err.txt)"
    start pieces --unit "$unit" "$@" &
    pid=$!
    while kill -0 $pid 2>/dev/null && [ ! -f pieces/last.safetensors ]; do
        sleep 0.05
    done
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    rm -f "$file"
    (start pieces --unit "$unit" "$@") || bad "$unit: it does not go on: $(tail -n 2 err.txt)"
    cmp -s "$unit/best.safetensors" pieces/best.safetensors && ok || bad "$unit: another model after a kill"
    [ "$(grep -c '"event":"resume"' pieces/log.jsonl)" -eq 1 ] && ok || bad "$unit: nothing was gone on with"
    rm -rf pieces
}
stopped bpe --codes codes --bpe-dropout 0.2
stopped spm --spm-model model

# Other codes, none, or others of the same name are not those of the run.
sed '$d' old-codes >codes
expect 2 'codes: this is not what the run was started with' "$clseq" train train.de train.en --valid valid.de valid.en --backend reference \
    --emb 16 --hidden 16 --lr 0.02 --batch 8 --after 60u --unit bpe --codes codes --bpe-dropout 0.2 -o bpe
expect 2 'source-codes was true, now it is false' "$clseq" train train.de train.en --valid valid.de valid.en --backend reference \
    --emb 16 --hidden 16 --lr 0.02 --batch 8 --after 60u --unit bpe -o bpe
expect 2 'codes is for unit bpe' "$clseq" train train.de train.en --codes codes -o no
expect 2 'give its file with --spm-model' "$clseq" train train.de train.en --backend reference --unit spm -o no
expect 2 'bpe-dropout leaves out merges' "$clseq" train train.de train.en --backend reference --bpe-dropout 0.1 -o no
expect 5 'missing' "$clseq" train train.de train.en --backend reference --unit spm --spm-model missing -o no
expect 4 'train.de' "$clseq" train train.de train.en --backend reference --unit spm --spm-model train.de -o no
expect 4 'train.en' "$clseq" train train.de train.en --backend reference --unit bpe --codes train.en -o no
expect 2 '.--joint is for merges' "$clseq" train train.de train.en --backend reference --unit bpe --codes old-codes --joint -o no

# Learnt merges; another unit for each side.
(start joint --unit bpe --merges 150 --joint --after 10u) || bad "joint: $(tail -n 2 err.txt)"
(start mixed --source-unit byte --target-unit bpe --merges 100 --max-length 200 --after 10u) || bad "mixed: $(tail -n 2 err.txt)"
expect 0 'unit: byte' "$clseq" info mixed/best.safetensors
expect 0 'unit: bpe' "$clseq" info mixed/best.safetensors
batch=16
(start rules --unit bpe --merges 150 --tokenize rules --after 60u) || bad "rules: $(tail -n 2 err.txt)"
expect 0 'tokenize: rules' "$clseq" info rules/best.safetensors
expect 2 'source-tokenize was "rules", now it is "none"' "$clseq" train train.de train.en --valid valid.de valid.en --backend reference \
    --emb 16 --hidden 16 --lr 0.02 --batch 16 --after 60u --unit bpe --merges 150 -o rules
expect 2 'for units word and bpe' "$clseq" train train.de train.en --unit spm --spm-model model --tokenize rules -o no
(start byte --unit byte --max-length 200 --after 10u) || bad "byte: $(tail -n 2 err.txt)"

for unit in bpe spm joint mixed rules byte; do
    # One of whole words and pieces of them, one of bytes and one of a model are enough for the slow start of a device.
    case $unit in
    bpe | spm | mixed) backends=$* ;;
    *) backends=$1 ;;
    esac
    for backend in $backends; do
        translate $unit/best.safetensors "$backend" >$unit.$backend || bad "$unit on $backend: $(cat err.txt)"
        [ "$(wc -l <$unit.$backend)" -eq 12 ] && ok || bad "$unit on $backend: lines are missing"
        cmp -s $unit.$1 $unit.$backend && ok || bad "$unit: $1 and $backend translate otherwise"
    done
    grep -q '@@\|▁' $unit.$1 && bad "$unit: pieces are not joined" || ok
done
grep -q ' [.,]' rules.reference && bad "rules: punctuation stands alone: $(head -n 2 rules.reference)" || ok
grep -q '[a-z][.]$' rules.reference && ok || bad "rules: no sentence ends: $(head -n 2 rules.reference)"
expect 0 '@@' "$clseq" translate bpe/best.safetensors --backend reference --json -i valid.de
"$clseq" average bpe/best.safetensors bpe/last.safetensors -o mean.safetensors 2>err.txt && translate mean.safetensors reference >mean && ok ||
    bad "average: $(cat err.txt)"
expect 4 'not a model like' "$clseq" average bpe/best.safetensors spm/best.safetensors -o no.safetensors
expect 0 '' "$clseq" score bpe/best.safetensors valid.de valid.en --backend reference
expect 0 '' "$clseq" embed spm/best.safetensors --backend reference -i valid.de
finish
