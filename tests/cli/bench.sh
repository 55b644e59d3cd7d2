#!/usr/bin/env bash
# bench: that its medians, ratios and shares follow from its samples, that it measures what it says, and what it refuses.
# No speed is asserted.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE APPROXRUN_ISA OMP_NUM_THREADS
cat >facts.jq <<'JQ'
def near(a; b): ((a - b) | fabs) <= 1e-12 * (b | fabs);
def quantile(p): sort as $v | (p * ($v | length - 1)) as $at | ($at | floor) as $i | $v[$i] + ($at - $i) * (($v[$i + 1] // $v[$i]) - $v[$i]);
def spread_of(v): near(.[0]; v | quantile(0.25)) and near(.[1]; v | quantile(0.75));
JQ
facts() { jq -e -L . "include \"facts\"; $1" "$KEPT/out"; }

# ---- gemm ----
expect_exit 0 approxrun bench gemm -m mbm:7 -m fp32 --shape 17x33x65 --shape 64x6x25 --rounds 4 --threads 1 --json
check "its JSON is whole" facts '.schema == 1 and .rounds == 4 and .clock == "thread" and .machine.threads == 1
  and (.machine | .cpu != "" and .cores >= 1 and .isa != "" and .blas != "")'
check "a row for each shape and multiplier, in the order given" facts \
  '[.results[] | .shape + " " + .multiplier] == ["17x33x65 mbm:7", "17x33x65 fp32", "64x6x25 mbm:7", "64x6x25 fp32"]'
check "each round has a sample of both" facts 'all(.results[]; (.samples.gmacs | length) == 4 and (.samples.baseline_gmacs | length) == 4
  and all(.samples[][]; . > 0))'
check "medians are those of the samples" facts 'all(.results[]; near(.gmacs; .samples.gmacs | quantile(0.5))
  and near(.baseline_gmacs; .samples.baseline_gmacs | quantile(0.5)))'
check "the ratio is the median of the rounds' ratios" facts 'all(.results[];
  near(.ratio; [.samples | [.gmacs, .baseline_gmacs] | transpose[] | .[0] / .[1]] | quantile(0.5)))'
check "spreads are quartiles" facts 'all(.results[]; . as $r | (.spread.gmacs | spread_of($r.samples.gmacs))
  and (.spread.baseline_gmacs | spread_of($r.samples.baseline_gmacs))
  and (.spread.ratio | spread_of([$r.samples | [.gmacs, .baseline_gmacs] | transpose[] | .[0] / .[1]])))'
expect_exit 0 approxrun bench gemm -m mit:3 --shape 40x40x40 --rounds 1 --threads 2 --json
check "several threads are timed by the wall" facts '.clock == "wall" and .machine.threads == 2 and .results[0].device == "cpu"'
# Every way an operand is read, with ragged sizes, strides and padding; the check reads tensors by the definition of a convolution.
expect_exit 0 approxrun bench gemm -m mbm:7 -m exact:16 -m fp32 --shape 37x19x101 --shape conv:3x9x7x5,3x3,6 --shape conv:2x11x8x3,5x3,7,s2 \
  --shape conv:2x8x8x4,1x1,6,s2 --shape conv:2x6x6x4,1x1,3 --rounds 1 --strict --check --json
check "a convolution is its three products" facts '[.results[] | select(.multiplier == "fp32") | .shape] | .[0] == "37x19x101"
  and .[1:4] == ["conv:3x9x7x5,3x3,6 forward", "conv:3x9x7x5,3x3,6 grad_input", "conv:3x9x7x5,3x3,6 grad_weight"] and length == 13'
check "of the sizes that follow from it" facts '[.results[] | select(.multiplier == "fp32") | [.m, .n, .k]] | .[1:4] ==
  [[189, 6, 45], [189, 5, 54], [45, 6, 189]] and .[4:7] == [[48, 7, 45], [176, 3, 105], [45, 7, 48]]'
check "in the strict order every bit is the definition's" facts '.strict and all(.results[] | select(.multiplier != "fp32");
  .check.different_from_strict == 0 and .check.samples >= 12 and .check.l2 == .check.strict_l2)'
check "and no error exceeds the documented one" facts 'all(.results[].check; .l2 <= 1.5e-6 and .largest < 1e-5)
  and any(.results[].check; .l2 > 1e-8)'
check "when it was measured" facts '.date | test("^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}Z$")'
expect_exit 0 approxrun bench gemm -m mbm:5 --shape conv:1x4x4x2,3x3,2 --rounds 1 --check
expect_match '^conv:1x4x4x2,3x3,2 grad_weight: 18x2x16$'
expect_match '^  mbm:5 .* strict +[0-9.]+e[-+][0-9]+ +[0-9.]+e[-+][0-9]+$'
approxrun lut build exact:6 -o a_table_with_a_long_name_of_its_own_6.bin -q
expect_exit 0 approxrun bench gemm -m mbm:5 -m lut:./a_table_with_a_long_name_of_its_own_6.bin --shape 16x16x16 --rounds 2
check "columns hold beside a long name" awk '/^  (multiplier|mbm|lut)/ { at = match($0, /quartiles|[^ ]+ \.\. /); if (rows++ && at != last) exit 1
  last = at } END { if (rows != 3 || last < 60) exit 1 }' "$KEPT/out"
