"""Runs the program on damaged copies of valid files: mutants.py PROGRAM KIND COUNT SEED FILE... -- ARGUMENT...

Each copy takes the valid file's place while the program runs; {} in the arguments is its path or, for the kinds `typed...`, its text.
For the kinds `forged...` the copy ends with its right SHA-256, as files of approxrun's do. A run may end well (0), refuse its
input (2, 4 or 65: with one line on stderr; 3: with the script's line too), or be a sweep with a failed trial (1); it may not
crash, take longer than 10 s, map more than 2 GiB or hold more than 512 MB."""
import hashlib
import os
import random
import resource
import subprocess
import sys

SECONDS, MAPPED, HELD = 10, 2 << 30, 512 << 20
REFUSED = {2, 3, 4, 65}
AWKWARD = [b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff" * 8, b"\x80" + b"\0" * 7, b"1e999", b"-1", b"nan", b"99999999999999999999",
           b"\"", b"{", b"]", b"\n", b",", b"=", b"%s%n", b"\xc3\x28", b"../"]
SEAL = b"\n# approxrun sha256 "


def flip(data, at, rng):
    data[at] ^= 1 << rng.randrange(8)


def put(data, at, rng):
    piece = rng.choice(AWKWARD)
    data[at:at + len(piece)] = piece


def insert(data, at, rng):
    data[at:at] = rng.choice(AWKWARD) * rng.choice([1, 1, 2, 100])


def cut(data, at, _):
    del data[at:]


def take_out(data, at, rng):
    del data[at:at + rng.randrange(1, 64)]


def repeat(data, at, rng):
    data[at:at] = data[at:at + rng.randrange(1, 256)] * rng.choice([1, 2, 50])


def mutant(valid, rng):
    data = bytearray(valid)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        if data:
            near = min(len(data), 128) if rng.random() < 0.5 else len(data)      # headers decide most
            rng.choice([flip, flip, put, put, insert, cut, take_out, repeat])(data, rng.randrange(near), rng)
    return bytes(data)


def forged(valid, rng):
    """Changes that keep most of the structure, and a digest that is right."""
    data = bytearray(valid[:valid.rindex(SEAL)])
    for _ in range(rng.choice([1, 2, 8, 32])):
        rng.choice([flip, flip, put])(data, rng.randrange(len(data)), rng)
    return bytes(data) + SEAL + hashlib.sha256(data).hexdigest().encode() + b"\n"


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (MAPPED, MAPPED))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command):
    """What is wrong with how it ended, or None; and whether it refused."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=SECONDS,
                              preexec_fn=limits)
    except subprocess.TimeoutExpired:
        return f"longer than {SECONDS} s", False
    text = done.stderr.decode("utf-8", "replace")
    if done.returncode not in REFUSED | {0} | ({1} if command[1] == "sweep" else set()):
        return f"ended with {done.returncode}: {text[:300]}", False
    if done.returncode in REFUSED - {3} and (not text.startswith("approxrun: ") or text.count("\n") != 1):
        return f"ended with {done.returncode} and not one line of its own: {text[:300]!r}", True
    return None, done.returncode in REFUSED


def main():
    program, kind, count, seed = sys.argv[1:5]
    split = sys.argv.index("--")
    files, arguments = sys.argv[5:split], sys.argv[split + 1:]
    rng, wrong, refused = random.Random(f"{kind} {seed}"), 0, 0
    valid = [open(path, "rb").read() for path in files]
    for k in range(int(count)):
        path, data = files[k % len(files)], valid[k % len(files)]
        data = (forged if kind.startswith("forged") else mutant)(data, rng)
        if kind.startswith("typed"):
            place = data.replace(b"\0", b"")
        else:
            place = path.encode()
            open(path, "wb").write(data)
        what, no = run([program] + [place if a == "{}" else a for a in arguments])
        refused += no
        if what:
            wrong += 1
            print(f"FAIL: {kind}: mutant {k} of {path} with seed {seed}: {what}")
        open(path, "wb").write(valid[k % len(files)])
    held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    if held > HELD:
        print(f"FAIL: {kind}: a run held {held >> 20} MB, more than {HELD >> 20}")
    print(f"count: {kind}: {count} mutants, {refused} refused, {held >> 20} MB at most")
    return 1 if wrong or held > HELD else 0


sys.exit(main())
