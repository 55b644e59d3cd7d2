# Sourced by the scripts here: a finished quickstart study in $work/q and $work/q.h5, and counting checks.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# check WHAT COMMAND...: counts whether the command succeeds; its output is shown if it does not.
check() {
  local what=$1; shift
  if "$@" > "$work/log" 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL: $what"; cat "$work/log"; fi
}

# need PROGRAM PACKAGE: skips the test where a reader is not installed.
need() { eval "$1" > /dev/null 2>&1 || { echo "skipped: $2 is not installed"; exit 77; }; }

finish() { echo "$passed passed, $failed failed"; [ "$failed" -eq 0 ]; exit; }

make_study() { "$APPROXRUN" sweep "$ROOT/experiments/quickstart.lua" -o "$work/q" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }
