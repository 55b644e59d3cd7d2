#!/usr/bin/env bash
# Where multipliers apply: rules by layer, pass and epoch, exact gradients, and what is refused.
source "$(dirname "${BASH_SOURCE[0]}")/script.bash"

holds() { # what, command...: succeeds
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then report "$what" true ""; else report "$what" false "$out"; fi
}

# net RULES [CONV-OPTION [DENSE-OPTION]]: x.lua, a convolution and two dense layers under mbm:3 and the body of `approximate`.
net() {
  cat > x.lua <<LUA
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "t",
  params = { epochs = 4, batch = 32, lr = 0.1, warmup = 2 },
  grid = { multiplier = "mbm:3", seed = { 1 } },
  data = function(p) return ax.data.synthetic { train = 256, test = 128 }:scale(1 / 255):split { valid = 64 } end,
  model = function(p)
    return nn.sequential { nn.conv2d { filters = 3, kernel = 3${2:-} }, nn.relu(), nn.flatten(), nn.dense { 9${3:-} }, nn.dense { 4${3:-} } }
  end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
  approximate = function(p) return { ${1:-} } end,
}
LUA
}
ids() { "$APPROXRUN" plan x.lua "$@" --json | jq -r '.trials[].id'; }
run() { # DIR [override...]: the trials' numbers, epoch by epoch, and at the end
  local dir=$1
  shift
  "$APPROXRUN" sweep x.lua "$@" -q -o "$dir" >&2 && numbers "$dir" '.'
}
numbers() { "$APPROXRUN" export "$1" --curves -o - | jq -c "[.trials[] | $2 | [.metrics.test_loss, .metrics.test_acc, (.curves | del(.epoch_s))]]"; }
same() { report "$1" "$([ -n "$2" ] && [ "$2" = "$3" ] && echo true || echo false)" "$2 and $3"; }
differ() { report "$1" "$([ -n "$2" ] && [ -n "$3" ] && [ "$2" != "$3" ] && echo true || echo false)" "$2"; }

# ---- a rule is what a layer's own multiplier would be ----
net; plain=$(run plain) plain_id=$(ids) fp32=$(run fp32 multiplier=fp32)
differ "mbm:3 gives other numbers than fp32" "$plain" "$fp32"
sed '/approximate =/d' x.lua > y.lua; mv y.lua x.lua
same "no rule at all is the same trial" "$(ids)" "$plain_id"

net '' '' ', multiplier = "fp32"'; by_hand=$(run hand) hand_id=$(ids)
differ "fp32 in the dense layers changes numbers" "$by_hand" "$plain"
net '{ layers = "dense*", multiplier = "fp32" }'
same "dense* = fp32 gives the bits of layers set by hand" "$(run rule)" "$by_hand"
same "and is the same trial" "$(ids)" "$hand_id"
for layers in '"dense?"' '{ "dense1", "d*2" }' '"d*"'; do
  net "{ layers = $layers, multiplier = \"fp32\" }"
  same "layers = $layers" "$(ids)" "$hand_id"
done
net '{ multiplier = "fp32" }, { layers = "conv2d1" }'
same "the last rule wins; without a multiplier it gives the net's" "$(ids)" "$hand_id"
net '{ layers = "conv2d1", multiplier = "mbm:3" }, { layers = "dense*", multiplier = "fp32" }' ', multiplier = "mit:5"' ', multiplier = "mit:5"'
same "a rule wins over the layer's own multiplier" "$(ids)" "$hand_id"

own=', multiplier = { grad_input = "fp32", grad_weight = "fp32" }'
net '' "$own" "$own"; straight=$(run straight) straight_id=$(ids)
differ "exact gradients change numbers" "$straight" "$plain"
net '{ passes = { "grad_input", "grad_weight" }, multiplier = "fp32" }'
same "a rule of passes gives the bits of passes set by hand" "$(run passes)" "$straight"
same "and is the same trial" "$(ids)" "$straight_id"

# ---- backward ----
net
same "backward=exact gives the bits of fp32 gradients set by hand" "$(run exact backward=exact)" "$straight"
same "the default stands in no configuration" "$(ids backward=approximate)" "$plain_id"
same "an axis of it has both" "$(ids backward=exact,approximate | wc -l)" 2
run both backward=approximate,exact > /dev/null
"$APPROXRUN" compare both mbm:3 backward=exact --json > c.json
same "compare pairs them, and nothing else" "$(jq -c '[.rows[] | [.a.params, .b.params]]' c.json)" '[[null,"backward=exact"]]'
same "plan shows both" "$("$APPROXRUN" plan x.lua backward=approximate,exact | grep -cE '^  mbm:3( backward=exact)? +\(1,8,3\)')" 2
net '{ passes = p.backward == "exact" and "forward" or "grad_input", multiplier = "fp32" }'
same "functions see it, exact" "$(run seen backward=exact)" "$(net; run fp32b multiplier=fp32)"
net; sed -i 's/warmup = 2/backward = "exact"/' x.lua
same "as a parameter" "$(run param)" "$straight"

