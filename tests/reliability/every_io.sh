#!/usr/bin/env bash
# A sweep killed at any one of its operations on files, before it or in the middle of a write, resumes to the bytes of one that
# nobody touched, and computes no acknowledged epoch again.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
tiny_sweep whole || exit 1
reference=$(fingerprint whole)
faulty 0 kill "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o "$work/study" || exit 1
last=$(operations)
check "the operations are counted ($last)" '[ "$last" -ge 80 ]'
check "nothing differs when none is struck" '[ "$(fingerprint "$work/study")" = "$reference" ]'

killed=0 equal=0
for how in kill torn; do
  for at in $(points "$last" 14); do
    { faulty "$at" $how "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o "$work/study"; code=$?; } 2> err
    killed=$((killed + 1))
    check "$how at $at: the sweep was killed (137) or one trial failed (1), or its worker had done its work (0), not $code" \
      '[ $code -eq 137 ] || [ $code -eq 1 ] || [ $code -eq 0 ]'
    check "$how at $at: the same command completes it" 'tiny_sweep "$work/study" 2> err'
    check "$how at $at: no acknowledged epoch was computed again" '[ -z "$(recomputed "$work/study")" ]'
    check "$how at $at: no claim and no checkpoint is left" '[ -z "$(find "$work/study/claims" "$work/study/ckpt" -name "*.claim" -o -name "*.h5")" ]'
    if [ "$(fingerprint "$work/study")" = "$reference" ]; then equal=$((equal + 1)); else echo "$how at $at: other bytes"; fi
  done
done
check "all $killed are equal to the uninterrupted sweep, not $equal" '[ $equal -eq $killed ]'
count "$killed points of $last operations, clean and torn: $equal equal"
finish
