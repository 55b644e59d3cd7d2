#!/usr/bin/env bash
# Scripts that try to leave the sandbox are refused or stay harmless.
source "$(dirname "${BASH_SOURCE[0]}")/script.bash"

for name in io os ffi debug package jit coroutine load loadstring loadfile dofile collectgarbage getfenv setfenv newproxy module; do
  before "local x = $name"
  refuses "$name is absent" 3 "x.lua:1: undefined name '$name'"
done
before 'math.random()';                       refuses "math.random is absent" 3 "x.lua:1: attempt to call field 'random'"
before 'string.dump(print)';                  refuses "string.dump is absent" 3 "x.lua:1: attempt to call field 'dump'"
before 'local s = ("").dump(print)';          refuses "dump is not a method either" 3 "x.lua:1: attempt to call"
before 'getmetatable("").__index = {}';       refuses "the metatable of strings is locked" 3 "x.lua:1: attempt to index"
before 'setmetatable(_G, {})';                refuses "the globals keep their guard" 3 "x.lua:1: cannot change a protected metatable"
before '_G.x = 1';                            refuses "_G takes no new names" 3 "x.lua:1: 'x' is assigned but not declared"
before 'local x = _G.io';                     refuses "_G has no more than the globals" 3 "x.lua:1: undefined name 'io'"
before 'require "ffi"';                       refuses "require ffi" 3 "x.lua:1: require 'ffi': no file"
before 'require "../y"';                      refuses "require above the directory" 3 "x.lua:1: require \"../y\""
before 'require "/etc/passwd"';               refuses "require an absolute path" 3 "x.lua:1: require \"/etc/passwd\""
before 'require "engine"';                    refuses "require a module of the program" 3 "x.lua:1: require 'engine': no file"
before 'require(nil)';                        refuses "require nothing" 3 "x.lua:1: require nothing"
before 'local ax = require "approxrun"; ax.nn = 1'; refuses "the program's module is read-only" 3 "x.lua:1: approxrun cannot be changed"
printf 'x\0y' > x.lua;                      refuses "a binary file" 3 "x.lua:1: this is a binary file"
printf '\x1bLJ\x02\x02' > x.lua;              refuses "bytecode" 3 "x.lua:1: this is Lua bytecode"
before 'tostring = nil';                       refuses "globals are not replaced" 3 "x.lua:1: 'tostring' belongs to the language"
before 'string.format = nil; table.concat = nil; string.rep = nil'; accepts "a broken library copy hurts nobody else"
before 'pcall(error, { toString = 1 })';      accepts "caught errors"
before 'local ok = pcall(function() return undefined_name end) assert(not ok)'; accepts "a guarded look at an unknown name"

# Errors that are objects, and a hostile __tostring, stay one message.
before 'error(setmetatable({}, { __tostring = function() error "again" end }))'
refuses "an error value that cannot be shown" 3 "x.lua:1: an error value of type table"

# Files below the experiment's directory are modules, loaded once; print goes to stderr.
mkdir -p lib
echo 'print "loaded"; return { units = 4 }' > lib/net.lua
study | sed 's/^local nn = ax.nn/local nn = ax.nn; local net = require "lib.net"; assert(net == require "lib\/net")/; s/dense { 4/dense { net.units/' > x.lua
accepts "a module below the directory"
out=$("$APPROXRUN" summary x.lua 2>/dev/null)
[[ $out != *loaded* ]] && ok=true || ok=false
report "print keeps out of stdout" $ok "$out"
echo 'local x = = 1' > lib/net.lua;           refuses "an error in a module" 3 "lib/net.lua:1: "
echo 'require "lib.net"' > lib/net.lua;       refuses "a module that requires itself" 3 "lib/net.lua:1: require 'lib.net': the file requires itself"

# pairs has one order.
before 'local t, s = { b = 1, a = 2, [2] = 3, [1] = 4, c = 5 }, "" for k in pairs(t) do s = s .. k end assert(s == "12abc", s)
local k, n = nil, "" repeat k = next(t, k) n = n .. tostring(k) until k == nil assert(n == "12abcnil", n)'
accepts "pairs and next run in sorted order"
finish
