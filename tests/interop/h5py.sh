#!/usr/bin/env bash
# h5py reads a study file and agrees with the JSON export about every number.
. "$(dirname "$0")/study.bash"
need '/usr/bin/python3 -c "import h5py"' python3-h5py
make_study
"$APPROXRUN" export "$work/q.h5" --curves -o "$work/q.json"
cat > "$work/read.py" <<'P'
import sys, json, hashlib, h5py, numpy as np
f, j = h5py.File(sys.argv[1], "r"), json.load(open(sys.argv[2]))
assert f.attrs["approxrun_schema"] == 1 and f.attrs["study"].decode() == "quickstart" == j["study"], dict(f.attrs)
table, trials = f["table"][:], j["trials"]
assert len(table) == len(trials) >= 12
want = "trial_id multiplier family width seed state epochs best_epoch test_acc test_loss train_s device host started retries tags"
assert table.dtype.names == tuple(want.split()), table.dtype.names
states = {v: k for k, v in h5py.check_enum_dtype(table.dtype["state"]).items()}
for i, (row, t) in enumerate(zip(table, trials)):
    assert row["trial_id"].decode() == t["id"] and row["multiplier"].decode() == t["multiplier"] and row["width"] == t["width"]
    assert row["seed"] == t["seed"] and states[row["state"]] == t["state"] == "complete"
    assert row["test_acc"] == t["metrics"]["test_acc"] and row["test_loss"] == t["metrics"]["test_loss"]
    g = f["trials"][t["id"]]
    config = g["config"][()]
    assert hashlib.sha256(config).hexdigest()[:16] == t["id"]                      # an id is the hash of its configuration
    assert json.loads(g["params"][()]) == t["params"]
    bits = np.unpackbits(g["correct"][()], bitorder="little")[: g.attrs["images"]]
    assert abs(bits.mean() - t["metrics"]["test_acc"]) < 1e-12                      # per-image bits add up to the accuracy
    c = g["confusion"][()]
    assert c.sum() == g.attrs["images"] and np.trace(c) == bits.sum()
    for name, values in t["curves"].items():
        want = np.array([float(v) for v in values])
        assert np.array_equal(f["curves"][name][i][: len(want)], want, equal_nan=True), name
acc = f["curves/test_acc"]
assert acc.dims[0].label == "trial" and acc.dims[1].label == "epoch"
assert list(acc.dims[1]["epoch"][()]) == [1, 2, 3] and acc.shape == (len(trials), 3)
grid = f["grid/test_acc"]
family, width, seed = (list(grid.dims[i][0][()]) for i in range(3))
for t in trials:
    at = family.index(t["family"].encode()), width.index(t["width"]), seed.index(t["seed"])
    assert grid[at] == t["metrics"]["test_acc"]
for m in j["multipliers"]:
    g = f["multipliers"][m["multiplier"]]
    words = g["table"][()]
    on_disk = ((words >> 23) << 31 | words & 0x7fffff).astype("<u4").tobytes()      # carry in bit 31
    assert words.shape == (2 ** m["width"],) * 2 and hashlib.sha256(on_disk).hexdigest() == g.attrs["sha256"].decode() == m["sha256"]
assert abs(f["multipliers/mbm:7"].attrs["mred"] - 0.026932) < 1e-6                  # Saadat et al., TCAD 2018: 2.6932 %
assert b"ax.study" in f["provenance/script"][()]
for m, metrics in j["results"].items():
    values = [t["metrics"]["test_acc"] for t in trials if t["multiplier"] == m]
    assert metrics["test_acc"]["values"] == values and abs(metrics["test_acc"]["mean"] - np.mean(values)) < 1e-15
    assert abs(metrics["test_acc"]["sd"] - np.std(values, ddof=1)) < 1e-15
P
check "h5py and the JSON export agree" /usr/bin/python3 "$work/read.py" "$work/q.h5" "$work/q.json"
cat > "$work/trial.py" <<'P'
import sys, glob, h5py
for name in glob.glob(sys.argv[1] + "/trials/*.h5"):
    with h5py.File(name, "r") as f:
        assert f.attrs["kind"] == b"trial" and f.attrs["id"].decode() in name
        assert len(f["weights"]) > 0
P
check "h5py opens every trial file" /usr/bin/python3 "$work/trial.py" "$work/q"
cp "$work/q.h5" "$work/edited.h5"
check "h5py may add an attribute" /usr/bin/python3 -c "import h5py, sys; h5py.File(sys.argv[1], 'r+').attrs['note'] = 'mine'" "$work/edited.h5"
check "and approxrun still reads the file" "$APPROXRUN" ls "$work/edited.h5"
finish
