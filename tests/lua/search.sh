#!/usr/bin/env bash
# ax.search: NSGA-II's parts, a greedy search whose path is worked by hand, the front, energies, going on after a kill, refusals.
source "$(dirname "${BASH_SOURCE[0]}")/script.bash"

same() { report "$1" "$([ -n "$2" ] && [ "$2" = "$3" ] && echo true || echo false)" "$2 and $3"; }
differ() { report "$1" "$([ -n "$2" ] && [ -n "$3" ] && [ "$2" != "$3" ] && echo true || echo false)" "$2"; }
holds() { # what, command...: succeeds
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then report "$what" true ""; else report "$what" false "$out"; fi
}

# ---- the parts ----
cp "$ROOT/lua/nsga2.lua" .
cp "$ROOT/tests/lua/nsga2.lua" parts.lua
for jit in on off; do holds "parts of NSGA-II (JIT $jit)" env APPROXRUN_JIT=$jit "$APPROXRUN" plan parts.lua; done

# script FIELDS [EPOCHS]: a search over three layers with 972, 432 and 64 products a sample.
script() {
  cat <<LUA
local ax = require "approxrun"
local nn = ax.nn
return ax.search {
  name = "t", multipliers = { "fp32", "mbm:7", "mit:1" }, $1
  params = { epochs = ${2:-1}, batch = 32, lr = 0.05 },
  data = function(p) return ax.data.synthetic { train = 256, test = 200 }:scale(1 / 255) end,
  model = function(p)
    return nn.sequential { nn.conv2d { filters = 3, kernel = 3 }, nn.maxpool { 2 }, nn.flatten(), nn.dense { 16 }, nn.dense { 4 } }
  end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr, momentum = 0.9 }, epochs = p.epochs, batch = p.batch } end,
}
LUA
}
energy='energy = { fp32 = 4, ["mbm:7"] = 1, ["mit:1"] = 0.25 },'

# told FIELDS: the same, but nothing is trained: of 10000 samples 5207 are right, less what each layer's multiplier costs, more or
# less with the seed. 0.5007 - 0.0005 is more than 0.5002 in doubles: a loss of the whole budget is still allowed.
told() {
  script "$energy metric = \"valid_acc\", $1" | sed '/^  train =/,$d'
  cat <<'LUA'
  train = function(trial, net, data)
    local lost = { ["conv2d1=mbm:7"] = 4, ["conv2d1=mit:1"] = 30, ["dense1=mbm:7"] = 1, ["dense1=mit:1"] = 2,
      ["dense2=mbm:7"] = -1, ["dense2=mit:1"] = 2 }
    local right = 5207 + (trial.params.seed % 2 == 0 and 200 or -200)
    for part in trial.params.assignment:gmatch "%S+" do right = right - (lost[part] or 0) end
    net:compile { optimizer = ax.optim.sgd { lr = 0 } }
    for _ in trial:epochs() do trial:report { valid_acc = right / 10000 } end
  end,
}
LUA
}
assignments() { "$APPROXRUN" plan "$@" --json | jq -r '.trials[].params.assignment'; }
a() { printf 'conv2d1=%s dense1=%s dense2=%s\n' "$@"; }

# ---- greedy: energy saved (pJ) a lost sample, by hand ----
# 1: dense2 gains, so it is free and first. 2: dense1 1296 / 1 before conv2d1 2916 / 4. 3: conv2d1 before dense1 324 / 1.
# 4: conv2d1 at mit:1 loses too much; dense1 at mit:1 ends exactly at the budget of 5. 5: nothing fits.
told 'budget = 0.0005, seeds = 2,' > greedy.lua
{ a fp32 fp32 fp32; a mbm:7 fp32 fp32; a fp32 mbm:7 fp32; a fp32 fp32 mbm:7
  a mbm:7 fp32 mbm:7; a fp32 mbm:7 mbm:7; a fp32 fp32 mit:1
  a mbm:7 mbm:7 mbm:7; a fp32 mit:1 mbm:7; a fp32 mbm:7 mit:1
  a mit:1 mbm:7 mbm:7; a mbm:7 mit:1 mbm:7; a mbm:7 mbm:7 mit:1
  a mit:1 mit:1 mbm:7; a mbm:7 mit:1 mit:1; } > path
