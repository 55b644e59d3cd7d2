#!/usr/bin/env bash
# All reliability tests, two at a time, and a table of what they counted: their long forms, or with SHORT=1 the short ones.
#   BUILD=build [SHORT=1] tests/reliability/table.bash [NAME...]
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$(cd "${BUILD:?}" && pwd)
export ROOT BUILD APPROXRUN="$BUILD/approxrun"
[ -n "${SHORT:-}" ] || export APPROXRUN_LONG_TESTS=1
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
table=$BUILD/reliability${SHORT:+-short}.txt
failures=$(mktemp)
trap 'rm -f "$failures"' EXIT
export failures

# Runs one and writes its rows at once, so that two do not mix.
row() {
  local name began=$SECONDS out status
  name=$(basename "$1" .sh)
  out=$(bash "$1" 2>&1 < /dev/null)
  status=$?
  {
    printf '%-16s %s, %d s\n' "$name" "$(tail -1 <<< "$out")" $((SECONDS - began))
    grep '^count: ' <<< "$out" | sed 's/^count: /  /'
    [ $status -eq 0 ] || [ $status -eq 77 ] || grep '^FAIL' <<< "$out" | sed 's/^/  /'
  } > "$failures.$name"
  cat "$failures.$name"
  rm "$failures.$name"
  [ $status -eq 0 ] || [ $status -eq 77 ] || echo "$name" >> "$failures"
}
export -f row

scripts=("$ROOT"/tests/reliability/*.sh)
[ $# -gt 0 ] && scripts=("${@/#/$ROOT/tests/reliability/}") && scripts=("${scripts[@]/%/.sh}")
{
  "$APPROXRUN" --version | head -1
  echo "$(uname -sr), $(nproc) cores, file system $(stat -f -c %T "${TMPDIR:-/tmp}")"
  printf '%s\0' "${scripts[@]}" | xargs -0 -n 1 -P 2 bash -c 'row "$0"'
} | tee "$table"
[ ! -s "$failures" ] || { echo "failed: $(xargs < "$failures")" >&2; exit 1; }