expect_exit 0 approxrun bench gemm -m mbm:5 --shape 16x16x16 --rounds 2
expect_match '^16x16x16$'
expect_match '^  mbm:5 \(1,8,5\) 14 bits +[^ ].* +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ \.\. [0-9.]+$'

approxrun lut build exact:6 -o e_6.bin -q
for isa in $("$APPROXRUN" devices --json | jq -r '.cpu.instruction_sets[]'); do
  export APPROXRUN_ISA=$isa
  wanted=$("$APPROXRUN" lut info e_6.bin --json | jq -r .kernel)
  expect_exit 0 approxrun bench gemm -m lut:e_6.bin --shape 8x8x8 --rounds 1 --json
  check "under $isa it measures the kernel that lut info names, $wanted" \
    jq -e --arg isa "$isa" --arg kernel "$wanted" '.machine.isa == $isa and (.results[0].kernel | startswith($kernel))' "$KEPT/out"
done
unset APPROXRUN_ISA

own=$("$APPROXRUN" devices --json | jq -r .cpu.blas)
short="-m fp32 --shape 8x8x8 --rounds 1 --json"
OPENBLAS_CORETYPE=Nehalem OPENBLAS_L2_SIZE=512 expect_exit 0 approxrun bench gemm $short
expect_err "OPENBLAS_CORETYPE"
check "a forced OpenBLAS kernel is left out" jq -e --arg own "$own" '.machine.blas == $own' "$KEPT/out"
OPENBLAS_L2_SIZE=512 expect_exit 0 approxrun bench gemm $short -q
check "-q does not speak of it" [ ! -s "$KEPT/err" ]
if [ "$(uname -m)" = x86_64 ]; then
  expect_exit 0 approxrun bench gemm $short --blas Nehalem
  check "--blas chooses the kernel compared with" facts '.machine.blas == "Nehalem"'
  expect_exit 2 approxrun bench gemm $short --blas Nonesuch -q
  check "an unknown one is named" grep -q "OpenBLAS has no kernel 'Nonesuch' for this machine and uses [A-Z][A-Za-z0-9]*, wanted" "$KEPT/err"
fi

for shape in 5x5 0x5x5 5x5x5x5 5x5xk +5x5x5 ' 5x5x5' 5x5x99999999 ''; do
  expect_exit 2 approxrun bench gemm --shape "$shape"
  expect_err "shape '$shape', wanted MxNxK, each from 1 to 16777216, as in 128x300x784, or conv:NxHxWxC,KHxKW,FILTERS[,sSTRIDE]"
done
for shape in conv: conv:1x4x4x2 conv:1x4x4x2,3x3 conv:1x4x4x2,3,2 conv:1x4x4x2,3x3,2,2 conv:1x4x4x2,3x3,2,s0 conv:1x4x4x2,3x3,2,s1, conv:0x4x4x2,3x3,2; do
  expect_exit 2 approxrun bench gemm --shape "$shape"
  expect_err "shape '$shape', wanted MxNxK"
done
expect_exit 2 approxrun bench gemm --shape conv:1x2x4x2,3x3,2
expect_err "wanted windows no larger than the image"
expect_exit 2 approxrun bench gemm -m mbn:7
expect_err "did you mean 'mbm'?"
expect_exit 2 approxrun bench gemm --rounds 0
expect_err "--rounds is '0', wanted a whole number from 1"
expect_exit 2 approxrun bench gemm --device tpu
expect_err "device 'tpu'; wanted cpu or the number of a CUDA device"
if ! approxrun devices --json | jq -e '.gpus | length > 0' >/dev/null; then
  for words in gemm "train s.lua"; do
    expect_exit 5 approxrun bench $words --device 0
    check "it says why there is no device" grep -Eq "no CUDA|no NVIDIA driver|0 CUDA devices" "$KEPT/err"
  done
fi
expect_exit 2 approxrun bench gemn
expect_err "did you mean 'gemm'?"
APPROXRUN_ISA=none expect_exit 5 approxrun bench gemm -m fp32 --shape 8x8x8
expect_err "APPROXRUN_ISA"

