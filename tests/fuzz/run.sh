#!/usr/bin/env bash
# tests/fuzz/run.sh SECONDS [TARGET...]: every fuzz target, as many at a time as there are cores, each for SECONDS from its corpus.
# Prints a row a target and ends with 1 if any found something; the input then lies in BUILD/findings (BUILD: build/fuzz).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [TARGET...]}; shift
build=${BUILD:-build/fuzz}
mkdir -p "$build/findings" "$build/corpus" "$build/log"
cmake -S . -B "$build" -DCMAKE_C_COMPILER=clang -DAPPROXRUN_FUZZ=ON -DAPPROXRUN_OPENMP=OFF -DAPPROXRUN_CUDA=OFF \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo > "$build/log/cmake" 2>&1 || { cat "$build/log/cmake"; exit 1; }
cmake --build "$build" -j "$(nproc)" --target fuzz_targets > "$build/log/build" 2>&1 || { tail -30 "$build/log/build"; exit 1; }

"$build/tests/fuzz/fuzz_seeds" "$build" || exit 1

run() { # target: libFuzzer's log goes to BUILD/log/TARGET, new inputs to BUILD/corpus/TARGET
  local name=$1 options=(-max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -max_len=131072 -malloc_limit_mb=4096 -print_final_stats=1 -seed=1)
  mkdir -p "$build/corpus/$name" "$build/seeds/$name"
  [ -f "tests/fuzz/dict/$name" ] && options+=(-dict="tests/fuzz/dict/$name")
  [ -d "tests/fuzz/corpus/$name" ] && options+=("tests/fuzz/corpus/$name")
  APPROXRUN_JIT=off "$build/tests/fuzz/fuzz_$name" -artifact_prefix="$build/findings/$name-" \
    "$build/corpus/$name" "$build/seeds/$name" "${options[@]}" > "$build/log/$name" 2>&1
  local code=$? log="$build/log/$name"
  printf '%-12s %12s %9s %10s\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
    "$(grep -oE 'cov: [0-9]+' "$log" | tail -1 | cut -c6-)" "$([ $code -eq 0 ] && echo none || echo "exit $code")"
  return $code
}

export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:quarantine_size_mb=16:allocator_release_to_os_interval_ms=-1 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
export -f run
export build seconds
printf '%-12s %12s %9s %10s\n' target executions coverage findings
[ $# -gt 0 ] || set -- $(cd tests/fuzz && ls -- *.c | sed 's/\.c$//' | grep -vxE 'h5_.*|replay|scratch|seeds')
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'run {}' && exit 0
echo "findings: $(ls "$build/findings" | tr '\n' ' ')"
exit 1
