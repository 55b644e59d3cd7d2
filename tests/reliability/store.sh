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
finish
