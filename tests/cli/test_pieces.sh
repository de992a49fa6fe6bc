#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# --bpe-vocabulary-threshold and --glossary: what a model learns of its text is what clseq vocab encode, which is checked
# against subword-nmt, makes with the same counts; translation does the same. Arguments: CLSEQ DATA BACKEND.
. "$(dirname "$0")/lib.sh"
data=$1
backend=$2
if [ ! -r "$data/multi30k/train.de.gz" ]; then
    echo "skipped: pieces: $data is missing"
    exit 77
fi
for side in de en; do
    gunzip -c "$data/multi30k/train.$side.gz" | head -n 300 | sed '5s/^/ab12cd <url>x 12 <url> /' >train.$side
done
cat train.de train.en | "$clseq" vocab learn --merges 250 >codes 2>err.txt || bad "no codes: $(cat err.txt)"
# start FOLDER OPTION...
start() {
    folder=$1
    shift
    "$clseq" train train.de train.en --backend "$backend" --emb 4 --hidden 4 --batch 16 --after 2u --min-count 1 --unit bpe \
        -o "$folder" "$@" 2>err.txt || bad "$folder: $(tail -n 2 err.txt)"
}
# of FILE SIDE KEY: a member of that side of a model; a list one a line.
of() { python3 -c 'import json, struct, sys
f = open(sys.argv[1], "rb")
meta = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))["__metadata__"]
x = json.loads(meta["clseq.model"])
x = x["format"] if sys.argv[2] == "format" else x[sys.argv[2]].get(sys.argv[3], "")
print("\n".join(sorted(x)) if isinstance(x, list) else x, end="\n" if isinstance(x, int) else "")' "$@"; }
sorted() { LC_ALL=C sort -u; }

# Each side by its own counts, though the merges are those of both.
start limited --codes codes --bpe-vocabulary-threshold 10
[ "$(of limited/best.safetensors format)" = 4 ] && ok || bad "another format: $(of limited/best.safetensors format)"
for side in de en; do
    [ $side = de ] && which=source || which=target
    "$clseq" vocab encode --bpe codes -i train.$side | tr ' ' '\n' | sort | uniq -c | awk '{ print $2, $1 }' >count.$side
    awk '$2 >= 10 { print $1 }' count.$side | sorted >want
    of limited/best.safetensors $which pieces | sorted >got
    cmp -s want got && ok || bad "$side: other pieces: $(diff want got | head -n 5)"
    "$clseq" vocab encode --bpe codes --bpe-vocabulary count.$side --bpe-threshold 10 -i train.$side | tr ' ' '\n' | sorted >want
    of limited/best.safetensors $which vocabulary | grep -vx '<pad>\|<unk>\|<s>\|</s>' | sorted >got
    [ -s want ] && cmp -s want got && ok || bad "$side: other words: $(diff want got | head -n 5)"
done
cut -d' ' -f1 count.en | sorted >all
[ "$(wc -l <got)" -lt "$(wc -l <all)" ] && ok || bad "the threshold changes nothing"

# Patterns are never cut, in training and in translation; merges learnt from the text go with both.
start both --merges 200 --bpe-vocabulary-threshold 5 --glossary '[0-9]+' --glossary '<[a-z]+>'
of both/best.safetensors source vocabulary | grep -qx '12@@' && ok || bad "12 is cut"
of both/best.safetensors target vocabulary | grep -qx '<url>@@' && ok || bad "<url> is cut"
[ "$(of both/best.safetensors source glossaries | tr '\n' ' ')" = '[0-9]+ <[a-z]+> ' ] && ok || bad "other glossaries"
echo '12 <url>' | "$clseq" translate both/best.safetensors --backend "$backend" --json --max-length 5 >out.txt 2>err.txt || bad "$(cat err.txt)"
# Two tokens of the source and the end, all known.
grep -q '"alignment":\[\[[^],]*,[^],]*,[^],]*\]' out.txt && ok || bad "translation cuts otherwise: $(cut -c1-300 out.txt)"
grep -q '"source_unknown":[1-9]' out.txt && bad "pieces are not known: $(cut -c1-300 out.txt)" || ok
start shared --merges 200 --joint --share-embeddings --bpe-vocabulary-threshold 10
[ "$(of shared/best.safetensors source pieces)" = "$(of shared/best.safetensors target pieces)" ] && ok || bad "shared: two lists of pieces"

# A run goes on with the same ones only; --config brings them back.
expect 2 'bpe-vocabulary-threshold was 5, now it is 0' "$clseq" train train.de train.en --backend "$backend" --emb 4 --hidden 4 --batch 16 \
    --after 2u --min-count 1 --unit bpe --merges 200 --glossary '[0-9]+' --glossary '<[a-z]+>' -o both
expect 2 'source-glossaries was' "$clseq" train train.de train.en --backend "$backend" --emb 4 --hidden 4 --batch 16 \
    --after 2u --min-count 1 --unit bpe --merges 200 --bpe-vocabulary-threshold 5 --glossary '[0-9]+' -o both
start both --merges 200 --bpe-vocabulary-threshold 5 --glossary '[0-9]+' --glossary '<[a-z]+>'
expect 0 '"glossary": \["a", "b"\]' "$clseq" train train.de train.en --glossary a --glossary b --print-config
expect 2 'about pieces: give --unit bpe' "$clseq" train train.de train.en --backend "$backend" --glossary a -o no
expect 2 'about pieces: give --unit bpe' "$clseq" train train.de train.en --backend "$backend" --bpe-vocabulary-threshold 3 -o no
expect 2 'glossary: "(a", byte 3: a ) is missing' "$clseq" train train.de train.en --backend "$backend" --unit bpe --codes codes --glossary '(a' -o no
expect 3 'no piece of the source side' "$clseq" train train.de train.en --backend "$backend" --unit bpe --codes codes --bpe-vocabulary-threshold 1000000 -o no
finish
