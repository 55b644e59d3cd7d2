-- The world of an experiment file: an allow-list in fresh tables. It keeps results reproducible and accidents small; it is no
-- wall against an attacker. What is absent, and why: io os ffi debug package (files, programs, memory), load loadstring
-- loadfile dofile string.dump (code from elsewhere, bytecode), collectgarbage newproxy getfenv setfenv coroutine (the host's
-- own state), math.random (numbers come from the trial's seed).
local engine = require "engine"
local strict = require "strict"
local where = require "where"

local sandbox = {}

local allowed = {
  base = "assert error getmetatable ipairs pcall rawequal rawget rawset select setmetatable tonumber tostring type unpack xpcall",
  string = "byte char find format gmatch gsub len lower match rep reverse sub upper",
  table = "concat insert maxn remove sort",
  math = [[abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min modf pi pow rad sin
    sinh sqrt tan tanh]],
}

local function copy(from, names)
  local out = {}
  for name in names:gmatch "%S+" do out[name] = from[name] end
  return out
end

-- pairs and next in an order that is the same in every run (LuaJIT's differs).
local function successor(t, key)
  local keys = strict.sorted(t)
  if key == nil then return keys[1], t[keys[1]] end
  for i, k in ipairs(keys) do
    if k == key then return keys[i + 1], keys[i + 1] ~= nil and t[keys[i + 1]] or nil end
  end
end

local function ordered_pairs(t)
  local keys, i = strict.sorted(t), 0
  return function()
    repeat i = i + 1 until keys[i] == nil or t[keys[i]] ~= nil
    return keys[i], t[keys[i]]
  end
end

-- stdout belongs to the program's data.
local function print_to_log(...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = tostring((select(i, ...))) end
  io.stderr:write(table.concat(out, "\t"), "\n")
end

-- Names that an unknown one may be a misspelling of: the globals, and the locals of the frame that used it.
local function names_in_reach(known, level)
  local names, i = strict.keys(known), 1
  while level do
    local name = debug.getlocal(level, i)
    if not name then break end
    if name:find("^[%a_]") then names[#names + 1] = name end
    i = i + 1
  end
  return names
end

-- The globals are an empty table in front of the known names: so every assignment is caught.
local function guard(known)
  return {
    __index = function(_, name)
      if known[name] ~= nil then return known[name] end
      local _, _, level = where.frame()
      local near = engine.nearest(tostring(name), names_in_reach(known, level))
      where.fail(("undefined name '%s'%s"):format(tostring(name), near and (" (did you mean '%s'?)"):format(near) or ""))
    end,
    __newindex = function(_, name)
      if known[name] ~= nil then where.fail(("'%s' belongs to the language: write 'local %s'"):format(name, name)) end
      where.fail(("'%s' is assigned but not declared: write 'local %s'"):format(tostring(name), tostring(name)))
    end,
    __metatable = "locked",
  }
end

-- A fresh environment with a `require` of its own.
function sandbox.new(require_below)
  local known = copy(_G, allowed.base)
  known.string, known.table, known.math = copy(string, allowed.string), copy(table, allowed.table), copy(math, allowed.math)
  known.pairs, known.next, known.print, known.require = ordered_pairs, successor, print_to_log, require_below
  known._G = setmetatable({}, guard(known))
  return known._G
end

-- Compiles a user's text. Bytecode is refused: LuaJIT does not verify it.
function sandbox.load(text, chunk, env)
  if text:byte(1) == 0x1B then return nil, "this is Lua bytecode; experiments are Lua text" end
  if text:find("\0", 1, true) then return nil, "this is a binary file; experiments are Lua text" end
  local fn, message = load(text, chunk, "t", env)
  return fn, message
end

-- Methods of strings reach the library through their metatable: lock it, and take `dump` out.
string.dump = nil
getmetatable("").__metatable = "locked"

return sandbox
