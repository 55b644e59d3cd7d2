#!/usr/bin/env bash
# A trial's numbers depend on its id alone: not on threads, workers, the order of trials, or which others run.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
unset OMP_NUM_THREADS
grid="epochs=$(rounds 2 6)"

"$APPROXRUN" sweep small.lua -q -j 1 --threads 1 $grid -o whole || exit 1
reference=$(fingerprint whole)
same=0 n=0
equal() {       # WHAT DIR
  n=$((n + 1))
  check "$1: the same bytes" '[ "$(fingerprint "'"$2"'")" = "$reference" ]'
  [ "$(fingerprint "$2")" = "$reference" ] && same=$((same + 1))
}
for threads in 1 2 4 8; do
  for jobs in 1 2 $(rounds "" 3); do
    "$APPROXRUN" sweep small.lua -q -j $jobs --threads $threads $grid -o t$threads-j$jobs || exit 1
    equal "$threads threads, $jobs workers" t$threads-j$jobs
  done
done

# ---- one by one, from the last to the first; a part of them alone ----
for multiplier in fp32 mit:3 mbm:7; do
  for seed in 2 1; do "$APPROXRUN" sweep small.lua -q --threads 2 $grid multiplier=$multiplier seed=$seed -o backwards || exit 1; done
done
"$APPROXRUN" sweep small.lua -q $grid -o backwards || exit 1
equal "the other way round" backwards
"$APPROXRUN" sweep small.lua -q $grid multiplier=mit:3 seed=2 -o alone || exit 1
check "a trial alone has the bytes it has among others" \
  '[ "$(fingerprint alone | tail -1)" = "$(grep "$(basename alone/trials/*.h5)" <<< "$reference")" ]'
count "$n settings of threads, workers and order: $same equal"
finish
