#!/usr/bin/env bash
# matmul against a product of the definition written in NumPy: integers for the multiplier, float32 sums in ascending k.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
PYTHON=/usr/bin/python3
"$PYTHON" -c 'import numpy' 2>/dev/null || skip "no numpy for $PYTHON"

cat >oracle.py <<'PY'
import numpy as np

def fractions(family, m, i, j):
    """(carry, fraction) of m bits for two m-bit fractions, in integers; constants in units of 2^-23."""
    one, sh = 1 << m, 23 - m
    if family == "exact":
        p = (one + i) * (one + j)
        carry = (p >= 2 << (2 * m)).astype(np.int64)
        return carry, (p >> (m + carry)) - one
    if family == "mit":
        return (i + j) >> m, (i + j) % one
    s = (i | 1) + (j | 1)
    carry = s >> m
    corr = np.where(carry == 1, 0x050000 >> sh, 0x0A0000 >> sh)
    f = s % one + corr
    over = f >= one
    f = np.where(over & (carry == 1), f - corr, np.where(over, (f - one) >> 1, f))
    return np.where(over, 1, carry), f

def product(family, m, a, b):
    ai, bi = a.view(np.uint32).astype(np.int64), b.view(np.uint32).astype(np.int64)
    ea, eb = ai >> 23 & 255, bi >> 23 & 255
    carry, f = fractions(family, m, (ai & 0x7fffff) >> (23 - m), (bi & 0x7fffff) >> (23 - m))
    e = ea + eb - 127 + carry
    bits = ((ai ^ bi) & 1 << 31) | e << 23 | f << (23 - m)
    return np.where((ea == 0) | (eb == 0) | (e <= 0), 0, bits).astype(np.uint32).view(np.float32)

def matmul(family, m, a, b):
    c = np.zeros(a.shape[:-1] + b.shape[-1:], np.float32)
    for k in range(a.shape[-1]):
        c = c + product(family, m, a[..., :, k, None], b[..., None, k, :])
    return c
PY
cat >make.py <<'PY'
import numpy as np
r = np.random.default_rng(3)
def numbers(*shape):
    x = (r.standard_normal(shape) * 2.0 ** r.integers(-6, 7, shape)).astype("<f4")
    x[r.random(shape) < 0.1] = 0
    return x
a, b = numbers(2, 3, 17, 65), numbers(65, 9)
np.save("a.npy", a); np.save("b.npy", b)
np.save("at.npy", np.ascontiguousarray(a.swapaxes(-1, -2))); np.save("bt.npy", np.ascontiguousarray(b.T))
np.save("batch.npy", numbers(2, 3, 65, 9))
np.save("b64.npy", b.astype("<f8"))
np.lib.format.write_array(open("v2.npy", "wb"), b, version=(2, 0))
np.lib.format.write_array(open("v3.npy", "wb"), b, version=(3, 0))
np.save("fortran.npy", np.asfortranarray(b)); np.save("int.npy", b.astype("<i4")); np.save("vector.npy", b[:, 0].copy())
np.save("empty.npy", b[:, :0].copy())
PY
"$PYTHON" make.py

cat >compare.py <<'PY'
import sys, numpy as np, oracle
spec, a, b, c = sys.argv[1], *(np.load(f) for f in sys.argv[2:5])
family, m = spec.split(":")
wanted = oracle.matmul(family, int(m), a, b.astype("<f4"))
assert c.dtype == np.dtype("<f4") and c.shape == wanted.shape, (c.dtype, c.shape)
equal = c.view(np.uint32) == wanted.view(np.uint32)
assert equal.all(), f"{(~equal).sum()} of {equal.size} differ, at most by {abs(c - wanted).max()}"
PY

for spec in exact:7 mit:7 mbm:7 mbm:5 mbm:3 mbm:1 mit:10 exact:10 mbm:11 mit:16 mbm:16 exact:23; do
  expect_exit 0 approxrun matmul a.npy b.npy -o "c.npy" --multiplier "$spec" --strict
  check "$spec: every bit is the definition's" "$PYTHON" compare.py "$spec" a.npy b.npy c.npy
done
cp c.npy plain.npy
expect_exit 0 approxrun matmul at.npy bt.npy -o c.npy --multiplier exact:23 --strict --transpose-a --transpose-b -q
check "transposed operands give the same bytes" cmp c.npy plain.npy
expect_exit 0 approxrun matmul a.npy batch.npy -o c.npy -m mbm:7 --strict
check "batched: every bit is the definition's" "$PYTHON" compare.py mbm:7 a.npy batch.npy c.npy
expect_exit 0 approxrun matmul a.npy b.npy -o one.npy -m mbm:7 --strict --threads 1
for file in b64 v2 v3; do
  expect_exit 0 approxrun matmul a.npy "$file.npy" -o c.npy -m mbm:7 --strict --threads 2
  check "$file.npy gives the same bytes" cmp c.npy one.npy
done
approxrun lut build mbm:7 -o MBM_7.bin -q
expect_exit 0 approxrun matmul a.npy b.npy -o c.npy -m lut:MBM_7.bin --strict
check "a table file gives the same bytes" cmp c.npy one.npy
expect_exit 0 approxrun matmul a.npy b.npy -o c.npy -m fp32
check "fp32 is near the double product" "$PYTHON" -c 'import numpy as np
a, b, c = (np.load(f + ".npy").astype("f8") for f in "abc"); assert abs(c - a @ b).max() < 1e-5 * abs(a @ b).max()'

refuses() {  # exit code, what it says, the arguments of matmul
  expect_exit "$1" approxrun matmul "${@:3}"
  expect_err "$2"
}
refuses 65 "Fortran order, wanted C order" a.npy fortran.npy -o x.npy -m mbm:7
refuses 65 "type '<i4', wanted '<f4' or '<f8'" a.npy int.npy -o x.npy -m mbm:7
refuses 65 "1 dimensions, wanted 2 or more" a.npy vector.npy -o x.npy -m mbm:7
refuses 65 "an empty array" a.npy empty.npy -o x.npy -m mbm:7
head -c 1000 b.npy >cut.npy
refuses 65 "872 bytes of data from byte 128 on, wanted 2340" a.npy cut.npy -o x.npy -m mbm:7
refuses 65 "not a .npy file" a.npy oracle.py -o x.npy -m mbm:7
refuses 2 "none.npy" a.npy none.npy -o x.npy -m mbm:7
refuses 2 "65 columns times 9 rows" a.npy bt.npy -o x.npy -m mbm:7
refuses 2 "wanted equal leading dimensions" b.npy a.npy -o x.npy -m mbm:7
refuses 2 "--multiplier SPEC is missing" a.npy b.npy -o x.npy
refuses 2 "-o C.npy is missing" a.npy b.npy -m mbm:7
refuses 2 "width 99, wanted 1 to 23" a.npy b.npy -o x.npy -m mbm:99
check "no refused product left a file" [ ! -e x.npy ]
