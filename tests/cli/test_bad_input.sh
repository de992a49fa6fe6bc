#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Bad input of every kind: the right exit status and a message that says what, where and the way out.
. "$(dirname "$0")/lib.sh"
make_text 200
t="$clseq train --backend reference --emb 8 --hidden 8 --min-count 1 --after 5u"

# Data: exit 3, with file and line; a file that cannot be opened: exit 5.
expect 5 'missing.txt: cannot open' $t missing.txt tgt.txt -o r1
: >empty.txt
expect 3 'empty.txt' $t empty.txt empty.txt -o r2
head -n 150 tgt.txt >short.txt
expect 3 '200.*150' $t src.txt short.txt -o r3
cp src.txt invalid.txt
printf 'a b \377 c\n' >>invalid.txt
cp tgt.txt longer.txt
echo 'a b c' >>longer.txt
expect 3 'invalid.txt:201' $t invalid.txt longer.txt -o r4
cp src.txt nul.txt
printf 'a b\000c\n' >>nul.txt
expect 3 'nul.txt:201' $t nul.txt longer.txt -o r5
cp src.txt megabyte.txt
awk 'BEGIN { for (i = 0; i < 600000; i++) printf "a "; print "" }' >>megabyte.txt
expect 3 'megabyte.txt:201' $t megabyte.txt longer.txt -o r6
expect 3 'TAB' $t src.txt -o r7
expect 3 'standard input' $t - tgt.txt -o r8
paste src.txt tgt.txt | sed '200s/.*/\xc3\x28\tx/' >bad.tsv
expect 3 'bad.tsv:200' $t bad.tsv -o r9

# Usage: exit 2, with the nearest right name, the range.
expect 2 'did you mean --hidden' $clseq train src.txt tgt.txt --hiden 8
expect 2 'did you mean train' $clseq trian src.txt tgt.txt
expect 2 'hidden.*65536' $clseq train src.txt tgt.txt --hidden 0
expect 2 'hidden' $clseq train src.txt tgt.txt --hidden many
expect 2 'lr' $clseq train src.txt tgt.txt --lr nan
expect 2 'after' $clseq train src.txt tgt.txt --after 5x
expect 2 'backend' $clseq train src.txt tgt.txt --backend cuda
expect 2 'nbest' $clseq translate m.safetensors --nbest 4 --beam 2
echo '{"hiden": 8}' >config.json
expect 2 'hiden' $clseq train src.txt tgt.txt --config config.json

# Presets fill in what nothing else gives, and what they print is read back.
for preset in small plain tiny base sutskever2014 luong2015 bahdanau2015; do
    expect 0 '"preset": "'$preset'"' $clseq train src.txt tgt.txt --preset $preset --print-config
    cp out.txt preset.json
    expect 0 '"preset"' $clseq train src.txt tgt.txt --config preset.json --print-config
    cmp -s out.txt preset.json && ok || bad "--preset $preset: --config does not give what --print-config wrote"
done
expect 0 '"layers": 4' $clseq train src.txt tgt.txt --preset sutskever2014 --print-config
expect 0 '"layers": 3' $clseq train src.txt tgt.txt --preset sutskever2014 --layers 3 --print-config
expect 0 '"attention": "general"' $clseq train src.txt tgt.txt --print-config
expect 2 'small' $clseq train src.txt tgt.txt --preset huge

# What does not go together: exit 2.
expect 2 'dot attention' $t src.txt tgt.txt --preset plain --attention dot --encoder-hidden 6 -o r16
expect 2 'input feeding needs attention' $t src.txt tgt.txt --preset plain --input-feeding -o r16
expect 2 'peepholes' $t src.txt tgt.txt --cell gru --peepholes -o r16
expect 2 'bridge concat' $t src.txt tgt.txt --bidirectional --bridge concat --encoder-hidden 8 -o r16

# Devices: exit 6; only auto falls back, and says so.
expect 6 'OpenCL' env OCL_ICD_VENDORS=/nonexistent $clseq train src.txt tgt.txt --backend opencl -o r10
expect 0 'reference' env OCL_ICD_VENDORS=/nonexistent $clseq train src.txt tgt.txt --emb 8 --hidden 8 --min-count 1 --after 2u -o r11
expect 0 'no OpenCL device' env OCL_ICD_VENDORS=/nonexistent $clseq devices

# Folders and disks: exit 5.
expect 5 '/dev/null' $t src.txt tgt.txt -o /dev/null/run
limited() { (trap '' XFSZ; ulimit -f 8; "$@"); }
expect 5 'cannot' limited $t src.txt tgt.txt -o r12
expect 0 'done' $t src.txt tgt.txt -o r13
echo 'a b' >in.txt
full() { "$@" >/dev/full; }
expect 5 'space' full $clseq translate r13/best.safetensors --backend reference -i in.txt

