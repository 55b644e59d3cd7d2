#!/usr/bin/env bash
# What surrounds a sweep costs no checkpoint and no trial: a reader of its progress that goes away, a parent that ignores SIGCHLD, a
# wrapper that passes Ctrl-C on, a hangup, a system without room for another process, a worker elsewhere with the same number.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1

# Trials of which nothing ends soon but by a request, and then at once.
cat > long.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "long",
  params = { epochs = 1000000, batch = 16 },
  grid = { seed = { 1, 2 } },
  data = function(p) return ax.data.synthetic { train = 4096, test = 16 }:split { valid = 16 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = 1e-4 }, epochs = p.epochs, batch = p.batch } end,
}
LUA

until_true() { for _ in $(seq 400); do eval "$1" && return; sleep 0.05; done; false; }      # CONDITION: within 20 s
training() { until_true "[ \$(cat $1/claims/*.claim 2> /dev/null | tr -d ' ' | grep -c '\"step\":[1-9]') -ge ${2:-1} ]"; }      # DIR [TRIALS]
begin() {       # COMMAND...: in the background, as $pid
  "$@" &
  pid=$!
  children="$children $pid"
}
ended() {       # its exit code as $code, 137 if it had to be killed after 20 s; how long that took as $took, in ms
  local began
  began=$(date +%s%N)
  until_true "! kill -0 $pid 2> /dev/null" || kill -9 $pid
  wait $pid
  code=$? took=$((($(date +%s%N) - began) / 1000000))
}
kept() {        # DIR TRIALS: so many are checkpointed, none failed, no claim is left
  [ "$(ls "$1"/ckpt | wc -l)" -eq "$2" ] && [ -z "$(ls "$1"/failed "$1"/claims | grep -v :)" ]
}
sweep() { "$APPROXRUN" sweep long.lua -j 1 --threads 1 -o "$@"; }
exec_sweep() { exec "$APPROXRUN" sweep long.lua -j 1 --threads 1 -o "$@"; }

# ---- a reader that goes away ----
mkfifo progress
cat progress > log &
reader=$!
children="$children $reader"
begin exec_sweep reader seed=1 2> progress
training reader
kill -9 $reader
wait $reader 2> /dev/null
kill -INT $pid
ended
check "Ctrl-C that ends 'tee' too: code 130, not $code" '[ $code -eq 130 ]'
check "with a checkpoint" 'kept reader 1'

exec 3> >(exec true)
wait $!                                                         # fd 3: a pipe that nobody reads any more
"$APPROXRUN" sweep tiny.lua -j 1 --threads 1 -o unread >&3 2>&3
code=$?
check "a sweep whose reader goes away goes on to its end: code 0, not $code" '[ $code -eq 0 ] && [ -e unread.h5 ]'
env --default-signal=PIPE "$APPROXRUN" plan tiny.lua >&3         # whatever started this test
code=$?
check "what only prints ends with its reader, by SIGPIPE: code 141, not $code" '[ $code -eq 141 ]'
exec 3>&-

# ---- SIGCHLD ignored ----
begin env --ignore-signal=CHLD "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o ignored
ended
check "a sweep whose parent ignores SIGCHLD ends: code 0, not $code" '[ $code -eq 0 ]'
check "a study is read there as elsewhere" '[ "$(env --ignore-signal=CHLD "$APPROXRUN" ls ignored 2>&1)" = "$("$APPROXRUN" ls ignored)" ]'

# ---- one Ctrl-C that comes twice ----
begin exec_sweep both 2> err -j 2
training both 2
kill -INT $pid
sleep 0.01
kill -INT $pid
ended
check "Ctrl-C from a terminal and a wrapper kills no worker: code 130, not $code" '[ $code -eq 130 ] && ! grep -q "killed the workers" err'
check "both trials have a checkpoint" 'kept both 2'

# ---- a hangup ----
sweep hangup seed=1 -q --max-time 0.001 2> /dev/null
begin env --default-signal=HUP "$APPROXRUN" worker hangup --threads 1      # whatever started this test
training hangup
kill -HUP $pid
ended
check "a worker that is hung up stops: code 75, not $code" '[ $code -eq 75 ]'
check "with a checkpoint" 'kept hangup 1'
begin env --ignore-signal=HUP "$APPROXRUN" worker hangup --threads 1
training hangup
kill -HUP $pid
sleep 0.5
check "one under nohup goes on" 'kill -0 $pid && training hangup'
kill -TERM $pid
ended
check "until it is asked otherwise: code 75, not $code" '[ $code -eq 75 ]'

# ---- no room for another process ----
begin env LD_PRELOAD="$BUILD/tests/fake/spawn.so" SPAWNS=1 SPAWNS_AGAIN="$scratch/room" "$APPROXRUN" sweep long.lua -j 2 --threads 1 -o full 2> err
training full
until_true 'grep -q "cannot start a worker" err'
check "a worker that cannot be started is named" 'grep -q "cannot start a worker: Resource temporarily unavailable" err'
sleep 2.5
check "once, and the other goes on" '[ "$(grep -c "cannot start a worker" err)" -eq 1 ] && kill -0 $pid && training full'
touch room
check "it starts when there is room" 'training full 2'
kill -TERM $pid
ended
check "and both stop with a checkpoint: code 75, not $code" '[ $code -eq 75 ] && kept full 2'
LD_PRELOAD="$BUILD/tests/fake/spawn.so" SPAWNS=0 "$APPROXRUN" sweep long.lua -j 2 -o none 2> err
code=$?
check "without room for any the sweep ends with code 1, not $code, and says why" '[ $code -eq 1 ] && grep -q "Resource temporarily unavailable" err'

# ---- workers of other hosts ----
claim_elsewhere() {     # DIR TRIAL PID: a fresh claim of a process of another host
  local json crc
  json=$(printf '{"host":"elsewhere","boot":"another","job":"","device":"cpu","pid":%d,"beat":1,"wall":%d,"started":1}' "$3" "$(date +%s)")
  crc=$(printf '%s' "$json" | gzip -c | tail -c 8 | od -An -N4 -tx4 --endian=little | tr -d ' ')
  printf '%-1023s\n' "$json $crc" > claim
  mv claim "$1/claims/$2.claim"
}

sweep same -q --max-time 0.001 2> /dev/null
trials=($(jq -r '.trials[].id' same/plan.json))
claim_elsewhere same "${trials[0]}" 1
begin exec_sweep same --trial-time 2 2> err
until_true 'worker=$(pgrep -P $pid -f -- --supervisor)'
claim_elsewhere same "${trials[0]}" "$worker"
until_true 'ls same/failed/*.json > /dev/null 2>&1'
kill -TERM $pid
ended
check "--trial-time ends our trial, not that of a process of the same number elsewhere" '[ "$(ls same/failed)" = "${trials[1]}.json" ]'

sweep waiting -q --max-time 0.001 seed=1 2> /dev/null
claim_elsewhere waiting "$(jq -r '.trials[].id' waiting/plan.json)" 1
begin exec_sweep waiting seed=1 2> err
sleep 1
until_true '! pgrep -P $pid > /dev/null'
looks() { awk '$1 == "voluntary_ctxt_switches:" { print $2 }' /proc/$pid/status; }
before=$(looks)
sleep 4
looks=$(($(looks) - before))
check "a sweep that waits for others looks after them every 2 s, not $looks times in 4 s" '[ $looks -le 8 ]'
kill -TERM $pid
ended
check "and hears a signal at once: code 75, not $code, after $took ms" '[ $code -eq 75 ] && [ $took -lt 1000 ]'
finish
