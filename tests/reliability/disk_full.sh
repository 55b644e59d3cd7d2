#!/usr/bin/env bash
# No space left, or an input/output error, at any operation: the sweep ends with code 4 and names the path, or did not need it; with
# space again the same command goes on to the bytes of a sweep that always had it.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
tiny_sweep whole || exit 1
reference=$(fingerprint whole)
faulty 0 full "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o "$work/study" || exit 1
last=$(operations)

struck=0 refused=0 equal=0
for how in full once eio; do
  case $how in eio) reason="Input/output error" ;; *) reason="No space left on device" ;; esac
  for at in $(points "$last" 12); do
    { faulty "$at" $how "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o "$work/study"; code=$?; } 2> err
    struck=$((struck + 1))
    case $code in
      4) refused=$((refused + 1))
         check "$how at $at: the last line names a path and the reason: $(tail -1 err)" \
           'tail -1 err | grep -q "^approxrun: .*$work.*$reason"' ;;
      0) check "$how at $at: code 0, so the study file has every trial" '[ "$(fingerprint "$work/study")" = "$reference" ]' ;;
      *) check "$how at $at: code 4 or 0, not $code: $(tail -1 err)" false ;;
    esac
    check "$how at $at: the same command completes it" 'tiny_sweep "$work/study" 2> err'
    check "$how at $at: no acknowledged epoch was computed again" '[ -z "$(recomputed "$work/study")" ]'
    if [ "$(fingerprint "$work/study")" = "$reference" ]; then equal=$((equal + 1)); else echo "$how at $at: other bytes"; fi
  done
done
check "most blows end the sweep ($refused of $struck)" '[ $((refused * 2)) -gt $struck ]'
check "all $struck are equal to the sweep with space, not $equal" '[ $equal -eq $struck ]'
count "$struck blows at $last operations (no space from then on, once; input/output error), $refused ended with code 4: $equal equal"

# ---- a real one ----
full_disk="$scratch/small"
mkdir "$full_disk"
if mount -t tmpfs -o size=600k none "$full_disk" 2> /dev/null; then
  "$APPROXRUN" sweep small.lua -q -o reference || exit 1
  "$APPROXRUN" sweep small.lua -j 2 --threads 1 -o "$full_disk/study" 2> err
  code=$?
  check "a full disk ends with code 4, not $code" '[ $code -eq 4 ]'
  check "the last line names a file on it and the reason" 'tail -1 err | grep -q "^approxrun: .*$full_disk/study.*No space left"'
  published=$(ls "$full_disk/study/trials" | grep -c '\.h5$')
  check "no half-written file is left under a final name" \
    '! "$APPROXRUN" export "$full_disk/study" -o /dev/null 2>&1 | grep -q approxrun:'
  mount -o remount,size=64m "$full_disk"
  check "with space again the sweep goes on" '"$APPROXRUN" sweep small.lua -q -o "$full_disk/study"'
  check "and ends with the same bytes ($published trials had been kept)" '[ "$(fingerprint "$full_disk/study")" = "$(fingerprint reference)" ]'
else
  full_disk=""
  echo "a real full disk: not run, this user cannot mount a tmpfs"
fi
finish
