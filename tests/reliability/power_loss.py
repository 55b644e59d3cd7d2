#!/usr/bin/env python3
"""What a disk may hold after the power failed: power_loss.py LOG ROOT OUT STATES SEED

Replays a prefix of the operations that tests/fake/faults.c logged below ROOT. What no sync covered may be there or not, each write
and each name by itself: contents are safe after a sync of the file, names after a sync of their directory. Each state is made below
OUT as a folder of its number; a line says what the journal had acknowledged by then: NUMBER PREFIX TRIAL:EPOCHS... (every trial that
was published counts as epoch 'done')."""
import json, os, random, sys


class File:
    def __init__(self):
        self.safe, self.loose = b"", []          # content; writes since the last sync: (offset, bytes) or (length, None) for a cut

    def change(self, offset, data):
        self.loose.append((offset, data))

    def sync(self):
        self.safe, self.loose = self.content(lambda: True), []

    def content(self, kept):
        image = bytearray(self.safe)
        for offset, data in self.loose:
            if not kept():
                continue
            if data is None:
                del image[offset:]
                continue
            if not kept():                       # torn
                data = data[: len(data) // 2]
            image.extend(b"\0" * (offset - len(image)))
            image[offset : offset + len(data)] = data
        return bytes(image)


class Disk:
    """names: what programs see. safe: what is surely there. loose: changes of names since their directory was synced."""

    def __init__(self, root):
        self.names, self.safe, self.loose = {root: "dir"}, {root: "dir"}, []

    def name(self, path, entry):
        self.names[path] = entry
        self.loose.append((path, entry))

    def drop(self, path):
        self.names.pop(path, None)
        self.loose.append((path, None))

    def apply(self, op, offset, data, path):
        entry = self.names.get(path)
        if op == "mkdir":
            self.name(path, "dir")
        elif op in ("open", "truncate"):
            if entry is None:
                self.name(path, File())
            elif op == "truncate":
                entry.change(0, None)
        elif op in ("write", "cut") and entry:
            entry.change(offset, data if op == "write" else None)
        elif op in ("rename", "link"):
            self.name(data.decode(), entry)
            if op == "rename":
                self.drop(path)
        elif op == "unlink":
            self.drop(path)
        elif op == "sync" and entry == "dir":
            self.sync_names(path)
        elif op == "sync" and entry:
            entry.sync()

    def sync_names(self, directory):
        rest = []
        for path, entry in self.loose:
            if os.path.dirname(path) != directory:
                rest.append((path, entry))
            elif entry is None:
                self.safe.pop(path, None)
            else:
                self.safe[path] = entry
        self.loose = rest

    def state(self, kept):
        names = dict(self.safe)
        for path, entry in self.loose:
            if kept():
                names[path] = entry
        return {path: entry if entry == "dir" else entry.content(kept) for path, entry in names.items() if entry is not None}


def operations(log):
    text, at = open(log, "rb").read(), 0
    while at < len(text):
        end = text.index(b"\n", at)
        op, offset, length, path = text[at:end].decode().split(" ", 3)
        at = end + 1 + int(length)
        yield op, int(offset), text[end + 1 : at], path


def acknowledged(disk, sync):
    """Epochs that the journal, just synced, promises: {trial: epoch}."""
    promised = {}
    for line in disk.names[sync].content(lambda: True).decode().splitlines():
        event = json.loads(line)
        if event["event"] == "epoch":
            promised[event["trial"]] = event["epoch"]
        elif event["event"] == "done":
            promised[event["trial"]] = "done"
    return promised


def write(state, root, folder):
    for path in sorted(state):
        target = folder + path[len(root):]
        if not os.path.isdir(os.path.dirname(target)):
            continue                             # its directory was lost
        if state[path] == "dir":
            os.makedirs(target, exist_ok=True)
        else:
            open(target, "wb").write(state[path])


def main():
    log, root, out, states, seed = sys.argv[1], sys.argv[2].rstrip("/"), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    ops, rng = list(operations(log)), random.Random(seed)
    ends = sorted(rng.randrange(len(ops) + 1) if i else len(ops) for i in range(states))
    disk, promised, done = Disk(root), {}, 0
    for number, end in enumerate(ends):
        for op in ops[done:end]:
            disk.apply(*op)
            if op[0] == "sync" and op[3].endswith(".jsonl"):
                promised.update(acknowledged(disk, op[3]))
        done, chance = end, rng.choice((0, 0.3, 0.7, 1))
        folder = f"{out}/{number}"
        os.makedirs(folder)
        write(disk.state(lambda: rng.random() < chance), root, folder)
        print(number, end, *(f"{trial}:{epoch}" for trial, epoch in sorted(promised.items())))


main()
