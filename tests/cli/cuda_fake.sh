#!/usr/bin/env bash
# Training on a device where no GPU is: the program with a module whose memory the host cannot look into (tests/fake/cuda.c).
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
unset APPROXRUN_ISA OMP_NUM_THREADS
mkdir bin
cp "$APPROXRUN" bin/approxrun && cp "${BUILD:?}/tests/fake/approxrun_cuda.so" bin/ || skip "the build has no fake device"
APPROXRUN=$SCRATCH/bin/approxrun
export FAKE_CUDA_LOG=$SCRATCH/log

cat > small.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "small",
  params = { epochs = 2, batch = 32, lr = 3e-3, filters = 8 },
  grid = { multiplier = { "mbm:7", "mit:3", "fp32" }, seed = { 1, 2 } },
  data = function(p) return ax.data.synthetic { train = 512, test = 128 }:scale(1 / 255):split { valid = 128 } end,
  model = function(p)
    return nn.sequential {
      nn.conv2d { filters = p.filters, kernel = 3, padding = "same", activation = "relu" }, nn.maxpool { 2 }, nn.flatten(),
      nn.dropout { 0.2 }, nn.dense { 16, activation = "relu" }, nn.dense { 4 },
    }
  end,
  train = function(p) return { optimizer = ax.optim.adam { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
cat > own.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "own",
  params = { epochs = 2, batch = 32, bad = 0, lr = 1e-3 },
  grid = { multiplier = "mbm:7", seed = { 1, 2, 3 } },
  data = function(p) return ax.data.synthetic { train = 256, test = 64 }:split { valid = 64 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(trial, net, data)
    local sgd = ax.optim.sgd { lr = trial.params.lr }
    net:compile { optimizer = sgd }
    for epoch in trial:epochs() do
      local n = 0
      for batch in data:batches "train" do
        n = n + 1
        if trial.params.seed == trial.params.bad and n == 2 then sgd.weight_decay = 1e300 end
        net:train(batch)
      end
      trial:report { train_loss = (net:running()) }
    end
  end,
}
LUA

opened() { grep "^open" log | cut -d' ' -f2 | sort | tr '\n' ' '; }
same_as() { cmp <(approxrun export "$1" --stable --curves -o -) <(approxrun export "$2" --stable --curves -o -); }
states() { approxrun status "$1" --json | jq -c .states; }

# ---- what there is ----
expect_exit 0 approxrun devices
expect_match '^gpu  1: Fake GPU B, capability 9\.0, 0\.2 GiB, driver 580\.65\.06, CUDA 13\.0, module for CUDA 13\.0$'
expect_exit 0 approxrun devices --json
check "both devices are in JSON" jq -e '.gpus | length == 2 and .[1].device == 1 and .[0].memory == 268435456 and .[0].capability == 90' "$KEPT/out"
expect_exit 0 approxrun --version
expect_match '^  CUDA +/.*approxrun_cuda\.so$'
rm -f log

# ---- the cpu's bits, on one device and on several ----
expect_exit 0 approxrun sweep small.lua -q --strict -o cpu
for devices in 0 1 0,1 all auto; do
  rm -rf study log
  expect_exit 0 approxrun sweep small.lua -q --strict -o study --devices $devices
  check "$devices: the cpu's results" same_as cpu study
  case $devices in 0 | 1) wanted="$devices ";; *) wanted="0 1 ";; esac
  check "$devices: one worker a device, and nobody else opens one" [ "$(opened)" = "$wanted" ]
done
rm -f log
expect_exit 0 approxrun sweep small.lua -q --strict -o four -j 4 --devices 0,1
check "four workers take the devices in turn" [ "$(opened)" = "0 0 1 1 " ]
approxrun show study mbm:7/1 > shown
check "a trial tells its device" grep -qE '^gpu +Fake GPU [AB], capability 9\.0, driver 580\.65\.06, CUDA 13\.0$' shown
check "and so does its environment" jq -e '.environment.gpu | .runtime == "CUDA 13.0" and (.device == 0 or .device == 1)' <(approxrun show study mbm:7/1 --json)
check "no device in a trial of the cpu" jq -e '.environment | has("gpu") | not' <(approxrun show cpu mbm:7/1 --json)