same "first round" "$(assignments greedy.lua -o greedy)" "$(sed -n '1,4{p;p}' path)"
same "and more to come" "$("$APPROXRUN" plan greedy.lua -o greedy --json | jq -c '[.round, .more]')" '[1,true]'
holds "plan says so" grep -q 'round 1 of the search; its results decide what follows' <("$APPROXRUN" plan greedy.lua -o greedy)
"$APPROXRUN" sweep greedy.lua -j 2 -o greedy 2> said
same "the path" "$(assignments greedy.lua -o greedy)" "$(sed 'p' path)"
same "its end" "$("$APPROXRUN" plan greedy.lua -o greedy --json | jq -c '[.round, .more]')" '[5,false]'
holds "progress names the round" grep -q '^t: round 3: 20 trials, 6 to run' said
holds "and the assignment" grep -q "\\] $(a mbm:7 mit:1 mbm:7) seed 2  complete" said
holds "the front is shown" grep -q "uJ .* % *$(a mbm:7 mit:1 mbm:7)\$" said
holds "a budget on the command line" "$APPROXRUN" sweep greedy.lua budget=0 -q -o greedy
# With nothing to lose dense2, then dense1, whose loss the gain of dense2 pays.
same "ends earlier" "$(assignments greedy.lua budget=0 -o greedy | uniq | tail -1)" "$(a fp32 mbm:7 mit:1)"
told 'budget = 0.0005,' > one.lua
holds "one seed" "$APPROXRUN" sweep one.lua -q -o one
same "the same path" "$(assignments one.lua -o one)" "$(cat path)"
same "seeds of the command line" "$("$APPROXRUN" plan one.lua seed=3..5 --json -o none | jq -c '[.trials[].seed] | unique')" '[3,4,5]'

# ---- nsga2: 27 assignments, fewer than it may ask for; the front against all pairs ----
told 'method = "nsga2", population = 12, generations = 9, seed = 5,' > all.lua
"$APPROXRUN" sweep all.lua -q -o all --json > all.json
same "nothing is evaluated twice" "$(assignments all.lua -o all | sort | uniq -d | wc -l)" 0
same "the uniform ones come first" "$(assignments all.lua -o all | head -3)" "$(a fp32 fp32 fp32; a mbm:7 mbm:7 mbm:7; a mit:1 mit:1 mit:1)"
"$APPROXRUN" export all --curves -o all.export
front='[.trials[] | {a: .params.assignment, e: .metrics.energy_uj, v: .metrics.valid_acc}] as $all
  | [$all[] | . as $p | select(all($all[]; (.e > $p.e) or (.v < $p.v) or (.e == $p.e and .v == $p.v)))] | sort_by(.e) | map([.a, .e, .v])'
same "the front" "$(jq -c '.front | map([.assignment, .energy_uj, .valid_acc])' all.json)" "$(jq -c "$front" all.export)"
# By hand, from the losses: no dense2=fp32, as mbm:7 is better and cheaper; with mbm:7 there, all pairs of the other two but
# conv2d1=mit:1 beside dense1=fp32, which mbm:7 in all layers beats; dense2=mit:1 saves too little, but at the cheap end.
{ a mit:1 mit:1 mit:1; a mit:1 mit:1 mbm:7; a mit:1 mbm:7 mbm:7; a mbm:7 mit:1 mit:1; a mbm:7 mit:1 mbm:7; a mbm:7 mbm:7 mbm:7
  a mbm:7 fp32 mbm:7; a fp32 mit:1 mbm:7; a fp32 mbm:7 mbm:7; a fp32 fp32 mbm:7; } > best
same "is that of all 27" "$(jq -r '.front[].assignment' all.json | sort)" "$(sort best)"
holds "a search by NSGA-II on the command line" "$APPROXRUN" sweep greedy.lua method=nsga2 generations=1 population=6 -q -o other
same "is as large as that" "$(assignments greedy.lua method=nsga2 generations=1 population=6 -o other | uniq | wc -l)" 12
differ "another seed of the search asks for others" "$(told 'method = "nsga2", seed = 1,' > x.lua; assignments x.lua)" "$(told 'method = "nsga2", seed = 2,' > x.lua; assignments x.lua)"

