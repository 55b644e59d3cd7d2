#!/usr/bin/env bash
# mult errors --operands, mult compare, mult plot --kind: against sums over every pair of numbers in Python's own integers and fractions.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
command -v python3 >/dev/null || skip "no python3 to read CSV and to sum with"

cat >oracle.py <<'PY'
"""Arrays for the tests, and the metrics of mbm:7 and mit:7 over all pairs of their numbers, by exact rational sums."""
import array, csv, fractions, math, struct, sys
F = fractions.Fraction
M, ONE = 7, 1 << 7

def save(name, values, kind="f"):
    data = array.array(kind, values).tobytes()
    head = "{'descr': '<f%d', 'fortran_order': False, 'shape': (%d,), }" % (8 if kind == "d" else 4, len(values))
    head += " " * (-(10 + len(head) + 1) % 64) + "\n"
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data)

def numbers(seed, n):
    """Of both signs, exponents -6 to 5, the significands dense near 1."""
    out = []
    for k in range(n):
        seed = seed * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        u = (seed >> 40) / (1 << 24)
        out.append((-1) ** (seed >> 8 & 1) * math.ldexp(1 + u * u, (seed >> 20) % 12 - 6))
    return out

def mit(i, j):
    s = i + j
    return F(ONE + s, ONE) if s < ONE else F(2 * s, ONE)

def mbm(i, j):
    s = (i | 1) + (j | 1)
    carry, f = s >> M, s % ONE + (5 if s >> M else 10)
    if f >= ONE: carry, f = 1, (f - 5 if carry else (f - ONE) // 2)
    return F(ONE + f, ONE) * 2 ** carry

def operands(values):
    return [int((2 * math.frexp(abs(v))[0] - 1) * ONE) for v in struct.unpack("%df" % len(values), struct.pack("%df" % len(values), *values))]

def metrics(product, a, b, reference=None):
    e = {"med": F(0), "mred": F(0), "bias": F(0), "error_rate": F(0), "wce": F(0), "wcre": F(0), "min": F(9), "max": F(-9)}
    squares, n = F(0), len(a) * len(b)
    for i in operands(a):
        for j in operands(b):
            r = reference(i, j) if reference else F((ONE + i) * (ONE + j), ONE * ONE)
            d = product(i, j) - r
            q = d / r
            e["med"] += abs(d) / n; e["mred"] += abs(q) / n; e["bias"] += q / n; e["error_rate"] += F(d != 0, n)
            e["wce"] = max(e["wce"], abs(d)); e["wcre"] = max(e["wcre"], abs(q)); e["min"] = min(e["min"], q); e["max"] = max(e["max"], q)
            squares += q * q / n
    e["variance"] = squares - e["bias"] ** 2
    if not reference: e["nmed"] = e["med"] / (2 - F(1, ONE)) ** 2
    return e

def near(row, wanted):
    for key, value in wanted.items():
        assert abs(float(row[key]) - float(value)) < 1e-13, (key, row[key], float(value))

A, B = numbers(1, 40), numbers(2, 25)
INF, NAN = float("inf"), float("nan")
if __name__ == "__main__":
    save("a.npy", A + [0, -0.0, NAN, INF, 1e-40])
    save("b, \"c\".npy", B, "d")
    save("all.npy", [(-2.0) ** (k % 5) * (1 + (k * 5 % 128) / 128) for k in range(128)])
    save("one.npy", [1.5])
    save("three.npy", [-3.0, 1.5, 0.75, 0, 0])
    save("zeros.npy", [0, -0.0, 0])
    save("none.npy", [])
    save("bad.npy", [NAN, -INF, 1e-44])
PY
python3 oracle.py || exit 1

expect_exit 0 approxrun mult errors mbm:7 mit:7 --operands a.npy --operands-b 'b, "c".npy' --csv
cat >csv_check.py <<'PY'
import csv, sys
from oracle import *
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
assert [r["multiplier"] for r in rows] == ["mbm:7", "mit:7"] and None not in rows[0] and None not in rows[0].values()
near(rows[0], metrics(mbm, A, B))
near(rows[1], metrics(mit, A, B))
for r in rows:
    assert r["against"] == "exact product" and r["operand_width"] == "7" and r["sampled"] == "0"
    assert int(r["pairs"]) == len(set(operands(A))) * len(set(operands(B)))
    columns = "operands", "numbers", "used", "zeros", "subnormals", "nans", "infinities"
    assert [r[k + "_a"] for k in columns] == ["a.npy", "45", "40", "2", "1", "1", "1"]
    assert [r[k + "_b"] for k in ("operands", "numbers", "used", "zeros")] == ['b, "c".npy', "25", "25", "0"]
PY
check "weighted metrics are those of all pairs of numbers, and the CSV carries the arrays" python3 csv_check.py "$KEPT/out"

expect_exit 0 approxrun mult errors mit:7 --operands a.npy --json
check "JSON has the source; the second operand's is the first's" jq -e '.operands.a == {source: "a.npy", numbers: 45, used: 40, zeros: 2,
  subnormals: 1, nans: 1, infinities: 1} and .operands.b == .operands.a and .schema == 1' "$KEPT/out"
