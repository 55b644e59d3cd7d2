#!/usr/bin/env bash
# Backward rules: the gradients of one step under each, and short trainings.
source "$(dirname "${BASH_SOURCE[0]}")/script.bash"

cat > x.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "t",
  params = { epochs = 6, batch = 16, lr = 0.01 },
  grid = { multiplier = "mbm:5", seed = { 1 } },
  data = function(p) return ax.data.synthetic { train = 128, test = 64 }:scale(1 / 255) end,
  model = function(p)
    return nn.sequential {
      nn.conv2d { filters = 4, kernel = 5, stride = 2 }, nn.relu(), nn.conv2d { filters = 5, kernel = 3, padding = "same", activation = "tanh" },
      nn.maxpool { 2 }, nn.flatten(), nn.dense { 20, activation = "relu" }, nn.dense { 4 },
    }
  end,
  train = function(p) return { optimizer = ax.optim.adam { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA

# The same net after one step forward and backward: its gradients, a line each.
{
  sed '/^  train =/,$d' x.lua
  cat <<'LUA'
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.adam { lr = trial.params.lr } }
    for _ in trial:epochs() do
      for batch in data:batches "train" do
        net:forward(batch, true)
        net:backward()
        for _, name in ipairs(net:parameters()) do
          for _, g in ipairs(net:gradient(name)) do print(("GRADIENT %s %.9g"):format(name, g)) end
        end
        net:step()
      end
      trial:report { steps = 1 }
    end
  end,
}
LUA
} > step.lua

gradients() { # MULTIPLIER RULE: one line a weight
  "$APPROXRUN" sweep step.lua multiplier="$1" backward="$2" batch=128 epochs=1 -q -o "step-$1-$2" >&2
  cat "step-$1-$2"/logs/*.log | sed -n 's/.*GRADIENT //p' > "$1-$2.txt"
}
for m in exact:11 mit:4 mbm:5; do
  for rule in exact lut1d lut2d; do gradients $m $rule; done
done
gradients fp32 exact
gradients fp32 lut2d
gradients mbm:5 approximate

# distance A B: the largest relative L2 distance of a weight tensor's gradients.
distance() {
  paste -d' ' "$1.txt" "$2.txt" | awk '$1 != $3 { bad = 1 } { off[$1] += ($2 - $4) ^ 2; all[$1] += $4 ^ 2 }
    END { for (k in off) { d = sqrt(off[k] / all[k]); n++; if (!(d <= most)) most = d }; print (bad || n != 8 ? "nan" : most) }'
}
within() { # WHAT A B LEAST MOST
  local d
  d=$(distance "$2" "$3")
  report "$1" "$(awk -v d="$d" -v lo="$4" -v hi="$5" 'BEGIN { print (d != "nan" && d >= lo && d <= hi ? "true" : "false") }')" "$d"
}
is() { [ "$1" ] && [ "$1" = "$2" ] && echo true || echo false; }

weights=$(wc -l < exact:11-lut2d.txt)
report "every weight has a gradient" "$([ "$weights" -gt 400 ] && echo true || echo false)" "$weights"
within "lut2d under exact:11 is close to the exact gradient" exact:11-lut2d exact:11-exact 1e-6 0.01
within "lut1d under exact:11 is close to the exact gradient" exact:11-lut1d exact:11-exact 1e-6 0.005
within "lut2d under mit:4 is another gradient" mit:4-lut2d mit:4-exact 0.02 1.5
within "lut1d under mit:4 is another gradient" mit:4-lut1d mit:4-exact 0.005 1.5
within "lut1d and lut2d differ" mit:4-lut1d mit:4-lut2d 0.005 1.5
within "lut2d under mbm:5 is not the product under mbm:5" mbm:5-lut2d mbm:5-approximate 0.005 1.5
report "under fp32 every rule is exact" "$(is "$(cat fp32-exact.txt)" "$(cat fp32-lut2d.txt)")" "they differ"

# ---- training ----
"$APPROXRUN" sweep x.lua multiplier=mbm:5,mit:3 backward=approximate,exact,lut1d,lut2d -q -o all >&2
results=$("$APPROXRUN" export all --curves -o - |
  jq -c '[.trials[] | [.params.multiplier, .params.backward, .metrics.test_loss, .curves.train_loss]]')
count() { jq "$1" <<< "$results"; }
report "eight trainings" "$(is "$(count length)" 8)" "$results"
report "their losses are finite and fall" \
  "$(count 'all(.[]; (.[2] | type == "number") and .[3][-1] < 0.95 * .[3][0])')" "$results"
report "no two give the same losses" "$(is "$(count '[.[][3]] | unique | length')" 8)" "$results"
for rule in lut1d lut2d; do
  "$APPROXRUN" sweep x.lua backward=$rule -q --threads 2 -o again-$rule >&2
  again=$("$APPROXRUN" export again-$rule --curves -o - | jq -c '.trials[0].curves.train_loss')
  first=$(jq -c ".[] | select(.[0] == \"mbm:5\" and .[1] == \"$rule\") | .[3]" <<< "$results")
  report "$rule gives the same bytes again, on two threads" "$(is "$again" "$first")" "$again and $first"
done

# ---- what has no table ----
for rule in lut1d lut2d; do
  refuses "$rule of a wide multiplier" 3 "backward = \"$rule\" estimates gradients from a multiplier's table, and mbm:12 has none" \
    multiplier=mbm:12 backward=$rule
done
accepts "exact gradients of a wide multiplier" multiplier=mbm:12 backward=exact
sed -i 's/kernel = 5, stride = 2/&, multiplier = { forward = "mbm:12", grad_weight = "fp32", grad_input = "fp32" }/' x.lua
accepts "a wide forward multiplier whose gradients are exact" backward=lut2d

finish
