#!/usr/bin/env bash
# Real training on real data: one epoch of LeNet-5 on MNIST under three multipliers, fp32 among them. What is known: fp32 reaches
# about 97.3 % after one epoch, mbm:7 as much, and mbm:1, a constant table, clearly less, yet it trains.
. "${ROOT:?}/tests/cli/lib.inc" || exit 1
approxrun data get mnist -q >/dev/null || skip "MNIST cannot be had here"
cp -r "$ROOT/experiments" .

expect_exit 0 approxrun sweep experiments/mnist.lua epochs=1 seed=1 multiplier=fp32,mbm:7,mbm:1
expect_exit 0 approxrun export results/mnist.h5 -o mnist.json
check "three trials are complete" jq -e '[.trials[] | select(.state == "complete")] | length == 3' mnist.json
check "fp32 is between 96 and 98.5 %" jq -e '.results.fp32.test_acc.mean | . > 0.96 and . < 0.985' mnist.json
check "mbm:7 is between 96 and 98.5 %" jq -e '.results["mbm:7"].test_acc.mean | . > 0.96 and . < 0.985' mnist.json
check "mbm:1 is between 75 and 95 %" jq -e '.results["mbm:1"].test_acc.mean | . > 0.75 and . < 0.95' mnist.json
expect_exit 6 approxrun compare results/mnist.h5 mbm fp32 --assert 'mbm:1 >= fp32 - 0.01'