expect_exit 0 approxrun mult errors mit:7 --operands a.npy
expect_match '^first operand   a\.npy: 40 of 45 numbers \(left out: 2 zero, 1 subnormal, 1 NaN, 1 infinite\)$'
expect_match '^second operand  the same numbers$'
expect_match '^mit:7 .* \(weighted\)$'

expect_exit 0 approxrun mult errors mbm:7 mit:7 --csv
cut -d, -f-16 "$KEPT/out" >plain.csv
expect_exit 0 approxrun mult errors mbm:7 mit:7 --csv --operands all.npy
check "every fraction once: the unweighted figures, every digit" diff plain.csv <(cut -d, -f-16 "$KEPT/out")

# 1.5 x 1.5 = 2.25, of which Mitchell makes 2.
expect_exit 0 approxrun mult errors mit:7 mit:18 --operands one.npy
expect_match '^mit:7 \(1,8,7\) 16 bits( +-?11\.1111){2} +0\.0000( +-?11\.1111){3} +0\.25 +0\.063 +0\.25 +100\.0000  1 \(weighted\)$'
expect_match '^mit:18 .* 11\.1111 +-11\.1111 +0\.0000 +-11\.1111 .* 1 \(weighted\)$'
expect_exit 0 approxrun mult errors mit:7 --operands three.npy --csv --against mit:7
check "three numbers of one significand are one pair" grep -q '^"mit:7","mit:7",7,1,0,0,' "$KEPT/out"

expect_exit 65 approxrun mult errors mit:7 --operands zeros.npy
expect_err "zeros.npy: no operand among 3 zeros, 0 subnormals, 0 NaNs and 0 infinities, wanted at least one finite number other than zero"
expect_exit 65 approxrun mult errors mit:7 --operands a.npy --operands-b bad.npy
expect_err "bad.npy: no operand among 0 zeros, 1 subnormals, 1 NaNs and 1 infinities"
expect_exit 65 approxrun mult compare mit:7 mbm:7 --operands none.npy
expect_err "none.npy: no operand among 0 zeros"
expect_exit 2 approxrun mult errors mit:7 --operands-b a.npy
expect_err "--operands-b a.npy without --operands"
expect_exit 2 approxrun mult errors mit:7 --operands missing.npy
expect_err "missing.npy"
expect_exit 65 approxrun mult errors mit:7 --operands oracle.py
expect_err "not a .npy file"

