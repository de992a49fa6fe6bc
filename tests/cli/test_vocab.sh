#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clseq vocab: learn, cut, join; given files with known pieces; bad input.
# Arguments: CLSEQ, then the folder of shared data, which may be missing.
data=$2/subword
. "$(dirname "$0")/lib.sh"

printf 'low low low low low lower lower\nnewest newest newest newest newest newest widest widest widest\n' >text
expect 0 '^#version: 0.2$' "$clseq" vocab learn --merges 4 -i text
cp out.txt codes
# Of pairs as frequent as each other the last in the order of their letters comes first.
printf '#version: 0.2\ns t</w>\ne st</w>\nl o\nw est</w>\n' | cmp -s - codes && ok || bad "codes: $(cat codes)"
printf 'lowest  newer\n\nlow\n' >line
"$clseq" vocab encode --bpe codes -i line >cut && "$clseq" vocab decode -i cut >joined
printf 'lowest newer\n\nlow\n' | cmp -s - joined && ok || bad "joined again: $(cat joined)"
[ "$(sed -n 1p cut)" = 'lo@@ west n@@ e@@ w@@ e@@ r' ] && ok || bad "cut: $(sed -n 1p cut)"
"$clseq" vocab encode --bpe codes --dropout 1 -i line >cut
[ "$(sed -n 1p cut)" = 'l@@ o@@ w@@ e@@ s@@ t n@@ e@@ w@@ e@@ r' ] && ok || bad "--dropout 1: $(sed -n 1p cut)"

printf 'He said: "I don'"'"'t know (yet)."\nQuoi ?\n' >raw
"$clseq" vocab tokenize -i raw >cut && "$clseq" vocab detokenize -i cut | cmp -s - raw && ok || bad "raw text: $(cat cut)"
[ "$(sed -n 1p cut)" = 'He said : " I don '"'"'t know ( yet ) . "' ] && ok || bad "tokens: $(sed -n 1p cut)"
expect 2 'leave out --spm' "$clseq" vocab tokenize --bpe codes -i raw
expect 2 'into which units' "$clseq" vocab encode -i line
expect 2 'learn, encode, decode, tokenize' "$clseq" vocab cut -i line
expect 2 'give one of them' "$clseq" vocab encode --bpe codes --spm codes -i line
expect 2 'SentencePiece' "$clseq" vocab encode --bpe codes --ids -i line
expect 5 'missing' "$clseq" vocab encode --bpe missing -i line
expect 4 'codes' "$clseq" vocab encode --spm codes -i line

if [ -r "$data/inputs.txt" ]; then
    for model in joeynmt_sp200 made_botchan_bpe1000 made_botchan_char spm_test_model; do
        gunzip -c "$data/expected.$model.pieces.gz" >pieces
        gunzip -c "$data/expected.$model.ids.gz" >ids
        gunzip -c "$data/expected.$model.dec.gz" >decoded
        "$clseq" vocab encode --spm "$data/$model.model" -i "$data/inputs.txt" | cmp -s - pieces && ok || bad "$model: pieces"
        "$clseq" vocab encode --spm "$data/$model.model" --ids -i "$data/inputs.txt" | cmp -s - ids && ok || bad "$model: ids"
        "$clseq" vocab decode --spm "$data/$model.model" --ids -i ids | cmp -s - decoded && ok || bad "$model: text"
        expect 3 '1: a line of numbers' "$clseq" vocab decode --spm "$data/$model.model" --ids -i text
    done
    "$clseq" vocab learn --merges 1000 -i "$data/subword-nmt_corpus.en.gz" 2>err.txt | cmp -s - "$data/subword-nmt_bpe.ref" && ok || bad 'learnt codes'
    gunzip -c "$data/subword-nmt_corpus.bpe.ref.en.gz" >pieces
    "$clseq" vocab encode --bpe "$data/subword-nmt_bpe.ref" -i "$data/subword-nmt_corpus.en.gz" | cmp -s - pieces && ok || bad 'applied codes'
    printf 'wordlikeUSAwordManuelManuelwordUSA\n' | "$clseq" vocab encode --bpe "$data/subword-nmt_bpe.ref" --glossaries 'like Manuel USA' >cut
    "$clseq" vocab decode -i cut | grep -q '^wordlikeUSAwordManuelManuelwordUSA$' && grep -q 'like@@ USA@@ .* Manuel@@ Manuel@@ .* USA$' cut && ok ||
        bad "glossaries: $(cat cut)"
    expect 4 'v3;' "$clseq" vocab encode --bpe "$data/onmt_codes_suffix_case_insensitive.fr" -i line
else
    echo "skipped: test_vocab: models and codes of other programs (no $data)"
fi
finish
