#!/usr/bin/env bash
# `make bundle`: a folder that runs without this machine's libraries, but for the C library, from any place.
set -u
cd "$ROOT" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0
check() { if eval "$2"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL: $1"; fi; }

cp -r tools README.md LICENSE CITATION.cff experiments "$scratch/" && cd "$scratch" || exit 1
bash tools/bundle.sh "$BUILD" > bundle.out || { cat bundle.out; exit 1; }
folder=$(echo "$scratch"/dist/approxrun-*/)
moved="$scratch/moved elsewhere"
mv "$folder" "$moved"

check "the archive is there" '[ -s "$(echo "$scratch"/dist/*.tar.gz)" ]'
check "every library but the C library's comes from the folder" \
  '[ -z "$(env -i ldd "$moved/bin/approxrun" | grep "=> /" | grep -vE "=> $moved/|lib(c|m|dl|rt|pthread|resolv)\.so")" ]'
check "nothing is missing" '! env -i ldd "$moved/bin/approxrun" | grep "not found"'
module=$moved/lib/approxrun/approxrun_cuda.so
if [ -e "$module" ]; then
  check "every library but cuBLAS and the C library's comes from the folder for the module too" \
    '[ -z "$(env -i LD_LIBRARY_PATH="$moved/lib/approxrun" ldd "$module" |
       grep -E "=> (/|not)" | grep -vE "=> $moved/|lib(c|m|dl|rt|pthread)\.so|libcublas")" ]'
  check "cuBLAS is left to the machine it goes to" '! ls "$moved"/lib/approxrun/libcublas* 2>/dev/null'
  check "which is said" 'grep -q "needs libcublas\.so\.1[23] .*docs/gpu.md" bundle.out'
fi
cd / || exit 1
check "it multiplies" '[ "$(env -i "$moved/bin/approxrun" mul mit:7 1.25 1.25 | grep -c "1\.5")" -ge 1 ]'
check "it trains" 'env -i HOME="$scratch" "$moved/bin/approxrun" sweep "$moved/share/approxrun/experiments/quickstart.lua" \
  multiplier=fp32 seed=1 epochs=1 -o "$scratch/study" -q && [ -s "$scratch/study.h5" ]'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
