#!/usr/bin/env bash
# Memory that runs out at any request of the program (tests/fake/memory.c): it ends with a code of its own and a line that says so,
# never by a signal; under a final name is the old file or the new one. A sweep loses a trial at most, and goes on when told again.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
tiny_sweep whole || exit 1
reference=$(fingerprint whole)
"$APPROXRUN" export whole --stable --curves -o new.json || exit 1
export MEMORY_LEFT=$scratch/struck

# AT VERB COMMAND...: the AT-th request of VERB's process is refused; leaves the code in $code, and whether there were that many in $struck.
without() {
  rm -f struck
  { MEMORY_AT=$1 MEMORY_DO=$how MEMORY_VERB=$2 LD_PRELOAD=$BUILD/tests/fake/memory.so "${@:3}"; code=$?; } > out 2> err
  [ -e struck ] && struck=true || struck=false
}
says() { grep -qE "^approxrun: .*(out of memory|not enough memory|[Cc]annot allocate memory)" err; }

last_of() {     # VERB COMMAND...: how many requests it makes, by halving
  local low=1 high=1 middle
  while without $high "$1" "${@:2}"; $struck; do low=$high high=$((high * 2)); done
  while [ $((high - low)) -gt 1 ]; do
    middle=$(((low + high) / 2))
    without $middle "$1" "${@:2}"
    if $struck; then low=$middle; else high=$middle; fi
  done
  last=$low
}

blows=0 ended=0 done=0
for how in one all; do
  # ---- reading verbs ----
  for verb in "export whole --stable --curves -o made.json" "ls whole" "compare whole mbm fp32" "plan tiny.lua" "mul mbm:7 1.5 1.5" "status whole"; do
    "$APPROXRUN" $verb > wanted 2> /dev/null
    last_of ${verb%% *} "$APPROXRUN" $verb
    for at in $(points "$last" 12); do
      echo old > made.json
      without "$at" ${verb%% *} "$APPROXRUN" $verb
      blows=$((blows + 1))
      if [ $code -eq 0 ]; then
        done=$((done + 1))
        check "$verb, $how at $at: code 0 and the whole answer" 'cmp -s out wanted && { [ "${verb%% *}" != export ] || cmp -s made.json new.json; }'
      else
        ended=$((ended + 1))
        check "$verb, $how at $at: a code of its own, not $code" '[ $code -lt 126 ]'
        check "$verb, $how at $at: it says so: $(head -1 err)" says
        check "$verb, $how at $at: the old file or the new one" '[ "$(head -c 4 made.json)" = old ] || cmp -s made.json new.json'
      fi
    done
  done
  # ---- a sweep, and its worker ----
  for verb in sweep worker; do
    rm -rf study study.h5
    last_of $verb "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o study --fresh
    for at in $(points "$last" 10); do
      rm -rf study study.h5
      without "$at" $verb "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o study
      blows=$((blows + 1))
      check "$verb, $how at $at: a code of its own, not $code: $(head -1 err)" '[ $code -lt 126 ]'
      [ $code -eq 0 ] && done=$((done + 1)) || ended=$((ended + 1))
      check "$verb, $how at $at: the same command completes it" 'tiny_sweep study 2> err'
      check "$verb, $how at $at: with the same bytes" '[ "$(fingerprint study)" = "$reference" ]'
    done
  done
done
check "most blows are noticed ($ended of $blows)" '[ $((ended * 2)) -gt $blows ]'
count "$blows requests refused, once or from then on: $ended ended with a message, $done did without"
finish
