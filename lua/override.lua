-- Values of parameters and axes: what a key takes, and `key=value`, `key=a,b`, `key=1..5` of the command line.
local spec = require "spec"
local strict = require "strict"
local where = require "where"

local override = { Choice = {} }

local LARGEST_SEED = 2 ^ 53                        -- exact in a double

-- What a key takes: "spec", "seed", "assignment", a list of choices, or a type's name.
function override.expected(study, key, example)
  if key == "multiplier" then return "spec" end
  if key == "seed" then return "seed" end
  if key == "backward" then return spec.backward end
  if key == "assignment" and study.search then return "assignment" end
  if study.choices[key] then return study.choices[key] end
  local default = study.defaults[key]
  if default == nil then default = example end
  return type(default)
end

-- The value to keep, or nil, a message and a status of the engine.
function override.check(key, value, expected)
  if expected == "spec" then return spec.canonical(value) end
  if expected == "assignment" then return value end          -- names of layers are not known yet
  if expected == "seed" then
    if type(value) == "number" and value % 1 == 0 and value >= 0 and value <= LARGEST_SEED then return value end
    return nil, ("a seed is an integer from 0 to 2^53, not %s"):format(strict.show(value))
  end
  if type(expected) == "table" then
    for _, c in ipairs(expected) do if c == value then return value end end
    return nil, ("%s is not one of its values%s"):format(strict.show(value), strict.hint(value, { unpack(expected) }))
  end
  if type(value) == expected and value == value then return value end
  return nil, ("a %s was expected, not %s"):format(expected, strict.show(value))
end

-- ---- texts ----

local function split(text)
  local items = {}
  for item in (text .. ","):gmatch "([^,]*)," do items[#items + 1] = item end
  return items
end

-- drum:7,k=4,mit:7 is two specs: an item key=value continues the spec before it.
local function split_specs(text)
  local specs = {}
  for _, item in ipairs(split(text)) do
    if #specs > 0 and item:find "^[%a_][%w_]*=" then specs[#specs] = specs[#specs] .. "," .. item
    else specs[#specs + 1] = item end
  end
  return specs
end

-- a=mbm:7 b=fp32,a=fp32 b=fp32 is two assignments: each begins with the layer that the first begins with.
local function split_assignments(text)
  local list, first = {}, text:match "^%s*([^=%s]+)="
  for _, item in ipairs(split(text)) do
    if #list > 0 and item:match "^%s*([^=%s]+)=" ~= first then list[#list] = list[#list] .. "," .. item
    else list[#list + 1] = item end
  end
  return list
end

local LONGEST_RANGE = 1e6

-- 1..5 and 7..3, whole numbers.
local function range(item)
  local from, to = item:match "^(-?%d+)%.%.(-?%d+)$"
  from, to = tonumber(from), tonumber(to)
  if not from or math.abs(to - from) > LONGEST_RANGE then return nil end
  local out = {}
  for v = from, to, from <= to and 1 or -1 do out[#out + 1] = v end
  return out
end

local function numeric(item)
  local plain = item:find "^[-+]?[%d.]+[eE]?[-+]?%d*$" and tonumber(item)
  return plain or item                             -- left as text, the check refuses it
end

local booleans = { ["true"] = true, ["false"] = false }

local function values(text, expected)
  if expected == "spec" then return split_specs(text) end
  if expected == "assignment" then return split_assignments(text) end
  local out = {}
  for _, item in ipairs(split(text)) do
    if expected == "number" or expected == "seed" then
      for _, v in ipairs(range(item) or { numeric(item) }) do out[#out + 1] = v end
    elseif expected == "boolean" and booleans[item] ~= nil then out[#out + 1] = booleans[item]
    else out[#out + 1] = item end
  end
  return out
end

-- "key=value" -> key, list of values.
function override.parse(study, text)
  local key, value = text:match "^([%w_]+)=(.*)$"
  if not key then where.usage(("'%s': overrides look like key=value"):format(text)) end
  if study.defaults[key] == nil and not study.axes[key] then
    local known = strict.keys(study.defaults)
    for k in pairs(study.axes) do known[#known + 1] = k end
    where.usage(("'%s': the experiment has no parameter '%s'%s"):format(text, key, strict.hint(key, known)))
  end
  local example = study.axes[key] and study.axes[key][1]
  local expected = override.expected(study, key, example)
  local list = values(value, expected)
  for i, v in ipairs(list) do
    local kept, wanted, status = override.check(key, v, expected)
    if kept == nil and status then where.status(status, ("'%s': %s"):format(text, wanted)) end
    if kept == nil then where.usage(("'%s': %s"):format(text, wanted)) end
    list[i] = kept
  end
  return key, list
end

return override
