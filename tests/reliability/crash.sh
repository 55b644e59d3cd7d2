#!/usr/bin/env bash
# A trial that crashes, is killed or fails in its script fails alone, with a named reason; the others finish, and the same
# command tries it again. A diverged trial is a result.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1

states() { "$APPROXRUN" status "$1" --json | tr -d ' \t\n' | grep -o '"states":{[^}]*}'; }

# The first worker of a running sweep, once it has claimed a trial.
worker_of() {
  for _ in $(seq 100); do [ -n "$(ls "$2/claims" 2> /dev/null)" ] && break; sleep 0.05; done
  pgrep -P "$1" | head -1
}

# ---- a worker that dies by a signal ----
for signal in SEGV KILL; do
  dir=died$signal
  "$APPROXRUN" sweep small.lua -j 1 --threads 1 -o $dir 2> err &
  pid=$!
  children="$children $pid"
  worker=$(worker_of $pid $dir)
  kill -$signal "$worker"
  wait $pid
  code=$?
  check "SIG$signal in a worker: the sweep ends with code 1, not $code" '[ $code -eq 1 ]'
  check "the other five trials are complete" '[ "$(states $dir)" = "\"states\":{\"complete\":5,\"failed\":1}" ]'
  check "the trial's reason names the signal" 'grep -q "killed by signal $(kill -l $signal) (" $dir/failed/*.json'
  check "progress says so" 'grep -q "failed: worker killed by signal" err'
  check "the same command completes the study" '"$APPROXRUN" sweep small.lua -q -o $dir && [ "$(states $dir)" = "\"states\":{\"complete\":6}" ]'
done
check "a crash changed no bit of what followed" '[ "$(fingerprint diedSEGV)" = "$(fingerprint diedKILL)" ]'
check "a retried trial counts its failures" '"$APPROXRUN" export diedSEGV -o - | tr -d " \t" | grep -q "\"retries\":1"'

# ---- a second Ctrl-C ----
"$APPROXRUN" sweep small.lua -j 2 --threads 1 -o twice 2> err &
pid=$!
children="$children $pid"
worker_of $pid twice > /dev/null
for worker in $(pgrep -P $pid); do kill -STOP "$worker"; done      # they cannot answer the first
kill -INT $pid
for _ in $(seq 100); do grep -q "stopping at the next batch" err && break; sleep 0.05; done
check "after the first the sweep says so and waits" 'grep -q "stopping at the next batch" err && kill -0 $pid'
sleep 0.6                                     # sooner, it may be the first again, passed on by a wrapper
kill -INT $pid
wait $pid
code=$?
check "the second Ctrl-C ends it with code 130, not $code" '[ $code -eq 130 ] && grep -q "killed the workers" err'
check "nothing is failed by it, no claim is left" '[ -z "$(ls twice/failed twice/claims | grep -v :)" ]'

# ---- a script that fails, one that diverges ----
cat > own.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "own",
  params = { epochs = 3, batch = 32, bad = 2, lr = 1e-3 },
  grid = { multiplier = "fp32", seed = { 1, 2, 3 } },
  data = function(p) return ax.data.synthetic { train = 256, test = 64 }:split { valid = 64 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = trial.params.lr } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do
        net:forward(batch, true); net:backward(); net:step()
      end
      print("epoch", epoch)
      if epoch == 2 and trial.params.seed == trial.params.bad then error "on purpose" end
      trial:report { train_loss = (net:running()) }
    end
  end,
}
LUA
"$APPROXRUN" sweep own.lua -q -j 2 -o own 2> err
code=$?
check "a script error in one trial ends the sweep with code 1, not $code" '[ $code -eq 1 ]'
check "only that trial failed" '[ "$(states own)" = "\"states\":{\"complete\":2,\"failed\":1}" ]'
check "its reason has file and line" 'grep -q "own.lua:16: on purpose" own/failed/*.json'
check "its checkpoint is kept for the next try" '[ "$(ls own/ckpt | wc -l)" -eq 1 ]'
check "the log holds what it printed" '"$APPROXRUN" logs own fp32/2 | grep -qE "^epoch[[:space:]]+2$"'
check "status and code are the same on a second try" '"$APPROXRUN" sweep own.lua -q -o own 2> /dev/null; [ $? -eq 1 ]'
"$APPROXRUN" sweep own.lua -o anew bad=0 -q lr=1e38
code=$?
check "diverged trials are results: code 0, not $code" '[ $code -eq 0 ] && [ "$(states anew)" = "\"states\":{\"diverged\":3}" ]'
finish
