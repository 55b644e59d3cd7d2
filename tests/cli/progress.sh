#!/usr/bin/env bash
# The live bars of sweep and status in a real terminal (tmux) of several sizes, and what is written where there is none.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
command -v tmux >/dev/null || skip "no tmux here"
unset OMP_NUM_THREADS NO_COLOR TMUX
SERVER=0
mux() { tmux -L "approxrun-$$-$SERVER" -f /dev/null "$@"; }
trap 'status=$?; mux kill-server 2>/dev/null; (exit $status); finish' EXIT

expect_exit 0 approxrun lut build mbm:4 -o 乘法器.bin
expect_exit 0 approxrun lut build mbm:4 -o a-rather-long-name-of-a-multiplier-table.bin
cat > bars.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "bars",
  params = { epochs = 1000000, batch = 32 },
  grid = { multiplier = { "fp32", "lut:乘法器.bin,width=4", "lut:a-rather-long-name-of-a-multiplier-table.bin,width=4", "mbm:7" }, seed = { 1, 2 } },
  data = function(p) return ax.data.synthetic { train = 512, test = 64 }:scale(1 / 255):split { valid = 64 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = 1e-3 }, epochs = p.epochs, batch = p.batch } end,
}
LUA

see() { LC_ALL=C.UTF-8 mux capture-pane -p "$@" -t bars; }
bars() { see | grep -c '^\[[1-8]/8\].* seed [12] .*epoch [0-9]*/1000000'; }
totals() { see | grep -c '^total .*ETA'; }
shows() { [ "$(bars)" -eq "$1" ] && [ "$(totals)" -eq 1 ]; }
columns_of_bars() { see | grep -E '^(\[|total).*[━─]' | sed 's/[━─].*//' | while IFS= read -r left; do printf '%s' "$left" | LC_ALL=C.UTF-8 wc -L; done | sort -u | wc -l; }
aligned() { [ "$(columns_of_bars)" -eq 1 ]; }
colored() { see -e | grep -qE $'\033\[(32|2|0;2)m[━─]'; }
# A terminal of that many columns and rows, with `env` words before the command.
open() {  # columns, rows, words...
  local columns=$1 rows=$2; shift 2
  mux kill-server 2>/dev/null
  SERVER=$((SERVER + 1))      # the old one may be on its way out still
  mux new-session -d -x "$columns" -y "$rows" -s bars "env LANG=C.UTF-8 LC_ALL= $*; echo ended with \$?; sleep 600"
}
ends_with() { within 60 eval "see -S - | grep -qx 'ended with $1'"; }

# ---- bars of a sweep ----
open 200 12 "'$APPROXRUN' sweep bars.lua -j 8 --threads 1"
check "at 200 columns each trial has a line, and the whole one" within 60 shows 8
check "names of wide characters do not move the bars" aligned
check "a line shows loss, rate and time left" within 50 eval 'see | grep -qE "^\[1/8\] fp32 seed 1 .*loss [0-9.]+  valid [0-9.]+ %  [0-9]+ images/s  ETA "'
check "a name that is too long keeps its two ends" eval 'see | grep -qE "^\[5/8\] lut:a-rather.*(seed 1 )"'
check "there is color" colored
mux resize-window -t bars -x 60 -y 12
check "at 60 columns the same lines are shorter" within 30 shows 8
check "and aligned" aligned
check "a long name leaves out its middle" eval 'see | grep -qE "^\[5/8\] .*….* seed 1 "'
mux resize-window -t bars -x 60 -y 5
check "with 5 rows, three trials, how many more, and the whole" within 30 eval 'shows 3 && see | grep -qx "and 5 more *"'
mux resize-window -t bars -x 120 -y 20
check "and all of them again" within 30 shows 8

# ---- the same from elsewhere ----
mux new-window -d -t bars:7 "env LANG=C.UTF-8 '$APPROXRUN' status results/bars -f; sleep 600"
followed() { LC_ALL=C.UTF-8 mux capture-pane -p -t bars:7; }
check "status -f draws the same bars" within 50 eval '[ "$(followed | grep -c "^\[[1-8]/8\].* seed [12] .*epoch")" -eq 8 ] && followed | grep -q "^total  .* 0/8 done"'

mux send-keys -t bars:0 C-c
check "Ctrl-C stops the sweep" ends_with 130
check "and takes the bars away" [ "$(totals)" -eq 0 ]

# ---- terminals that want less ----
open 100 12 "NO_COLOR=1 '$APPROXRUN' sweep bars.lua -j 2 --threads 1"
check "NO_COLOR: bars" within 60 shows 2
check "without color" eval '! see -e | grep -q $'"'\033\['"
mux send-keys -t bars C-c
ends_with 130
open 100 12 "LANG=C '$APPROXRUN' sweep bars.lua -j 2 --threads 1"
check "without UTF-8, bars of ASCII" within 60 eval 'see | grep -qE "^total  .*[#-]{6}"'
mux send-keys -t bars C-c
ends_with 130
open 100 12 "TERM=dumb '$APPROXRUN' sweep bars.lua -o dumb epochs=2 -j 2 --threads 1 2>&1 | tee dumb.txt; TERM=dumb '$APPROXRUN' sweep bars.lua -o dumb epochs=3 -j 2 --threads 1"
check "TERM=dumb ends" ends_with 0
check "TERM=dumb: a line an epoch" [ "$(see -S - | grep -c 'epoch [123]/3  loss')" -eq 24 ]
check "and no bars" eval '! see -S - | grep -q "^total"'
check "a pipe gets no control characters" eval '[ -s dumb.txt ] && ! LC_ALL=C grep -q $'"'[\033\r]'"' dumb.txt'
expect_exit 0 approxrun sweep bars.lua -o log epochs=2 -j 2
check "nor does a file" eval '! LC_ALL=C grep -q $'"'[\033\r]'"' "$KEPT/err"'
check "but the names whole" grep -q 'lut:乘法器.bin,width=4 seed 1  epoch 2/2' "$KEPT/err"
