#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clseq curves: the losses of runs as text, SVG and JSON are those of their logs; bad input.
. "$(dirname "$0")/lib.sh"
make_text 120
for seed in 1 2; do
    "$clseq" train src.txt tgt.txt --valid src.txt tgt.txt --preset plain --backend reference --emb 8 --hidden 8 --min-count 1 --batch 20 \
        --after 12u --valid-every 4u --log-every 2 --seed $seed -o run$seed >log.txt 2>&1 || bad "train: $(cat log.txt)"
done
expect 0 'updates' "$clseq" curves run1 run2 --svg both.svg --title 'Two <seeds>'
grep -q 'run1' out.txt && grep -q 'run2' out.txt && ok || bad 'runs are not named below the chart'
grep -q '</svg>' both.svg && grep -q 'Two &lt;seeds&gt;' both.svg && ok || bad 'both.svg'
expect 0 '"run":"run1","update":4,"loss":' "$clseq" curves run1 run2 --json
[ "$(wc -l <out.txt)" = 6 ] && ok || bad "6 validations expected: $(cat out.txt)"
last=$(sed -n 's/.*"update":12,"loss":\([0-9.]*\).*/\1/p' out.txt | head -n 1)
grep '"valid' run1/log.jsonl | tail -n 1 | grep -q "$(printf %.5s "$last")" && ok || bad "loss $last is not in the log: $(tail -n 3 run1/log.jsonl)"
expect 0 '"perplexity":' "$clseq" curves run1 --json --perplexity --of training
[ "$(wc -l <out.txt)" = 6 ] && ok || bad "6 reports expected: $(cat out.txt)"
expect 3 'nothing/log.jsonl: there is no log' "$clseq" curves run1 nothing
expect 2 'too many' "$clseq" curves run1 run2 run1 run2 run1
expect 5 'missing/both.svg' "$clseq" curves run1 --svg missing/both.svg
"$clseq" train src.txt tgt.txt --preset plain --backend reference --emb 8 --hidden 8 --min-count 1 --after 2u --log-every 1 -o run3 >log.txt 2>&1
expect 3 'no validation in it yet' "$clseq" curves run3
finish
