#!/usr/bin/env bash
# A worker that nobody supervises keeps the limits of --trial-time, --max-time and --retries itself.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
command -v jq >/dev/null || skip "no jq here"
unset OMP_NUM_THREADS "${!SLURM_@}"

# hang: no request to stop is heard; fail: an error after the first epoch.
cat > s.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
local function hang() while true do end end
return ax.study {
  name = "s",
  params = { epochs = 2, batch = 16, hang = 0, fail = 0 },
  grid = { multiplier = { "fp32", "mbm:3" }, seed = { 1, 2 } },
  data = function(p) return ax.data.synthetic { train = 64, test = 16 }:split { valid = 16 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(trial, net, data)
    local p = trial.params
    net:compile { optimizer = ax.optim.sgd { lr = 0.01 } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do net:train(batch) end
      if p.seed == p.hang then hang() end
      if p.seed == p.fail then error "on purpose" end
      trial:report { train_loss = (net:running()) }
    end
  end,
}
LUA
endless="seed=1 epochs=2,1000000"      # two of four trials
plan() { "$APPROXRUN" sweep s.lua -q --max-time 0.001 -o "$@" 2>/dev/null; }      # study, overrides: written, but not begun
states() { "$APPROXRUN" status "$1" --json | jq -c .states; }
work() { "$APPROXRUN" worker "$1" --threads 1 "${@:2}"; }
message() { jq -r .message "$1"/failed/*.json | sort -u; }
begun() { grep -h "start $2" "$1"/logs/*.log | wc -l; }      # study, trial: how often
events() { cat "$1"/events/*.jsonl | jq -r "select(.event == \"$2\") | .trial" | sort -u | wc -l; }

# ---- --trial-time ----
plan slow $endless
check "the plan is there" [ "$(states slow)" = '{"planned":4}' ]
expect_exit 0 work slow --trial-time 1
check "trials that take longer fail, and the worker goes on" [ "$(states slow)" = '{"complete":2,"failed":2}' ]
check "their record says why" [ "$(message slow)" = "it took longer than --trial-time allows a trial, 1.0 s" ]
check "so do the journals, once a trial" [ "$(events slow failed)" -eq 2 ]
check "the study file is written" [ "$("$APPROXRUN" status slow.h5 --json | jq -c .states)" = '{"complete":2,"failed":2}' ]
check "they have checkpoints, and no claim is left" [ "$(ls slow/ckpt | wc -l)/$(ls slow/claims | wc -l)" = 2/0 ]

plan deaf hang=1
expect_exit 137 work deaf --trial-time 1
check "which it says" grep -q "did not stop within 4 s of its --trial-time, so its worker is killed; the trial has failed" "$KEPT/err"
check "what does not stop takes the worker with it" [ "$(states deaf)" = '{"planned":3,"failed":1}' ]
check "and leaves no claim behind" [ -z "$(ls deaf/claims)" ]
expect_exit 137 work deaf --trial-time 1
expect_exit 0 work deaf --trial-time 1
check "further workers do the rest" [ "$(states deaf)" = '{"complete":2,"failed":2}' ]
check "its death is no other failure" [ "$(message deaf)" = "it took longer than --trial-time allows a trial, 1.0 s" ]

plan short
expect_exit 0 work short --trial-time 1h --max-time 2h
check "limits that are not reached change nothing" [ "$(states short)" = '{"complete":4}' ]

# ---- a signal beside the limit ----
plan both $endless
"$APPROXRUN" worker both --threads 1 --trial-time 1 2>/dev/null & worker=$!
sleep 1.1
kill -USR1 $worker
wait $worker
check "USR1 ends the worker with 75 while a trial is over its time too" [ $? -eq 75 ]

# ---- --max-time ----
plan max $endless
began=$(date +%s%N)
expect_exit 75 work max --max-time 4
expect_err "--max-time is nearly over: stopped with work left"
took=$((($(date +%s%N) - began) / 1000000))
check "before it is over ($took ms of 4000), not at once" [ $took -lt 4000 -a $took -ge 2900 ]
check "with a checkpoint" [ "$(ls max/ckpt | wc -l)/$(ls max/claims | wc -l)" = 1/0 ]
plan maxdeaf hang=1
expect_exit 137 timeout 5 "$APPROXRUN" worker maxdeaf --threads 1 --max-time 2
expect_err "did not stop before --max-time was over, so its worker is killed"
check "a trial that hears nothing is left as it was, with no claim" [ "$(ls maxdeaf/claims maxdeaf/failed | grep -c '\.')" -eq 0 ]

# ---- --retries ----
plan again fail=1
expect_exit 0 work again --retries 2
check "a trial that always fails is begun three times" [ "$(begun again 'mbm:3 seed 1')/$(begun again 'fp32 seed 1')" = 3/3 ]
check "which its record counts" [ "$(jq .retries again/failed/*.json | sort -u)" = 2 ]
check "what went well was not repeated" [ "$(begun again 'mbm:3 seed 2')" -eq 1 ]
expect_exit 0 work again --retries 2
check "another worker counts on" [ "$(begun again 'mbm:3 seed 1')" -eq 3 ]
plan many fail=1
for i in 1 2 3; do work many --retries 3 & workers[i]=$!; done
for pid in "${workers[@]}"; do check "one of three workers ends" wait $pid; done
check "three workers begin it no more often" [ "$(begun many 'mbm:3 seed 1')/$(begun many 'fp32 seed 1')" = 4/4 ]
plan deafagain hang=1
for code in 137 137 137 137 0; do expect_exit $code work deafagain --trial-time 0.5 --retries 1; done
check "a trial over its time is begun again too" [ "$(jq .retries deafagain/failed/*.json | sort -u)" = 1 ]

# ---- a claim that cannot be opened ----
plan blocked seed=1
for id in $(jq -r '.trials[].id' blocked/plan.json); do mkdir "blocked/claims/$id.claim"; done
expect_exit 4 work blocked
expect_err "cannot open the claim for writing: Is a directory"

expect_exit 2 work again --trial-time 0
expect_err "worker: --trial-time is '0', wanted a time such as"
expect_exit 2 approxrun worker nowhere
expect_err "nowhere: no such study directory; a sweep makes it"
mkdir empty && expect_exit 2 approxrun worker empty
expect_err "empty: not a study directory: there is no plan.json in it"
