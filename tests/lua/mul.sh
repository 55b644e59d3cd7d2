#!/usr/bin/env bash
# Multipliers that scripts bring: functions in Lua against families and against tables written by Python, what is refused, and
# what the results say of them.
source "$(dirname "${BASH_SOURCE[0]}")/script.bash"

holds() { # what, command...: succeeds
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then report "$what" true ""; else report "$what" false "$out"; fi
}

# The study with `$1` before it and the multipliers `$2` in its grid.
with() { before "$1"; sed -i "s/multiplier = \"mbm:7\"/multiplier = { $2 }/" x.lua; }
ids() { "$APPROXRUN" plan "$@" --json | jq -r '.trials[].id'; }

MITCHELL='local own = ax.mul.define {
  name = "own", widths = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 },
  fn = function(m, i, j)
    local s, n = i + j, 2 ^ m
    if s < n then return 0, s end
    return 1, s - n
  end,
}'
needs_ax='local ax = require "approxrun"'

# A function in Lua that is Mitchell'"'"'s is mit, word for word, at every width.
with "$needs_ax
$MITCHELL" 'own'
accepts "a function of the script"
for jit in on off; do
  APPROXRUN_JIT=$jit holds "it is swept (JIT $jit)" "$APPROXRUN" sweep x.lua seed=1 -q -o all
  "$APPROXRUN" export all | jq -r '.multipliers[] | "\(.width) \(.sha256)"' | sort -n > found
  for m in 1 2 3 4 5 6 7 8 9 10 11; do
    "$APPROXRUN" lut build mit:$m --format u32 -o mit.bin 2> log
    echo "$m $(sha256sum < mit.bin | cut -d' ' -f1)"
  done > wanted
  holds "its tables are those of mit (JIT $jit)" diff wanted found
  rm -rf all all.h5
done
holds "a width it does not have is refused" grep -qF "the script defines 'own' for the widths" \
  <("$APPROXRUN" plan x.lua multiplier=own:12 2>&1)

# Under a definition and the family it copies, the same numbers, trial after trial in one worker.
with "$needs_ax
$MITCHELL" 'own, \"mit:7\", \"mit:5\"'
holds "definition and family are swept" "$APPROXRUN" sweep x.lua multiplier=own:7,own:5,mit:7,mit:5 epochs=3 -q -j 1 -o pair
numbers() { "$APPROXRUN" export pair --curves --stable |
  jq -c --arg m "$1" '[.trials[] | select(.multiplier == $m) | [.seed, .metrics, .curves]]'; }
for m in 7 5; do
  numbers own:$m > a; numbers mit:$m > b
  holds "own:$m has two trials" [ "$(jq length a)" = 2 ]
  holds "own:$m trains as mit:$m does" cmp a b
done
numbers mit:7 > a; numbers mit:5 > b
holds "and the width matters" [ "$(cat a)" != "$(cat b)" ]

# An integer function that is not symmetric, in Lua and in Python: (a without its two low bits) b, normalised and truncated.
with "$needs_ax
local lop = ax.mul.define { name = 'lop', widths = { 7, 4 }, integer = true, fn = function(m, a, b) return (a - a % 4) * b end }" \
  'lop, ax.mul.table { \"t\/LOP_4.bin\" }'
mkdir -p t
/usr/bin/env python3 - <<'P'
for m, name in (7, "LOP_7"), (4, "t/LOP_4"):
    out = bytearray()
    for i in range(1 << m):
        for j in range(1 << m):
            product = (((1 << m) + i) & ~3) * ((1 << m) + j)
            carry = product >> (2 * m + 1)
            fraction = (product >> (m + carry)) - (1 << m)
            out += (carry << 31 | fraction << (23 - m)).to_bytes(4, "little")
    open(name + ".bin", "wb").write(out)
