#!/usr/bin/env bash
# A store that cannot be used ends a sweep with code 4 and one line that names the path; what was computed is kept.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1

# ---- two sweeps of one study ----
"$APPROXRUN" sweep small.lua -q -j 1 --threads 1 -o study 2> first.err &
first=$!
children=$first
for _ in $(seq 100); do [ -s study/lock ] && [ -n "$(ls study/claims 2>/dev/null)" ] && break; sleep 0.05; done
HDF5_USE_FILE_LOCKING=FALSE timeout 5 "$APPROXRUN" sweep small.lua -o study 2> second.err
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

"$APPROXRUN" sweep small.lua -q -j 1 --threads 1 -o study 2> /dev/null &
first=$!
children=$first
sleep 0.4
kill -9 $first
wait $first 2> /dev/null
check "the lock of a killed sweep is free at once" '"$APPROXRUN" sweep small.lua -q -o study'
reference=$(fingerprint study)

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

# ---- a full disk ----
full_disk="$scratch/disk"
mkdir "$full_disk"
if mount -t tmpfs -o size=600k none "$full_disk" 2> /dev/null; then
  "$APPROXRUN" sweep small.lua -j 2 --threads 1 -o "$full_disk/study" 2> err
  code=$?
  check "a full disk ends with code 4, not $code" '[ $code -eq 4 ]'
  check "the last line names a file on it and the reason" 'tail -1 err | grep -q "^approxrun: .*$full_disk/study.*No space left"'
  published=$(ls "$full_disk/study/trials" | grep -c '\.h5$')
  check "no half-written file is left under a final name" \
    '! "$APPROXRUN" export "$full_disk/study" -o /dev/null 2>&1 | grep -q approxrun:'
  mount -o remount,size=64m "$full_disk"
  check "with space again the sweep goes on" '"$APPROXRUN" sweep small.lua -q -o "$full_disk/study"'
  check "and ends with the same bytes ($published trials had been kept)" '[ "$(fingerprint "$full_disk/study")" = "$reference" ]'
else
  full_disk=""
  echo "disk full: not run, this user cannot mount a tmpfs"
fi
finish
