#!/usr/bin/env bash
# SIGTERM, SIGUSR1 and Ctrl-C at random moments, while a sweep trains, evaluates or runs a loop in Lua: it ends within 5 s with the
# code that says so, and the same command ends with the bytes of a sweep that nobody touched.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
echo "random moments from SEED=$SEED"

# Nearly all its time is spent where KIND says: in steps and checkpoints, in evaluations, or in Lua between its batches.
study() {       # KIND
  cat <<LUA
local ax = require "approxrun"
local nn = ax.nn
local kind = "$1"
local function think() local x = 0 for i = 1, 2e5 do x = (x + i) % 7 end return x end
return ax.study {
  name = kind,
  params = { epochs = 8, batch = 16 },
  grid = { multiplier = { "mbm:7", "mit:3" }, seed = { 1, 2 } },
  data = function(p)
    return ax.data.synthetic { train = 256, test = kind == "evaluation" and 8192 or 16 }:scale(1 / 255):split { valid = 64 }
  end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dropout { 0.2 }, nn.dense { 32, activation = "relu" }, nn.dense { 4 } } end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = 0.01, momentum = 0.9 } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do
        net:train(batch)
        if kind == "lua" then think() end
      end
      local test_loss, test_acc = net:evaluate "test"
      trial:report { train_loss = (net:running()), test_loss = test_loss, test_acc = test_acc }
    end
  end,
}
LUA
}
run() { "$APPROXRUN" sweep $kind.lua -q -j 2 --threads 1 -o "$1" 2>> err; }

declare -A longest reference stopped=([training]=0 [evaluation]=0 [lua]=0)
kinds=(training evaluation lua) signals=(TERM USR1 INT)
for kind in "${kinds[@]}"; do
  study $kind > $kind.lua
  began=$(date +%s%N)
  run whole-$kind || exit 1
  longest[$kind]=$((($(date +%s%N) - began) / 1000000))
  reference[$kind]=$(fingerprint whole-$kind)
done

n=$(rounds 9 100) equal=0 early=0 slowest=0
for round in $(seq "$n"); do
  kind=${kinds[round % 3]} signal=${signals[round / 3 % 3]} dir=round$round
  "$APPROXRUN" sweep $kind.lua -q -j 2 --threads 1 -o $dir 2>> err &
  pid=$!
  children="$children $pid"
  for _ in $(seq 500); do [ -s $dir/lock ] && break; sleep 0.01; done
  moment=$((RANDOM % longest[$kind]))
  sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
  began=$(date +%s%N)
  kill -$signal $pid 2> /dev/null
  wait $pid
  code=$?
  took=$((($(date +%s%N) - began) / 1000000))
  [ $took -gt $slowest ] && slowest=$took
  case $signal:$code in
    INT:130 | TERM:75 | USR1:75) stopped[$kind]=$((stopped[$kind] + 1)) ;;
    *:0) early=$((early + 1)) ;;
    *) check "round $round, SIG$signal while in $kind: code 75 or 130, not $code" false ;;
  esac
  check "round $round, SIG$signal while in $kind: within 5 s, not $took ms" '[ $took -lt 5000 ]'
  check "round $round: no trial has failed, no claim is left" '[ -z "$(ls $dir/failed $dir/claims | grep -v :)" ]'
  check "round $round: the study file is whole, if there is one" '[ ! -e $dir.h5 ] || "$APPROXRUN" export $dir.h5 -o - | jq -e ".trials | length == 4" > /dev/null'
  check "round $round: the same command completes it" 'run $dir'
  check "round $round: no acknowledged epoch was computed again" '[ -z "$(recomputed $dir)" ]'
  if [ "$(fingerprint $dir)" = "${reference[$kind]}" ]; then equal=$((equal + 1)); else echo "round $round: other bytes"; fi
  rm -rf "$dir" "$dir.h5"
done
stops=$((stopped[training] + stopped[evaluation] + stopped[lua]))
check "all $n rounds end equal, not $equal" '[ $equal -eq $n ]'
check "most signals came in time ($stops of $n)" '[ $((stops * 2)) -gt $n ]'
which="${stopped[training]} while training, ${stopped[evaluation]} evaluating, ${stopped[lua]} in Lua"
count "$n rounds, stopped $which, $early over before; the slowest took $slowest ms: $equal equal"
finish
