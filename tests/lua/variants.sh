#!/usr/bin/env bash
# operands=round and compat=approxtrain in studies: of families, of a script's own functions and of tables, whose trials, results and
# stored tables are their own.
source "$(dirname "${BASH_SOURCE[0]}")/script.bash"

holds() { # what, command...: succeeds
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then report "$what" true ""; else report "$what" false "$out"; fi
}

# The study with the multipliers `$1` in its grid.
with() {
  before 'local ax = require "approxrun"
ax.mul.define { name = "own", widths = { 3 }, fn = function(m, i, j)
  local s, n = i + j, 2 ^ m
  if s < n then return 0, s end
  return 1, s - n
end }'
  sed -i "s|multiplier = \"mbm:7\"|multiplier = { $1 }|" x.lua
}
numbers() { "$APPROXRUN" export all --curves --stable | jq -c --arg m "$1" '[.trials[] | select(.multiplier == $m) | [.seed, .metrics, .curves]]'; }

"$APPROXRUN" lut build mit:3 -o MIT_3.bin -q
"$APPROXRUN" lut build mit:3 --width-a 3 --width-b 2 -o cut.bin -q
with '"mit:3", "mit:3,operands=round", "own:3,operands=round", "mit:3,compat=approxtrain", "lut:MIT_3.bin,operands=round", "lut:cut.bin,width_a=3,width_b=2", "lut:cut.bin,width_a=3,width_b=2,operands=round"'
accepts "all of them"
holds "they are swept" "$APPROXRUN" sweep x.lua epochs=3 -q -j 1 -o all
ids=$("$APPROXRUN" plan x.lua --json | jq -r '.trials[].id' | sort -u | wc -l)
holds "each trial has an id of its own" [ "$ids" = 14 ]
numbers mit:3,operands=round > rounded; numbers mit:3 > plain
holds "two trials round" [ "$(jq length rounded)" = 2 ]
holds "which shows" [ "$(cat rounded)" != "$(cat plain)" ]
for same in own:3 lut:MIT_3.bin; do
  numbers $same,operands=round > other
  holds "$same rounds as mit:3 does" cmp rounded other
done
numbers lut:cut.bin,width_a=3,width_b=2 > plain; numbers lut:cut.bin,width_a=3,width_b=2,operands=round > rounded
holds "an operand is rounded to its own width" [ "$(cat rounded)" != "$(cat plain)" ]
holds "ApproxTrain's products train" [ "$(numbers mit:3,compat=approxtrain | jq length)" = 2 ]

# The file keeps the tables of what no program makes again, though the study's directory and the table files are gone.
rm -rf all MIT_3.bin cut.bin
if command -v h5dump > /dev/null; then
  n=$(h5dump -n all.h5 | grep -c 'dataset .*/multipliers/[^/]*/table$')
  holds "seven multipliers, seven tables" [ "$n" = 7 ]
fi
finish
