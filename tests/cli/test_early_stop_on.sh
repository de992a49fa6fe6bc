#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clseq train --early-stop-on: what a validation says is what clseq translate and clseq eval say of its model, over all
# references of a line and all lines of a source; the best model is that of the best figure, also of a run in two parts.
. "$(dirname "$0")/lib.sh"

# Letters to capitals, four words a line as BLEU wants them. Every other line to validate on has a wrong reference before
# the right one, every third is there twice, once with the right and once with the wrong reference alone: so the loss rises
# while the translations get better.
awk 'BEGIN {
    for (i = 0; i < 81; i++) {
        line = ""
        for (rest = i + 81; rest > 1; rest = int(rest / 3))
            line = line (line == "" ? "" : " ") substr("abc", 1 + rest % 3, 1)
        print line > "src.txt"
        print toupper(line) > "tgt.txt"
        print line "\t" (i % 2 ? "B A C B\t" : "") toupper(line) > "valid.tsv"
        if (i % 3 == 0)
            print line "\tB A C B" > "valid.tsv"
    }
}'
cut -f 1 valid.tsv >valid.src
cut -f 1,2 valid.tsv >first.tsv

# run FOLDER METRIC ARGUMENT...
run() {
    folder=$1 metric=$2
    shift 2
    "$clseq" train src.txt tgt.txt --valid-tsv valid.tsv --preset plain --backend reference --emb 16 --hidden 32 --min-count 1 --batch 9 --init xavier \
        --init-scale 1 --lr 0.02 --after 400u --valid-every 20u --early-stop 4 --early-stop-on "$metric" -o "$folder" "$@"
}
# validations FOLDER: update, score and whether it was the best, for each.
validations() {
    python3 -c 'import json, sys
for event in map(json.loads, open(sys.argv[1] + "/log.jsonl")):
    if event["event"] == "valid":
        print(event["update"], event["score"], int(event["best"]))' "$1"
}
# figure REFERENCES METRIC: of valid.out.
figure() { "$clseq" eval valid.out "$1" --tsv --metric "$2" | sed -n 's/^[A-Z]* \([0-9.]*\).*/\1/p'; }

# check METRIC NAME UNIT SIGN: SIGN 1 where high is good, -1 where low is.
check() {
    run whole-$1 $1 2>whole-$1.txt || bad "$1: $(cat whole-$1.txt)"
    "$clseq" translate whole-$1/best.safetensors --backend reference --beam 1 -i valid.src >valid.out 2>err.txt || bad "translate: $(cat err.txt)"
    best=$(figure valid.tsv $1)
    [ -n "$best" ] && [ "$best" != "$(figure first.tsv $1)" ] && ok || bad "$1: further references make no difference to \"$best\""
    grep 'best so far, saved' whole-$1.txt | tail -n 1 | grep -q "  $2 $best$3  (best so far, saved)$" && ok ||
        bad "the best validation is not of $2 $best$3: $(cat whole-$1.txt)"
    # Better ones are the best so far, the run ends after four that are not, and there are both kinds.
    validations whole-$1 >whole.out
    awk -v sign=$4 'NR == 1 || sign * $2 > sign * best { if (!$3) wrong = 1; best = $2; better++; worse = 0; next }
        { if ($3) wrong = 1; worse++ }
        worse == 4 { ended++ }
        END { exit wrong || better < 3 || ended != 1 || worse != 4 || $1 == 400 }' whole.out && ok ||
        bad "$1: not in the order of the scores: $(cat whole.out)"
    run parts-$1 $1 --after 60u 2>err.txt && run parts-$1 $1 2>err.txt || bad "$1: $(cat err.txt)"
    validations parts-$1 | cmp -s - whole.out && ok || bad "$1: other validations in two parts: $(validations parts-$1)"
}

check bleu BLEU '' 1
check wer WER ' %' -1
expect 2 'early-stop-on was "lowest-score", now it is "score"' run whole-wer bleu
finish
