#!/usr/bin/env bash
# kill -9 of the sweep, of a worker or of both, or Ctrl-C, at random moments: no acknowledged epoch is lost, and the resumed sweep
# ends with the bytes of one that nobody touched. A round is a study that is struck three times and then completed.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
echo "random moments from SEED=$SEED"
sweep=(sweep tiny.lua -q -j 2 --threads 1 epochs=25 seed=1,2 -o)
long_sweep() { "$APPROXRUN" "${sweep[@]}" "$@"; }

began=$(date +%s%N)
long_sweep whole || exit 1
longest=$((($(date +%s%N) - began) / 1000000))
reference=$(fingerprint whole)

# Runs the sweep and strikes after a random part of its time. Leaves the sweep's exit code in $code.
strike() {      # DIR HOW
  local pid workers moment=$((RANDOM % longest))
  "$APPROXRUN" "${sweep[@]}" "$1" 2>> err &
  pid=$!
  children="$children $pid"
  sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
  workers=$(pgrep -P "$pid")
  case $2 in
    stop) kill -INT "$pid" ;;
    worker) kill -9 $(head -1 <<< "$workers") ;;
    sweep) kill -9 "$pid" ;;
    both) kill -9 "$pid" $workers ;;
  esac 2> /dev/null
  { wait "$pid"; code=$?; } 2> /dev/null
  for _ in $(seq 200); do [ -z "$workers" ] && break; kill -0 $workers 2> /dev/null || break; sleep 0.01; done
}

n=$(rounds 12 200) stops=0 kills=0 failures=0 equal=0
hows=(sweep worker both stop)
for round in $(seq "$n"); do
  dir=round$round
  for _ in 1 2 3; do
    how=${hows[RANDOM % 4]}
    strike $dir $how
    case $how:$code in
      stop:130) stops=$((stops + 1)) ;;
      sweep:137 | both:137) kills=$((kills + 1)) ;;
      worker:1) failures=$((failures + 1)) ;;
      *:0) ;;
      *) check "round $round: $how ended with code $code" false ;;
    esac
  done
  check "round $round: the study completes" 'long_sweep $dir 2>> err'
  check "round $round: no acknowledged epoch was computed again" '[ -z "$(recomputed $dir)" ]'
  left=$(find $dir/claims $dir/ckpt -name "*.claim" -o -name "*.h5")
  check "round $round: no claim and no checkpoint is left: ${left//$'\n'/, }" '[ -z "$left" ]'
  if [ "$(fingerprint $dir)" = "$reference" ]; then equal=$((equal + 1)); else echo "round $round: other bytes"; fi
  rm -rf "$dir" "$dir.h5"
done
check "all $n rounds end equal, not $equal" '[ $equal -eq $n ]'
check "blows landed: $kills kills of sweeps, $failures of workers, $stops stops" '[ $((kills + failures + stops)) -ge $n ]'
check "another seed gives other bytes" 'long_sweep other seed=3,4 && [ "$(fingerprint other)" != "$reference" ]'
count "$n rounds, $kills sweeps and $failures workers killed, $stops stopped: $equal equal"
finish