expect_exit 0 approxrun mult compare mbm:7 mit:7
expect_match '^mbm:7 \(1,8,7\) 16 bits +2\.6932 +\+0\.4469 .* 16384 \(all\)$'
expect_match '^mit:7 \(1,8,7\) 16 bits +3\.8485 +-3\.8485 .* 16384 \(all\)$'
expect_match '^mbm:7 against mit:7 '
expect_match '^ +0 +0 +1 +1 +1 +1\.09375 +1$'
expect_exit 0 approxrun mult compare mbm:7 mit:7 --json
cat >compare_check.py <<'PY'
import json, sys
from oracle import *
c = json.load(open(sys.argv[1]))
pairs = [(i, j) for i in range(ONE) for j in range(ONE)]
exact = lambda i, j: F((ONE + i) * (ONE + j), ONE * ONE)
d = [(abs(mbm(i, j) - exact(i, j)), abs(mit(i, j) - exact(i, j))) for i, j in pairs]
share = lambda test: sum(map(test, d)) / len(d)
assert c["error_of_a"] == {"smaller": share(lambda e: e[0] < e[1]), "equal": share(lambda e: e[0] == e[1]), "larger": share(lambda e: e[0] > e[1])}
apart = [(i, j) for i, j in pairs if mbm(i, j) != mit(i, j)]
assert c["differ"] == len(apart) / len(pairs) and c["equal"] is False
assert [(e["i"], e["j"]) for e in c["differences"]] == apart[:5]
for e in c["differences"]:
    i, j = e["i"], e["j"]
    assert (e["a"], e["b"], e["exact"]) == (1 + i / ONE, 1 + j / ONE, exact(i, j)) and (e["product_a"], e["product_b"]) == (mbm(i, j), mit(i, j))
PY
check "a comparison is the definitions' over all pairs" python3 compare_check.py "$KEPT/out"
expect_exit 0 approxrun mult compare mbm:7 mit:7 --csv --operands a.npy --operands-b 'b, "c".npy'
cat >compare_csv.py <<'PY'
import csv, sys
from oracle import *
a, b, both = csv.DictReader(open(sys.argv[1], newline=""))
near(a, metrics(mbm, A, B))
near(b, metrics(mit, A, B))
near(both, metrics(mbm, A, B, mit))
assert (both["multiplier"], both["against"], both["smaller"]) == ("mbm:7", "mit:7", "")
assert (a["smaller"], a["equal"], a["larger"]) == (b["larger"], b["equal"], b["smaller"])
assert abs(sum(float(a[k]) for k in ("smaller", "equal", "larger")) - 1) < 1e-12
assert a["operands_b"] == 'b, "c".npy' and a["used_a"] == "40"
PY
check "its CSV is weighted and names the arrays" python3 compare_csv.py "$KEPT/out"

expect_exit 0 approxrun lut build mbm:7 -o MBM_7.bin
expect_exit 0 approxrun mult compare lut:MBM_7.bin mbm:7
expect_match '^equal: the same product for all 16384 pairs$'
check "equal tables list no pairs" bash -c '! grep -q differ "$1"' - "$KEPT/out"
expect_exit 0 approxrun mult compare exact:3 exact:5
expect_match '^exact:3 .* 1024 \(all\)$'
expect_match '^the first that differ, as fractions i, j of 5 bits'
expect_exit 0 approxrun mult compare mit:20 mit:20
expect_match '^equal: the same product for each of the drawn 16777216 pairs$'
expect_exit 2 approxrun mult compare mbm:7
expect_err "an argument is missing"
expect_exit 2 approxrun mult compare mbm:7 mbn:7
expect_err "unknown family 'mbn' (did you mean 'mbm'?)"
expect_exit 2 approxrun mult errors mine/mul_7.c
expect_err "; a file is c:FILE.c or lut:FILE"
expect_exit 2 approxrun mult compare mbm:7 mit:7 --csv --json
expect_err "exclude each other"

for spec in mbm:7 mit:3 exact:12; do expect_exit 0 approxrun mult plot "$spec" --kind operand -o "op-${spec/:/}.svg"; done
check "the pictures are XML" xmllint --noout op-mbm7.svg op-mit3.svg op-exact12.svg
check "title, axes and units are there" bash -c 'for text in "<title>mbm:7 (1,8,7) 16 bits: relative error by the first operand</title>" \
  ">significand of the first operand<" ">relative error of the product, %<" ">mean<" ">least to largest, over the second operands<"; do
  grep -qF "$text" op-mbm7.svg || exit 1; done'
