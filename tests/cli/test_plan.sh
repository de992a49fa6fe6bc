#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# clseq plan: what it prints, that a run takes what was planned, and that both refuse the same. Arguments: CLSEQ BACKEND.
. "$(dirname "$0")/lib.sh"
backend=$1
export XDG_CACHE_HOME="${CLSEQ_TEST_CACHE:-$work}"
make_text 64
head -n 16 src.txt >valid.src
head -n 16 tgt.txt >valid.tgt
text="src.txt tgt.txt --valid valid.src valid.tgt -o run"
small="$text --backend $backend --emb 8 --hidden 8 --batch 16 --after 2e"

# get KEY FILE: a number of a JSON object.
get() { python3 -c 'import json, sys
print(json.load(open(sys.argv[2]))[sys.argv[1]])' "$@"; }
# logged KEY: the last one in the run's log.
logged() { grep -o "\"$1\":[0-9]*" run/log.jsonl | tail -n 1 | cut -d: -f2; }

expect 0 'training, at most' "$clseq" plan $small --seconds 0.2
grep -q 'an epoch' out.txt && ok || bad "no time of an epoch"
grep -q 'translating .*the validation text with beam 5' out.txt && ok || bad "no time of a translation"
grep -q '^  weights  ' out.txt && ok || bad "no weights"
[ -e run ] && bad "plan made the run folder" || ok
"$clseq" plan $small --seconds 0.2 --json >plan.json 2>err.txt && ok || bad "plan --json: $(cat err.txt)"
get backend plan.json >/dev/null && ok || bad "not JSON"
for key in device fits weights updates_per_epoch device_memory device_bytes translate_bytes host_process_bytes host_data_bytes \
    host_peak_bytes update_seconds epoch_seconds epoch_seconds_min epoch_seconds_max valid_seconds valid_translate_seconds valid_translate_bytes total_seconds; do
    grep -q "\"$key\":" plan.json && ok || bad "no $key in the JSON"
done
planned=$(get device_bytes plan.json)
"$clseq" plan $small --seconds 0 --memory-limit "$planned" --json >short.json 2>err.txt
grep -q epoch_seconds short.json && bad "--seconds 0 measures" || ok

# The run takes what was planned, to the byte, and that is enough.
expect 0 'done after' "$clseq" train $small --memory-limit "$planned"
for key in device_planned_bytes device_peak_bytes; do
    [ "$(logged $key)" = "$planned" ] && ok || bad "planned $planned bytes, $key $(logged $key)"
done
[ "$(get device_bytes short.json)" = "$planned" ] && ok || bad "another plan without measuring"
rm -r run

# One byte less is refused by both, in the same words, before anything is bound to the options.
expect 7 'What would fit: --batch 8 takes' "$clseq" plan $small --memory-limit $((planned - 1))
sed -n 's/.*\(training takes.*\)/\1/p' err.txt >plan.txt
expect 7 'What would fit: --batch 8 takes' "$clseq" train $small --memory-limit $((planned - 1))
sed -n 's/.*\(training takes.*\)/\1/p' err.txt >train.txt
[ -s plan.txt ] && cmp -s plan.txt train.txt && ok || bad "refused in other words"
[ -e run/config.json ] && bad "a refused run has a configuration" || ok
expect 0 'done after' "$clseq" train $small --batch 8 --memory-limit $((planned - 1))
"$clseq" plan $small --memory-limit 1K --json >small.json 2>err.txt
grep -q 'does not fit' err.txt && ok || bad "1K: $(cat err.txt)"
grep -q '"fits":false' small.json && ok || bad "1K is enough"

expect 2 'memory-limit' "$clseq" train $small --memory-limit much
expect 2 'seconds' "$clseq" plan $small --seconds -1
expect 2 'beam' "$clseq" plan $small --beam 0
expect 2 'name the same thing' "$clseq" plan $small --valid-tsv x.tsv
expect 2 'twice' "$clseq" plan $small --backend mirror
expect 2 'seconds' "$clseq" train $small --seconds 1
expect 5 'missing.txt' "$clseq" plan missing.txt tgt.txt --backend $backend
finish
