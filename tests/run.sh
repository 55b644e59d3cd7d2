#!/usr/bin/env bash
# The suite: the release build's tests, but for what `make reliability` runs, then the unit and parser tests under AddressSanitizer
# and UBSan.
# Closes with 'N passed, N failed, N skipped', counting test programs and scripts.
set -uo pipefail
build=$1
jobs=$(nproc)
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

configure_and_build() {  # folder, options...
  local folder=$1; shift
  cmake -S . -B "$folder" "$@" >"$log/cmake" 2>&1 && cmake --build "$folder" -j "$jobs" >"$log/build" 2>&1 && return
  cat "$log/cmake" "$log/build" 2>/dev/null; echo "0 passed, 1 failed"; exit 1
}

run() {  # name, folder, options...
  local name=$1 folder=$2; shift 2
  echo "== $name"
  ctest --test-dir "$folder" --output-on-failure "$@" 2>&1 | tee "$log/$name.log" | grep -vE '^(Internal|Test project|    Start)'
}

configure_and_build "$build"
configure_and_build "$build/sanitize" -DAPPROXRUN_SANITIZE=ON -DAPPROXRUN_OPENMP=OFF -DAPPROXRUN_CUDA=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo
run release "$build" -j "$jobs" -LE '^reliability$'
ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0 \
  run sanitize "$build/sanitize" -j "$jobs" -R '^(unit|fuzz)_'

passed=$(cat "$log"/{release,sanitize}.log | grep -cE '[0-9]+: Passed| Passed +[0-9.]+ sec')
failed=$(cat "$log"/{release,sanitize}.log | grep -cE '\*\*\*(Failed|Timeout|Exception|Not Run)')
skipped=$(cat "$log"/{release,sanitize}.log | grep -c '\*\*\*Skipped')
cases=$(grep -haoE '^\[  PASSED  \] [0-9]+|^[0-9]+ passed' "$build/Testing/Temporary/LastTest.log" "$build/sanitize/Testing/Temporary/LastTest.log" |
  grep -oE '[0-9]+' | awk '{n += $1} END {print n + 0}')
echo
echo "$cases checks and cases inside them"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
