"""Compares cases dumped by the C tests (tests/tensors.h) with PyTorch in double, each within the rounding error of single precision.

usage: torch_ops.py FOLDER. A case is a folder KIND,key=value,.. of files NAME,2x3x4.f32. Layouts are ours: NHWC, weights (kh,kw,c,oc)."""
import collections
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F

U = 2.0**-24                                            # unit roundoff of single precision
TYPES = {"f32": np.float32, "i32": np.int32, "f64": np.float64}
worst = collections.defaultdict(float)                  # kind and tensor -> largest error / bound
seen = collections.defaultdict(list)                    # kind -> parameters of its cases


def load(folder):
    tensors = {}
    for file in folder.iterdir():
        name, shape = file.stem.split(",")
        data = np.fromfile(file, TYPES[file.suffix[1:]]).reshape([int(n) for n in shape.split("x")])
        tensors[name] = torch.from_numpy(data.astype(np.int64 if data.dtype == np.int32 else np.float64))
    return tensors


def near(what, got, want, bound):
    """|got - want| <= bound everywhere; shapes equal, no NaN."""
    assert got.shape == want.shape, f"{what}: shape {tuple(got.shape)}, torch has {tuple(want.shape)}"
    bound = torch.as_tensor(bound, dtype=torch.float64)
    error = (got - want).abs() / bound.clamp(min=1e-300)
    error = torch.where((got == want), torch.zeros_like(error), error)
    assert bool((error <= 1).all()), f"{what}: {int((~(error <= 1)).sum())} of {error.numel()} differ, largest error / bound {error.max():.3g}"
    case, tensor = what.split()
    key = case.split(",")[0] + " " + tensor
    worst[key] = max(worst[key], float(error.max()))


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def gradients(f, inputs, dy):
    inputs = [x.clone().requires_grad_() for x in inputs]
    y = f(*inputs)
    return [y.detach(), *torch.autograd.grad(y, inputs, dy)]


def compare_sums(name, t, f, tensors, terms):
    """Sums of products: n terms in any order are within (n + 1) U sum |terms| (Higham, Accuracy and Stability, section 3.1).
    The same function of absolute values gives the sum of the |terms|."""
    want = gradients(f, [t["x"], t["w"], t["bias"]], t["dy"])
    size = gradients(f, [t["x"].abs(), t["w"].abs(), t["bias"].abs()], t["dy"].abs())
    for what, w, s, n in zip(tensors, want, size, terms):
        near(f"{name} {what}", t[what], w, (n + 1) * U * s)


def conv2d(name, p, t):
    sizes, outs = t["x"].shape[1:3], t["y"].shape[1:3]
    kernel, stride, front = (p["kh"], p["kw"]), (p["sh"], p["sw"]), (p["ph"], p["pw"])
    end = [(outs[i] - 1) * stride[i] + kernel[i] - sizes[i] - front[i] for i in (0, 1)]

    def f(x, w, bias):
        padded = F.pad(nchw(x), (front[1], end[1], front[0], end[0]))
        return nhwc(F.conv2d(padded, w.permute(3, 2, 0, 1), bias, stride))

    taps, places = kernel[0] * kernel[1], t["y"].numel() // p["oc"]
    compare_sums(name, t, f, ["y", "dx", "dw", "db"], [taps * p["c"] + 1, taps * p["oc"], places, places])


def dense(name, p, t):
    compare_sums(name, t, lambda x, w, bias: x @ w + bias, ["y", "dx", "dw", "db"], [p["inputs"] + 1, p["units"], p["rows"], p["rows"]])


def pool(name, p, t, f):
    """ceil_mode as the number of outputs asks for it; an average counts the cells inside."""
    kernel, stride, padding = (p["kh"], p["kw"]), (p["sh"], p["sw"]), (p["ph"], p["pw"])
    modes = [m for m in (False, True) if nhwc(f(nchw(t["x"]), kernel, stride, padding, ceil_mode=m)).shape == t["y"].shape]
    assert modes, f"{name}: no rounding of torch gives {tuple(t['y'].shape)}"
    g = lambda x: nhwc(f(nchw(x), kernel, stride, padding, ceil_mode=modes[0]))
    y, dx = gradients(g, [t["x"]], t["dy"])
    size, spread = g(t["x"].abs()), gradients(g, [t["x"]], t["dy"].abs())[1]        # sums of the |terms|
    n, average, overlapping = kernel[0] * kernel[1], name.startswith("avg"), kernel[0] > stride[0] or kernel[1] > stride[1]
    near(f"{name} y", t["y"], y, (n + 1) * U * size if average else 0)
    near(f"{name} dx", t["dx"], dx, (n + 2) * U * spread if average or overlapping else 0)


def maxpool(name, p, t):
    pool(name, p, t, F.max_pool2d)


def avgpool(name, p, t):
    pool(name, p, t, lambda *a, **k: F.avg_pool2d(*a, **k, count_include_pad=False))


def activation(f, ulp):
    def compare(name, p, t):
        y, dx = gradients(f, [t["x"]], t["dy"])
        near(f"{name} y", t["y"], y, 2 * ulp * U * y.abs())
        near(f"{name} dx", t["dx"], dx, 2 * (ulp + 2) * U * t["dy"].abs())      # the slope from y, at most 1; three roundings
    return compare