P
holds "an integer function is swept" "$APPROXRUN" sweep x.lua seed=1 -q -o int
card() { "$APPROXRUN" export int | jq -r --arg m "$1" '.multipliers[] | select(.multiplier == $m).'"$2"; }
holds "an integer function is the table of Python" [ "$(card lop:7 sha256)" = "$(sha256sum < LOP_7.bin | cut -d' ' -f1)" ]
holds "at another width too" [ "$(card lop:4 sha256)" = "$(sha256sum < t/LOP_4.bin | cut -d' ' -f1)" ]
holds "a table is found beside the script" [ "$(card lut:t/LOP_4.bin sha256)" = "$(card lop:4 sha256)" ]
holds "from elsewhere too" bash -c 'cd / && "$0" plan "$1/x.lua" > /dev/null' "$APPROXRUN" "$work"
holds "kinds are told" [ "$(card lop:7 kind) $(card lut:t/LOP_4.bin kind)" = "lua table" ]
holds "own tables are kept with the study" [ "$(ls int/tables | wc -l)" = 2 ]
holds "under their hashes" bash -c 'cd int/tables && for f in *.bin; do [ "$(sha256sum < $f | cut -d" " -f1).bin" = $f ] || exit 1; done'

# What the study file says, read by h5py; with costs, a layer of its own, and Python's own error metrics.
with "$needs_ax
ax.mul.define { name = 'lop', widths = { 7 }, integer = true, fn = function(m, a, b) return (a - a % 4) * b end,
  costs = { [7] = { area_um2 = 12.5, delay_ns = 0.25, source = 'a test' } } }
ax.mul.costs { ['mbm:07'] = { power_mw = 2 }, ['lop:7'] = { energy_pj = 1e-3 } }" '\"mbm:7\"'
sed -i 's/nn.dense { 4 }/nn.dense { 4, multiplier = { forward = "lop:7" } }/' x.lua
holds "a defined multiplier of a layer is swept" "$APPROXRUN" sweep x.lua seed=1 -q -o card
"$APPROXRUN" merge merged.h5 card 2> log
"$APPROXRUN" merge again.h5 merged.h5 2> log
cat > card.py <<'P'
import sys, h5py, numpy as np
f = h5py.File(sys.argv[1])["multipliers"]
assert sorted(f) == ["lop:7", "mbm:7"], list(f)
a = {k: v.decode() if isinstance(v, bytes) else v for k, v in f["lop:7"].attrs.items()}
assert (a["spec"], a["family"], a["kind"], a["width"]) == ("lop:7", "lop", "lua", 7), a
assert (a["area_um2"], a["delay_ns"], a["energy_pj"], a["cost_source"]) == (12.5, 0.25, 1e-3, "a test") and "power_mw" not in a, a
assert f["mbm:7"].attrs["power_mw"] == 2 and f["mbm:7"].attrs["kind"] == b"family"
words = f["lop:7/table"][()].astype(np.int64)
x = 128 + np.arange(128)
product = (x & ~3)[:, None] * x[None, :]                       # first operand = row
carry = product >> 15
assert np.array_equal(words, carry << 23 | ((product >> (7 + carry)) - 128) << 16)
p, r = (1 + (words & 0x7fffff) / 2**23) * 2.0 ** (words >> 23), np.outer(x, x) / 128.0**2
d, q = p - r, (p - r) / r
want = dict(med=abs(d).mean(), nmed=abs(d).mean() / r.max(), mred=abs(q).mean(), wce=abs(d).max(), wcre=abs(q).max(), bias=q.mean(),
            variance=q.var(), sd=q.std(), min_error=q.min(), max_error=q.max(), error_rate=(d != 0).mean(), error_pairs=128.0**2)
for name, value in want.items():
    assert abs(a[name] - value) <= 1e-12 * max(1, abs(value)), (name, a[name], value)
assert a["error_sampled"] == 0
P
if /usr/bin/python3 -c 'import h5py, numpy' 2> /dev/null; then
  for file in card.h5 merged.h5 again.h5; do holds "h5py reads the card in $file" /usr/bin/python3 card.py $file; done
fi
holds "a merge of the directory has the bytes of the sweep" cmp card.h5 merged.h5
holds "and so has a merge of the file" cmp merged.h5 again.h5
holds "export has the costs" jq -e '[.multipliers[] | .costs] == [{"power_mw": 2},
  {"area_um2": 12.5, "delay_ns": 0.25, "energy_pj": 0.001, "source": "a test"}]' \
  <("$APPROXRUN" export card)
