#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Several models, sampling, penalties, unknown words, words as they come, lists ranked again.
# Arguments: CLSEQ
. "$(dirname "$0")/lib.sh"
make_text 200
t="$clseq train src.txt tgt.txt --backend reference --emb 8 --hidden 8 --min-count 1"
expect 0 'done' $t --attention general --bidirectional --after 30u -o with
expect 0 'done' $t --attention none --cell gru --hidden 12 --seed 2 --after 30u -o without
expect 0 'done' $t --vocab-size 8 --attention none --after 1u -o small
with=with/best.safetensors without=without/best.safetensors small=small/best.safetensors
head -n 12 src.txt >in.txt
printf '\n' >>in.txt
translate() {
    "$clseq" translate "$@" -i in.txt --backend reference
}
same() {
    cmp -s "$1" "$2" && ok || bad "$3"
}

# Ensembles.
translate $with >one && translate $with $with >twice
same one twice "a model twice is not that model"
translate $with $without --nbest 3 >64 && translate $with $without --nbest 3 --batch 1 >1
same 64 1 "an ensemble hangs on the batch"
expect 2 'small.*same target vocabulary' translate $with $small
expect 0 . "$clseq" score $with src.txt tgt.txt --backend reference && cp out.txt one
expect 0 . "$clseq" score $with src.txt tgt.txt --backend reference --with $with,$with && cp out.txt many
same one many "the scores of a model three times are not those of the model"
expect 2 'same target vocabulary' "$clseq" score $with src.txt tgt.txt --with $small --backend reference

# Sampling: a function of seed and line.
translate $with --sample --seed 7 --nbest 4 >64 && translate $with --sample --seed 7 --nbest 4 --batch 2 >2
same 64 2 "samples hang on the batch"
translate $with --sample --seed 8 --nbest 4 >other
cmp -s 64 other && bad "--seed changes nothing" || ok
[ "$(grep -c '^3 |||' 64)" -eq 4 ] && ok || bad "--nbest 4 does not draw four"
translate $with --beam 1 >greedy && translate $with --sample --top-k 1 >certain
same greedy certain "--top-k 1 is not greedy"
expect 2 'add --sample' translate $with --temperature 2
expect 2 'beam ranks' translate $with --sample --beam 3
expect 2 'top-p' translate $with --sample --top-p 0

# Lengths and penalties.
translate $with --min-length 8 --max-length 8 --json | grep -c '"tokens":8' >count
[ "$(cat count)" -eq 12 ] && ok || bad "--min-length 8 --max-length 8: $(cat count) of 12 lines"
expect 0 . translate $with --coverage-penalty 0.5 --length-norm wu
expect 2 'coverage-penalty.*without attention' translate $without --coverage-penalty 0.5

# Unknown words, here of a model that knows four letters.
expect 0 'done' $t --vocab-size 8 --attention general --after 5u -o few
few=few/best.safetensors
translate $few --sample --min-length 4 >unk
grep -q '<unk>' unk && ok || bad "no unknown word to replace"
translate $few --sample --min-length 4 --replace-unknown >copied
grep -q '<unk>' copied && bad "unknown words are left" || ok
for c in a b c d e f g h; do printf '%s\tX%s\n' $c $c; done >words.tsv
translate $few --sample --min-length 4 --replace-unknown --dictionary words.tsv >looked
grep -q 'X[a-h]' looked && ok || bad "no word of the dictionary"
expect 2 'replace-unknown.*without attention' translate $without --replace-unknown
expect 2 'add --replace-unknown' translate $few --dictionary words.tsv
printf 'a\tb\nc\n' >words.tsv
expect 3 'words.tsv:2' translate $few --replace-unknown --dictionary words.tsv

# Word by word: the same text.
for options in '--beam 1' '--beam 4' '--sample'; do
    translate $with $options >whole && translate $with $options --stream >streamed
    same whole streamed "--stream $options gives another text"
done
expect 2 'leave it or --json out' translate $with --stream --json

# Lists.
translate $with --nbest 3 --length-penalty 0 >list
rescore() {
    "$clseq" rescore "$@" -i in.txt --backend reference
}
# Its own lists, whose scores are its log-probabilities: nothing moves.
rescore $with --nbest list >new || bad "rescore"
awk -F ' *[|][|][|] *' '{ print $1 "|" $2 }' list >a && awk -F ' *[|][|][|] *' '{ print $1 "|" $2 }' new >b
same a b "a model's own lists are ranked otherwise"
awk -F ' *[|][|][|] *' '{ split($3, f, " "); d = $4 - (f[2] + f[4]) / 2; if (d > 1e-5 || d < -1e-5) exit 1 }' new &&
    ok || bad "the total is not the even average"
# By the other model alone: as it scores them.
rescore $without --nbest list --weight 1 --best >best
[ "$(wc -l <best)" -eq 13 ] && ok || bad "--best: $(wc -l <best) lines of 13"
rescore $without --nbest list --weight 1 >new
awk -F ' *[|][|][|] *' '$1 == last && $4 > before { exit 1 } { last = $1; before = $4 }' new && ok || bad "not sorted"
rescore $with $without --nbest new >/dev/null && ok || bad "what rescore writes is no list"
# As Moses numbers them, with a sentence left out.
printf '0 ||| a b ||| lm= -1 -2 ||| -3.5\n0 ||| b ||| lm= -1 -2 ||| -1e1\n2 ||| c |||  ||| 0\n' >moses
expect 0 '^0 ||| .* ||| lm= -1 -2 list= -3.5 model= ' rescore $with --nbest moses
expect 0 . rescore $with --nbest moses --best
[ "$(sed -n 2p out.txt)" = '' ] && [ "$(sed -n 3p out.txt)" = c ] && [ "$(wc -l <out.txt)" -eq 13 ] && ok || bad "--best with a gap"
bad_list() {
    printf "$1" >bad.txt
    expect 3 "$2" rescore $with --nbest bad.txt
}
bad_list '1 ||| a ||| -1\n1 ||| b\n' 'bad.txt:2.*NUMBER ||| TEXT ||| SCORE'
bad_list '1 ||| a ||| -1\none ||| b ||| -1\n' 'bad.txt:2.*number of a sentence'
bad_list '1 ||| a ||| -1x\n' 'bad.txt:1.*finite number'
bad_list '1 ||| a ||| nan\n' 'bad.txt:1.*finite number'
bad_list '2 ||| a ||| -1\n1 ||| b ||| -1\n' 'bad.txt:2.*sort the list'
bad_list '1 ||| a ||| -1\n14 ||| b ||| -1\n' 'bad.txt:2.*in.txt has only 13 lines'
bad_list '' 'bad.txt holds no line'
expect 2 'needs lists' rescore $with
finish