check "no number in them is nan or inf" bash -c '! grep -qiE "\b(nan|inf)\b" op-*.svg'
# Mitchell, width 3: the means are -sum_j (1 - p / r) / 8 of its eight operands; drawn between y of +0 and of the axis' lower end.
cat >plot_check.py <<'PY'
import re
text = open("op-mit3.svg").read()
ticks = {float(v): float(y) - 4 for y, v in re.findall(r'<text x="77.0" y="([0-9.]+)" text-anchor="end"[^>]*>([-+0-9.]+)</text>', text)}
(low, y_low), (high, y_high) = min(ticks.items()), max(ticks.items())
value = lambda y: low + (y - y_low) / (y_high - y_low) * (high - low)
band, mean = re.findall(r' d="M([^"]*)"', text)
steps = lambda path: [value(float(y)) for y in re.findall(r"V([0-9.]+)", path)]
def errors(i):
    products = [8 + i + j if i + j < 8 else 2 * (i + j) for j in range(8)]
    return [100 * (8 * p / ((8 + i) * (8 + j)) - 1) for j, p in enumerate(products)]
wanted = [errors(i) for i in range(8)]
same = lambda found, right: len(found) == len(right) and all(abs(f - r) < 0.05 for f, r in zip(found, right))
assert same(steps(mean), [sum(e) / 8 for e in wanted]), steps(mean)
assert same(steps(band), [max(e) for e in wanted] + [min(e) for e in reversed(wanted)]), steps(band)
PY
check "the drawn steps are the errors of the definition" python3 plot_check.py

# Weighted: first operands 1 three times and 1.5 once, second ones 1.25 once and 1.875 three times.
python3 -c 'from oracle import save; save("first.npy", [1, -2, 4, 1.5, 0]); save("second.npy", [1.25, 1.875, 3.75, -1.875])'
expect_exit 0 approxrun mult plot mit:3 --kind operand --operands first.npy --operands-b second.npy -o op-mit3.svg
check "a weighted picture is XML" xmllint --noout op-mit3.svg
cat >weighted_check.py <<'PY'
exec(open("plot_check.py").read().split("band, mean")[0])
shares, band, mean = re.findall(r' d="M([^"]*)"', text)
steps = lambda path: [float(y) for y in re.findall(r"V([0-9.]+)H", path)]
heights = [416 - y for y in steps(shares)]
same = lambda found, right: len(found) == len(right) and all(abs(f - r) < 0.05 for f, r in zip(found, right))
assert same(heights, [80, 0, 0, 0, 80 / 3, 0, 0, 0]), heights
def error(i, j): return 100 * (8 * (8 + i + j if i + j < 8 else 2 * (i + j)) / ((8 + i) * (8 + j)) - 1)
pairs = [(error(i, 2), error(i, 7)) for i in range(8)]
assert same(list(map(value, steps(mean))), [(e + 3 * f) / 4 for e, f in pairs])
assert same(list(map(value, steps(band))), [max(p) for p in pairs] + [min(p) for p in reversed(pairs)])
PY
check "weighted, the steps are the errors of what occurs, and the shares how often" python3 weighted_check.py
check "and it says whence they come" bash -c \
  'grep -qF ">first operands: first.npy<" op-mit3.svg && grep -qF ">second operands: second.npy<" op-mit3.svg'
mred=$("$APPROXRUN" mult errors mit:3 --operands first.npy --operands-b second.npy --json | jq -r '.errors[0].mred * 1e6 | round / 1e4')
check "its MRED is that of mult errors" grep -qE "MRED ${mred}0* %" op-mit3.svg
expect_exit 0 approxrun mult plot mbm:7 --kind heat -o heat.svg
check "the heat map's colours have a scale with its unit" grep -qF '>error, %<' heat.svg
expect_exit 0 approxrun mult plot mbm:7 -o default.svg
check "it is the default" cmp heat.svg default.svg
expect_exit 2 approxrun mult plot mbm:7 --kind operands -o x.svg
expect_err "--kind is 'operands' (did you mean 'operand'?), wanted heat or operand"
expect_exit 2 approxrun mult plot mbm:7 --operands first.npy -o x.svg
expect_err "--operands goes with --kind operand"
