#!/usr/bin/env bash
# --devices and --device: what cannot be a device is a usage error, whatever this machine has.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
for text in foo 0,foo -1 CPU cpu,0 auto,0 0,,1 ,0 0,; do
  expect_exit 2 approxrun sweep "$ROOT/experiments/quickstart.lua" -o study "--devices=$text"
  expect_err "--devices: '"
  check "no study was begun by $text" [ ! -e study ]
done
expect_exit 5 approxrun sweep "$ROOT/experiments/quickstart.lua" -o study --devices 99
expect_exit 2 approxrun worker study --device foo
expect_err "device 'foo'"
expect_exit 0 approxrun sweep "$ROOT/experiments/quickstart.lua" multiplier=mbm:7 seed=1 epochs=1 -o study --devices cpu
