#!/usr/bin/env bash
# What users get wrong: each is one line that names the file, the line, what was found and what was wanted.
source "$(dirname "${BASH_SOURCE[0]}")/script.bash"

study > x.lua
accepts "the study itself"
refuses "an unknown key" 2 "no parameter 'sed' (did you mean 'seed'?)" sed=1
refuses "a seed that is a word" 2 "a seed is an integer from 0 to 2^53, not \"x\"" seed=x
refuses "a negative seed" 2 "a seed is an integer" seed=-1
refuses "an unknown family" 2 "did you mean 'mbm'?" multiplier=mbn:7
refuses "a width out of range" 2 "mbm:24" multiplier=mbm:24
refuses "a table that does not exist" 2 "none_7.bin" multiplier=lut:none_7.bin
refuses "a choice that is none" 2 "did you mean 'small'?" net=smal
refuses "a word for a boolean" 2 "a boolean was expected" flag=maybe
refuses "an empty value" 2 "a number was expected" lr=
refuses "no key" 2 "key=value" 12
refuses "half an epoch" 3 "x.lua:9: train: epochs is 1.5" epochs=1.5
accepts "one value of a grid key" seed=7 multiplier=fp32
accepts "ranges and lists" seed=1..3,9 lr=1e-3,.5 multiplier=mit:7,fp32

with() { study | sed "$1" > x.lua; }
with 's/nn.dense { 4/nn.dense { unit = 4/'; refuses "an unknown field" 3 "x.lua:8: nn.dense: unknown field 'unit' (did you mean 'units'?)"
with 's/nn.dense { 4/nn.dense { "4"/';      refuses "a wrong type" 3 "x.lua:8: nn.dense: units is \"4\", but an integer of at least 1 was expected"
with 's/nn.dense/nn.desne/';                refuses "an unknown layer" 3 "x.lua:8: ax.nn has no 'desne' (did you mean 'dense'?)"
with 's/nn.flatten(), //';                  refuses "a missing flatten" 3 "x.lua:8: nn.dense: a flat input was expected, not 8x8x1"
with 's/nn.dense { 4/nn.dense { 5/';        refuses "a wrong number of classes" 3 "x.lua:8: nn.dense: the model ends with 5, but the data set has 4 classes"
with 's/nn.flatten(),/nn.conv2d { filters = 2, kernel = 9 }, nn.flatten(),/'
refuses "a window larger than the image" 3 "x.lua:8: nn.conv2d: a window of 9x9 does not fit an input of 8x8x1"
with 's/nn.flatten(),/nn.maxpool { 2, padding = 2 }, nn.flatten(),/'
refuses "pooling of padding alone" 3 "x.lua:8: nn.maxpool: padding of 2 is not smaller than the window 2x2"
with 's/nn.flatten(),/nn.conv2d { filters = 2, kernel = { 3, 1 }, padding = 1 }, nn.flatten(),/'
refuses "a convolution of padding alone" 3 "x.lua:8: nn.conv2d: padding of 1 is not smaller than the window 3x1"
with 's/nn.flatten(),/nn.dropout { 1 }, nn.flatten(),/'; refuses "dropping everything" 3 "x.lua:8: nn.dropout: rate is 1"
with 's/dense { 4/dense { 4, multiplier = { backward = "mit:7" }/'; refuses "an unknown pass" 3 "x.lua:8: multiplier: unknown pass 'backward'"
with 's/dense { 4/dense { 4, multiplier = "mbm:0"/'; refuses "a bad multiplier of a layer" 3 "x.lua:8: multiplier: "
with 's/optimizer =/optimiser =/';          refuses "a misspelt recipe" 3 "x.lua:9: train: unknown field 'optimiser' (did you mean 'optimizer'?)"
with 's/p\.lr }/p.rl }/';                   refuses "an unknown parameter" 3 "x.lua:9: params has no 'rl'"
with 's/grid =/grdi =/';                    refuses "a misspelt study field" 3 "x.lua:6: study: unknown field 'grdi' (did you mean 'grid'?)"
with 's/"mbm:7"/"mbm:0"/';                  refuses "a bad multiplier of the grid" 3 "x.lua:6: grid: multiplier: "
with 's/ax.range(1, 2)/{}/';                refuses "an empty axis" 3 "x.lua:6: grid: seed has no values"
with 's/synthetic/syntetic/';               refuses "an unknown data set" 3 "x.lua:7: unknown data set 'syntetic' (did you mean 'synthetic'?)"
with 's/train = 32/trian = 32/';            refuses "an unknown option of a data set" 3 "unknown option 'trian'"
with 's/lr = p.lr/lr = p.lr, nesterov = true/'; refuses "Nesterov without a momentum" 3 "x.lua:9: ax.optim.sgd: nesterov wants a momentum above 0"
with 's/sgd { lr = p.lr/adam { beta1 = 1/';    refuses "a moment that never moves" 3 "x.lua:9: ax.optim.adam: beta1 is 1, but a number of at least 0 and less than 1 was expected"
with 's/test = 16 }/test = 16 }:split { valid = 32 }/'; refuses "nothing left to train on" 3 "x.lua:7: data: split: valid is 32"
with 's/model = .*end,/model = function(p) end,/'; refuses "a model that returns nothing" 3 "x.lua:8: model: the function returned nothing"
with 's/^return //';                        refuses "a study that is not returned" 3 "it must return ax.study"
with 's/^return ax.study/local x = = ax/';  refuses "a syntax error" 3 "x.lua:3: "
before 'foo = 1';                           refuses "a stray global" 3 "x.lua:1: 'foo' is assigned but not declared: write 'local foo'"
before 'local foo = 1; print(fooo)';        refuses "an undefined name" 3 "x.lua:1: undefined name 'fooo' (did you mean 'foo'?)"
before 'local t; t.x = 1';                  refuses "an index of nil" 3 "x.lua:1: attempt to index local 't'"
before 'error("a message of mine")';        refuses "an error of the script" 3 "x.lua:1: a message of mine"
before 'error({ 1 })';                      refuses "an error that is a table" 3 "x.lua:1: an error value of type table"
before 'error(nil)';                        refuses "an error that is nil" 3 "an error value of type nil"
before 'local function f() return 1 + f() end f()'; refuses "endless recursion" 3 "stack overflow"
rm x.lua;                                   refuses "no such file" 2 "x.lua"

# The source line follows, indented.
with 's/nn.dense/nn.desne/'
out=$("$APPROXRUN" summary x.lua 2>&1 >/dev/null || true)
[ "$(sed -n 2p <<< "$out")" = "    model = function(p) return nn.sequential { nn.flatten(), nn.desne { 4 } } end," ] && ok=true || ok=false
report "the source line stands below the message" $ok "$out"
finish
