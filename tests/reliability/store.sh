#!/usr/bin/env bash
# A store that cannot be used ends a sweep with code 4 and one line that names the path; what was computed is kept.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1

# ---- a file in the way ----
touch way
for place in way way/below; do
  "$APPROXRUN" sweep small.lua -o $place 2> err
  code=$?
  check "a file in place of the directory ($place) ends with code 4, not $code" '[ $code -eq 4 ]'
  check "the message names it, in one line" 'grep -q "way" err && [ "$(wc -l < err)" -eq 1 ]'
done

# ---- damaged files ----
"$APPROXRUN" sweep small.lua -q -o damaged multiplier=mbm:7 seed=1
echo '{"schema": 99}' > damaged/plan.json
"$APPROXRUN" sweep small.lua -q -o damaged 2> err
code=$?
check "a plan of a newer schema ends with code 4, not $code" '[ $code -eq 4 ] && grep -q "damaged/plan.json.*99" err'

# ---- what cannot be looked at is not what is not there ----
tiny_sweep whole || exit 1
loop() { ln -sfn "$(basename "$1")" "$1"; }      # the name, but nobody gets at what it names, not even root
refused() {     # WHAT PATH VERB...
  local path=$2
  timeout 60 "$APPROXRUN" "${@:3}" > out 2> err
  code=$?
  check "$1: code 4, not $code" '[ $code -eq 4 ]'
  check "$1: one line with $path and the reason: $(head -1 err)" \
    'grep -qF "$path: Too many levels of symbolic links" err && [ "$(wc -l < err)" -eq 1 ]'
}
cp -r whole plan
loop plan/plan.json
for verb in "ls plan" "status plan" "export plan -o none.json" "sweep tiny.lua -q -o plan"; do
  refused "$verb, plan.json unreadable" plan/plan.json $verb
done
check "it is not replaced" '[ -L plan/plan.json ]'
cp -r whole result
loop "$(ls -d result/trials/*.h5 | head -1)"
refused "a result that cannot be read" "$(ls -d result/trials/*.h5 | head -1)" sweep tiny.lua -q -o result
check "no trial is computed again" '[ "$(cat result/events/* | grep -c "\"epoch\"")" -eq "$(cat whole/events/* | grep -c "\"epoch\"")" ]'
cp -r whole begun
trial=$(basename "$(ls begun/trials/*.h5 | head -1)")
rm "begun/trials/$trial"
loop "begun/ckpt/$trial"
refused "a checkpoint that cannot be read" "begun/ckpt/$trial" sweep tiny.lua -q -j 1 -o begun
check "its trial does not begin anew" '[ ! -e "begun/trials/$trial" ] && [ -L "begun/ckpt/$trial" ]'
check "and is not failed" '[ -z "$(ls begun/failed)" ]'

# ---- a file system without hard links, by which results are published ----
faulty 0 links "$APPROXRUN" sweep tiny.lua -q -o "$work/study" 2> err
code=$?
check "no hard links: a sweep ends with code 4, not $code" '[ $code -eq 4 ]'
check "the message names the directory and what is missing, in one line" \
  'grep -qF "$work/study: hard links do not work on this file system (Operation not permitted)" err && [ "$(wc -l < err)" -eq 1 ]'
check "before any trial has begun" '[ -z "$(ls "$work/study/events")" ]'
check "nothing is left of the attempt" '[ -z "$(ls "$work/study" | grep link)" ]'
cp -r whole moved
rm moved/trials/*
FAULTS_BELOW=$scratch/moved FAULTS_COUNT=$scratch/operations FAULTS_DO=links LD_PRELOAD=$BUILD/tests/fake/faults.so "$APPROXRUN" worker "$scratch/moved" 2> err
code=$?
check "nor does a worker begin there, code 4, not $code" \
  '[ $code -eq 4 ] && grep -qF "$scratch/moved: hard links do not work" err && cmp -s <(cat moved/events/*) <(cat whole/events/*)'
finish
