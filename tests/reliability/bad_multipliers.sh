#!/usr/bin/env bash
# A multiplier in C that crashes, ends the process, hangs, eats memory or leaves a process behind while a worker trains with it fails
# that trial alone, with a named reason; the others complete, and when the sweep ends nothing it started is left.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
command -v cc > /dev/null || { echo "skipped: no C compiler"; exit 77; }
cp "$ROOT/tests/models/late.c" .
export XDG_CACHE_HOME=$scratch/cache
good=$(rounds "mit:3 mbm:3 fp32" "mit:3 mbm:3 fp32 mit:5 mbm:5 mit:7 mbm:7 mit:1 mbm:1")
few=$(wc -w <<< "$good")

failure() { jq -r .message "$1"/failed/*.json 2> /dev/null; }
states() { "$APPROXRUN" status "$1" --json | jq -c .states; }
nothing_left() {        # DIR: no worker of the study, nor what one forked
  for _ in $(seq 100); do pgrep -f -- "--supervisor .* -- $scratch/$1\$" > /dev/null || return 0; sleep 0.01; done
  return 1
}

n=0 alone=0 limit=2
tries() {       # SYMBOL STATES CODE REASON
  local dir=$1 states=$2 wanted=$3 reason=$4 code before=$failed
  "$APPROXRUN" sweep tiny.lua -q -j 2 --threads 1 --trial-time $limit -o "$scratch/$dir" "multiplier=c:late.c,symbol=$dir,width=12,${good// /,}" 2> err
  code=$?
  check "$dir: code $wanted, not $code: $(head -1 err)" '[ $code -eq $wanted ]'
  check "$dir: $states, not $(states "$dir")" '[ "$(states "$dir")" = "$states" ]'
  check "$dir: the reason is '$reason', not '$(failure "$dir")'" 'grep -qE -- "$reason" <<< "$(failure "$dir")"'
  check "$dir: no claim is left" '[ -z "$(ls "$dir/claims")" ]'
  check "$dir: no process is left" 'nothing_left "$dir"'
  n=$((n + 1))
  [ "$failed" -eq "$before" ] && alone=$((alone + 1))
}
fails() { tries "$1" "{\"complete\":$few,\"failed\":1}" 1 "$2"; }

"$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o whole "multiplier=${good// /,}" || exit 1
fails segfault "^worker killed by signal 11 "
fails recursion "^worker killed by signal 11 "
fails aborts "^worker killed by signal 6 "
fails leaves "^worker ended with code 0 without finishing the trial"
fails vanishes "^worker ended with code 0 without finishing the trial"
fails endless "^it took longer than --trial-time allows a trial, 2.0 s"
fails deaf "^it took longer than --trial-time allows a trial, 2.0 s"
ulimit -S -v 1500000
limit=20
fails all_memory "^worker killed by signal 11 "
ulimit -S -v unlimited
limit=2
tries forks "{\"complete\":$((few + 1))}" 0 "^$"
check "no other trial is changed by it" \
  '[ "$(fingerprint segfault | grep -Ff <(ls whole/trials))" = "$(fingerprint whole | sed 1d)" ]'

# ---- one that forks, in a sweep that is killed ----
family() { pgrep -f -- "--supervisor .* -- $scratch/$1\$" | sort -n; }       # the worker, its child and that one's
begin() {       # DIR: a sweep until all three are there; leaves its number in $sweep
  "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o "$scratch/$1" "multiplier=c:late.c,symbol=forks_endless,width=12" 2> err &
  sweep=$! children="$children $!"
  for _ in $(seq 1000); do [ "$(family "$1" | wc -l)" -eq 3 ] && return; sleep 0.01; done
  false
}
check "the multiplier forks" 'begin orphans'
children="$children $(family orphans)"
kill -9 "$sweep"
{ wait "$sweep"; } 2> /dev/null
check "the sweep killed: no process is left" 'nothing_left orphans'
check "and nobody holds the trial" '[ "$(states orphans)" = "{\"planned\":1}" ]'
check "the multiplier forks again" 'begin bereft'
children="$children $(family bereft)"
kill -9 "$(pgrep -P "$sweep" -f -- "--supervisor")"
wait "$sweep"
code=$?
check "its worker killed: code 1, not $code" '[ $code -eq 1 ]'
check "no process is left" 'nothing_left bereft'
check "the reason is the signal, not '$(failure bereft)'" 'grep -q "^worker killed by signal 9 " <<< "$(failure bereft)"'

# ---- one that fails when it is tried is no multiplier ----
for model in crash_3 abort_3 exit_3 early_3 forges_3; do
  cp "$ROOT/tests/models/$model.c" .
  tiny_sweep refused "multiplier=c:$model.c,width=12,mit:3" 2> err
  code=$?
  check "$model: refused with code 65 and its name, not $code: $(head -1 err)" '[ $code -eq 65 ] && grep -q "$model.c: " err'
done
check "and nothing has begun" '[ ! -e refused/plan.json ]'
count "$n multipliers beside $few good ones: $alone failed alone, nothing was left of them"
finish
