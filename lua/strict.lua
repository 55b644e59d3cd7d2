-- Checking what users write: unknown fields, wrong types and ranges are errors at their line, with the likely spelling.
local engine = require "engine"
local where = require "where"

local strict = {}

-- " (did you mean 'x'?)" or what there is to choose from.
function strict.hint(word, candidates)
  table.sort(candidates)
  local near = engine.nearest(tostring(word), candidates)
  if near then return (" (did you mean '%s'?)"):format(near) end
  return #candidates > 0 and ("; known: " .. table.concat(candidates, ", ")) or ""
end

function strict.keys(t)
  local keys = {}
  for k in pairs(t) do if type(k) == "string" then keys[#keys + 1] = k end end
  table.sort(keys)
  return keys
end

function strict.show(v)
  if type(v) == "string" then return ("%q"):format(v) end
  if type(v) == "number" then return ("%.14g"):format(v) end
  if type(v) == "boolean" then return tostring(v) end
  if v == nil then return "nothing" end
  return "a " .. type(v)
end

local function in_range(v, min, max)
  return v == v and (not min or v >= min) and (not max or v <= max)
end

local function range_text(min, max)
  if min and max then return (" from %.14g to %.14g"):format(min, max) end
  return min and (" of at least %.14g"):format(min) or max and (" of at most %.14g"):format(max) or ""
end

-- Kinds of value: each gives the value to keep, or nil and what was wanted.
local kinds = {}

function kinds.number(v, f)
  if type(v) == "number" and in_range(v, f.min, f.max) and math.abs(v) ~= math.huge then return v end
  return nil, "a number" .. range_text(f.min, f.max)
end

function kinds.integer(v, f)
  if type(v) == "number" and v % 1 == 0 and in_range(v, f.min, f.max) then return v end
  return nil, "an integer" .. range_text(f.min, f.max)
end

-- An integer for both directions, or { height, width }.
function kinds.pair(v, f)
  local t = type(v) == "table" and v or { v, v }
  local wanted = ("an integer%s or two of them, { height, width }"):format(range_text(f.min, f.max))
  if #t ~= 2 then return nil, wanted end
  for i = 1, 2 do if not kinds.integer(t[i], f) then return nil, wanted end end
  return { t[1], t[2] }
end

function kinds.choice(v, f)
  for _, c in ipairs(f.choices) do if v == c then return v end end
  local near = type(v) == "string" and engine.nearest(v, f.choices)
  return nil, "one of " .. table.concat(f.choices, ", ") .. (near and (" (did you mean '%s'?)"):format(near) or "")
end

local function of_type(name)
  kinds[name] = function(v)
    if type(v) == name then return v end
    return nil, "a " .. name
  end
end
of_type "boolean"; of_type "string"; of_type "table"; of_type "function"

function kinds.check(v, f) return f.check(v) end

-- Checks `given` against rows { name, kind, default =, required =, min =, max =, choices =, check =, at = position } and
-- returns a new table of all fields. `what` begins the message.
function strict.fields(what, given, rows)
  if type(given) ~= "table" then
    where.fail(("%s: a table of options was expected, not %s"):format(what, strict.show(given)))
  end
  local known, place, names = {}, {}, {}
  for _, f in ipairs(rows) do
    known[f[1]], names[#names + 1] = f, f[1]
    if f.at then place[f.at] = f end
  end
  local out = {}
  for _, k in ipairs(strict.sorted(given)) do
    local f = known[k] or place[k]
    if not f then
      where.fail(("%s: unknown field '%s'%s"):format(what, tostring(k), strict.hint(k, names)), where.here(tostring(k)))
    end
    local v, wanted = kinds[f[2]](given[k], f)
    if v == nil then
      where.fail(("%s: %s is %s, but %s was expected"):format(what, f[1], strict.show(given[k]), wanted), where.here(f[1]))
    end
    out[f[1]] = v
  end
  for _, f in ipairs(rows) do
    if out[f[1]] == nil then
      if f.required then where.fail(("%s: the field '%s' is missing"):format(what, f[1])) end
      out[f[1]] = f.default
    end
  end
  return out
end

-- Keys in an order that is the same in every run: numbers, then strings, then the rest by type.
function strict.sorted(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b)
    if type(a) ~= type(b) then return type(a) < type(b) end
    if type(a) == "number" or type(a) == "string" then return a < b end
    return false
  end)
  return keys
end

-- A read-only view of values: an unknown key is an error that suggests.
function strict.view(what, values)
  return setmetatable({}, {
    __index = function(_, k)
      local v = values[k]
      if v == nil then where.fail(("%s has no '%s'%s"):format(what, tostring(k), strict.hint(k, strict.keys(values)))) end
      return v
    end,
    __newindex = function(_, k) where.fail(("%s cannot be changed ('%s')"):format(what, tostring(k))) end,
    __metatable = "locked",
  })
end

return strict
