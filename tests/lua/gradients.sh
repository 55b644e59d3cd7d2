#!/usr/bin/env bash
# Gradients of every layer by finite differences, with the JIT on and off; every file of lua/nn that is a layer has a case.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0

for file in "$ROOT"/lua/nn/*.lua; do
  layer=$(basename "$file" .lua)
  case $layer in layer | window | activation | activated) continue ;; esac
  grep -q "^  $layer = function" "$ROOT/tests/lua/gradients.lua" || { echo "FAIL: no gradient case for lua/nn/$layer.lua"; exit 1; }
done
passed=$((passed + 1))

for jit in on off; do
  if ! APPROXRUN_JIT=$jit "$APPROXRUN" sweep "$ROOT/tests/lua/gradients.lua" -q -o "$work/$jit" > "$work/log" 2>&1; then
    cat "$work/log"
    echo "FAIL: a gradient is off (JIT $jit)"
    exit 1
  fi
  checked=$(cat "$work/$jit"/logs/*.log | grep -c '/kernel [0-9.e-]*$')
  [ "$checked" -ge 28 ] || { echo "FAIL: only $checked weight tensors were checked (JIT $jit)"; exit 1; }
  passed=$((passed + 1))
done

# The check itself must be able to fail.
if "$APPROXRUN" sweep "$ROOT/tests/lua/gradients.lua" layer=tanh wrong=0.01 -q -o "$work/wrong" > "$work/log" 2>&1; then
  echo "FAIL: gradients moved by 0.01 were accepted"
  exit 1
fi
grep -q "gradient of front/kernel in tanh is off" "$work"/wrong/failed/*.json || { echo "FAIL: no message about the gradient"; exit 1; }
echo "$((passed + 1)) passed, 0 failed"
