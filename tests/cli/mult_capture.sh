#!/usr/bin/env bash
# mult errors and mult compare on the operands of a trained layer: against weights read by h5py, images read from their files, and the
# gradients that numpy derives.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
py=/usr/bin/python3
"$py" -c 'import h5py, numpy' 2>/dev/null || skip "python3-h5py is not installed"

# study NAME DATA: a small net whose trials of seed 9 fail.
study() {
  cat <<LUA
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "$1",
  params = { epochs = 1, batch = 128 },
  grid = { multiplier = "fp32", seed = 1 },
  data = function(p) return $2 end,
  model = function(p)
    return nn.sequential {
      nn.conv2d { filters = 3, kernel = 5, stride = 3, padding = "same", activation = "relu", name = "first" },
      nn.flatten(), nn.dense { 12, activation = "relu" }, nn.dropout { 0.5 }, nn.dense { $3, name = "last" },
    }
  end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.adam { lr = 1e-2 } }
    if trial.params.seed == 9 then error "no luck" end
    for epoch in trial:epochs() do
      for batch in data:batches "train" do net:train(batch) end
      trial:report { train_loss = (net:running()) }
    end
  end,
}
LUA
}

capture() { approxrun mult errors mbm:7 mit:5 --study "$STUDY" "$@" --json; }