# ---- a device that is lost ----
for lost in 0 1; do
  rm -rf study log
  FAKE_CUDA_LOST=$lost:300 expect_exit 1 approxrun sweep small.lua --strict -o study --devices 0,1
  check "progress says why a trial failed" grep -q "failed: the device: unspecified launch failure" "$KEPT/err"
  check "device $lost is left out after its second failure" grep -q "^device $lost is left out: the device: unspecified launch failure" "$KEPT/err"
  check "the other device completes the rest" [ "$(states study)" = '{"complete":4,"failed":2}' ]
  check "it was started twice" [ "$(grep -c "^open $lost" log)" -eq 2 ]
  expect_exit 0 approxrun sweep small.lua -q --strict -o study --devices 0,1
  check "the same command completes the study with the cpu's results" same_as cpu study
done
rm -rf study
FAKE_CUDA_LOST=0:300 expect_exit 5 approxrun sweep small.lua -q -o study --devices 0
expect_err "unspecified launch failure"
check "with no other device, two trials fail and the rest stay planned" [ "$(states study)" = '{"planned":4,"failed":2}' ]

# ---- out of memory ----
rm -rf study log
expect_exit 0 approxrun sweep small.lua -q -o study --devices 0 --threads 1 multiplier=mbm:7,mit:7,mbm:3,mit:11,exact:5,fp32 seed=1..3
check "one process made all trials, in the memory of the first" [ "$(sort -u log | grep -c peak)" -eq 1 ] && check "all" [ "$(grep -c peak log)" -ge 18 ]
peak=$(awk '/^peak/ {print $2; exit}' log)
rm -rf study log
FAKE_CUDA_MEMORY=$((peak + 1048576)) expect_exit 1 approxrun sweep small.lua -q -o study --devices 0 --threads 1 multiplier=mbm:7 seed=1 filters=4,512,8
check "the trial that is too large fails alone" [ "$(states study)" = '{"complete":2,"failed":1}' ]
check "its message says how much was wanted and what may fit" grep -qE 'the cuda device has no [0-9]+ bytes left; a smaller batch' study/failed/*.json
check "the process goes on" [ "$(opened)" = "0 " ]

# ---- an error in the middle of a step that is being recorded ----
expect_exit 0 approxrun sweep own.lua -q --strict -o mine
rm -f log
expect_exit 1 approxrun sweep own.lua -q --strict -o failing --devices 0 bad=2
check "that trial fails with the reason" grep -q "sgd_step: weight_decay is" failing/failed/*.json
check "the next one runs in the same process" [ "$(opened)" = "0 " ] && check "to the end" [ "$(states failing)" = '{"complete":2,"failed":1}' ]
check "with the cpu's results" cmp <(approxrun export mine -o - --stable | jq '.trials[] | select(.seed != 2) | [.seed, .test_acc, .test_loss]') \
  <(approxrun export failing -o - --stable | jq '.trials[] | select(.seed != 2) | [.seed, .test_acc, .test_loss]')

# ---- an old driver ----
export FAKE_CUDA_OLD_DRIVER=1
expect_exit 0 approxrun devices
expect_match '^gpu  CUDA: the NVIDIA driver here supports CUDA 10\.2, the module needs 13\.0; install a newer driver$'
for devices in 0 all; do
  expect_exit 5 approxrun sweep small.lua -o none --devices $devices
  expect_err "the NVIDIA driver here supports CUDA 10.2"
done
expect_exit 0 approxrun sweep small.lua -o none --devices auto -n
expect_err "--devices auto: the cpu (CUDA: the NVIDIA driver here supports CUDA 10.2"
unset FAKE_CUDA_OLD_DRIVER

# ---- one product ----
/usr/bin/python3 - <<'PY' 2>/dev/null || exit 0
import numpy
r = numpy.random.default_rng(1)
numpy.save("a.npy", r.standard_normal((70, 90), numpy.float32))
numpy.save("b.npy", r.standard_normal((90, 50), numpy.float32))
PY
expect_exit 0 approxrun matmul a.npy b.npy -q -o host.npy --strict -m mbm:7
expect_exit 0 approxrun matmul a.npy b.npy -q -o device.npy --strict -m mbm:7 --device 1
check "matmul gives the cpu's bytes" cmp host.npy device.npy
expect_exit 5 approxrun matmul a.npy b.npy -q -o device.npy -m mbm:7 --device 2
expect_err "device 2; this machine has 2 CUDA devices"