# ---- train ----
cat >s.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
local nets = {
  one = function() return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  conv = function()
    return nn.sequential { nn.conv2d { filters = 3, kernel = 3 }, nn.maxpool { 2 }, nn.tanh(), nn.flatten(), nn.dense { 4 } }
  end,
}
return ax.study {
  name = "s", params = { epochs = 3, batch = 8, lr = 0.1, net = ax.choice { "one", "conv" } },
  grid = { multiplier = { "mbm:7", "fp32" }, seed = ax.range(1, 2) },
  data = function(p) return ax.data.synthetic { train = 80, test = 16 }:scale(1 / 255) end,
  model = function(p) return nets[p.net]() end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
sed 's/train = function(p).*/train = function(trial, net, data)\
    net:compile { optimizer = ax.optim.sgd { lr = 0.1 } }\
    for _ in trial:epochs() do\
      for batch in data:batches "train" do net:forward(batch, true) net:backward() net:step() end\
      trial:report { test_acc = 0 }\
    end\
  end,/' s.lua >own.lua

expect_exit 0 approxrun bench train s.lua --steps 15 --json
check "its JSON is whole" facts '.schema == 1 and .study == "s" and .warm_up == 10 and .machine.isa != ""'
check "a row for each multiplier, not for each seed" facts '[.results[].multiplier] == ["mbm:7", "fp32"]'
check "it measures the steps asked for" facts 'all(.results[]; .steps == 15 and (.samples.step_ms | length) == 15 and .batch == 8)'
check "medians are those of the samples" facts 'all(.results[]; . as $r | near(.step_ms; .samples.step_ms | quantile(0.5))
  and near(.images_per_s; 8000 / .step_ms) and (.spread.step_ms | spread_of($r.samples.step_ms)))'
check "shares are parts of a whole" facts 'all(.results[]; near([.shares[]] | add; 1) and all(.shares[]; . >= 0))'
check "one dense layer has two products a step and nothing else of a net" facts 'all(.results[].shares; .forward > 0 and .grad_weight > 0
  and .bias_grad > 0 and .loss > 0 and .optimizer > 0 and .data > 0 and .grad_input == 0 and .activation == 0 and .pooling == 0)'
expect_exit 0 approxrun bench train s.lua net=conv multiplier=mit:5 --steps 5 --json
check "behind a convolution there are all three, an activation and pooling" facts \
  '.results[0].shares | .forward > 0 and .grad_input > 0 and .grad_weight > 0 and .activation > 0 and .pooling > 0'
expect_exit 0 approxrun bench train s.lua net=conv multiplier=mit:5,operands=round --steps 5 --json
check "and so there are with rounded operands" facts '.results[0].shares | .forward > 0 and .grad_input > 0 and .grad_weight > 0'
for rule in lut1d lut2d; do
  expect_exit 0 approxrun bench train s.lua net=conv multiplier=mit:5 backward=$rule --steps 5 --json
  check "backward=$rule is known by its passes" facts '.results[0].shares | .grad_input > 0 and .grad_weight > 0'
done
outside=' argmax fill fill_uniform all_finite '      # of the engine's operations: those that no step of training makes
for op in $(sed -n '/---- products/,/---- data sets/p' "$ROOT/src/engine/api.h" | sed -n 's/^int ax_\([a-z0-9_]*\)(.*/\1/p'); do
  case $outside in *" $op "*) continue ;; esac
  check "$op is of a kind" grep -qw "$op" "$ROOT/lua/bench.lua"
done
expect_exit 0 approxrun bench train own.lua multiplier=mit:5 --steps 5 --json
check "a loop of the experiment's own is measured too" facts '.results[0] | .steps == 5 and .shares.forward > 0 and .shares.optimizer > 0'
expect_exit 0 approxrun bench train s.lua lr=1e38 --steps 20 --json
check "a training that diverges does not end the run" facts '[.results[] | .multiplier, .diverged] == ["mbm:7", true, "fp32", true]
  and all(.results[]; .steps < 20)'
check "and is named" [ "$(grep -c "the training diverged" "$KEPT/err")" -eq 2 ]
expect_exit 0 approxrun bench train s.lua lr=1e38
expect_match '^mbm:7 +diverged$'
expect_exit 0 approxrun bench train s.lua --steps 500
check "an early end is said" [ "$(grep -c 'the training ended after 20 steps measured' "$KEPT/err")" -eq 2 ]
check "the table's shares sum to 100 %" awk '/^(mbm:7|fp32)/ { sum = 0; for (i = 2; i <= NF; i++) if ($i == "%") sum += $(i - 1)
  rows++; if (sum < 99.3 || sum > 100.7) exit 1 } END { if (rows != 2) exit 1 }' "$KEPT/out"
expect_match '^peak memory of the process: [0-9]+ MB$'
check "nothing was stored" [ "$(ls)" = "$(printf '%s\n' a_table_with_a_long_name_of_its_own_6.bin e_6.bin facts.jq own.lua s.lua)" ]

expect_exit 2 approxrun bench train s.lua epochs=1
expect_err "the training ended within the 10 steps that warm up; raise epochs"
expect_exit 2 approxrun bench train s.lua --device tpu
expect_err "device 'tpu'; wanted cpu or the number of a CUDA device"
expect_exit 2 approxrun bench train nowhere.lua
expect_err "nowhere.lua"
expect_exit 2 approxrun bench train s.lua epoch=1
expect_err "did you mean 'epochs'?"
expect_exit 2 approxrun bench train s.lua --steps 0
expect_err "--steps is '0'"

if approxrun data check mnist -q >/dev/null 2>&1; then
  expect_exit 0 approxrun bench train "$ROOT/experiments/mnist.lua" multiplier=mbm:7 --steps 1 --json
  check "LeNet-5 trains on MNIST in less than 300 MB" facts '.peak_bytes > 1e7 and .peak_bytes < 3e8'
fi
