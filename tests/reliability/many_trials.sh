#!/usr/bin/env bash
# R16: thousands of trials that take no time themselves: each is recorded once, the supervisor and its workers do not grow with what
# they have done, and going on with a study does not take longer for what it has done.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
trials=$(rounds 500 10000)

cat > many.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "many",
  params = { epochs = 1, batch = 16 },
  grid = { multiplier = { "fp32", "mbm:3" }, lr = { 0.1, 0.2, 0.3, 0.4, 0.5 }, seed = ax.range(1, 50) },
  data = function(p) return ax.data.synthetic { train = 32, test = 16 }:split { valid = 16 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
sweep=("$APPROXRUN" sweep many.lua "seed=1..$((trials / 10))" -q -j 2 --threads 1 -o many)
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
done_trials() { find many/trials -name '*.h5' 2> /dev/null | wc -l; }
rss() { awk '/VmRSS/ { print $2 }' "/proc/$1/status" 2> /dev/null; }
descriptors() { ls "/proc/$1/fd" 2> /dev/null | wc -l; }

# "RSS DESCRIPTORS" of the supervisor, then of its first worker.
look() {
  local worker
  worker=$(pgrep -o -P "$1")
  echo "$(rss "$1") $(descriptors "$1") $(rss "$worker") $(descriptors "$worker")"
}
wait_for() { while kill -0 "$1" 2> /dev/null && [ "$(done_trials)" -lt "$2" ]; do sleep 0.1; done; }

# ---- the sweep, looked at early and late, and killed in between ----
"${sweep[@]}" 2> err &
pid=$!
children="$children $pid"
wait_for $pid $((trials / 10))
first=$(milliseconds) counted=$(done_trials)
read -r early_rss early_fds early_worker_rss early_worker_fds <<< "$(look $pid)"
wait_for $pid $((trials * 8 / 10))
each=$((($(milliseconds) - first) * 1000 / ($(done_trials) - counted)))
read -r late_rss late_fds late_worker_rss late_worker_fds <<< "$(look $pid)"
kill -9 $pid
wait $pid 2> /dev/null
check "the supervisor does not grow ($early_rss to $late_rss KiB)" '[ "$late_rss" -lt $((early_rss + 1024)) ]'
check "nor its descriptors ($early_fds to $late_fds)" '[ "$late_fds" -le $((early_fds + 2)) ]'
check "a worker does not grow ($early_worker_rss to $late_worker_rss KiB)" '[ "$late_worker_rss" -lt $((early_worker_rss + 2048)) ]'
check "nor its descriptors ($early_worker_fds to $late_worker_fds)" '[ "$late_worker_fds" -le $((early_worker_fds + 2)) ]'

# ---- going on ----
before=$(done_trials)
"${sweep[@]}"
check "the same command goes on to the end" '[ $? -eq 0 ]'
check "with $before of $trials done, the rest was left" '[ "$before" -ge $((trials * 8 / 10)) ] && [ "$before" -lt $trials ]'
different=$("$APPROXRUN" ls many -q | cut -d" " -f1 | sort -u | wc -l)
check "each trial has one result" '[ "$(done_trials)" -eq $trials ] && [ "$different" -eq $trials ]'
check "and was begun once, but for the two that were running" '[ "$(grep -h "start " many/logs/*.log | wc -l)" -le $((trials + 2)) ]'
check "no claim, checkpoint or failure is left" '[ -z "$(find many/claims many/ckpt many/failed -type f ! -name "*.tmp")" ]'
check "a comparison has all of them" '"$APPROXRUN" export many.h5 -o - | grep -c "\"id\"" | grep -qx $trials'

# ---- planning: four times the trials take about four times as long, not sixteen ----
plan_ms() {      # of this process's own time: the machine may be busy
  local TIMEFORMAT=%U seconds
  seconds=$( { time "$APPROXRUN" plan many.lua "seed=1..$1" -o none > /dev/null; } 2>&1)
  echo $((10#${seconds//[.,]/}))
}
few=$(plan_ms $((trials / 10))) many=$(plan_ms $((trials * 4 / 10)))
check "plans grow with the trials, not with their square ($few ms for $trials, $many ms for four times as many)" '[ $many -lt $((8 * few)) ]'
count "$trials trials, $((each / 1000)) ms each on two workers; a plan in $few ms, of four times as many in $many ms"
count "supervisor $early_rss to $late_rss KiB, worker $early_worker_rss to $late_worker_rss KiB; descriptors $early_fds to $late_fds"
finish
