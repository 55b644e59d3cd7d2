#!/usr/bin/env bash
# R19: a wall clock that jumps by a day, and a worker that stands still, neither end a trial nor prolong it, nor change a number.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1

cat > deaf.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "deaf",
  params = { epochs = 2, batch = 16 },
  data = function(p) return ax.data.synthetic { train = 64, test = 16 }:split { valid = 16 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = 0.01 } }
    while true do end
  end,
}
LUA

jumping() { env LD_PRELOAD="$BUILD/tests/fake/clock.so" CLOCK_JUMPS=86400 "$@"; }
ahead() { env LD_PRELOAD="$BUILD/tests/fake/clock.so" CLOCK_AHEAD=86400 "$@"; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# ---- the fake itself: otherwise nothing below says anything ----
within() { local d=$(($1 - $2)); [ $d -ge -"$3" ] && [ $d -le "$3" ]; }      # A B SECONDS
near() { within "$1" "$(date +%s)" 4; }
forth=0 back=0
for _ in $(seq 10); do
  now=$(jumping date +%s)
  near $((now - 86400)) && forth=1
  near $((now + 86400)) && back=1
  sleep 0.3
done
check "the clock goes forth and back by a day" '[ $forth -eq 1 ] && [ $back -eq 1 ]'
check "the other one is a day ahead" 'near $(($(ahead date +%s) - 86400))'

# ---- numbers and limits ----
"$APPROXRUN" sweep small.lua -q -j 2 --threads 1 -o still seed=1
jumping "$APPROXRUN" sweep small.lua -q -j 2 --threads 1 -o jumps seed=1 --trial-time 10m --max-time 1h
check "limits of minutes are not reached because the clock jumps: code 0" '[ $? -eq 0 ]'
check "the results are those of a clock that does not" '[ "$(fingerprint still)" = "$(fingerprint jumps)" ]'
check "times of epochs are lengths of time" '"$APPROXRUN" ls jumps -w "train_s>=0 and train_s<3600" --json | grep -c "\"id\"" | grep -qx 3'

began=$(milliseconds)
jumping "$APPROXRUN" sweep deaf.lua -q -j 1 --threads 1 -o limit --trial-time 2 2> err
code=$? took=$(($(milliseconds) - began))
check "a trial over its limit is ended: code 1, not $code" '[ $code -eq 1 ] && grep -q "longer than --trial-time" limit/failed/*.json'
check "after 2 s and the time to stop, no sooner and no later ($took ms)" '[ $took -ge 2000 ] && [ $took -lt 15000 ]'

# ---- the heartbeat goes on whatever the wall clock says, also while the trial hears nothing ----
# By a clock that is a day ahead the next beat would be due in a day, for what the kernel waits by is the true one.
of_claim() { tr -d ' \t' < "$(echo "$1"/claims/*.claim)" | sed -E "s/.*\"$2\":([0-9]+).*/\1/"; }      # STUDY FIELD
uptime_s() { cut -d. -f1 /proc/uptime; }
claimed() { for _ in $(seq 200); do [ -n "$(ls "$1/claims" 2> /dev/null)" ] && break; sleep 0.05; done; }
ahead "$APPROXRUN" sweep deaf.lua -q -j 1 --threads 1 -o day --max-time 16 2> /dev/null &
children="$children $!"
began=$(milliseconds)
jumping "$APPROXRUN" sweep deaf.lua -q -j 1 --threads 1 -o limit --max-time 16 2> err &
pid=$!
children="$children $pid"
claimed day
claimed limit
first=$(of_claim day beat) first_of_jumps=$(of_claim limit beat)
sleep 7
check "the claim of a running trial is renewed, by a clock that is a day ahead" '[ "$(of_claim day beat)" -gt "$first" ]'
check "it was renewed within the last 5 s and a moment" 'within "$(of_claim day beat)" "$(uptime_s)" 6'
check "while the worker reads the wrong date" 'within "$(of_claim day wall)" $(($(date +%s) + 86400)) 6'
check "it is renewed by one that jumps" '[ "$(of_claim limit beat)" -gt "$first_of_jumps" ]'
check "status sees it run" 'jumping "$APPROXRUN" status limit --json | tr -d " \t\n" | grep -q "\"running\":1"'
wait $pid
code=$? took=$(($(milliseconds) - began))
check "--max-time ends the sweep with code 75, not $code, in its time ($took ms of 16000)" '[ $code -eq 75 ] && [ $took -lt 18000 ]'

# ---- a worker that stands still ----
limit=8
"$APPROXRUN" sweep small.lua -q -j 1 --threads 1 -o paused multiplier=fp32 seed=1 --trial-time $limit 2> err &
pid=$!
children="$children $pid"
for _ in $(seq 200); do [ -n "$(ls paused/claims 2> /dev/null)" ] && break; sleep 0.05; done
worker=$(pgrep -P $pid | head -1)
kill -STOP "$worker"
sleep $((limit + 2))
check "a trial that stands still for longer than its limit is not failed for it" '[ -z "$(ls paused/failed)" ] && kill -0 $pid'
kill -CONT "$worker"
wait $pid
check "it goes on and completes" '[ $? -eq 0 ] && [ "$(ls paused/trials | wc -l)" -eq 1 ]'
count "a clock that jumps by a day each second, and one a day ahead: 3 trials with equal bits, limits of 2 s and 16 s kept; a worker suspended for $((limit + 2)) s"
finish
