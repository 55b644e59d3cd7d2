#!/usr/bin/env bash
# ax.sensitivity: the axis `where`, its values for a model, and what they compute.
source "$(dirname "${BASH_SOURCE[0]}")/script.bash"

holds() { # what, command...: succeeds
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then report "$what" true ""; else report "$what" false "$out"; fi
}

# script KIND FIELDS [LAYERS]: an ax.KIND of two layers with products, or those given.
script() {
  cat <<LUA
local ax = require "approxrun"
local nn = ax.nn
return ax.$1 {
  name = "t", $2
  params = { epochs = 2, batch = 32, lr = 0.1, hidden = 0 },
  grid = { seed = { 1, 2 } },
  data = function(p) return ax.data.synthetic { train = 256, test = 64 }:scale(1 / 255) end,
  model = function(p)
    return nn.sequential { nn.conv2d { filters = 3, kernel = 3 }, nn.flatten(), ${3:-} nn.dense { 4 } }
  end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
}
values() { "$APPROXRUN" plan x.lua "$@" --json | jq -r '[.trials[] | select(.seed == 1) | .params.where] | join(", ")'; }
same() { report "$1" "$([ -n "$2" ] && [ "$2" = "$3" ] && echo true || echo false)" "$2 and $3"; }
differ() { report "$1" "$([ -n "$2" ] && [ -n "$3" ] && [ "$2" != "$3" ] && echo true || echo false)" "$2"; }

passes="forward, grad_input, grad_weight"
script sensitivity 'multiplier = "mbm:3",' > x.lua
same "layers, then passes; only, then but" "$(values)" \
  "none, all, only conv2d1, only dense1, only ${passes//, /, only }, but conv2d1, but dense1, but ${passes//, /, but }"
same "a value on the command line" "$(values where='only conv2d1,but forward')" "only conv2d1, but forward"
same "each with every seed" "$("$APPROXRUN" plan x.lua --json | jq '.trials | length')" $((2 * (2 + 2 * 5)))
script sensitivity 'multiplier = "mbm:3", passes = false,' > x.lua
same "layers alone" "$(values)" "none, all, only conv2d1, only dense1, but conv2d1, but dense1"
script sensitivity 'multiplier = "mbm:3", layers = false,' > x.lua
same "passes alone" "$(values)" "none, all, only ${passes//, /, only }, but ${passes//, /, but }"
script sensitivity 'multiplier = { "mbm:3", "mit:5" }, layers = false,' > x.lua
same "several multipliers" "$("$APPROXRUN" plan x.lua --json | jq '.trials | length')" $((2 * 2 * 8))
script sensitivity 'multiplier = "mbm:3", passes = false,' 'p.hidden > 0 and nn.dense { p.hidden } or nn.relu(),' > x.lua
same "layers are those of each model" "$(values hidden=0,4 | tr ',' '\n' | grep -c 'only dense')" 3

# ---- what they compute: each trial against an ordinary study's ----
numbers() { # DIR [filter]
  "$APPROXRUN" export "$1" --curves -o - | jq -c "[.trials[] | ${2:-.} | [.seed, .metrics.test_loss, .metrics.test_acc, (.curves | del(.epoch_s))]]"
}
at() { numbers sens "select(.params.where == \"$1\")"; }
script sensitivity 'multiplier = "mbm:3",' > x.lua
holds "a sensitivity study runs" "$APPROXRUN" sweep x.lua -q -o sens
script study '' > y.lua
ordinary() { "$APPROXRUN" sweep "$1" -q -o "$2" "${@:3}" >&2; numbers "$2"; }
all=$(ordinary y.lua all multiplier=mbm:3) none=$(ordinary y.lua none multiplier=fp32)
differ "all and none differ" "$all" "$none"
same "all is the study without the axis" "$(at all)" "$all"
same "none is fp32" "$(at none)" "$none"
same "only forward is backward=exact" "$(at 'only forward')" "$(ordinary y.lua straight multiplier=mbm:3 backward=exact)"
sed 's/kernel = 3 }/kernel = 3, multiplier = "fp32" }/' y.lua > z.lua
same "but conv2d1 is fp32 in that layer" "$(at 'but conv2d1')" "$(ordinary z.lua but multiplier=mbm:3)"
differ "which changes numbers" "$(at 'but conv2d1')" "$all"
same "of two layers, but one is only the other" "$(at 'but conv2d1')" "$(at 'only dense1')"
same "and the other way round" "$(at 'but dense1')" "$(at 'only conv2d1')"
exact='multiplier = { grad_weight = "fp32" } }'
sed "s/kernel = 3 }/kernel = 3, $exact/; s/nn.dense { 4 }/nn.dense { 4, $exact/" y.lua > z.lua
same "but grad_weight is fp32 in that pass" "$(at 'but grad_weight')" "$(ordinary z.lua weight multiplier=mbm:3)"

# What is not exact keeps what the layer and the study's own rules say.
sed 's/kernel = 3 }/kernel = 3, multiplier = "mit:5" }/
  s/name = "t",/& approximate = function(p) return { { layers = "dense1", multiplier = "mit:3" } } end,/' x.lua > w.lua
sed 's/kernel = 3 }/kernel = 3, multiplier = "mit:5" }/; s/nn.dense { 4 }/nn.dense { 4, multiplier = "mit:3" }/' y.lua > z.lua
"$APPROXRUN" sweep w.lua where=all -q -o rules
same "rules of the study stand" "$(numbers rules)" "$(ordinary z.lua ruled multiplier=mbm:3)"

# ---- reading it ----
"$APPROXRUN" export sens --format md -o - > table
holds "a row for each value, with all seeds" grep -qF '| mbm:3 where=but grad_weight | (1,8,3) 12 bits | 2 |' table
same "and no other" "$(grep -c where= table)" 12
"$APPROXRUN" ls sens --sort=-test_acc -w 'where~"only"' > table
same "ls selects by it" "$(grep -c ' where=only ' table)" 10
"$APPROXRUN" compare sens where=none 'where=only dense1' --json > c.json
mean() { jq "[.[][2]] | add / length"; }
same "compare pairs two values" "$(jq '.rows[] | select(.a and .b) | .difference.mean | . * 1e12 | round' c.json)" \
  "$(jq -n --argjson a "$(at none | mean)" --argjson b "$(at 'only dense1' | mean)" '($a - $b) * 1e12 | round')"
same "of one multiplier" "$(jq -c '[.rows[] | select(.a and .b) | .a.params, .b.params]' c.json)" '["where=none","where=only dense1"]'
"$APPROXRUN" plot sens --kind epochs -o - > p.svg
same "plot has a curve for each" "$(grep -c '<polyline' p.svg)" 12
"$APPROXRUN" plan x.lua > table
same "plan a row for each" "$(grep -c 'mbm:3 where=' table)" 12

# ---- refusals ----
refuses "an unknown part" 2 "'where=only dense2': no such part (did you mean 'only dense1'?)" where='only dense2'
bad() { script sensitivity "$2" > x.lua; refuses "$1" 3 "x.lua:4: $3"; }
bad "an unknown field" 'multiplier = "mbm:3", layer = true,' "sensitivity: unknown field 'layer' (did you mean 'layers'?)"
bad "a bad multiplier" 'multiplier = "mbn:3",' "grid: multiplier: "
bad "nothing to vary" 'multiplier = "mbm:3", layers = false, passes = false,' "sensitivity: layers and passes are both false"
script sensitivity '' > x.lua; refuses "no multiplier" 3 "sensitivity: its multiplier, such as \"mbm:3\", is to be given once"
script sensitivity 'multiplier = "mbm:3",' | sed 's/grid = { /&multiplier = "mit:3", /' > x.lua; refuses "two multipliers" 3 "is to be given once"
script sensitivity 'multiplier = "mbm:3",' | sed 's/grid = { /&where = { "all" }, /' > x.lua
refuses "an axis of that name" 3 "x.lua:6: sensitivity: 'where' is its own axis"
script sensitivity 'multiplier = "mbm:3",' | sed 's/nn.dense { 4/&, name = "forward"/' > x.lua
refuses "a layer called as a pass" 3 "a layer is called 'forward', as a pass is"
finish
