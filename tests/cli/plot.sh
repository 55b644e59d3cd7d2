#!/usr/bin/env bash
# plot: pictures of a study that a sweep has made, from its directory and from its file, and refusals.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1

expect_exit 0 approxrun sweep "$ROOT/experiments/quickstart.lua" -o study -q
for kind in width epochs; do
  expect_exit 0 approxrun plot study.h5 --kind "$kind" -o "$kind.svg"
  check "$kind: it is XML" xmllint --noout "$kind.svg"
  check "$kind: no number in it is nan or inf" bash -c "! grep -qiE '[\"= ](nan|-?inf)\\b' $kind.svg"
  expect_exit 0 approxrun plot study --kind "$kind" -o -
  check "$kind: directory and file give the same picture" cmp "$KEPT/out" "$kind.svg"
done
check "formats are shown beside widths" grep -qE '>\(1,8,[0-9]+\)<' width.svg
expect_exit 0 approxrun plot study.h5 --kind epochs --metric train_loss -o loss.svg
check "a loss is no percentage" grep -q '>training loss<' loss.svg

expect_exit 2 approxrun plot study.h5 -o x.svg
expect_err "--kind is missing, wanted width, epochs or pareto"
expect_exit 2 approxrun plot study.h5 --kind widht -o x.svg
expect_err "did you mean 'width'?"
expect_exit 2 approxrun plot study.h5 --kind width
expect_err "-o FILE.svg is missing"
expect_exit 2 approxrun plot study.h5 --kind width --metric tset_acc -o x.svg
expect_err "the metric tset_acc"
expect_exit 2 approxrun plot none.h5 --kind width -o x.svg
expect_err "none.h5"
expect_exit 4 approxrun plot study.h5 --kind width -o no/such/x.svg
expect_err "no/such/x.svg"
expect_exit 2 approxrun plot study.h5 --kind width -o keep.lua
expect_err "wanted a name ending in .svg"

# ---- tables of one name in two folders are two multipliers ----
mkdir a b
cp "$ROOT/experiments/models/NEAREST_5.bin" a/T_5.bin
cp "$ROOT/experiments/models/NEAREST_5.bin" b/T_5.bin
expect_exit 0 approxrun sweep "$ROOT/experiments/quickstart.lua" -o tables -q multiplier=lut:a/T_5.bin,lut:b/T_5.bin epochs=1
expect_exit 0 approxrun plot tables --kind width -o tables.svg
check "their seeds are not of one mean" grep -q '>mean and 95 % t-interval over 2 seeds' tables.svg

# ---- what a picture by energy leaves out ----
sed 's/^return ax.study {/ax.mul.costs { ["mbm:7"] = { energy_pj = 1 }, ["mbm:3"] = { energy_pj = 0.5 } }\n&/' "$ROOT/experiments/quickstart.lua" > costs.lua
expect_exit 0 approxrun sweep costs.lua -o costs -q
expect_exit 0 approxrun plot costs --kind pareto -o front.svg
expect_err "8 finished trials of 4 settings left out, for the energy of an inference is not known: exact:7, exact:3, mit:7, mit:3"
check "the others are drawn" grep -q '>2 settings, ' front.svg
expect_exit 0 approxrun plot costs --kind pareto -o front.svg -q
check "quiet: nothing is said" [ ! -s "$KEPT/err" ]
expect_exit 0 approxrun sweep costs.lua -o costs -q multiplier=mbm:7,mbm:3
expect_exit 0 approxrun plot costs --kind pareto -o front.svg
check "nothing left out, nothing said" [ ! -s "$KEPT/err" ]
