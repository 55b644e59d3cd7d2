#!/usr/bin/env python3
"""What golden files say, by h5py, json and the tables' bytes: read when they were made, and never with approxrun. Run by make.sh beside
them, with the same study computed without an interruption in whole/."""
import glob, hashlib, json, math, struct, sys

import h5py
import numpy

def number(x):
    return "nan" if math.isnan(x) else float(x)


def text(x):
    return x.decode() if isinstance(x, bytes) else str(x)


def trial(path):
    with h5py.File(path) as f:
        return {
            "id": text(f.attrs["id"]), "multiplier": text(f.attrs["multiplier"]), "seed": int(f.attrs["seed"]),
            "state": text(f.attrs["state"]), "epochs": int(f.attrs["epochs"]), "best_epoch": int(f.attrs["best_epoch"]),
            "test_acc": number(f.attrs["test_acc"]), "test_loss": number(f.attrs["test_loss"]),
            "curves": {name: [number(x) for x in values[()]] for name, values in f["curves"].items() if name != "epoch_s"},      # a time
        }


def correct(path):
    with h5py.File(path) as f:
        return numpy.unpackbits(f["correct"][()], bitorder="little")[:f.attrs["images"]]


def mean(values):
    """n, mean, and the half-width of the 95 % t-interval, for which two values have one degree of freedom."""
    quantile = {2: math.tan(math.pi * 0.475)}
    half = quantile[len(values)] * numpy.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return {"n": len(values), "mean": float(numpy.mean(values)), "ci95": number(half)}


def compare(folder, a, b):
    """The metrics of two multipliers over the seeds of their finished trials, and McNemar's exact test on the images of those of both."""
    found = {}
    for path in glob.glob(folder + "/trials/*.h5"):
        t = trial(path)
        if t["test_acc"] != "nan":
            found[t["multiplier"], t["seed"]] = t["test_acc"], correct(path)
    seeds = {m: sorted(seed for label, seed in found if label == m) for m in (a, b)}
    both = [seed for seed in seeds[a] if seed in seeds[b]]
    only_a = sum(int(numpy.sum(found[a, s][1] > found[b, s][1])) for s in both)
    only_b = sum(int(numpy.sum(found[a, s][1] < found[b, s][1])) for s in both)
    n, k = only_a + only_b, min(only_a, only_b)
    p = min(1, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)
    sides = {side: mean([found[m, s][0] for s in seeds[m]]) for side, m in (("a", a), ("b", b))}
    return sides | {"difference": mean([found[a, s][0] - found[b, s][0] for s in both]),
                    "mcnemar": {"images": sum(len(found[a, s][1]) for s in both), "only_a": only_a, "only_b": only_b, "p": p}}


def table(path, width_a, width_b, word):
    """Every product of two significands by the file, row by row, as docs/multipliers.md defines its entries."""
    raw, m = open(path, "rb").read(), max(width_a, width_b)
    assert len(raw) == word << (width_a + width_b), path
    entries = raw if word == 1 else struct.unpack(f"<{len(raw) // 4}I", raw)
    carry = [e >> (7 if word == 1 else 31) for e in entries]
    fraction = [(e & 127) / 2**m if word == 1 else (e & (2**23 - 1)) / 2**23 for e in entries]
    square = b"".join(struct.pack("<I", carry[k] << 31 | int(fraction[k] * 2**23))
                      for k in ((i >> (m - width_a)) << width_b | (j >> (m - width_b)) for i in range(2**m) for j in range(2**m)))
    return {"width_a": width_a, "width_b": width_b, "sha256": hashlib.sha256(square).hexdigest(),
            "products": [(1 + f) * 2**c for c, f in zip(carry, fraction)]}


def failed(path, plan):
    of = next(t for t in plan["trials"] if t["id"] in path)
    return {"id": of["id"], "multiplier": of["multiplier"], "seed": of["seed"], "state": "failed", "epochs": 0, "best_epoch": 0,
            "test_acc": "nan", "test_loss": "nan", "curves": {}}


def study_file(trials):
    """The study file says the same as the directory."""
    with h5py.File("golden.h5") as f:
        rows = {text(row["trial_id"]): row for row in f["table"][()]}
        for t in trials:
            row, own = rows[t["id"]], f["trials"][t["id"]]
            assert text(row["multiplier"]) == t["multiplier"] and row["seed"] == t["seed"] and row["epochs"] == t["epochs"], t
            assert number(row["test_acc"]) == t["test_acc"] and text(own.attrs["state"]) == t["state"], t
            for name, values in t["curves"].items():
                assert [number(x) for x in own["curves"][name][()]] == values, (t["id"], name)
        return int(f.attrs["approxrun_schema"])


plan = json.load(open("golden/plan.json"))
checkpoint, = glob.glob("golden/ckpt/*.h5")
failure, = glob.glob("golden/failed/*.json")
trials = [trial(p) for p in glob.glob("golden/trials/*.h5")] + [trial(checkpoint), failed(failure, plan)]
for t in trials:
    t["state"] = "interrupted" if t["id"] in checkpoint else t["state"]
trials.sort(key=lambda t: t["id"])
labels = "mbm:3", "lut:MIT_3.bin"
weighed = next(t["id"] for t in trials if t["state"] == "complete")
with h5py.File(checkpoint) as f, h5py.File(f"golden/trials/{weighed}.h5") as w:
    position, kernel = f["position"].attrs, w["weights/w/dense1/kernel"][()]
    json.dump({
        "schema": study_file(trials), "numerics": json.loads(text(f["config"][()]))["numerics"],
        "study": plan["name"], "metric": plan["metric"], "trials": trials,
        "failed": {"message": json.load(open(failure))["message"], "retries": json.load(open(failure))["retries"]},
        "checkpoint": {"id": text(f.attrs["id"]), "epoch": int(position["epoch"]), "step": int(position["step"])},
        "whole": trial("whole/trials/" + checkpoint.rsplit("/", 1)[1]),
        "compare": compare("golden", *labels), "compare_whole": compare("whole", *labels),
        "weights": {"id": weighed, "layer": "dense1", "numbers": kernel.size, "zeros": int(numpy.sum(kernel == 0))},
        "tables": {"MIT_3.bin": table("MIT_3.bin", 3, 3, 1), "MBM_3.bin": table("MBM_3.bin", 3, 3, 4),
                   "MIT_3x2.bin": table("MIT_3x2.bin", 3, 2, 1)},
    }, sys.stdout, indent=1)
