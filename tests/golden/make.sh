#!/usr/bin/env bash
# Makes the golden files of a format, once, by hand, with the program that writes it; no test calls this, and what was released is
# never made again. Before, the folder holds golden.lua alone: a copy of the last one's will do. Needs cc and python3-h5py.
#   APPROXRUN=build/approxrun tests/golden/make.sh tests/golden/schema-1
# A new schema gets a folder schema-N; a new version of the numerics, which goes on with no checkpoint of the old one, a folder
# schema-N-numerics-M. tests/reliability/old_files.sh finds both.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
[ "$(ls "$folder")" = golden.lua ] || { echo "$folder: wanted golden.lua in it and nothing else" >&2; exit 1; }
program=$(realpath "$APPROXRUN")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cc -shared -fPIC -O1 -o "$scratch/machine.so" "$here/machine.c" -ldl
mkdir "$scratch/bin" "$scratch/work"
ln -s "$program" "$scratch/bin/approxrun"
cd "$scratch/work"
export PATH=$scratch/bin:$PATH OPENBLAS_CORETYPE=Haswell APPROXRUN_ISA=c
sweep() { LD_PRELOAD=$scratch/machine.so exec approxrun sweep golden.lua -q -j 1 --threads 1 -o "$1" 2> /dev/null; }

cp "$folder/golden.lua" .
approxrun lut build mit:3 -q -o MIT_3.bin                                    # u8
approxrun lut build mbm:3 -q --format u32 -o MBM_3.bin                       # u32
approxrun lut build mit:3 -q --width-a 3 --width-b 2 -o MIT_3x2.bin          # operands of unequal widths
(sweep whole) || [ $? -eq 1 ]                                                # a trial is made to fail

# Until Ctrl-C comes in the middle of an epoch of the last trial; its first two are complete.
last=$(approxrun plan golden.lua --ids | tail -1 | grep -oE '[0-9a-f]{16}')
for attempt in $(seq 200); do
  rm -rf golden golden.h5
  (sweep golden) &
  until grep -q "$last.*\"epoch\":2" golden/events/*.jsonl 2> /dev/null || ! kill -0 $! 2> /dev/null; do :; done
  kill -INT $! 2> /dev/null || true
  wait $! || true
  grep -qE "$last\",\"event\":\"interrupted\",\"epoch\":[34],\"step\":[1-9][0-9]" golden/events/*.jsonl && break
  [ "$attempt" -lt 200 ] || { echo "200 interruptions, none in the middle of an epoch" >&2; exit 1; }
done
/usr/bin/python3 "$here/facts.py" > facts.json
rm -r whole whole.h5
gzip -9n golden.h5                                                           # HDF5 keeps a lot of room in small files
find . -type d -empty -delete                                                 # as git keeps them
cp -r . "$folder"
du -bs "$folder"
