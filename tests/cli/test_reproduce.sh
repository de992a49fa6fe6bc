#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clseq reproduce: a small paper from text to report, stopped and killed on the way with the same figures
# in the end; a figure is what the other commands say of the same model; bad input.
. "$(dirname "$0")/lib.sh"
make_text 200
head -n 40 src.txt >test.src
head -n 40 tgt.txt >test.tgt

# Replaces the shell that calls it, so that in the background $! is the program itself.
start() {
    folder=$1
    shift
    exec "$clseq" reproduce sutskever2014 src.txt tgt.txt --valid test.src test.tgt --test test.src test.tgt --backend reference --scale 0.016 \
        --layers 2 --members 3 --after 3e --batch 10 --optimizer adam --lr 0.01 --speed-updates 16 --nbest 8 --tokenize none -o "$folder" "$@" 2>err.txt
}
figures() { grep -E '"(bleu|valid_perplexity|test_perplexity)": [0-9]' "$1/results.json"; }

(start whole) || { sed 's/^/    /' err.txt; bad "uninterrupted"; finish; }
[ "$(figures whole | wc -l)" = 28 ] && ok || bad "28 figures expected: $(figures whole | wc -l)"
for model in reversed-1 reversed-2 reversed-3 forward layers-1; do
    [ -s whole/$model/best.safetensors ] && ok || bad "no model $model"
done
for part in '## Reversed source' '## Depth' '## Batches of similar' '(table 1)' '(table 2)' '^Reversal lowers perplexity: \*\*\(yes\|no\)\*\*' \
    '^Each layer lowers perplexity: \*\*\(yes\|no\)' '^Rescoring with one model helps: \*\*\(yes\|no\)' '^| 3 reversed, beam 12 | - | [0-9.]* | [0-9.]* |$'; do
    grep -q "$part" whole/report.md && ok || bad "no \"$part\" in report.md"
done
grep -q 'not measured\|| nan' whole/report.md && bad 'a figure is missing in report.md' || ok
for picture in curves length depth beam; do
    grep -q '</svg>' whole/$picture.svg && grep -q "($picture.svg)" whole/report.md && ok || bad "$picture.svg"
done

# The same by hand.
"$clseq" translate whole/reversed-1/best.safetensors --backend reference --beam 2 --length-penalty 0 -i test.src >hand.txt 2>/dev/null
cmp -s hand.txt whole/test.reversed.beam2.txt && ok || bad 'translations differ from those of clseq translate'
"$clseq" translate whole/reversed-1/best.safetensors whole/reversed-2/best.safetensors --backend reference --beam 12 --length-penalty 0 -i test.src >hand.txt 2>/dev/null
cmp -s hand.txt whole/test.ensemble-2.beam12.txt && ok || bad 'translations of the ensemble differ from those of clseq translate'
bleu=$("$clseq" eval hand.txt test.tgt --tokenize none | awk '{ print $2; exit }')
grep -q "^| 2 reversed, beam 12 | 33.27 | $bleu |" whole/report.md && ok || bad "BLEU $bleu of the ensemble is not in report.md"
said=$("$clseq" score whole/forward/best.safetensors test.src test.tgt --backend reference 2>&1 >/dev/null | awk '{ printf "%.2f", $NF }')
grep -q "^| forward | 5.8 | 25.9 | $said |" whole/report.md && ok || bad "perplexity $said is not in report.md"

# Stopped again and again, it comes to the same figures; done, it measures nothing again.
times=0
while [ $times -lt 40 ]; do
    times=$((times + 1))
    start pieces &
    pid=$!
    sleep "0.$((times % 4 + 1))"
    case $((times % 2)) in 0) kill -KILL $pid 2>/dev/null ;; 1) kill -TERM $pid 2>/dev/null ;; esac
    wait $pid 2>/dev/null
    code=$?
    case $code in
    0) break ;;
    75 | 137 | 143) ok ;;
    *) bad "exit status $code"; sed 's/^/    /' err.txt ;;
    esac
done
(start pieces) || { bad 'it cannot go on'; sed 's/^/    /' err.txt; }
figures whole >a.txt
figures pieces >b.txt
cmp -s a.txt b.txt && ok || { bad "other figures after $times stops"; diff a.txt b.txt | head -n 6; }
touch before
(start whole)
[ -z "$(find whole -name '*.safetensors' -newer before)" ] && ok || bad 'a finished reproduction trains again'

refuse() {
    code=$1 pattern=$2
    shift 2
    (start "$@")
    got=$?
    [ $got = "$code" ] && grep -q "$pattern" err.txt && ok || bad "exit status $got, expected $code and \"$pattern\": $(cat err.txt)"
}

# Another recipe: it is in the report, its models are those of clseq train.
other() { start linear --layers 1 --members 2 --schedule linear --warmup 5 --init xavier --forget-bias 1 --dropout 0.2; }
(other) && ok || { bad 'another recipe'; sed 's/^/    /' err.txt; }
for row in 'weights begin | uniform in +-0.08 | xavier, 0.632' 'biases of forget gates begin with | as the others | 1' 'rate | halved .* | in equal steps to 0' \
    'rate grows from 0 for | - | 5 updates' 'dropout of embeddings, between layers, of the output | none | 0.2'; do
    grep -q "^| $row |\$" linear/report.md && ok || bad "no \"$row\" in report.md"
done
"$clseq" train src.txt tgt.txt --preset plain --valid test.src test.tgt --backend reference --emb 16 --hidden 16 --layers 1 --after 3e --batch 10 --optimizer adam --lr 0.01 \
    --reverse-source --min-count 1 --source-vocab-size 2560 --target-vocab-size 1280 --schedule linear --warmup 5 --init xavier --init-scale 0.632455532033676 --forget-bias 1 --dropout 0.2 \
    --clip 5 --early-stop 0 --valid-every 0.2e -o byhand >/dev/null 2>err.txt || sed 's/^/    /' err.txt
cmp -s byhand/best.safetensors linear/reversed-1/best.safetensors && ok || bad 'other weights than those of clseq train'
refuse 2 'init was "xavier", now it is not given' linear --layers 1 --members 2 --schedule linear --warmup 5 --forget-bias 1 --dropout 0.2
refuse 2 'dropout was not given, now it is 0.5' whole --dropout 0.5
(other) && ok || bad 'it does not go on'

# Bad input.
refuse 2 'batch was 10, now it is 20' whole --batch 20
refuse 2 'forget-bias was not given, now it is 1' whole --forget-bias 1
refuse 2 'warmup was not given' whole --warmup 4
refuse 2 'epochs or updates' other --after 5m
refuse 2 'forwards' other --unit forwards
echo '{' >pieces/results.json
refuse 3 'results.json: line' pieces
expect 2 'no recipe of "sutskever"' "$clseq" reproduce sutskever src.txt tgt.txt
expect 2 'give one validation text' "$clseq" reproduce sutskever2014 src.txt tgt.txt --backend reference
expect 5 'missing.txt' "$clseq" reproduce sutskever2014 missing.txt tgt.txt --valid test.src test.tgt --test test.src test.tgt --backend reference -o fresh
finish
