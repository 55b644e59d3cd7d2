#!/usr/bin/env bash
# What decides a trial's numbers and was changed between two sweeps of a study makes new trials beside the old ones; what does not
# decide them makes none; a study of another numerics version, or a damaged one, is refused by name.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
export XDG_CACHE_HOME=$scratch/cache

use_table() { "$APPROXRUN" lut build "$1" -q -o table_3.bin; }
use_function() { printf 'float product(float a, float b) { return a * b%s; }\n' "$1" > times_3.c; }

cat > inputs.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "inputs",
  params = { epochs = 1, batch = 32, lr = 1e-3 },
  grid = { multiplier = { "lut:table_3.bin", "c:times_3.c", "fp32" } },
  data = function(p)
    return ax.data.synthetic { train = 96, test = 32, seed = 1 }
  end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(p) return { optimizer = ax.optim.adam { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
sweep() { "$APPROXRUN" sweep inputs.lua -q -j 1 --threads 1 -o study "$@" 2> err; }
trials() { ls study/trials | grep -c '\.h5$'; }
n=0
makes() {       # NEW WHAT [OVERRIDE...]
  local before now code new=$1 what=$2
  before=$(trials)
  sweep "${@:3}"
  code=$?
  now=$(trials)
  n=$((n + 1))
  check "$what: the sweep ends with code 0, not $code: $(head -1 err)" '[ $code -eq 0 ]'
  check "$what: $new new trials, not $((now - before))" '[ $((now - before)) -eq $new ]'
  check "$what: three are in the plan, the others are shown as not in it" '[ "$("$APPROXRUN" ls study | grep -c "not in plan")" -eq $((now - 3)) ]'
}

use_table mit:3; use_function ""
sweep || { cat err; exit 1; }
check "three trials" '[ "$(trials)" -eq 3 ]'
makes 0 "nothing changed"
makes 3 "another parameter" lr=2e-3
makes 0 "the first parameter again"
use_table mbm:3;                   makes 1 "another table in the same file"
use_table mit:3;                   makes 0 "the first table again"
use_function " * (1 + 0x1p-6f)";   makes 1 "another function in the same file"
use_function ""; sed -i '1i /* a comment */' times_3.c
makes 0 "the first function with a comment"
sed -i 's/seed = 1 }/seed = 2 }/' inputs.lua; makes 3 "other data"
sed -i 's/seed = 2 }/seed = 1 }/' inputs.lua; makes 0 "the first data again"
sed -i 's/nn.dense { 4 } /nn.dense { 8, activation = "relu" }, nn.dense { 4 } /' inputs.lua
makes 3 "another model"
sed -i '1i -- a comment' inputs.lua; makes 0 "a comment in the script"

# ---- what is refused ----
cp -r study older; cp -r study damaged
numerics=$(grep -o '\\"numerics\\":[0-9]*' older/plan.json | head -1 | grep -o '[0-9]*$')
sed -i 's/\\"numerics\\":[0-9]*/\\"numerics\\":1/g' older/plan.json
"$APPROXRUN" sweep inputs.lua -o older 2> err
code=$?
check "numerics version 1 (of ${numerics:-none}) is refused with code 4, not $code: $(head -1 err)" \
  '[ $code -eq 4 ] && grep -q "older: .*numerics version 1" err && [ "$(wc -l < err)" -eq 1 ]'
for file in damaged/trials/*.h5; do break; done
printf 'garbage' | dd of="$file" bs=1 seek=100 conv=notrunc 2> /dev/null
"$APPROXRUN" sweep inputs.lua -o damaged 2> err
code=$?
check "a damaged trial is refused with code 65 and its name, not $code: $(head -1 err)" '[ $code -eq 65 ] && grep -q "$file" err'
count "$n changes of parameters, tables, functions, data, model and comments"
finish
