#!/usr/bin/env bash
# The power fails at a random operation of a sweep, and any part of what no sync had covered is gone. Every epoch the journal had
# acknowledged is there, and the same command ends with the bytes of a sweep that nobody touched.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
tiny_sweep whole || exit 1
reference=$(fingerprint whole)
export FAULTS_LOG=$scratch/log
faulty 0 kill "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o "$work/study" || exit 1
unset FAULTS_LOG
states=$(rounds 40 1000)
"$ROOT/tests/reliability/power_loss.py" log "$work" states "$states" "$SEED" > promised || exit 1

# The epochs that the files of a state hold for a trial: 'done', or what its checkpoint says.
held() {        # DIR TRIAL
  if [ -f "$1/trials/$2.h5" ]; then echo done; else
    h5dump -a /position/epoch "$1/ckpt/$2.h5" 2> /dev/null | sed -n 's/^ *(0): //p' | cut -d. -f1; fi
}

equal=0 promises=0 kept=0
while read -r number prefix acknowledged; do
  study=states/$number/study
  for one in $acknowledged; do
    promises=$((promises + 1)) wanted=${one#*:} found=$(held "$study" "${one%:*}")
    if [ "$found" = "done" ] || { [ "$wanted" != "done" ] && [ "${found:-0}" -ge "$wanted" ]; }; then kept=$((kept + 1))
    else echo "state $number, after $prefix operations: ${one%:*} holds '$found', epoch $wanted was acknowledged"; fi
  done
  check "state $number, after $prefix operations: the same command completes it" 'tiny_sweep "$study" 2> err || { cat err; false; }'
  if [ "$(fingerprint "$study")" = "$reference" ]; then equal=$((equal + 1)); else echo "state $number: other bytes"; fi
done < promised
check "the acknowledged epochs are there: $kept of $promises" '[ $kept -eq $promises ] && [ $((promises * 2)) -ge $states ]'
check "all $states states end like the uninterrupted sweep, not $equal" '[ $equal -eq $states ]'

# The last operations were those of a sweep that ended with code 0: its study file needs no other.
"$ROOT/tests/reliability/power_loss.py" log "$work" ended 1 0 > /dev/null
check "what a sweep with code 0 left survives" '[ "$("$APPROXRUN" export ended/0/study.h5 --stable --curves -o - | sha256sum)" = \
  "$("$APPROXRUN" export whole.h5 --stable --curves -o - | sha256sum)" ]'
count "$states states after a power loss: $kept of $promises acknowledged epochs kept, $equal equal"
finish