# ---- epochs ----
net '{ epochs = { 1, p.warmup }, multiplier = "fp32" }'
phases=$(run phases)
first() { jq -c '.[0][2] | map_values(.[:2])' <<< "$1"; }
same "the warm-up's epochs are those of fp32" "$(first "$phases")" "$(first "$fp32")"
differ "the epochs after it are not" "$phases" "$fp32"
differ "another warm-up is another trial" "$(ids)" "$(ids warmup=3)"
same "a warm-up as long as the training is fp32" "$(run long warmup=4)" "$fp32"
net '{ epochs = { 1, 2 }, multiplier = "fp32" }, { epochs = { 3 } }'; a=$(ids)
net '{ epochs = { 1, 1 }, multiplier = "fp32" }, { epochs = { 2, 2 }, multiplier = "fp32" }'
same "how rules are cut is not part of a trial" "$a" "$(ids)"

# The second part of that training, by a loop that takes the weights of the first and trains the epochs that are left.
loop() { # BODY: x.lua with that loop
  sed '/^  train =/,$d' x.lua
  printf '  train = function(trial, net, data)\n    net:compile { optimizer = ax.optim.sgd { lr = trial.params.lr } }\n%s\n  end,\n}\n' "$1"
}
net; loop '
    for epoch in trial:epochs() do
      for batch in data:batches "train" do net:train(batch) end
      if epoch == 2 then
        for _, name in ipairs(net:parameters()) do
          local text = {}
          for i, v in ipairs(net:get(name)) do text[i] = ("%.17g"):format(v) end
          print("WEIGHTS [\"" .. name .. "\"] = { " .. table.concat(text, ", ") .. " },")
        end
      end
      trial:report { train_loss = (net:running()) }
    end' > first.lua
