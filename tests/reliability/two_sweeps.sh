#!/usr/bin/env bash
# Of two sweeps of one study the second ends at once with code 4 and says who holds it; the first is unharmed. The lock of a killed
# sweep is free. HDF5's own locks have no part in it.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
export HDF5_USE_FILE_LOCKING=FALSE

"$APPROXRUN" sweep small.lua -q -j 1 --threads 1 -o study 2> first.err &
first=$!
children=$first
for _ in $(seq 100); do [ -s study/lock ] && [ -n "$(ls study/claims 2>/dev/null)" ] && break; sleep 0.05; done
timeout 5 "$APPROXRUN" sweep small.lua -o study 2> second.err
code=$?
check "the second of two sweeps ends with code 4, not $code" '[ $code -eq 4 ]'
check "it names the first and says how to stop it" 'grep -q "pid $first on .*kill -INT $first" second.err && [ "$(wc -l < second.err)" -eq 1 ]'
kill -TERM $first
wait $first
code=$?
check "SIGTERM ends the first with code 75, not $code" '[ $code -eq 75 ]'
check "it says that the same command goes on" 'grep -q "stopped: .*the same command goes on" first.err'
check "its running trial is checkpointed, its claim dropped" '[ -n "$(ls study/ckpt)" ] && [ -z "$(ls study/claims)" ]'
check "the study file is there and is read" '"$APPROXRUN" export study.h5 -o - | grep -q interrupted'

# ---- a killed one ----
"$APPROXRUN" sweep small.lua -q -j 1 --threads 1 -o killed 2> /dev/null &
first=$!
children="$children $first"
for _ in $(seq 100); do [ -n "$(ls killed/claims 2>/dev/null)" ] && break; sleep 0.05; done
{ kill -9 $first; wait $first; } 2> /dev/null
check "the lock of a killed sweep is free at once" '"$APPROXRUN" sweep small.lua -q -o killed'

# ---- races ----
n=$(rounds 15 50) won=0 refused=0 equal=0
for race in $(seq "$n"); do
  dir=race$race
  tiny_sweep $dir epochs=20 2> a.err & a=$!
  tiny_sweep $dir epochs=20 2> b.err & b=$!
  wait $a; a=$?
  wait $b; b=$?
  case $a$b in 04 | 40) won=$((won + 1)) refused=$((refused + 1)) ;; 00) won=$((won + 2)) ;; *) check "race $race: codes $a and $b" false ;; esac
  check "race $race: at least one won, and a loser says why" '[ $a$b = 00 ] || grep -qh "another sweep of this study is running" a.err b.err'
  check "race $race: the study is whole" \
    '[ "$("$APPROXRUN" export $dir.h5 --stable -o - | grep -o "\"state\":[[:space:]]*\"complete\"" | wc -l)" -eq 2 ]'
  now=$("$APPROXRUN" export $dir --stable --curves -o - | sha256sum)
  [ $race -eq 1 ] && expected=$now
  [ "$now" = "$expected" ] && equal=$((equal + 1))
done
check "most races had one winner ($refused of $n refused)" '[ $((refused * 2)) -gt $n ]'
check "all $n studies are equal, not $equal" '[ $equal -eq $n ]'
count "$n races: $refused refused, $equal equal"
finish
