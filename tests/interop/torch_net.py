"""Trains the net of lenet.lua in PyTorch from the same initial weights on the same batches and compares every loss and the weights.

usage: torch_net.py STUDY BATCHES. STUDY: the folder of the sweep; BATCHES: what op_batch wrote under AX_DUMP.
The reference is torch in double. Rounding grows from step to step by what the net makes of it, so the measure is torch's own distance
from the reference in single precision: ours may be at most FACTOR times as far."""
import json
import pathlib
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F

FACTOR, FLOOR = 4, 2.0**-22         # FLOOR: two units in the last place of a loss of 2.5 hold where torch happens to be exact
BATCH, TRAIN = 32, 300
LAYERS = ["c1", "c2", "d1", "d2", "d3"]
compared, failed = 0, 0


def tensor(folder, name):
    (file,) = folder.glob(name + ",*")
    data = np.fromfile(file, {".f32": np.float32, ".i32": np.int32}[file.suffix])
    return torch.from_numpy(data.reshape([int(n) for n in file.stem.split(",")[1].split("x")]))


def trials(study):
    """(optimizer, lr) -> weights as they are stored, curves."""
    found = {}
    for file in pathlib.Path(study, "trials").glob("*.h5"):
        with h5py.File(file, "r") as f:
            p = json.loads(f["params"][()])
            weights = {f"{n}/{part}": f[f"weights/w/{n}/{part}"][()] for n in LAYERS for part in ("kernel", "bias")}
            found[p["optimizer"], p["lr"]] = weights, {name: f["curves"][name][()] for name in f["curves"]}
    return found


def forward(w, x):
    """x (n,28,28,1). Weights as stored, (kh,kw,c,oc) and (inputs, units); flattening goes over NHWC."""
    conv = lambda x, n, padding: F.conv2d(x, w[n + "/kernel"].permute(3, 2, 0, 1), w[n + "/bias"], padding=padding)
    dense = lambda x, n: x @ w[n + "/kernel"] + w[n + "/bias"]
    x = F.avg_pool2d(torch.tanh(conv(x.permute(0, 3, 1, 2), "c1", 2)), 2)
    x = F.avg_pool2d(torch.tanh(conv(x, "c2", 0)), 2)
    x = torch.relu(dense(x.permute(0, 2, 3, 1).flatten(1), "d1"))
    return dense(torch.tanh(dense(x, "d2")), "d3")


def train(initial, optimizer, batches, dtype):
    """Two epochs: losses of the steps, of the epochs and of the test set; the weights at the end."""
    w = {k: torch.nn.Parameter(torch.tensor(v, dtype=dtype)) for k, v in initial.items()}
    if optimizer == "sgd":
        step = torch.optim.SGD(w.values(), 0.02, 0.9, weight_decay=1e-3, nesterov=True)
    else:
        step = torch.optim.Adam(w.values(), 1e-3, (0.9, 0.999), 1e-7, weight_decay=1e-3)
    losses = {}
    for epoch in (1, 2):
        x, labels = (tensor(batches / f"batches,epoch={epoch}", n) for n in ("x", "labels"))
        total = 0.0
        for i, (bx, by) in enumerate(zip(x.to(dtype).split(BATCH), labels.long().split(BATCH)), 1):
            step.zero_grad()
            loss = F.cross_entropy(forward(w, bx), by, ignore_index=-1)
            loss.backward()
            step.step()
            losses[f"step{i}", epoch] = float(loss)
            total += float(loss) * int((by >= 0).sum())
        losses["train_loss", epoch] = total / TRAIN
        x, labels = (tensor(batches / "batches,test", n) for n in ("x", "labels"))
        with torch.no_grad():
            losses["test_loss", epoch] = float(F.cross_entropy(forward(w, x.to(dtype)), labels.long()))
    return losses, {k: v.detach().double().numpy() for k, v in w.items()}


def rms(a):
    return float(np.sqrt(np.mean(np.square(a))))


def near(what, ours, torch32, reference, size):
    """The root mean square distance from the reference, ours and that of torch in single precision, for values of some size.
    Not the largest distance: under Adam it is that of the weight whose
    gradient happens to be nearest to 0, where a rounding may turn a step."""
    global compared, failed
    distance = lambda a: rms(np.asarray(a, dtype=np.float64) - reference)
    allowed = FACTOR * distance(torch32) + FLOOR * size
    print(f"{what}: {distance(ours):.2e} from double; torch in single precision {distance(torch32):.2e}, allowed {allowed:.2e}")
    compared += 1
    if not distance(ours) <= allowed:
        failed += 1
        print("FAIL:", what)


def compare(optimizer, found, batches):
    initial, still = found[optimizer, 0]
    weights, curves = found[optimizer, 1]
    assert still["test_loss"][0] == still["test_loss"][1], "a learning rate of 0 moves the weights"
    losses, end = train(initial, optimizer, batches, torch.float64)
    losses32, end32 = train(initial, optimizer, batches, torch.float32)
    assert len(losses) == 24 and losses["train_loss", 2] < losses["train_loss", 1], "the reference does not learn"
    keys = list(losses)
    row = lambda d: np.array([d[k] for k in keys])
    ours = np.array([curves[name][epoch - 1] for name, epoch in keys])
    near(f"{optimizer}: 20 losses of steps, 4 of epochs", ours, row(losses32), row(losses), 2.5)
    for name in end:
        moved = rms(end[name] - initial[name])
        assert moved > 1e-3, f"{name} hardly moved"
        near(f"{optimizer}: {name}", weights[name], end32[name], end[name], rms(end[name]))


torch.set_num_threads(1)
found = trials(sys.argv[1])
assert all(np.array_equal(found["sgd", 0][0][n], found["adam", 0][0][n]) for n in found["sgd", 0][0]), "initial weights depend on more than the seed"
for optimizer in ("sgd", "adam"):
    compare(optimizer, found, pathlib.Path(sys.argv[2]))
print(f"{compared - failed} comparisons hold, {failed} do not")
sys.exit(failed > 0)
