#!/usr/bin/env bash
# A C function as a multiplier (tests/models/) in the verbs: tables, products, errors, the cache, a study; and what its failures print.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
command -v cc >/dev/null || skip "no C compiler"
unset CC APPROXRUN_MODEL_SECONDS
export XDG_CACHE_HOME=$SCRATCH/cache MODEL_LOG=$SCRATCH/log
cp "$ROOT"/tests/models/* .

# ---- tables, products, errors ----
expect_exit 0 approxrun lut build c:mitchell_7.c -o MINE_7.bin
expect_err "MINE_7.bin: c:mitchell_7.c as u8, 16384 bytes"
approxrun lut build mit:7 -o MIT_7.bin -q
check "the function's table is the family's" cmp MINE_7.bin MIT_7.bin
expect_exit 0 approxrun lut check MINE_7.bin c:mitchell_7.c
expect_exit 0 approxrun mul c:mitchell_7.c 1.5 1.5
expect_match '^under    c:mitchell_7\.c \(1,8,7\) 16 bits$'
expect_match '^product  2 +0x40000000$'
expect_exit 0 approxrun mul "c:$PWD/wide.c" 1.5 1.5
expect_match '^product  2\.25 '
expect_exit 0 approxrun mult errors c:mitchell_7.c mit:7 --csv
check "its errors are Mitchell's" [ "$(sed 1d "$KEPT/out" | cut -d, -f3- | sort -u | wc -l)" -eq 1 ]
expect_exit 0 approxrun mult errors c:words.c,symbol=with_width,width=12 mit:12 --csv
check "above width 11 too" [ "$(sed 1d "$KEPT/out" | grep -o '12,16777216,.*' | sort -u | wc -l)" -eq 1 ]
expect_exit 0 approxrun mult list
expect_match '^c +1 to 23 .*c:FILE\.c'
expect_exit 2 approxrun lut build c:wide.c -o x_15.bin
expect_err "c:wide.c has no table, wanted a multiplier of width 1 to 11"

# ---- failures: one line, but for the compiler's own text ----
expect_exit 65 approxrun mul c:crash_3.c 1 1
expect_err "approxrun: crash_3.c: crash(1.625, 1.375) crashed: signal 11"
expect_exit 65 approxrun mul c:abort_3.c 1 1
expect_err "gives_up(1, 1) crashed: signal 6, Aborted: no product of 1 and 1"
expect_exit 65 approxrun mul c:broken_3.c 1 1
check "a compiler's text stands behind a line of ours" grep -qx "approxrun: broken_3.c: cc cannot compile it:" "$KEPT/err"
check "it names file and line" grep -q '^broken_3\.c:2:45: error: ' "$KEPT/err"
expect_exit 0 approxrun mul c:writes_3.c 1 1 --json
check "what a function writes does not reach our outputs" jq -e '.product.value == 1' "$KEPT/out"
check "nor standard error" [ ! -s "$KEPT/err" ]
APPROXRUN_MODEL_SECONDS=0.5 expect_exit 65 approxrun mul c:leaves_a_child_3.c 1 1
expect_err "leaves_a_child(1, 1) was not done after 0.5 seconds"
gone() { for _ in $(seq 50); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done; return 1; }
check "what the function started is gone with it" gone "$(cat log)"

# ---- the cache ----
cat >counting <<'SH'
#!/bin/sh
case " $* " in *" -E "*) echo look;; *) echo compile;; esac >>"$COUNT"
exec cc "$@"
SH
chmod +x counting
export CC="$PWD/counting" COUNT=$PWD/count
calls() { sort count | uniq -c | awk '{ printf "%s%s %s", sep, $1, $2; sep = ", " }'; }
approxrun mul c:words.c,symbol=of_five,width=5 1.5 1.5 >/dev/null
check "first the file is looked at and compiled" [ "$(calls)" = "1 compile, 1 look" ]
approxrun mul c:words.c,symbol=of_five,width=5 1.5 1.5 >/dev/null
check "then only looked at" [ "$(calls)" = "1 compile, 2 look" ]
approxrun mul c:words.c,symbol=with_width,width=5 1.5 1.5 >/dev/null
check "another function is another model" [ "$(calls)" = "2 compile, 3 look" ]
approxrun mul c:words.c,symbol=with_width,width=14 1.5 1.5 >/dev/null
approxrun mul c:words.c,symbol=with_width,width=14 1.5 1.5 >/dev/null
check "a wide one is compiled once as well" [ "$(calls)" = "3 compile, 5 look" ]
sed -i 's/(uint32_t)(sum)/((uint32_t)(sum) | 1)/' words.h
expect_exit 0 approxrun mul c:words.c,symbol=of_five,width=5 1.5 1.25
check "a changed #include makes a new table" [ "$(calls)" = "4 compile, 6 look" ]
expect_match '^product  1\.78125 '
for table in cache/approxrun/cmodel/*.words; do printf x | dd of="$table" conv=notrunc bs=1 seek=9 2>/dev/null; done
expect_exit 0 approxrun mul c:words.c,symbol=of_five,width=5 1.5 1.25
expect_match '^product  1\.78125 '
check "no temporary file stays" [ -z "$(find cache -name '*.tmp')" ]
unset CC

# ---- a study: planning only forks, workers load what has no table ----
grid='multiplier = { "c:tells_7.c", "c:tells_7.c,width=12", "mit:7", "mit:12" }'
sed "s/{ multiplier = .*seed = ax.range(1, 2) }/{ $grid }/; s/epochs = 3/epochs = 1/" "$ROOT/experiments/quickstart.lua" >study.lua
rm -f log
expect_exit 0 approxrun plan study.lua --json
check "planning tries the function in children" grep -qx "plan child" log
check "and never loads it" [ "$(sort -u log)" = "plan child" ]
rm -f log
expect_exit 0 approxrun sweep study.lua --strict -j 1 -q
check "of the sweep's processes, workers load the wide function" grep -qx "worker itself" log
check "and they alone" [ "$(grep -c '^sweep itself$' log)" -eq 0 ]
expect_exit 0 approxrun export results/quickstart.h5 --stable
check "all four trials are complete" jq -e '[.trials[] | select(.state == "complete")] | length == 4' "$KEPT/out"
check "and are those of the family" jq -e '[.trials[].metrics] | .[0] == .[2] and .[1] == .[3] and .[0] != .[1]' "$KEPT/out"
expect_exit 0 approxrun plot results/quickstart.h5 --kind width -o width.svg
check "its widths are one series" [ "$(grep -o '>tells[^<]*<' width.svg)" = ">tells<" ]

# ---- a device is given the same trials ----
mkdir bin
if cp "$APPROXRUN" bin/ && cp "${BUILD:-$(dirname "$APPROXRUN")}/tests/fake/approxrun_cuda.so" bin/ 2>/dev/null; then
  expect_exit 0 bin/approxrun sweep study.lua --devices 0 -o device -q
  expect_exit 0 bin/approxrun export device --stable
  check "the wide function's runs there too" jq -e '[.trials[].state] == ["complete", "complete", "complete", "complete"]' "$KEPT/out"
fi
