# SPDX-License-Identifier: BSD-2-Clause
# Shared by the command tests. Arguments of each test: CLSEQ (the command), then its own.
# Counts checks, names those that fail, and removes its folder.
set -u
clseq=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
failures=0 checks=0

# Small parallel text: $1 pairs of letters and their reverse, from a fixed sequence.
make_text() {
    awk -v n="$1" 'BEGIN {
        s = 12345
        for (i = 0; i < n; i++) {
            line = ""; back = ""
            s = (s * 1103515245 + 12345) % 2147483648
            length_ = 2 + int(s / 65536) % 4
            for (j = 0; j < length_; j++) {
                s = (s * 1103515245 + 12345) % 2147483648
                c = substr("abcdefgh", 1 + int(s / 65536) % 8, 1)
                line = line (j ? " " : "") c
                back = c (j ? " " : "") back
            }
            print line > "src.txt"
            print back > "tgt.txt"
        }
    }'
}

ok() { checks=$((checks + 1)); }
bad() { checks=$((checks + 1)); failures=$((failures + 1)); echo "FAILED: $*"; }

# expect CODE PATTERN COMMAND...: the exit status and a part of what is printed.
expect() {
    code=$1 pattern=$2
    shift 2
    "$@" >out.txt 2>err.txt </dev/null
    got=$?
    if [ $got -ne "$code" ]; then
        bad "exit status $got, expected $code: $*"
        sed 's/^/    /' err.txt | head -n 5
    elif ! cat out.txt err.txt | grep -qe "$pattern"; then
        bad "no \"$pattern\" in the output of: $*"
        cat out.txt err.txt | sed 's/^/    /' | head -n 8
    else
        ok
    fi
}

finish() {
    echo "$((checks - failures)) passed, $failures failed"
    [ "$checks" -gt 0 ] && [ "$failures" -eq 0 ]
    exit
}
