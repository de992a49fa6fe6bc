#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A device is tried in a child process at the first start only, although training compiles kernels that the
# trial did not need: the second start leaves the note about it as it is. Arguments: CLSEQ
. "$(dirname "$0")/lib.sh"
unset POCL_CACHE_DIR POCL_KERNEL_CACHE
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

train() {
    "$clseq" train src.txt tgt.txt --backend opencl --emb 8 --hidden 8 --min-count 1 --after 2u -o "$1" 2>err.txt
}
# Written anew, a note has another number.
notes() { ls -i "$XDG_CACHE_HOME"/clseq/clseq-opencl/probed; }

make_text 40
train first
case $? in
0) ;;
6) echo "skipped: test_second_start: no OpenCL device"; exit 77 ;;
*) bad "the first training"; cat err.txt ;;
esac
first=$(notes)
[ -n "$first" ] && ok || bad "no note that the device has passed"
# A second name for each, so that their numbers do not become free.
mkdir kept && ln "$XDG_CACHE_HOME"/clseq/clseq-opencl/probed/* kept && ok || bad "notes cannot be linked to"
train second || { bad "the second training"; cat err.txt; }
[ "$(notes)" = "$first" ] && ok || bad "the device was tried again at the second start"
# A change from outside is a reason to try it again.
object=$(find "$XDG_CACHE_HOME"/clseq/clseq-opencl/pocl -name 'program.bc' 2>/dev/null | head -n 1)
if [ -n "$object" ]; then
    cp "$object" "$object.bc"
    train third || { bad "the third training"; cat err.txt; }
    [ "$(notes)" != "$first" ] && ok || bad "a change in PoCL's cache goes unseen"
else
    echo "skipped: test_second_start: a change in PoCL's cache (the device is not PoCL's)"
fi
finish
