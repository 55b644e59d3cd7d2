#!/usr/bin/env bash
# A checkpoint that a newer version wrote: whoever reads the study goes on without it, whoever would resume from it refuses.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
/usr/bin/python3 -c 'import h5py' 2> /dev/null || skip "python3-h5py is not installed"

cat > half.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "half",
  params = { epochs = 2, batch = 16 },
  grid = { multiplier = { "fp32", "mbm:7" } },
  data = function(p) return ax.data.synthetic { train = 64, test = 16 }:split { valid = 16 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = 0.01 } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do net:train(batch) end
      if epoch == 2 and trial.params.multiplier == "mbm:7" then error "on purpose" end
      trial:report { train_loss = (net:running()) }
    end
  end,
}
LUA
set_schema() {      # FILE N
  /usr/bin/python3 - "$@" <<'P'
import hashlib, sys, h5py
path, schema = sys.argv[1], int(sys.argv[2])
with h5py.File(path, "r+") as f:
    f.attrs.modify("approxrun_schema", schema)
data = open(path, "rb").read()
open(path, "ab").write(b"\n# approxrun sha256 " + hashlib.sha256(data).hexdigest().encode() + b"\n")
P
}
expect_exit 1 approxrun sweep half.lua -o half -q
ckpt=$(ls half/ckpt/*.h5)
id=$(basename "$ckpt" .h5)
check "the failed trial has one epoch" bash -c '"$1" ls half -q | grep -qE "^$2 .* failed +1 "' _ "$APPROXRUN" "$id"

set_schema "$ckpt" 2
before=$(sha256sum "$ckpt")
expect_exit 0 approxrun ls half -q
expect_match "^$id .* failed +0 "
expect_match ' fp32 .* complete +2 '
expect_exit 0 approxrun show half "$id"
expect_match '^state +failed: .*on purpose'
expect_exit 0 approxrun export half --format csv
expect_exit 1 approxrun status half -f
expect_exit 4 approxrun sweep half.lua -o half -q
expect_err "$ckpt: written by a newer approxrun: schema 2, this one knows 1; update approxrun"
check "the checkpoint stays as it is" [ "$(sha256sum "$ckpt")" = "$before" ]

set_schema "$ckpt" 1
expect_exit 1 approxrun sweep half.lua -o half -q
check "one of this version is gone on from" bash -c 'grep -q "resumed after epoch 1" half/logs/"$1".log' _ "$id"