def softmax_xent(name, p, t):
    """The mean over the labelled rows; torch ignores label -1. Logits of size s are off by s U after their maximum is taken off."""
    labels, size = t["labels"], 4 + 2 * t["logits"].abs().max()
    labelled = int((labels >= 0).sum())
    loss, dlogits = gradients(lambda x: F.cross_entropy(x, labels, ignore_index=-1, reduction="sum"), [t["logits"]], torch.tensor(1.0).double())
    near(f"{name} gradient", t["gradient"], dlogits / max(labelled, 1), (size + p["classes"] ** 0.5) * U / max(labelled, 1))
    near(f"{name} loss", t["totals"][0], loss, max(labelled, 1) * (size + p["classes"] ** 0.5) * U)
    rows = labels >= 0
    assert t["totals"][1] == int((t["logits"].argmax(1) == labels)[rows].sum()) and t["totals"][2] == labelled, name


def optimiser(name, t, make, size):
    """Step n is within 2 U |w| + (3 n + 8) U |terms of the update|: three roundings for each earlier gradient in a
    moment, eight for the rest. size(state, w, g, n) gives those |terms|."""
    w = torch.nn.Parameter(t["w0"].clone())
    step, bound, n = make([w]), torch.zeros_like(t["w0"]), 0
    while f"g{n + 1}" in t:
        n += 1
        before, w.grad = w.detach().clone(), t[f"g{n}"].clone()
        step.step()
        after = w.detach()
        bound += 2 * U * after.abs() + (3 * n + 8) * U * size(step.state[w], before, t[f"g{n}"], n)
    assert n >= 5 and float((after - t["w0"]).abs().mean()) > 1e-3, f"{name}: {n} steps that hardly move"
    near(f"{name} w", t["w"], after, bound)


def sgd(name, p, t):
    velocity = torch.zeros_like(t["w0"])

    def size(state, w, g, n):
        d = g.abs() + p["decay"] * w.abs()
        velocity.mul_(p["momentum"]).add_(d)
        return p["lr"] * (d + p["momentum"] * velocity if p["nesterov"] else velocity)

    optimiser(name, t, lambda w: torch.optim.SGD(w, p["lr"], p["momentum"], weight_decay=p["decay"], nesterov=bool(p["nesterov"])), size)


def adam(name, p, t):
    moment = torch.zeros_like(t["w0"])
    kind = torch.optim.AdamW if p["decoupled"] else torch.optim.Adam

    def size(state, w, g, n):
        moment.mul_(p["beta1"]).add_((1 - p["beta1"]) * (g.abs() + (0 if p["decoupled"] else p["decay"] * w.abs())))
        spread = (state["exp_avg_sq"] / (1 - p["beta2"] ** n)).sqrt() + p["eps"]
        return p["lr"] * (moment / (1 - p["beta1"] ** n) / spread + (p["decay"] * w.abs() if p["decoupled"] else 0))

    optimiser(name, t, lambda w: kind(w, p["lr"], (p["beta1"], p["beta2"]), p["eps"], p["decay"]), size)


COMPARISONS = {
    "conv2d": conv2d, "dense": dense, "maxpool": maxpool, "avgpool": avgpool, "softmax_xent": softmax_xent, "sgd": sgd, "adam": adam,
    "relu": activation(torch.relu, 0), "tanh": activation(torch.tanh, 1.5), "sigmoid": activation(torch.sigmoid, 2.5),
}


def all_present():
    """The tests may lose a case; not the whole of what is promised."""
    missing = [kind for kind in COMPARISONS if not seen[kind]]
    assert not missing, f"no cases of {missing}"
    conv = seen["conv2d"]
    for kernel in (3, 5):
        for stride in (1, 2):
            for padded in (False, True):
                found = [p for p in conv if p["kh"] == kernel and p["sh"] == stride and (p["ph"] + p["pw"] > 0) == padded]
                assert found, f"no conv2d with kernel {kernel}, stride {stride}, padded {padded}"
    assert len({(p["c"], p["oc"]) for p in conv}) >= 5
    for kind in ("maxpool", "avgpool"):
        assert any(p["ph"] > 0 for p in seen[kind]) and any(p["ph"] == 0 for p in seen[kind]), kind
    assert {bool(p["nesterov"]) for p in seen["sgd"]} == {False, True} and any(p["decay"] > 0 and p["momentum"] > 0 for p in seen["sgd"])
    assert {bool(p["decoupled"]) for p in seen["adam"] if p["decay"] > 0} == {False, True}


def main(folder):
    failed = 0
    for case in sorted(pathlib.Path(folder).iterdir()):
        kind, *settings = case.name.split(",")
        if kind not in COMPARISONS:
            continue
        p = {k: float(v) if "." in v or "e" in v else int(v) for k, v in (s.split("=") for s in settings)}
        seen[kind].append(p)
        try:
            COMPARISONS[kind](case.name, p, load(case))
        except AssertionError as e:
            failed += 1
            print("FAIL:", e)
    all_present()
    for what, share in sorted(worst.items()):
        print(f"{what}: largest error {share:.2f} of its bound")
    print(f"{sum(map(len, seen.values())) - failed} cases equal torch {torch.__version__}, {failed} do not")
    return failed > 0


torch.set_num_threads(1)
sys.exit(main(sys.argv[1]))
