#!/usr/bin/env bash
# Many tiny trials in one sweep: the memory and the descriptors of the supervisor and of its worker, which runs them all, stay as
# they were when the first tenth was done.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
n=$(rounds 150 1000)

# Anonymous memory (kB) and descriptors of a process.
look() { echo "$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status") $(ls "/proc/$1/fd" | wc -l)"; } 2> /dev/null

"$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o many multiplier=mbm:3 epochs=1 seed=1..$n 2> err &
sweep=$!
children=$sweep
while kill -0 $sweep 2> /dev/null; do
  worker=$(pgrep -P $sweep -f -- "--supervisor" | head -1)
  done=$(ls many/trials 2> /dev/null | grep -c '\.h5$')
  [ -n "$worker" ] && [ "$done" -gt 0 ] && [ "$done" -lt "$n" ] && echo "$done $(look $sweep) $(look "$worker") $worker" >> looks
  sleep 0.1
done
wait $sweep
code=$?
check "$n trials end with code 0, not $code: $(cat err)" '[ $code -eq 0 ]'

# The largest and the least of COLUMN among the looks after FROM up to TO trials.
most() { awk -v c="$1" -v from="$2" -v to="$3" '$1 > from && $1 <= to && $c > m { m = $c } END { print m + 0 }' looks; }
least() { awk -v c="$1" -v from="$2" -v to="$3" '$1 > from && $1 <= to && (!m || $c < m) { m = $c } END { print m + 0 }' looks; }
tenth=$((n / 10))
early=$((2 * tenth))
names=("" "" "memory of the sweep" "descriptors of the sweep" "memory of its worker" "descriptors of its worker")
for column in 2 3 4 5; do      # a look may meet a file that is open for a moment: descriptors that stay are in the least of many looks
  before=$(most $column $tenth $early) after=$(most $column $early "$n") allowed=1024
  [ $((column % 2)) -eq 1 ] && after=$(least $column $((n / 2)) "$n") allowed=0
  check "${names[column]}: $before after $early trials, $after later" '[ $before -gt 0 ] && [ $after -gt 0 ] && [ $after -le $((before + allowed)) ]'
  grown="${grown:-}${grown:+, }${names[column]} $before to $after"
done
check "one worker ran them all" '[ "$(cut -d" " -f6 looks | sort -u | wc -l)" -eq 1 ]'
check "it was looked at often enough ($(wc -l < looks))" '[ "$(wc -l < looks)" -ge 10 ]'
count "$n trials, $(wc -l < looks) looks: $grown (kB; number)"
finish
