#!/usr/bin/env bash
# sweep, plan, status, logs: what they print, what they refuse, and their exit codes.
. "${ROOT:?}/tests/cli/lib.inc" || exit 1
cp "$ROOT/experiments/quickstart.lua" .
short="epochs=1 seed=1 multiplier=mbm:7,mit:3"

# ---- plan ----
expect_exit 0 approxrun plan quickstart.lua $short --json
check "the plan has two trials with ids" jq -e '(.trials | length) == 2 and all(.trials[]; .id | test("^[0-9a-f]{16}$"))' "$KEPT/out"
check "they are planned, in order" jq -e '[.trials[] | .multiplier + " " + .state] == ["mbm:7 planned", "mit:3 planned"]' "$KEPT/out"
check "cost is per trial and in all" jq -e '.multiplies_left == ([.trials[].multiplies] | add) and .multiplies_left > 0' "$KEPT/out"
check "planning creates nothing" [ ! -e results ]
expect_exit 0 approxrun plan quickstart.lua $short
expect_match 'quickstart  2 multipliers, 2 trials   0 done, 2 to run'
expect_match '^  mbm:7 +\(1,8,7\) 16 bits +16 KiB .* 1 +\.$'
expect_exit 0 approxrun sweep quickstart.lua $short -n
expect_match '0 done, 2 to run'
check "nor does a dry run" [ ! -e results ]
expect_exit 0 approxrun plan quickstart.lua seed=1..3 multiplier=mbm:7 --ids
check "a range makes an axis" [ "$(wc -l < "$KEPT/out")" -eq 3 ]

# ---- refusals ----
expect_exit 2 approxrun sweep nowhere.lua
expect_err "nowhere.lua"
expect_exit 2 approxrun sweep quickstart.lua seed
expect_err "'seed' is not an override; wanted key=value"
expect_exit 2 approxrun sweep quickstart.lua epoch=1
expect_err "did you mean 'epochs'?"
expect_exit 2 approxrun sweep quickstart.lua multiplier=mbn:7
expect_err "did you mean 'mbm"
expect_exit 2 approxrun sweep quickstart.lua --job 2
expect_err "did you mean '--jobs'?"
expect_exit 2 approxrun sweep quickstart.lua -j 0
expect_err "--jobs is '0'"
printf 'local ax = require "approxrun"\nreturn ax.study { naem = "x" }\n' > typo.lua
approxrun sweep typo.lua 2> "$KEPT/err"
check "a script error ends with code 3" [ $? -eq 3 ]
check "it names file and line" grep -q 'typo.lua:2: .*naem' "$KEPT/err"
check "no refusal left a directory" [ ! -e results ]

# ---- a sweep ----
expect_exit 0 approxrun sweep quickstart.lua $short --json
check "progress: a line an epoch and a line a trial" \
  [ "$(grep -cE 'epoch 1/1  loss [0-9.]+ ' "$KEPT/err") $(grep -cE 'complete  test [0-9.]+ %' "$KEPT/err")" = "2 2" ]
check "it names the next command" grep -qx 'next: approxrun compare results/quickstart.h5 mbm mit' "$KEPT/err"
check "the summary counts" jq -e '.complete == 2 and .failed == 0 and .exit == 0 and .file == "results/quickstart.h5"' "$KEPT/out"
check "the study file is there" [ -s results/quickstart.h5 ]
before=$(find results/quickstart/trials -type f -printf '%p %T@\n' | sort)
expect_exit 0 approxrun sweep quickstart.lua $short
check "a second run does nothing and says so" grep -q 'all 2 trials are complete already, nothing to run' "$KEPT/err"
check "no trial file was touched" [ "$(find results/quickstart/trials -type f -printf '%p %T@\n' | sort)" = "$before" ]
expect_exit 0 approxrun sweep quickstart.lua $short -q
check "-q is silent" [ ! -s "$KEPT/err" ]
expect_exit 0 approxrun plan quickstart.lua $short
expect_match '2 done, 0 to run'
expect_exit 0 approxrun sweep quickstart.lua $short seed=2 -q
expect_exit 0 approxrun plan quickstart.lua $short seed=1,2 --json
check "a wider plan knows what is done" jq -e 'all(.trials[]; .state == "complete") and (.trials | length) == 4' "$KEPT/out"

# ---- metrics of a script's own, some from a later epoch on ----
cat > late.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "late",
  params = { epochs = 4, batch = 16 },
  grid = { multiplier = { "fp32" }, seed = { 1 } },
  data = function(p) return ax.data.synthetic { train = 64, test = 16 }:split { valid = 16 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = 0.01 } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do net:train(batch) end
      local metrics = { train_loss = 5 - epoch, a_score = 10 + epoch }
      if epoch >= 3 then metrics.valid_acc, metrics.z_score = 0.25, epoch end
      trial:report(metrics)
    end
  end,
}
LUA
expect_exit 0 approxrun sweep late.lua -q -o late
expect_exit 0 approxrun export late.h5 --curves -o -
check "every epoch keeps what it reported" jq -e '.trials[0].curves | .train_loss == [4, 3, 2, 1] and .a_score == [11, 12, 13, 14]' "$KEPT/out"
check "what began later has no value before" jq -e '.trials[0].curves | .valid_acc == ["nan", "nan", 0.25, 0.25] and .z_score == ["nan", "nan", 3, 4]' "$KEPT/out"

# ---- looking at it ----
expect_exit 0 approxrun status results/quickstart
expect_match '^quickstart  2 trials:  2 complete  2 not in plan$'
expect_exit 0 approxrun status results/quickstart.h5 --json
check "status counts in a study file" jq -e '.states.complete == 2 and .not_in_plan == 2 and .running == []' "$KEPT/out"
expect_exit 0 approxrun logs results/quickstart mbm:7/2
expect_match 'start mbm:7 seed 2'
expect_match 'epoch 1/1  .*valid_acc'
expect_exit 2 approxrun logs results/quickstart mbm:9/2
expect_exit 2 approxrun status nowhere
expect_exit 2 approxrun worker
expect_exit 0 approxrun sweep --help
expect_match '^  -j, --jobs N '
expect_match 'an error in the script'

# ---- where a study may go ----
mkdir mine && echo mine > mine/file
expect_exit 4 approxrun sweep quickstart.lua $short -o mine
expect_err "mine: a directory with other files in it and no study"
check "nothing was put there" [ "$(ls mine)" = file ]
expect_exit 2 approxrun sweep quickstart.lua $short -o mine.h5
expect_err "wanted a directory"

# ---- a narrower plan ----
expect_exit 0 approxrun sweep quickstart.lua $short seed=2 multiplier=fp32 -q
expect_exit 2 approxrun compare results/quickstart mbm fp32
expect_err "no trial of 'mbm' in study quickstart, but for trials that are not in its plan any more"
