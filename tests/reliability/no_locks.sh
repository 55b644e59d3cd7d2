#!/usr/bin/env bash
# On a file system without locks a sweep gives the same numbers, its workers' journals are apart, and a second sweep of this host is refused.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
lockless() { LD_PRELOAD="$BUILD/tests/fake/nolocks.so" "$@"; }

touch free
check "the fake refuses locks" '! lockless flock -n free true 2> /dev/null && flock -n free true'
tiny_sweep locks seed=1..4
lockless "$APPROXRUN" sweep tiny.lua -q -j 2 --threads 1 -o none seed=1..4
code=$?
check "a sweep without locks ends with code 0, not $code" '[ $code -eq 0 ]'
check "with the same numbers" '[ "$(fingerprint locks)" = "$(fingerprint none)" ]'
check "each trial is reported done once, by lines that are whole" '[ "$(cat none/events/*.jsonl | grep -c "\"event\":\"done\".*\"crc\":\"[0-9a-f]\{8\}\"}$")" -eq 8 ]'
LD_PRELOAD="$BUILD/tests/fake/nolocks.so" "$APPROXRUN" sweep tiny.lua -q -j 1 --threads 1 -o none epochs=100000 2> /dev/null &
pid=$!
children="$children $pid"
for _ in $(seq 200); do [ -n "$(ls none/claims)" ] && break; sleep 0.05; done
lockless "$APPROXRUN" sweep tiny.lua -q -o none 2> err
code=$?
check "a second sweep is refused with code 4, not $code, and the first one's pid" '[ $code -eq 4 ] && grep -q "another sweep.*pid $pid on " err'
kill -INT $pid
wait $pid
lockless "$APPROXRUN" sweep tiny.lua -q --threads 1 -o none
check "when that has ended, it runs" '[ $? -eq 0 ]'
count "8 trials without locks, one sweep refused"
finish
