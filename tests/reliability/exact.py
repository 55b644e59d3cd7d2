#!/usr/bin/env python3
"""exact.py APPROXRUN STUDY: every number of a curve has the same bits in the journal, the trial's file, the study file and JSON."""
import glob, json, struct, subprocess, sys

try:
    import h5py
except ImportError:
    sys.exit(77)
approxrun, study = sys.argv[1:]


def export(path):
    done = subprocess.run([approxrun, "export", path, "--curves", "-o", "-"], capture_output=True, check=True)
    return json.loads(done.stdout)["trials"]


def bits(x):
    return struct.pack("<d", float(x))


said = {}                          # when an epoch ended: {(trial, epoch, curve): number}
for path in glob.glob(study + "/events/*.jsonl"):
    for event in map(json.loads, open(path)):
        for name, value in event.items() if event["event"] == "epoch" else ():
            said[event["trial"], event["epoch"], name] = value

numbers = journaled = 0
trials = export(study + ".h5")
assert trials == export(study), "the study file and its directory export different trials"
with h5py.File(study + ".h5") as f:
    row_of = {name.decode(): i for i, name in enumerate(f["axes/trial"][()])}
    for trial in trials:
        with h5py.File(f"{study}/trials/{trial['id']}.h5") as own:
            for name, values in trial["curves"].items():
                for i, value in enumerate(values):
                    told = said.get((trial["id"], i + 1, name), value)
                    journaled += (trial["id"], i + 1, name) in said
                    others = f["curves/" + name][row_of[trial["id"]]][i], own["curves/" + name][i], told
                    assert all(bits(other) == bits(value) for other in others), (trial["id"], name, i, value, others)
                    numbers += 1
assert numbers >= 20 and journaled >= 8, (numbers, journaled)
print(f"count: {numbers} numbers of curves equal in both HDF5 files and JSON, bit for bit, {journaled} of them in the journal too")
