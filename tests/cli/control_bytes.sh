#!/usr/bin/env bash
# Text out of a study that somebody else made may hold anything: no verb hands its control bytes to the terminal.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
/usr/bin/python3 -c 'import h5py' 2> /dev/null || skip "python3-h5py is not installed"

approxrun sweep "$ROOT/experiments/quickstart.lua" -o study -q || exit 1
cat > forge.py <<'P'
import hashlib, sys, h5py, numpy as np
EVIL = "\x1b]0;owned\x07 \x1b[2J \u009b31m \x7f \r \b \n \t !"

def forge(group):
    for name in ("multiplier", "host", "device", "tags", "study"):
        if name in group.attrs:
            group.attrs[name] = np.bytes_((group.attrs[name].decode() + EVIL).encode())
    for name in ("log_tail", "message", "params"):
        if name in group:
            text = group[name][()].decode()
            if name == "params":
                text = text[:-1] + ',"evil":"%s"}' % EVIL
            del group[name]
            group[name] = np.bytes_((text if name == "params" else text + EVIL).encode())

for path in sys.argv[1:]:
    with h5py.File(path, "r+") as f:
        forge(f)
        for trial in f.get("trials", {}).values():
            forge(trial)
    data = open(path, "rb").read()
    open(path, "ab").write(b"\n# approxrun sha256 " + hashlib.sha256(data).hexdigest().encode() + b"\n")
P
/usr/bin/python3 forge.py study/trials/*.h5 study.h5 || exit 1
for log in study/logs/*.log; do printf '\033]0;owned\007 \302\2331m \177 \r \b end\n' >> "$log"; done
sed -i 's/"name":\([[:space:]]*\)"quickstart"/"name":\1"quick\\u001b[2J\\u009bstart"/' study/plan.json

# A line may end as those of CSV do.
none() { check "$*: no control byte" bash -c '! sed "s/\r\$//" "$1" | LC_ALL=C grep -qP "[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]"' _ "$KEPT/out"; }

# clean COMMAND...: it succeeds, prints what it was given, escaped, and no control byte.
clean() {
  expect_exit 0 "$@"
  none "$@"
  check "$*: they are there to read" grep -q '\\u001b' "$KEPT/out"
}
trial=$(basename "$(ls study/trials/*.h5 | head -1)" .h5)
for s in study study.h5; do
  clean approxrun ls $s
  check "ls $s: a name with a line's end is one line" [ "$(wc -l < "$KEPT/out")" -eq 13 ]
  check "ls $s: and no tab" bash -c '! grep -q "$(printf "\t")" "$1"' _ "$KEPT/out"
  clean approxrun ls $s --json
  clean approxrun show $s "$trial"
  check "show $s: the log's lines are lines" grep -q 'complete after 3 epochs$' "$KEPT/out"
  clean approxrun logs $s "$trial"
  clean approxrun status $s
  clean approxrun export $s --format md
  clean approxrun export $s --format csv
done
clean approxrun compare study mbm mit
clean approxrun compare study mbm mit --md
clean approxrun compare study mbm mit --json
expect_exit 0 approxrun plot study --kind width -o -
none plot
expect_exit 0 approxrun completion words -- show study ''
none completion
check "completion offers the trials" grep -qF 'mbm:7\u001b' "$KEPT/out"

# The message of a failure names what it found.
expect_exit 2 approxrun show study.h5 'mbm:7 !'
cp "$KEPT/err" "$KEPT/out"
none message
check "the study is named" grep -qF 'quickstart\u001b' "$KEPT/err"

# A character's two bytes in two blocks of reading.
filler() { head -c 8191 /dev/zero | tr '\0' x; }
{ filler; printf '\302\260 \302\233\n'; } > "study/logs/$trial.log"
expect_exit 0 approxrun logs study "$trial"
check "a character across two blocks is whole" cmp "$KEPT/out" <(filler; printf '\302\260 \\u009b\n')
{ filler; printf '\302\233\n'; } > "study/logs/$trial.log"
expect_exit 0 approxrun logs study "$trial"
check "and a control character is seen there" cmp "$KEPT/out" <(filler; printf '\\u009b\n')
