#!/usr/bin/env bash
# Hostile scripts: none gets out of the sandbox, no bytecode is run, and traps end by their trial's limit while the others go on.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
export OPENBLAS_NUM_THREADS=1
marker=$scratch/escaped

# ---- escapes: each leaves the marker if it succeeds, first when it is planned, then in a trial ----
cat > escapes <<'LUA'
os.execute("touch MARKER")
io.popen("touch MARKER"):close()
io.open("MARKER", "w"):close()
io.output("MARKER"):write("x")
os.rename("tiny.lua", "MARKER")
os.remove("tiny.lua")
os.exit(0)
require("ffi").cdef "int system(const char *);" require("ffi").C.system("touch MARKER")
ffi.C.system("touch MARKER")
package.loadlib("libc.so.6", "system")("touch MARKER")
package.preload.ffi().C.system("touch MARKER")
package.loaded.io.open("MARKER", "w"):close()
package.loaders[2]("/etc/passwd")()
require("io").open("MARKER", "w"):close()
load("os.execute('touch MARKER')")()
loadstring("os.execute('touch MARKER')")()
loadfile("/etc/passwd")()
dofile("/etc/passwd")
string.dump(function() end)
getfenv(0).os.execute("touch MARKER")
setfenv(1, { os = os }) os.execute("touch MARKER")
getfenv(print).io.open("MARKER", "w"):close()
debug.getregistry()._LOADED.os.execute("touch MARKER")
debug.getupvalue(print, 1)
debug.sethook()
debug.setmetatable(1, { __index = {} })
getmetatable("").__index.format = function() return "MARKER" end
getmetatable("").__gc = function() end
getmetatable(_G).__index.io.open("MARKER", "w"):close()
rawset(_G, "io", getmetatable(_G).__index.io)
setmetatable(_G, nil) io.open("MARKER", "w"):close()
rawget(_G, "os").execute("touch MARKER")
newproxy(true)
coroutine.wrap(function() os.execute("touch MARKER") end)()
collectgarbage("stop")
module("x", package.seeall)
jit.off() jit.util.funck(print, 1)
require("jit.util").funck(print, 1)
require("engine").read("/etc/passwd")
require("host").journal("MARKER")
require("../tiny")
require("/etc/passwd")
require("lib/../../etc/passwd")
("").dump(print)
("x").rep("x", -1):dump()
string.format("%s", setmetatable({}, { __tostring = function() return os.execute("touch MARKER") end }))
pcall(os.execute, "touch MARKER") error("refused")
xpcall(function() os.execute("touch MARKER") end, function() io.open("MARKER", "w"):close() end) error("refused")
table.sort({ 3, 2, 1 }, function() return os.execute("touch MARKER") end)
("x"):gsub(".", function() return os.execute("touch MARKER") end)
ax.data.npy("/etc/passwd") error("refused")
ax.nn.dense = io.open("MARKER", "w")
LUA

hostile() {      # BODY: before the study is made, once an expression of the trial's own Lua
  printf 'local ax = require "approxrun"\n%s\n' "${1//MARKER/$marker}" > x.lua
  tail -n +2 tiny.lua >> x.lua
}
n=0
while IFS= read -r body; do
  hostile "$body"
  "$APPROXRUN" plan x.lua > out 2> err < /dev/null
  code=$?
  check "a script with '$body' is refused with code 3, not $code" '[ $code -eq 3 ] && grep -q "x.lua:2: " err'
  n=$((n + 1))
done < escapes
count "$n escapes from a script"

{ head -1 tiny.lua; echo 'local escapes = {'; sed "s|MARKER|$marker|g; s/.*/  function() & end,/" escapes; echo '}'
  sed -n '2,$p' tiny.lua | sed 's/name = "tiny"/name = "inside"/; s/multiplier = .*/multiplier = "fp32", seed = ax.range(1, '$n') },/
    s/^  train = .*/  train = function(trial, net, data) escapes[trial.params.seed]() end,/'
} > inside.lua
"$APPROXRUN" sweep inside.lua -q -j 2 --threads 1 -o inside 2> err
code=$?
check "in their trials they all fail: code 1, not $code" '[ $code -eq 1 ] && [ "$(ls inside/failed | wc -l)" -eq '$n' ]'
check "with a line of the script as the reason" '[ "$(grep -l "inside.lua:[0-9]*: " inside/failed/*.json | wc -l)" -eq '$n' ]'
check "no escape left its mark" '[ ! -e "$marker" ] && [ -f tiny.lua ]'
count "$n escapes from a trial"

# ---- traps that no request to stop ends ----
cat > traps.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
local function loop() while true do end end
local function recurse(n) return n + recurse(n + 1) end
local traps = {
  loop,
  function() while true do pcall(loop) end end,
  function() xpcall(error, loop) end,
  function() string.find(("a"):rep(40000), ("a*"):rep(9) .. "b") end,
  function() (("a"):rep(40000)):gsub(("a*"):rep(9) .. "b", "") end,
  function() table.sort({ 1, 2, 3 }, loop) end,
  function() while true do pcall(recurse, 1) end end,
  function() return setmetatable({}, { __index = loop }).x end,
  function() recurse(1) end,
  function() return unpack({}, 1, 1e8) end,
  function() return ("x"):rep(2 ^ 31 - 1):rep(9) end,
  function() local t = {} while true do t[#t + 1] = ("x"):rep(1e6) .. #t end end,
}
return ax.study {
  name = "traps",
  params = { epochs = 1, batch = 16 },
  grid = { multiplier = "fp32", seed = ax.range(0, #traps) },
  data = function(p) return ax.data.synthetic { train = 64, test = 16 }:split { valid = 16 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = 0.01 } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do net:train(batch) end
      if trial.params.seed > 0 then traps[trial.params.seed]() end
      trial:report { train_loss = (net:running()) }
    end
  end,
}
LUA
(ulimit -v 3000000; exec "$APPROXRUN" sweep traps.lua -q -j 2 --threads 1 -o traps --trial-time 2) 2> err
code=$?
check "twelve traps fail: code 1, not $code" '[ $code -eq 1 ] && [ "$(ls traps/failed | wc -l)" -eq 12 ]'
check "want of memory is told as such" 'grep -q "not enough memory" traps/failed/*.json'
check "eight of them by the limit" '[ "$(grep -l "trial-time" traps/failed/*.json | wc -l)" -ge 8 ]'
check "what is left of the study is complete" '[ "$(ls traps/trials | wc -l)" -eq 1 ]'
check "no worker is left" '! pgrep -f -- "--supervisor.*traps\$" > /dev/null'
count "12 traps"

# ---- bytecode: LuaJIT does not verify it, so none is loaded ----
luajit=$(command -v luajit) && [ -x /usr/bin/python3 ] || finish
"$luajit" -b -e 'local t = {} for i = 1, 9 do t[i] = ("x"):rep(i) end return function(a, ...) return a + #t, ... end' code.lua
/usr/bin/python3 "$ROOT/tests/reliability/mutants.py" "$APPROXRUN" bytecode "$(rounds 40 400)" "$SEED" code.lua -- plan {} > out
check "bytecode is never run: $(grep -v '^count' out | head -5)" '[ $? -eq 0 ]'
check "each copy is refused" "grep -qE '([0-9]+) mutants, \\1 refused' out"
grep '^count' out
finish
