#!/usr/bin/env bash
# Runs every example of the documents: in ```console blocks each line that begins with "$ " is a command, run in order in
# a scratch folder that holds the experiments. It must succeed, unless the line after it begins with "approxrun: ",
# which must then be what it says. A block marked ```console exact must print exactly what stands there.
# The long sweep of the demo is cut to one epoch, one seed and three multipliers; its text is otherwise run as printed.
set -u
cd "$ROOT" || exit 1
command -v python3 >/dev/null || { echo "skipped: no python3 to read the documents with"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r experiments "$scratch/"
mkdir -p "$scratch/bin"
ln -s "$APPROXRUN" "$scratch/bin/approxrun"
export PATH=$scratch/bin:$PATH XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
approxrun data get mnist -q || { echo "skipped: MNIST cannot be had here"; exit 77; }

/usr/bin/env python3 - "$scratch" README.md docs/*.md <<'PY'
import re, subprocess, sys
scratch, files = sys.argv[1], sys.argv[2:]
passed = failed = 0
short = " epochs=1 seed=1 multiplier=fp32,mbm:7,mit:7"

def blocks(text):
    for kind, body in re.findall(r"^```(console(?: exact)?)\n(.*?)^```", text, re.M | re.S):
        yield kind.endswith("exact"), re.findall(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", body, re.M)

for name in files:
    for exact, commands in blocks(open(name).read()):
        for command, wanted in commands:
            run = re.sub(r"^(approxrun sweep experiments/mnist\.lua)$", r"\1" + short, command)
            done = subprocess.run(["bash", "-c", run], cwd=scratch, stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            refusal = wanted.startswith("approxrun: ")
            good = (done.returncode != 0) if refusal else (done.returncode == 0)
            if exact or refusal:
                good = good and done.stdout.rstrip() == wanted.rstrip()
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(f"FAIL {name}: $ {command}\nexit {done.returncode}\n{done.stdout}\nwanted:\n{wanted}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0 or passed == 0)
PY