holds "the first part, fp32" "$APPROXRUN" sweep first.lua multiplier=fp32 -q -o first
{ echo "return {"; cat first/logs/*.log | sed -n 's/.*WEIGHTS //p'; echo "}"; } > weights.lua
{ echo 'local weights = require "weights"'; loop '
    for epoch in trial:epochs() do
      if epoch == 3 then for name, values in pairs(weights) do net:set(name, values) end end
      for batch in data:batches "train" do if epoch > 2 then net:train(batch) end end
      local train_loss, train_acc = 0, 0
      if epoch > 2 then train_loss, train_acc = net:running() end
      local valid_loss, valid_acc = net:evaluate "valid"
      trial:report { train_loss = train_loss, train_acc = train_acc, valid_loss = valid_loss, valid_acc = valid_acc }
    end'; } > second.lua
holds "the second part, mbm:3" "$APPROXRUN" sweep second.lua -q -o second
last() { jq -c '.[0] | [.[0], (.[2] | [.train_loss, .train_acc, .valid_loss, .valid_acc | .[2:]])]' <<< "$1"; }
same "two phases are two trainings, one after the other" "$(last "$phases")" "$(last "$(numbers second '.')")"

# With weights that never move, each epoch measures the forward multiplier of that epoch.
net; sed -i 's/lr = 0.1/lr = 0/' x.lua; still=$(run still multiplier=mit:3,fp32)
net '{ epochs = { 1, 1 }, passes = "forward", multiplier = "mit:3" }, { epochs = { 2, 4 }, multiplier = "fp32" }'
sed -i 's/lr = 0.1/lr = 0/' x.lua; mixed=$(run mixed)
pick() { jq -c "$2 | [.valid_loss, .test_loss]" <<< "$1"; }
same "epoch 1 is measured under its multiplier" "$(pick "$mixed" '.[0][2] | map_values(.[0])')" "$(pick "$still" '.[0][2] | map_values(.[0])')"
same "epoch 2 under its own" "$(pick "$mixed" '.[0][2] | map_values(.[1])')" "$(pick "$still" '.[1][2] | map_values(.[1])')"
differ "which differ" "$(pick "$still" '.[0][2]')" "$(pick "$still" '.[1][2]')"
same "the final test is of the last epoch's" "$(jq '.[0][0]' <<< "$mixed")" "$(jq '.[1][0]' <<< "$still")"

# ---- stopped in each phase, a trial ends with the same bytes ----
net '{ epochs = { 9, 16 }, layers = "conv*", multiplier = "mit:5" }, { epochs = { 17, 25 }, multiplier = "fp32" }'
sed -i 's/train = 256/train = 20000/; s/lr = p.lr }/lr = p.lr, momentum = 0.9 }/; s/nn.flatten()/nn.flatten(), nn.dropout { 0.2 }/' x.lua
settings="epochs=25 lr=0.01 --threads 1 -q"
began=$(date +%s%N)
holds "an uninterrupted trial" "$APPROXRUN" sweep x.lua $settings -o whole
took=$((($(date +%s%N) - began) / 1000000))
for part in 4 2 2; do         # of what is left: about a quarter, then halves
  timeout -s TERM "$(printf '%d.%03d' $((took / part / 1000)) $((took / part % 1000)))" "$APPROXRUN" sweep x.lua $settings -o parts > log 2>&1 || true
  took=$((took - took / part))
done
stops=$(cat parts/logs/*.log 2> /dev/null | grep -c 'stopped with a checkpoint' || true)
report "it was stopped in between" "$([ "$stops" -ge 1 ] && echo true || echo false)" "$stops stops"
holds "the rest runs" "$APPROXRUN" sweep x.lua $settings -o parts
"$APPROXRUN" export whole --stable --curves > a.json
"$APPROXRUN" export parts --stable --curves | sed 's/"parts"/"whole"/' > b.json
holds "the same bytes after stops" cmp a.json b.json

# ---- on a device that records its steps, changed multipliers are recorded anew (tests/fake/cuda.c checks it) ----
fake=$(dirname "$APPROXRUN")/tests/fake/approxrun_cuda.so
if [ -e "$fake" ]; then
  mkdir bin; cp "$APPROXRUN" bin/approxrun; cp "$fake" bin/
  net '{ epochs = { 1, 1 }, multiplier = "fp32" }, { epochs = { 3, 3 }, layers = "dense*", passes = "forward", multiplier = "mit:7" }'
  holds "phases on the cpu" "$APPROXRUN" sweep x.lua -q --strict -o on_cpu
  holds "phases on a device" bin/approxrun sweep x.lua -q --strict --devices 0 -o on_device
  same "give the same numbers" "$(numbers on_device '.')" "$(numbers on_cpu '.')"
fi

# ---- refusals ----
bad() { net "$1"; refuses "$1" 3 "x.lua:12: approximate: $2" "${@:3}"; }
bad '{ layer = "dense*" }' "rule 1: unknown field 'layer' (did you mean 'layers'?)"
bad '{ }, { layers = "dens" }' 'rule 2: no layer with products is called "dens"; there are conv2d1, dense1, dense2'
bad '{ layers = { "dense*", "flatten1" } }' 'rule 1: no layer with products is called "flatten1"'
bad '{ layers = { } }' "rule 1: layers is a table, but a layer's name such as"
bad '{ passes = "foward" }' "rule 1: unknown pass 'foward' (did you mean 'forward'?)"
bad '{ passes = 1 }' "rule 1: passes is 1, but a pass such as"
bad '{ epochs = { 1, 5 } }' "rule 1: epoch 5 is beyond the training, which has 4"
bad '{ epochs = { 3 } }' "rule 1: epoch 3 is beyond the training, which has 2" epochs=2
bad '{ epochs = { 3, 2 } }' "rule 1: epochs is a table, but { from, to }"
bad '{ epochs = { 0, 2 } }' "rule 1: epochs is a table, but { from, to }"
bad '{ epochs = 2 }' "rule 1: epochs is 2, but { from, to }"
bad '{ multiplier = "mbn:3" }' "rule 1: multiplier: "
bad '"dense*"' 'rule 1: a table of options was expected, not "dense*"'
bad 'layers = "dense*"' "unknown field 'layers' outside a rule"
net; sed -i 's/return {  } end/end/' x.lua; refuses "no list" 3 "x.lua:12: approximate: the function returned nothing, but a list of rules"
net; sed -i 's/approximate = .*/approximate = { },/' x.lua
refuses "a list for the function" 3 "x.lua:12: study: approximate is a table, but a function was expected"
net; refuses "an unknown backward" 2 '"exakt" is not one of its values (did you mean '"'exact'?)" backward=exakt
sed -i 's/warmup = 2/backward = "sometimes"/' x.lua
refuses "an unknown backward of the script" 3 'x.lua:5: grid: backward: "sometimes" is not one of its values'

# ---- what summary says ----
net '{ layers = "dense1", epochs = { 3, 4 }, passes = "grad_input", multiplier = "fp32" }'
"$APPROXRUN" summary x.lua > text
holds "summary shows a layer's phases" grep -qE '^dense1 .* epochs 1-2: mbm:3$' text
holds "by pass" grep -qE '^ +epochs 3-4: fwd mbm:3, dx fp32, dw mbm:3$' text
holds "and constant layers in one line" grep -qE '^dense2 .* mbm:3$' text
holds "in JSON too" jq -e '.layers[3].multiplier == [{epochs: [1, 2], multiplier: "mbm:3"},
  {epochs: [3, 4], multiplier: {forward: "mbm:3", grad_input: "fp32", grad_weight: "mbm:3"}}]' <("$APPROXRUN" summary x.lua --json)
holds "a sweep of it" "$APPROXRUN" sweep x.lua -q -o shown
"$APPROXRUN" show shown mbm:3/1 > text
holds "show has it" grep -qE '^ +epochs 3-4: fwd mbm:3, dx fp32, dw mbm:3$' text
finish
