#!/usr/bin/env bash
# NaN or Inf in the loss or the weights ends that trial in the epoch it happened, as a result with the curve before it; the others go on.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1

trials() { "$APPROXRUN" export "$1" --curves -o - | jq -c "$2"; }

# ---- learning rates that burst: in the first epoch, and in the third of a loop of one's own ----
tiny_sweep burst lr=1e10,1e-3,1e38 multiplier=fp32,mbm:7
code=$?
check "trials that diverge are results: code 0, not $code" '[ $code -eq 0 ]'
check "the learning rate that is right completes" '[ "$(trials burst "[.trials[] | select(.params.lr == 0.001) | .state] | unique")" = "[\"complete\"]" ]'
check "that of 1e38 diverges" '[ "$(trials burst "[.trials[] | select(.params.lr == 1e38) | .state] | unique")" = "[\"diverged\"]" ]'
check "no number of a complete trial is NaN or infinite" \
  '! trials burst ".trials[] | select(.state == \"complete\") | .metrics, .curves" | grep -qiE "nan|inf"'

cat > third.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "third",
  params = { epochs = 5, batch = 16, at = 0, how = ax.choice { "step", "nan", "inf", "hidden" } },
  grid = { at = { 1, 3, 0 }, how = { "step", "nan", "inf", "hidden" } },
  data = function(p) return ax.data.synthetic { train = 64, test = 16 }:scale(1 / 255):split { valid = 16 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4, activation = "relu" }, nn.dense { 4 } } end,
  train = function(trial, net, data)
    local p = trial.params
    net:compile { optimizer = ax.optim.sgd { lr = 0.01 } }
    for epoch in trial:epochs() do
      local bad = epoch == p.at
      for batch in data:batches "train" do net:train(batch, bad and p.how == "step" and 1e38 or 0.01) end
      if bad and p.how ~= "step" then
        local name = net:parameters()[1]
        local values = net:get(name)
        values[#values] = p.how == "inf" and 1 / 0 or 0 / 0
        net:set(name, values)
        if p.how == "hidden" then pcall(function() net:evaluate "valid" end) end
      end
      trial:report { train_loss = (net:running()) }
    end
  end,
}
LUA
"$APPROXRUN" sweep third.lua -q -j 2 --threads 1 -o third
code=$?
check "weights that become NaN or infinite are a result: code 0, not $code" '[ $code -eq 0 ]'
for how in step nan inf hidden; do
  check "$how: those left alone complete, with five epochs" \
    '[ "$(trials third "[.trials[] | select(.params.how == \"$how\" and .params.at == 0) | .state, .epochs]")" = "[\"complete\",5]" ]'
  for at in 1 3; do
    found=$(trials third "[.trials[] | select(.params.how == \"$how\" and .params.at == $at) | .state, .epochs, (.curves.train_loss // [] | length)]")
    check "$how in epoch $at is noticed in it, not $found" '[ "$found" = "[\"diverged\",$((at - 1)),$((at - 1))]" ]'
  done
done

# ---- a multiplier that is not a number never gets that far ----
export XDG_CACHE_HOME=$scratch/cache
printf '#include <math.h>\nfloat none(float a, float b) { return a == b ? NAN : a * b; }\n' > none_3.c
for spec in c:none_3.c c:none_3.c,width=12; do
  tiny_sweep nan "multiplier=$spec,mit:3" 2> err
  code=$?
  check "$spec is refused with code 65 and its product, not $code: $(head -1 err)" '[ $code -eq 65 ] && grep -q "none_3.c: none(.*) is nan" err'
done

# ---- no flag takes the guard away ----
check "the build does not assume finite numbers" \
  '! grep -rqE -e "-ffast-math|-Ofast|-ffinite-math-only|use_fast_math" "$BUILD" --include=flags.make --include=build.ninja'
count "$(trials third ".trials | length") trials whose weights or loss burst in a known epoch: each noticed in it"
finish