# ---- the picture ----
holds "plot" "$APPROXRUN" plot all --kind pareto -o front.svg
same "a mark for each assignment, two in the legend" "$(grep -c '<path' front.svg)" "$(($(jq '.trials | length' all.export) + 2))"
same "the front's are named" "$(grep -c '>conv2d1=' front.svg)" 10
holds "units" grep -q '>energy of the products of one inference, µJ<' front.svg
same "energies of more than a decade: a logarithmic axis" "$(grep -oE '>0\.0[0-9]*<' front.svg | tr -d '<>' | xargs)" "0.0002 0.0005 0.001 0.002 0.005 0.01"
same "with the cheapest, 0.000367 µJ, where its logarithm is" "$(grep -oE '<path transform="translate\([0-9.]+' front.svg | cut -d'(' -f2 | sort -n | head -1)" \
  "$(awk 'BEGIN { printf "%.1f", 70 + 505 * log(0.000367 / 0.0002) / log(0.01 / 0.0002) }')"
"$APPROXRUN" plot all.h5 --kind pareto -o - | cmp - front.svg && report "the file gives the same" true "" || report "the file gives the same" false ""
"$APPROXRUN" ls all --sort energy_uj -w 'energy_uj<0.001' | tail -n +2 > table
same "ls shows and selects by energy" "$(awk '{ print $11 }' table | sort -n | head -1)" 0.000367
same "export --format md has it" "$("$APPROXRUN" export all --format md -o - | grep -c '0.000367 |')" 1

# ---- energy, in pJ: 1468 products forward; the convolution has no gradient by its input ----
script "$energy" > x.lua
planned() { "$APPROXRUN" plan "$@" --json | jq -c '.trials[0] | [.energy_uj, .train_energy_j] | map(. * 1e15 | round / 1e15)'; }
joules() { jq -nc "[$1 * 1e-6, ($2) * 1e-12] | map(. * 1e15 | round / 1e15)"; }
fp32=$(joules 1468*4 "(2 * 972 + 3 * (432 + 64)) * 4 * 256 + 1468 * 4 * 200")
same "all fp32" "$(planned x.lua)" "$fp32"
mixed='assignment=conv2d1=mbm:7 dense2=mit:1'
same "by layer" "$(planned x.lua "$mixed")" "$(joules '(972 * 1 + 432 * 4 + 64 * 0.25)' '(2 * 972 * 1 + 3 * 432 * 4 + 3 * 64 * 0.25) * 256 + (972 + 432 * 4 + 16) * 200')"
script "$energy passes = \"forward\"," > y.lua
same "forward alone" "$(planned y.lua "$mixed")" \
  "$(joules '(972 * 1 + 432 * 4 + 64 * 0.25)' '(972 * 5 + 432 * 12 + 64 * 8.25) * 256 + (972 + 432 * 4 + 16) * 200')"
script 'energy = function(m) return m == "fp32" and 4 or m == "mbm:7" and 1 or 0.25 end,' > y.lua
same "from a function" "$(planned y.lua "$mixed")" "$(planned x.lua "$mixed")"
{ script '' | sed '2a ax.mul.costs { fp32 = { energy_pj = 4 }, ["mbm:7"] = { power_mw = 0.5, delay_ns = 2 }, ["mit:1"] = { energy_pj = 0.25 } }'; } > y.lua
same "from costs, power times delay among them" "$(planned y.lua "$mixed")" "$(planned x.lua "$mixed")"
script "$energy" | sed 's/ax.search/ax.study/; s/multipliers.*/grid = { multiplier = { "fp32", "mbm:7" } },/; 2a ax.mul.costs { fp32 = { energy_pj = 4 } }' > y.lua
same "of an ordinary study" "$(planned y.lua)" "$fp32"
{ sed '2a ax.mul.costs { ["mbm:7"] = { energy_pj = 1 } }' y.lua; } > z.lua
for rule in exact lut1d lut2d; do
  same "gradients under $rule are FP32 products" "$(planned z.lua multiplier=mbm:7 backward=$rule)" \
    "$(joules 1468 '(972 * 5 + 432 * 9 + 64 * 9) * 256 + 1468 * 200')"
done
same "and unknown without costs" "$("$APPROXRUN" plan y.lua --json | jq -c '.trials[1] | has("energy_uj")')" false

# ---- what an assignment computes ----
numbers() { "$APPROXRUN" export "$1" --curves -o - | jq -c '[.trials[] | [.seed, .metrics.test_loss, .metrics.test_acc, (.curves | del(.epoch_s))]]'; }
ran() { "$APPROXRUN" sweep "$1" -q -o "$2" "${@:3}" >&2; numbers "$2"; }
ordinary() { script "" | sed 's/ax.search/ax.study/; s/multipliers.*$//' | sed "$1"; }
by_layer='s/kernel = 3 }/kernel = 3, multiplier = "mbm:7" }/; s/nn.dense { 4 }/nn.dense { 4, multiplier = "mit:1" }/'
ordinary "$by_layer" > y.lua
same "the layers' own multipliers" "$(ran x.lua assigned "$mixed")" "$(ran y.lua by_layer)"
differ "which are not fp32's" "$(numbers assigned)" "$(ordinary '' > y.lua; ran y.lua plain)"
script "$energy passes = \"forward\"," > y.lua
ordinary "$by_layer" > z.lua
same "forward alone: gradients of fp32" "$(ran y.lua forward "$mixed")" "$(ran z.lua straight backward=exact)"
same "one text of an assignment" "$(assignments x.lua 'assignment=dense2=mit:1  conv2d1=mbm:7')" "$(a mbm:7 fp32 mit:1)"
same "two of them" "$(assignments x.lua 'assignment=dense1=drum:7,k=4,dense1=fp32')" "$(a fp32 drum:7,k=4 fp32; a fp32 fp32 fp32)"

# ---- a stop in the middle ----
script "$energy budget = 0.2," 40 > long.lua
stable() { "$APPROXRUN" export "$1" --stable --curves -o -; }
"$APPROXRUN" sweep long.lua -q -j 2 -o whole
for signal in TERM KILL; do
  "$APPROXRUN" sweep long.lua -q -j 2 -o "cut$signal" 2> /dev/null &
  pid=$!
  for _ in $(seq 600); do
    [ "$(find "cut$signal/trials" -name '*.h5' 2> /dev/null | wc -l)" -ge 5 ] && break
    sleep 0.02
  done
  kill -$signal $pid
  wait $pid 2> /dev/null || true
  done_so_far=$(find "cut$signal/trials" -name '*.h5' | wc -l)
  report "SIG$signal came in the middle" "$([ "$done_so_far" -lt "$(find whole/trials -name '*.h5' | wc -l)" ] && echo true || echo false)" "$done_so_far"
  holds "the search goes on after SIG$signal" "$APPROXRUN" sweep long.lua -q -j 2 -o "cut$signal"
  same "to the same end" "$(stable "cut$signal" | sha256sum)" "$(stable whole | sha256sum)"
done
"$APPROXRUN" sweep long.lua -o whole 2> said
holds "a finished search runs nothing" grep -q 'are complete already, nothing to run' said

# ---- refusals ----
bad() { script "$2" > x.lua; refuses "$1" 3 "x.lua:4: search: $3"; }
planless() { # what, message: plan refuses, as searching begins
  local out
  out=$("$APPROXRUN" plan x.lua 2>&1 >/dev/null) && out="accepted"
  report "$1" "$([[ $(head -1 <<< "$out") == *"$2"* ]] && echo true || echo false)" "$out"
}
script 'energy = { fp32 = 4 },' > x.lua
planless "an unknown energy" 'x.lua:4: search: the energy of a product under mbm:7 is not known; say energy = { ["mbm:7"] = pJ }'
script 'energy = { fp32 = 1, ["mbm:7"] = 2, ["mit:1"] = 0.5 },' > x.lua
planless "a first that is not the dearest" 'x.lua:4: search: mbm:7 needs more energy than the first multiplier, fp32'
script "$energy metric = \"valid_acc\"," > y.lua
said=$("$APPROXRUN" sweep y.lua -q -o none 2>&1) && code=0 || code=$?
report "a metric that no trial has" "$([ "$code" = 3 ] && [[ $said == *"search: the reference, $(a fp32 fp32 fp32), has no valid_acc"* ]] && echo true || echo false)" "$code $said"
bad "a negative energy" 'energy = { fp32 = -1 },' 'energy of "fp32" is -1, but a number of pJ'
bad "an unknown method" "$energy method = \"gredy\"," "method is \"gredy\", but one of greedy, nsga2 (did you mean 'greedy'?)"
bad "an unknown field" "$energy bugdet = 1," "unknown field 'bugdet' (did you mean 'budget'?)"
bad "seeds twice" "$energy seeds = 2, grid = { seed = { 1 } }," "seeds = N and an axis 'seed' say the same"
bad "several settings" "$energy grid = { rate = { 1, 2 } }," "rate has 2 values, but one was expected"
bad "an axis of multipliers" "$energy grid = { multiplier = { \"fp32\" } }," "'multiplier' is its own"
script "$energy" | sed 's/{ "fp32", "mbm:7", "mit:1" }/{ "fp32", "fp32" }/' > x.lua; refuses "a multiplier twice" 3 "fp32 is there twice"
script "$energy" | sed 's/{ "fp32", "mbm:7", "mit:1" }/{ "fp32" }/' > x.lua; refuses "one multiplier" 3 "a list of two multipliers or more"
script "$energy" > x.lua
refuses "an unknown layer" 2 "no layer 'dense3' (did you mean 'dense" assignment=dense3=fp32
refuses "not an assignment" 2 "'dense1': LAYER=MULTIPLIER was expected" assignment=dense1
refuses "a bad multiplier" 2 "'assignment=dense1=mbn:3': " assignment=dense1=mbn:3
refuses "multiplier=" 2 "multiplier= has no place here" multiplier=mbm:7
refuses "several values" 2 "epochs has 2 values" epochs=1,2
refuses "a bad budget" 2 "'budget=-1': a number of at least 0 was expected" budget=-1
refuses "a bad method" 2 "'method=best': one of greedy, nsga2 was expected" method=best
finish