# ---- counts, passes and errors, on a set that every machine has ----
STUDY=s
study s 'ax.data.synthetic { train = 40, test = 16 }:scale(1 / 255)' 4 >s.lua
expect_exit 1 approxrun sweep s.lua -o s seed=1,9 -q
expect_exit 0 capture --trial fp32/1 --layer dense1
cp "$KEPT/out" forward.json
check "forward: 40 inputs of the batch's 128, and all weights" jq -e '[.operands[].numbers] == [40 * 27, 27 * 12]' "$KEPT/out"
id=$(basename s/trials/*.h5 .h5)
check "the sides say whence they come" jq -e --arg id "$id" '[.operands[].source] ==
  ["input of dense1, trial " + $id, "weights of dense1, trial " + $id]' "$KEPT/out"
expect_exit 0 capture --trial "${id:0:6}" --layer dense1 --pass forward
check "an id's beginning and the default pass are the same" cmp "$KEPT/out" forward.json
expect_exit 0 capture --trial fp32/1 --layer dense1 --pass grad_input
check "grad_input: the gradient of 40 outputs, and all weights" jq -e '[.operands[].numbers] == [40 * 12, 27 * 12]' "$KEPT/out"
expect_exit 0 capture --trial fp32/1 --layer dense1 --pass grad_weight
check "grad_weight: 40 inputs and the gradient of 40 outputs" jq -e '[.operands[].numbers] == [40 * 27, 40 * 12]' "$KEPT/out"
check "and the sides say so" jq -e '[.operands[].source | split(",")[0]] == ["input of dense1", "output gradient of dense1"]' "$KEPT/out"
expect_exit 0 approxrun mult compare mbm:7 mit:5 --study s --trial fp32/1 --layer dense1 --json
check "compare takes the same operands" jq -e --slurpfile e forward.json '.operands == $e[0].operands and 
  .errors.a.mred == $e[0].errors[0].mred' "$KEPT/out"
expect_exit 0 approxrun mult errors mit:12 --study s --trial fp32/1 --layer first
expect_match '^first operand   input of first, trial '
expect_exit 0 approxrun mult plot mbm:7 --kind operand --study s --trial fp32/1 --layer dense1 -o operand.svg
check "a picture of the errors says so too" grep -qF ">first operands: input of dense1, trial $id<" operand.svg

expect_exit 2 capture --trial fp32/1 --layer frist
expect_err "no layer with products is called 'frist' (did you mean 'first'?)"
expect_exit 2 capture --trial fp32/1 --layer flatten1
expect_err "no layer with products is called 'flatten1'; known: dense1, first, last"
expect_exit 2 capture --trial fp32/1 --layer first --pass grad_input
expect_err "layer 'first' has none, as no weights lie before it"
expect_exit 2 capture --trial fp32/1 --layer first --pass grad_inputs
expect_err "unknown pass 'grad_inputs' (did you mean 'grad_input'?)"
expect_exit 2 capture --trial fp32/9 --layer first
expect_err "(fp32/9) is failed, wanted a complete one"
expect_exit 2 capture --trial fp32/2 --layer first
expect_err "no trial 'fp32/2'"
expect_exit 2 capture --trial fp32/1
expect_err "--layer is missing"
expect_exit 2 approxrun mult errors mbm:7 --pass forward
expect_err "--study is missing"
expect_exit 2 capture --trial fp32/1 --layer first --operands x.npy
expect_err "--operands and --study exclude each other"
STUDY=nowhere expect_exit 2 capture --trial fp32/1 --layer first
expect_err "nowhere: no such study directory"
STUDY=s.h5 expect_exit 2 capture --trial fp32/1 --layer first
expect_err "a study file keeps no weights; wanted the study directory"

# The trial's own multiplier may be a C function, which is compiled as in a sweep, and its gradients estimated.
if command -v cc >/dev/null; then
  model=c:$ROOT/experiments/models/mitchell_7.c
  expect_exit 0 approxrun sweep s.lua -o c multiplier="$model,mit:7" backward=lut1d -q
  for trial in "$model/1" mit:7/1; do
    STUDY=c expect_exit 0 capture --trial "$trial" --layer first --pass grad_weight
    jq .errors "$KEPT/out" >"errors-${trial:0:1}.json"
  done
  check "Mitchell's function and its family train alike" cmp errors-c.json errors-m.json
fi

# A file whose weights, or one of them, are gone; its last line is the SHA-256 of all bytes before that line and its newline.
cat >without.py <<'PY'
import hashlib, h5py, sys
path, name = sys.argv[1:]
HEAD = b"\n# approxrun sha256 "
body, digest = open(path, "rb").read().rsplit(HEAD, 1)
assert hashlib.sha256(body).hexdigest().encode() == digest.strip()
with h5py.File(path, "r+") as f: del f[name]
body = open(path, "rb").read().rsplit(HEAD, 1)[0]
open(path, "wb").write(body + HEAD + hashlib.sha256(body).hexdigest().encode() + b"\n")
PY
for name in weights/w/last/kernel weights; do
  cp -r s t && STUDY=t
  check "$name is taken out" "$py" without.py t/trials/*.h5 "$name"
  expect_exit 65 capture --trial fp32/1 --layer first
  expect_err "t/trials/"
  rm -r t
done

# ---- values, on images that numpy can read ----
mnist=$(approxrun data get mnist -q 2>/dev/null | sed -n 's/^mnist: //p')
[ -n "$mnist" ] || { echo "MNIST cannot be had here: values are not compared"; exit; }
STUDY=m
study m 'ax.data.mnist():scale(1 / 255):split { valid = 59900 }' 10 | sed 's/nn.dropout { 0.5 }, //' >m.lua
expect_exit 0 approxrun sweep m.lua -o m -q
for pass in forward grad_weight; do capture --trial fp32/1 --layer first --pass $pass >first-$pass.json; done
for pass in forward grad_input grad_weight; do capture --trial fp32/1 --layer dense1 --pass $pass >dense1-$pass.json; done
cat >oracle.py <<'PY'
"""A step of training by numpy in float64, from the images' and the trial's files; operands as arrays in which each value stands as
often as it is multiplied."""
import glob, gzip, h5py, json, numpy as np, subprocess, sys
folder, program = sys.argv[1:]
N, SIZE, K, STRIDE, OUT, PAD = 100, 28, 5, 3, 10, 2                     # "same": ceil(28 / 3) places, (9 * 3 + 5 - 28) // 2 in front

def idx(part, offset):
    path = sorted(glob.glob(f"{folder}/train-{part}[-.]idx*"))[0]
    return np.frombuffer((gzip.open if path.endswith(".gz") else open)(path, "rb").read(), np.uint8, offset=offset)

x = idx("images", 16)[: N * SIZE * SIZE].reshape(N, SIZE, SIZE).astype("f4") * np.float32(1 / 255)
labels = idx("labels", 8)[:N]
with h5py.File(glob.glob("m/trials/*.h5")[0]) as f: w = {n: f["weights/w"][n][()] for n in ("first/kernel", "first/bias",
    "dense1/kernel", "dense1/bias", "last/kernel", "last/bias")}

y = np.zeros((N, OUT, OUT, 3)) + w["first/bias"]
times = {"x": np.zeros((SIZE, SIZE), int), "w": np.zeros((K, K), int), "dy": np.zeros((OUT, OUT), int)}
for p in range(OUT):
    for q in range(OUT):
        for i in range(K):
            for j in range(K):
                h, v = p * STRIDE + i - PAD, q * STRIDE + j - PAD
                if not (0 <= h < SIZE and 0 <= v < SIZE): continue
                y[:, p, q] += x[:, h, v, None].astype(float) * w["first/kernel"][i, j, 0]
                for key, at in ("x", (h, v)), ("w", (i, j)), ("dy", (p, q)): times[key][at] += 1
y = np.maximum(y, 0)
flat = y.reshape(N, -1)
hidden = np.maximum(flat @ w["dense1/kernel"] + w["dense1/bias"], 0)
logits = hidden @ w["last/kernel"] + w["last/bias"]
soft = np.exp(logits - logits.max(1, keepdims=True))
soft /= soft.sum(1, keepdims=True)
soft[np.arange(N), labels] -= 1
dhidden = soft / N @ w["last/kernel"].T * (hidden > 0)
dy = (dhidden @ w["dense1/kernel"].T).reshape(y.shape) * (y > 0)

def alike(name, a, b, exact):
    """The report holds the counts and the metrics of these two arrays, or metrics close to them where sums were rounded otherwise."""
    found, sides = json.load(open(name + ".json")), []
    for side, (values, often) in zip("ab", (a, b)):
        often = np.broadcast_to(often, values.shape)
        used = (values != 0) & (often > 0)
        got = found["operands"][side]
        assert got["numbers"] == np.count_nonzero(often) and (not exact or got["used"] == used.sum()), (name, got, used.sum())
        np.save(side + ".npy", np.repeat(values.ravel(), often.ravel()).astype("f4"))
    command = [program, "mult", "errors", "mbm:7", "mit:5", "--operands", "a.npy", "--operands-b", "b.npy", "--json"]
    wanted = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    for one, other in zip(found["errors"], wanted["errors"]):
        for key in ("med", "mred", "bias", "variance", "error_rate"):
            near = one[key] == other[key] if exact else abs(one[key] - other[key]) < 2e-3 * max(abs(other[key]), 1e-3)
            assert near, (name, key, one[key], other[key])

tx, tw, tdy = times["x"][None], times["w"][:, :, None, None], times["dy"][None, :, :, None]
assert (tx == 0).sum() == 0 and len(np.unique(tx)) > 2 and len(np.unique(tw)) > 2 and len(np.unique(tdy)) > 2
one = np.int64(1)
alike("first-forward", (x, tx), (w["first/kernel"], tw), True)
alike("first-grad_weight", (x, tx), (dy, tdy), False)
alike("dense1-forward", (flat, one), (w["dense1/kernel"], one), False)
alike("dense1-grad_input", (dhidden, one), (w["dense1/kernel"], one), False)
alike("dense1-grad_weight", (flat, one), (dhidden, one), False)
PY
check "operands are those of a step by numpy" "$py" oracle.py "$mnist" "$APPROXRUN"
