# Sourced by the tests of scripts: small experiments are written to files, run through the program with the JIT on and off,
# and their exit code and message are compared.
set -euo pipefail
: "${APPROXRUN:?the program under test}" "${ROOT:?the source tree}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0 failed=0

# A whole study; the pieces can be replaced by sed.
study() {
  cat <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "t",
  params = { epochs = 1, batch = 8, lr = 0.1, net = ax.choice { "small", "wide" }, flag = true },
  grid = { multiplier = "mbm:7", seed = ax.range(1, 2) },
  data = function(p) return ax.data.synthetic { train = 32, test = 16 }:scale(1 / 255) end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
}

# A study with `$1` (Lua code) run before it is made.
before() { printf '%s\n' "$1" > x.lua; study >> x.lua; }

report() { # what, true or false, detail
  if [ "$2" = true ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL: $1: $3"; fi
}

# refuses WHAT EXIT MESSAGE [override...]: summary of x.lua ends with that code, and its first line holds the message.
refuses() {
  local what=$1 code=$2 message=$3 jit rc out
  shift 3
  for jit in on off; do
    rc=0
    out=$(APPROXRUN_JIT=$jit "$APPROXRUN" summary x.lua "$@" 2>&1 >/dev/null) || rc=$?
    local ok=false
    [ "$rc" = "$code" ] && [[ $(head -1 <<< "$out") == *"$message"* ]] && ok=true
    report "$what (JIT $jit)" $ok "exit $rc, wanted $code; wanted '$message' in: $out"
  done
}

# accepts WHAT [override...]
accepts() {
  local what=$1 jit rc out
  shift
  for jit in on off; do
    rc=0
    out=$(APPROXRUN_JIT=$jit "$APPROXRUN" summary x.lua "$@" 2>&1 >/dev/null) || rc=$?
    local ok=false
    [ "$rc" = 0 ] && ok=true
    report "$what (JIT $jit)" $ok "exit $rc: $out"
  done
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