"$APPROXRUN" show card mbm:7/1 > shown
holds "show has the costs of the trial's multiplier" grep -qxF "costs       mbm:7: power 2 mW" shown
holds "show has the costs of a layer's" grep -qxF "costs       lop:7: area 12.5 um2, delay 0.25 ns, energy 0.001 pJ (a test)" shown
sed -i "s/power_mw = 2/power_mw = 5/" x.lua
holds "a sweep that runs nothing takes new costs" "$APPROXRUN" sweep x.lua seed=1 -q -o card
holds "and the study file has them" grep -q "power 5 mW" <("$APPROXRUN" show card.h5 mbm:7/1)
sed -i "s/power_mw = 5/power_mw = 2/" x.lua
truncate -s 100 card/tables/*.bin
"$APPROXRUN" merge merged.h5 card 2> log
holds "a damaged table is left out" bash -c '! cmp -s "$0" "$1"' card.h5 merged.h5

# Costs, comments and other widths are no part of a trial's id; what the function computes is.
ids x.lua > before
sed -i "s/12.5/99/; s/integer = true,/integer = true, -- words\n/; s/{ 7 }/{ 7, 6 }/" x.lua; ids x.lua > after
holds "costs, comments and more widths keep ids" cmp before after
sed -i 's/a % 4/a % 8/' x.lua; ids x.lua > after
holds "another function changes ids" [ "$(sort before after | uniq -d | wc -l)" = 0 ]

# What the comment of a C file states fills in what the script leaves out.
cat > t/mul8u_ALL.c <<'C'
// PDK45_PWR = 0.5 mW
// PDK45_AREA = 700 um2
// PDK45_DELAY = 1.25 ns
#include <stdint.h>
uint64_t mul8u_ALL(uint64_t B, uint64_t A) { return A * B; }
C
with "$needs_ax
local all = ax.mul.c 't/mul8u_ALL.c'
ax.mul.costs { [all] = { area_um2 = 1 } }" 'all, \"exact:7\"'
holds "a C function beside the script is swept" "$APPROXRUN" sweep x.lua seed=1 -q -o evo
holds "its table is that of exact:7" \
  jq -e '.multipliers[0].sha256 == .multipliers[1].sha256 and .multipliers[0].kind == "c"' <("$APPROXRUN" export evo)
holds "its costs are the script's, then its comment's" jq -e '.multipliers[0].costs ==
  {"area_um2": 1, "power_mw": 0.5, "delay_ns": 1.25, "source": "stated in t/mul8u_ALL.c"}' <("$APPROXRUN" export evo)

# Refused, each with its line.
wrong() { # what, fields, message
  with "$needs_ax
ax.mul.define { $2 }" '\"bad:3\"'
  refuses "$1" 3 "$3"
}
fn='fn = function(m, i, j) return 0, 0 end'
wrong "no name" "widths = 3, $fn" "x.lua:2: ax.mul.define: the field 'name' is missing"
wrong "a family's name" "name = 'mbm', widths = 3, $fn" "x.lua:2: ax.mul.define: the name 'mbm' is a family's"
wrong "a name that is no word" "name = 'a-b', widths = 3, $fn" "x.lua:2: ax.mul.define: the name 'a-b', wanted a letter"
wrong "a width too wide" "name = 'bad', widths = { 12 }, $fn" "a list of widths from 1 to 11 was expected"
wrong "a misspelt field" "name = 'bad', width = 3, $fn" "unknown field 'width' (did you mean 'widths'?)"
wrong "a carry of 2" "name = 'bad', widths = 3, fn = function(m, i, j) return i == 5 and 2 or 0, j end" \
  "x.lua:2: ax.mul.define: bad: fn(3, 5, 0) returned 2 and 0, but a carry of 0 or 1 and a fraction from 0 to 7 was expected"
wrong "a fraction too large" "name = 'bad', widths = 3, fn = function(m, i, j) return 0, i + j end" "fn(3, 1, 7) returned 0 and 8"
wrong "half a fraction" "name = 'bad', widths = 3, fn = function(m, i, j) return 0, i / 2 end" "fn(3, 1, 0) returned 0 and 0.5"
wrong "one value" "name = 'bad', widths = 3, fn = function(m, i, j) return 0 end" "fn(3, 0, 0) returned 0 and nothing"
wrong "a product too small" "name = 'bad', widths = 3, integer = true, fn = function(m, a, b) return a * b - 64 * (a % 2) end" \
  "fn(3, 9, 8) returned 8, but an integer product from 64 to 255 was expected"
wrong "a product of infinity" "name = 'bad', widths = 3, integer = true, fn = function(m, a, b) return 1 / 0 end" "fn(3, 8, 8) returned inf"
wrong "an error inside" "name = 'bad', widths = 3, fn = function(m, i, j) return 0, i.x end" "x.lua:2: attempt to index local 'i'"
wrong "negative costs" "name = 'bad', widths = 3, $fn, costs = { [3] = { area_um2 = -1 } }" "costs of bad:3: area_um2 is -1"
wrong "misspelt costs" "name = 'bad', widths = 3, $fn, costs = { [3] = { area = 1 } }" "costs of bad:3: unknown field 'area'"
wrong "costs of another width" "name = 'bad', widths = 3, $fn, costs = { [4] = {} }" "costs of the width 4, which 'bad' does not have"
wrong "a name defined twice" "name = 'bad', widths = 3, $fn }; ax.mul.define { name = 'bad', widths = 4, $fn" \
  "'bad' is defined already, at x.lua:2"
with "$needs_ax
ax.mul.costs { ['mbn:7'] = { area_um2 = 1 } }" '\"mbm:7\"'
out=$("$APPROXRUN" plan x.lua 2>&1 || true)
holds "costs of an unknown multiplier are refused with their line" grep -qF "x.lua:2: ax.mul.costs: multiplier 'mbn:7': unknown family" <<< "$out"
with "$needs_ax
ax.mul.define { name = 'bad', widths = 3, fn = function(m, i, j) return 7, 7 end }" '\"mbm:3\"'
accepts "a function that nothing asks for is not called"
refuses "an unknown name" 2 "did you mean 'bad'?" multiplier=bda:3

# The shipped example: its table is what its comment says, its circuit what the definition of the columns says.
/usr/bin/env python3 - "$ROOT/experiments/models/NEAREST_5.bin" <<'P' > log 2>&1 && ok=true || ok=false
import sys
from fractions import Fraction
data, n = open(sys.argv[1], "rb").read(), 32
for i in range(n):
    for j in range(n):
        exact, byte = Fraction((n + i) * (n + j), n * n), data[i * n + j]
        value = Fraction(n + (byte & 127), n) * 2 ** (byte >> 7)
        step = Fraction(2 ** (byte >> 7), n)
        error = abs(value - exact)
        assert 2 * error < step or (2 * error == step and byte % 2 == 0), (i, j)
P
report "NEAREST_5.bin holds products rounded to nearest even" $ok "$(cat log)"
cat > columns.py <<'P'
# All partial products in columns from K on, bit by bit.
m, out = 7, bytearray()
for i in range(128):
    for j in range(128):
        a, b = 128 + i, 128 + j
        p = sum(1 << (s + t) for s in range(8) for t in range(8) if a >> s & 1 and b >> t & 1 and s + t >= 7)
        c = p >> 15
        out += (c << 31 | ((p >> (7 + c)) - 128) << 16).to_bytes(4, "little")
open("columns.bin", "wb").write(out)
P
/usr/bin/env python3 columns.py
holds "the example is swept" "$APPROXRUN" sweep "$ROOT/experiments/my_multiplier.lua" seed=1 -q -o example
found=$("$APPROXRUN" export example | jq -r '.multipliers[] | select(.multiplier == "array:7").sha256')
holds "array:7 is the sum of the upper columns" [ "$found" = "$(sha256sum < columns.bin | cut -d' ' -f1)" ]
finish