# Models: exit 4, and the file is named.
expect 5 'nothing.safetensors' $clseq translate nothing.safetensors --backend reference
head -c 1000 r13/best.safetensors >cut.safetensors
expect 4 'cut.safetensors' $clseq translate cut.safetensors --backend reference
expect 4 'src.txt' $clseq translate src.txt --backend reference
cp r13/last.safetensors r13/keep
printf 'X' | dd of=r13/last.safetensors bs=1 seek=$(($(wc -c <r13/last.safetensors) - 100)) conv=notrunc 2>/dev/null
expect 4 'last.safetensors' $t src.txt tgt.txt --after 9u -o r13
cp r13/keep r13/last.safetensors
expect 0 'done after 9' $t src.txt tgt.txt --after 9u -o r13
expect 2 'hidden' $clseq train --backend reference --emb 8 --hidden 9 --min-count 1 --after 20u src.txt tgt.txt -o r13
expect 2 'not the one' $t tgt.txt src.txt --after 20u -o r13

# Translation: line k for line k, empty for empty; bad lines are named.
printf 'a b\n\nc d e\n   \nb' >lines.txt
$clseq translate r13/best.safetensors --backend reference -i lines.txt >lines.out 2>err.txt
[ "$(wc -l <lines.out)" -eq 5 ] && [ -z "$(sed -n 2p lines.out)" ] && [ -z "$(sed -n 4p lines.out)" ] && ok ||
    bad "line k of the output belongs to line k of the input"
printf 'a b\n\377\n' >lines.txt
expect 3 'lines.txt:2' $clseq translate r13/best.safetensors --backend reference -i lines.txt
[ "$(wc -l <out.txt)" -eq 1 ] && ok || bad "lines before a bad one are translated"
head_of() { "$@" | head -n 1; }
expect 0 '.' head_of $clseq score r13/best.safetensors src.txt tgt.txt --backend reference

# The mean of models: of one with itself it is that one, and others do not mix.
expect 0 'mean of 2' $clseq average -o mean.safetensors r13/best.safetensors r13/best.safetensors
cmp -s mean.safetensors r13/best.safetensors && ok || bad "the mean of a model with itself is that model"
expect 0 done $clseq train src.txt tgt.txt --backend reference --emb 8 --hidden 9 --min-count 1 --after 1u -o r15
expect 4 "not a model like" $clseq average -o mean2.safetensors r13/best.safetensors r15/best.safetensors
[ ! -e mean2.safetensors ] && ok || bad "nothing is written when models do not fit"
expect 2 'MODEL' $clseq average -o mean2.safetensors
expect 0 'BLEU [0-9]' $t src.txt tgt.txt --valid src.txt tgt.txt --early-stop-on bleu --valid-every 2u -o r16
expect 2 'valid' $t src.txt tgt.txt --early-stop-on bleu -o r17
expect 0 'WER [0-9.]* %' $t src.txt tgt.txt --valid src.txt tgt.txt --early-stop-on wer --valid-every 2u -o r18
expect 2 'valid' $t src.txt tgt.txt --early-stop-on wer -o r17
expect 2 'early-stop-on.*loss|bleu|wer' $t src.txt tgt.txt --valid src.txt tgt.txt --early-stop-on per -o r17
expect 2 'ema' $t src.txt tgt.txt --ema 1 -o r14

# Evaluation.
expect 3 'fewer' $clseq eval short.txt tgt.txt
expect 3 'more' $clseq eval tgt.txt short.txt
expect 0 'BLEU 100.00' $clseq eval tgt.txt tgt.txt
expect 0 'exact 100.00' $clseq eval tgt.txt tgt.txt --metric exact
expect 0 'TER 0.00' $clseq eval tgt.txt tgt.txt --metric ter
expect 2 'are for --metric ter' $clseq eval tgt.txt tgt.txt --ter-no-punct
expect 2 'exclude' $clseq eval tgt.txt tgt.txt --metric ter --ter-case-sensitive --lowercase
expect 2 'give one of them' $clseq eval tgt.txt tgt.txt --metric ter --ter-asian
expect 3 'short.txt has fewer' $clseq eval tgt.txt tgt.txt --against short.txt
expect 3 'tgt.txt has more' $clseq eval short.txt short.txt --against tgt.txt
expect 5 'nothing.txt' $clseq eval tgt.txt tgt.txt --against nothing.txt
expect 3 'invalid.txt:201' $clseq eval longer.txt longer.txt --against invalid.txt
expect 3 'no line' $clseq eval empty.txt empty.txt --against empty.txt
expect 2 'named more than once' $clseq eval - tgt.txt --against -
expect 2 'for --against' $clseq eval tgt.txt tgt.txt --samples 10
expect 2 'samples' $clseq eval tgt.txt tgt.txt --against src.txt --samples 0
for metric in bleu chrf chrf++ ter wer per exact; do
    expect 0 '"samples":20,"seed":7,.*"p":0.0476' $clseq eval tgt.txt tgt.txt --against src.txt --metric $metric --samples 20 --seed 7 --json
    expect 0 'p-value has no meaning' $clseq eval tgt.txt tgt.txt --against tgt.txt --metric $metric --samples 20
done

# Help and version go to standard output with status 0.
for command in train translate score eval demo devices bench info average convert; do
    expect 0 'usage' $clseq $command --help
done
expect 0 '0\.' $clseq --version
expect 0 'train' $clseq --help
finish
