#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clseq neighbors: answers in files of vectors and in models, questions from both sides, bad input.
. "$(dirname "$0")/lib.sh"

cat >vectors.txt <<'V'
6 2
man 1 0
king 1 1
woman -1 0.1
queen -1 1
apple 0 -1
fruit 0.1 -2
V
expect 0 '^0.9988	fruit$' "$clseq" neighbors vectors.txt apple -n 1
expect 0 'queen' "$clseq" neighbors vectors.txt -n 1 king - man + woman
"$clseq" neighbors vectors.txt -n 1 'king - man + woman' >one.txt
cmp -s one.txt out.txt && ok || bad 'a question in one word has another answer'
[ "$(wc -l <out.txt)" = 1 ] && ok || bad "-n 1 gives $(wc -l <out.txt) lines"
expect 0 '"question":"apple","neighbors":\[{"word":"fruit","similarity":0.99' "$clseq" neighbors vectors.txt --json apple
printf 'apple\npear\nking\n' >questions.txt
"$clseq" neighbors vectors.txt -n 1 <questions.txt >out.txt 2>err.txt
[ $? = 3 ] && grep -q '"pear" has no vector' err.txt && [ "$(grep -c . out.txt)" = 2 ] && ok ||
    bad "questions from standard input: $(cat out.txt err.txt)"
expect 3 'pear' "$clseq" neighbors vectors.txt pear
expect 5 'cannot open' "$clseq" neighbors missing.txt apple
sed '$d' vectors.txt >short.txt
expect 4 'says 6 words, but there are 5' "$clseq" neighbors short.txt apple

# A fastText model of two words and one row for all parts of words, (0, 1): words that are not in it have that one.
numbers() { for i; do printf "\\$(printf %03o "$i")\\000\\000\\000"; done; }
{
    printf '\272\026\117\057' # magic
    numbers 12 2 5 1 1 5 1 2 1 1 2 2 100 0 0 2 2 0 9 0
    printf '\377\377\377\377\377\377\377\377'
    printf 'up\000' && numbers 5 0 && printf '\000'
    printf 'on\000' && numbers 4 0 && printf '\000'
    printf '\000' && numbers 3 0 2 0                                     # 3 rows of 2
    printf '\000\000\000\000\000\000\200\077'                           # up (0, 1), with its parts (0, 1)
    printf '\000\000\200\077\000\000\000\000'                           # on (1, 0), with its parts (0.25, 0.75)
    printf '\000\000\000\000\000\000\200\077'                           # parts (0, 1)
} >words.bin
expect 0 '^1.0000	up$' "$clseq" neighbors words.bin unseen -n 1
expect 0 '^-0' "$clseq" neighbors words.bin on - unseen -n 1
expect 3 'a question is a word' "$clseq" neighbors words.bin ''
head -c 150 words.bin >cut.bin
expect 4 'cut.bin' "$clseq" neighbors cut.bin unseen

make_text 100
"$clseq" train src.txt tgt.txt --preset plain --backend reference --emb 8 --hidden 8 --min-count 1 --after 3u -o run >log.txt 2>&1 ||
    bad "train: $(cat log.txt)"
for side in source target; do
    expect 0 '^[-0-9.]*	[a-h]$' "$clseq" neighbors run/best.safetensors --side $side a
    [ "$(wc -l <out.txt)" = 7 ] && ok || bad "$side: $(wc -l <out.txt) neighbours of 7"
done

# Sentence vectors: a line each, with the numbers of both directions; a map with all of them.
head -n 9 src.txt >nine.txt
echo >>nine.txt
expect 0 '^[-0-9.e]* ' "$clseq" embed run/best.safetensors --backend reference -i nine.txt --svg map.svg
[ "$(wc -l <out.txt)" = 10 ] && [ "$(awk '{ print NF }' out.txt | sort -u)" = 8 ] && ok ||
    bad "10 lines of 8 numbers expected: $(awk '{ print NF }' out.txt)"
[ "$(grep -c '<circle' map.svg)" = 10 ] && grep -q "$(sed -n 3p nine.txt)" map.svg && ok || bad 'points are missing in map.svg'
cp out.txt plain.txt
expect 0 '"line":10,"text":"","vector"' "$clseq" embed run/best.safetensors --backend reference -i nine.txt --json --batch 2
expect 0 . "$clseq" embed run/best.safetensors --backend reference -i nine.txt --svg few.svg --svg-lines 4
[ "$(grep -c '<circle' few.svg)" = 4 ] && cmp -s out.txt plain.txt && ok || bad '--svg-lines changes more than the map'
expect 5 'map.svg' "$clseq" embed run/best.safetensors --backend reference -i nine.txt --svg missing/map.svg
expect 4 'vectors.txt' "$clseq" embed vectors.txt --backend reference -i nine.txt
finish
