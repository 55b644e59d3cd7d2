#!/usr/bin/env bash
# A sweep that is stopped and killed at random moments and run again ends with the bytes of one that nobody touched.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
RANDOM=${SEED:-20261}
echo "random moments from SEED=${SEED:-20261}"

began=$(date +%s%N)
"$APPROXRUN" sweep small.lua -q -j 2 --threads 1 -o whole || exit 1
longest=$((($(date +%s%N) - began) / 5000000))       # milliseconds: a fifth of the whole, so that the first blows all land
reference=$(fingerprint whole)

# Starts the sweep, waits for its first claim and a random moment more, and interrupts it in one of three ways. Gives the sweep's exit code.
disturb() {
  local dir=$1 how=$2 pid code worker moment=$((RANDOM % longest))
  shift 2
  "$APPROXRUN" sweep small.lua -q -o "$dir" "$@" 2>> errors &
  pid=$!
  children="$children $pid"
  for _ in $(seq 300); do [ -n "$(ls "$dir/claims" 2> /dev/null)" ] && break; kill -0 "$pid" 2> /dev/null || break; sleep 0.01; done
  sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
  case $how in
    stop) kill -INT "$pid" 2>/dev/null ;;
    worker) worker=$(pgrep -P "$pid" | head -1); [ -n "$worker" ] && kill -9 "$worker" 2>/dev/null ;;
    all) kill -9 "$pid" 2>/dev/null ;;
  esac
  wait "$pid" 2>/dev/null
  code=$?
  return $code
}

stops=0 kills=0
for setting in "-j 1 --threads 2" "-j 2 --threads 1"; do
  dir="cut$(echo "$setting" | tr -dc 0-9)"
  for how in all stop worker all stop worker all stop; do
    disturb "$dir" $how $setting
    code=$?
    case $how:$code in
      stop:130) stops=$((stops + 1)) ;;
      all:137) kills=$((kills + 1)) ;;
      *:0 | worker:1) ;;
      *) check "$how ended with code $code" false ;;
    esac
    sleep 0.3
    check "after $how no worker is left" '! pgrep -f -- "--supervisor.*$dir\$" > /dev/null'
  done
  for again in 1 2 3; do "$APPROXRUN" sweep small.lua -q -o "$dir" $setting 2>> errors && break; done
  check "$setting: the study completes" '"$APPROXRUN" sweep small.lua -q -o "$dir" $setting'
  check "$setting: interrupted and resumed equals uninterrupted" '[ "$(fingerprint "$dir")" = "$reference" ]'
  check "$setting: no claim and no checkpoint is left" '[ -z "$(find "$dir/claims" "$dir/ckpt" -name "*.claim" -o -name "*.h5")" ]'
done
check "some sweeps were really stopped ($stops) and killed ($kills)" '[ $stops -ge 2 ] && [ $kills -ge 2 ]'
check "the reference did not change meanwhile" '[ "$reference" = "$(fingerprint whole)" ]'
check "another seed gives other bytes" '"$APPROXRUN" sweep small.lua seed=3,4 -q -o other && [ "$(fingerprint other)" != "$reference" ]'
finish
