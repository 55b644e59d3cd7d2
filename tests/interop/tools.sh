#!/usr/bin/env bash
# h5dump, h5ls, h5repack and jq read what approxrun wrote.
. "$(dirname "$0")/study.bash"
need 'command -v h5dump' hdf5-tools
need 'command -v jq' jq
make_study
check "h5dump reads all of a study file" h5dump "$work/q.h5"
check "h5ls lists it" bash -c "h5ls -r '$work/q.h5' | grep -q '^/curves/test_acc *Dataset {12, 3}'"
check "h5dump shows the state by its name" bash -c "h5dump -d /table '$work/q.h5' | grep -q complete"
check "no object has a time" bash -c "! h5ls -rv '$work/q.h5' | grep -q Modified"
check "h5repack rewrites it" h5repack -f GZIP=9 "$work/q.h5" "$work/packed.h5"
"$APPROXRUN" export --stable --curves "$work/q.h5" -o "$work/a.json"
"$APPROXRUN" export --stable --curves "$work/packed.h5" -o "$work/b.json"
"$APPROXRUN" export --stable --curves "$work/q" -o "$work/c.json"
check "the repacked file exports the same" cmp "$work/a.json" "$work/b.json"
check "the directory exports the same" cmp "$work/a.json" "$work/c.json"
check "jq: twelve complete trials" jq -e '[.trials[] | select(.state == "complete")] | length == 12' "$work/a.json"
check "jq: keys in their order" jq -e 'keys_unsorted == ["schema","study","metric","multipliers","trials","results"]' "$work/a.json"
check "jq: means are those of the values" \
  jq -e '[.results[].test_acc | (.mean - (.values | add / length)) | fabs] | max < 1e-15' "$work/a.json"
check "JSON lines: one trial each" bash -c "'$APPROXRUN' export '$work/q.h5' --format jsonl | jq -s -e 'length == 12'"
"$APPROXRUN" merge "$work/m1.h5" "$work/q" "$work/q.h5" -q; sleep 1; "$APPROXRUN" merge "$work/m2.h5" "$work/q.h5" -q
check "merging a study with itself changes nothing" cmp "$work/m1.h5" "$work/m2.h5"
check "the study file is what merge writes" cmp "$work/q.h5" "$work/m1.h5"
finish
