#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Where a model with attention looked: as JSON, as SVG, in the terminal; and what is said where there is none.
# Arguments: CLSEQ
. "$(dirname "$0")/lib.sh"
make_text 200
# A word that is markup, and one that is two columns wide.
for side in src tgt; do
    sed 's/a/<b>\&"/g; s/c/\xe7\x8c\xab/g' $side.txt >$side.new && mv $side.new $side.txt
done
t="$clseq train src.txt tgt.txt --backend reference --emb 8 --hidden 8 --min-count 1 --after 9u --reverse-source"
expect 0 'done' $t --attention general --bidirectional -o with
expect 0 'done' $t --attention none -o without
translate() {
    model=$1
    shift
    "$clseq" translate "$model/best.safetensors" --backend reference "$@"
}

# Asked for and not there, or not to be had together.
printf '<b>&" b\n\nd e f g h\nb' >in.txt
expect 2 'heatmap.*without attention' translate without -i in.txt --heatmap map.svg
expect 2 'show-alignment.*without attention' translate without -i in.txt --show-alignment
expect 2 'alignments.*without attention' translate without -i in.txt --json --alignments
expect 2 'show-alignment.*--json' translate with -i in.txt --json --show-alignment
expect 2 'SVG' translate with -i in.txt --heatmap -
expect 0 '"score"' translate without -i in.txt --json
grep -q 'alignment\|words' out.txt && bad "alignments of a model without attention" || ok
expect 0 '"score"' translate with -i in.txt --json --no-alignments
grep -q '"alignment"' out.txt && bad "--no-alignments gives alignments" || ok

# JSON: shapes, sums, names; the same whatever the batch.
translate with -i in.txt --json --beam 4 --nbest 3 >64.json 2>err.txt || bad "--json: $(cat err.txt)"
translate with -i in.txt --json --beam 4 --nbest 3 --batch 1 >1.json 2>err.txt
cmp -s 64.json 1.json && ok || bad "alignments hang on the batch"
cat >check.py <<'END'
import json, sys
lines = open(sys.argv[1], encoding="utf-8").read().split("\n")
rows = 0
for object, line in zip(map(json.loads, open(sys.argv[2], encoding="utf-8")), lines, strict=True):
    words = line.split()
    for h in object["hypotheses"]:
        if not words:
            assert "alignment" not in h and "words" not in h and "source_words" not in object
            continue
        assert object["source_words"] == words + ["</s>"], object["source_words"]
        assert len(h["words"]) == len(h["alignment"]) == h["tokens"]
        assert (h["words"][-1] == "</s>") == h["complete"]
        for row in h["alignment"]:
            assert len(row) == len(words) + 1
            assert abs(sum(row) - 1) < 5e-5 * len(row) + 1e-5, sum(row)
            assert all(0 <= w <= 1 and round(w, 4) == w for w in row)
            rows += 1
assert rows > 20
END
python3 check.py in.txt 64.json 2>err.txt && ok || bad "alignments in JSON: $(tail -n 1 err.txt)"

# SVG: one file, or one for each line; whole and well-formed, whatever the words are.
count_cells() { python3 -c '
import sys, xml.dom.minidom
print(sum(r.getAttribute("class") == "c" for r in xml.dom.minidom.parse(sys.argv[1]).getElementsByTagName("rect")))' "$1"; }
translate with -i in.txt --max-length 4 --heatmap map.svg >plain.txt 2>err.txt && ok || bad "--heatmap: $(cat err.txt)"
translate with -i in.txt --max-length 4 >other.txt 2>err.txt
cmp -s plain.txt other.txt && ok || bad "--heatmap changes the translations"
cells=$(count_cells map.svg)
[ $(((cells - 5) % 3)) -eq 0 ] && [ "$cells" -ge 8 ] && ok || bad "not a row of three cells for each word: $cells"
ls map-*.svg >/dev/null 2>&1 && bad "a numbered map that nobody asked for" || ok
expect 0 'line 2 has no words' translate with -i in.txt --heatmap-lines 3 --heatmap many.svg
[ -f many-1.svg ] && [ ! -f many-2.svg ] && [ -f many-3.svg ] && [ ! -f many-4.svg ] && ok || bad "numbered maps: $(ls)"
count_cells many-3.svg >/dev/null && ok || bad "not well-formed"
expect 5 'nowhere/map.svg.*line 1' translate with -i in.txt --heatmap nowhere/map.svg

# Terminal: the map below each translation.
LC_ALL=C translate with -i in.txt --max-length 4 --show-alignment >ascii.txt 2>err.txt && ok || bad "--show-alignment: $(cat err.txt)"
[ "$(grep -c '\.25' ascii.txt)" -eq 3 ] && ok || bad "not a map for each line with words"
LC_ALL=C grep -vxF -f other.txt ascii.txt | LC_ALL=C grep -q '[^ -~]' && bad "not only ASCII where that is asked for" || ok
LC_ALL=C.UTF-8 translate with -i in.txt --max-length 4 --show-alignment >utf8.txt 2>err.txt
grep -q '░\|▒\|▓\|█' utf8.txt && ok || bad "no shades"
grep -q "$(printf '\033')" utf8.txt && bad "colours in a file" || ok
finish
