-- Multipliers that a script brings: functions of its own, C functions and tables beside it, and what a circuit costs.
local engine = require "engine"
local spec = require "spec"
local strict = require "strict"
local where = require "where"

local mul = {}

local WIDEST = 11                                  -- of a table: 4^11 words

local defined = {}                                 -- name -> { fn =, integer =, made = { width = false or true }, place = of fn, where = as text }
local costs = {}                                   -- { spec =, costs =, place = }, in the order they were given

-- ---- costs ----

local cost_rows = {
  { "area_um2", "number", min = 0 }, { "power_mw", "number", min = 0 }, { "delay_ns", "number", min = 0 },
  { "energy_pj", "number", min = 0 },
  { "source", "check", check = function(v)
    if type(v) == "string" and #v < 256 then return v end
    return nil, "a string of at most 255 bytes"
  end },
}

local function add_costs(text, given)
  costs[#costs + 1] = { spec = text, costs = strict.fields("costs of " .. text, given, cost_rows), place = where.here() }
end

-- ax.mul.costs { ["mbm:7"] = { area_um2 = 410, source = "..." } }: later ones win, field by field.
local function declare_costs(given)
  if type(given) ~= "table" then where.fail("ax.mul.costs: a table { [\"mbm:7\"] = { area_um2 = ... } } was expected") end
  for _, text in ipairs(strict.sorted(given)) do
    if type(text) ~= "string" then
      where.fail(("ax.mul.costs: a key such as \"mbm:7\" was expected, not %s"):format(strict.show(text)))
    end
    add_costs(text, given[text])
  end
end

-- Costs by canonical spec.
local function known_costs()
  local out = {}
  for _, row in ipairs(costs) do
    local canonical, message, status = spec.canonical(row.spec)
    if not canonical then where.fail("ax.mul.costs: " .. message, row.place, status) end
    out[canonical] = out[canonical] or {}
    for field, value in pairs(row.costs) do out[canonical][field] = value end
  end
  return out
end

-- What the script says a multiplier costs, and where it is silent what a C function's own file states (EvoApproxLib's do, in a comment).
local function costs_of(m, given)
  local out, found = given or {}, false
  for i, field in ipairs { "area_um2", "power_mw", "delay_ns" } do
    local stated = engine.mult_cost(m, i - 1)
    if out[field] == nil and stated == stated then out[field], found = stated, true end
  end
  if found and not out.source then out.source = "stated in " .. engine.mult_spec(m):match "^c:([^,]*)" end
  return out
end

-- A function of a spec: pJ of a product, as its costs say (1 mW for 1 ns is 1 pJ); nil: they do not.
function mul.energies()
  local known, made = known_costs(), {}
  return function(text)
    if made[text] == nil then
      local c = costs_of(engine.find_mult(text), known[text])
      made[text] = c.energy_pj or c.power_mw and c.delay_ns and c.power_mw * c.delay_ns or false
    end
    return made[text] or nil
  end
end

-- What the plan says of the multipliers in `used` (spec -> true): spec -> { family, width, sha256, costs }.
function mul.cards(used)
  local known, out = known_costs(), {}
  for text in pairs(used) do
    local m = engine.find_mult(text)
    out[text] = { family = engine.mult_family(m), width = engine.mult_width(m), sha256 = engine.mult_sha256(m),
      costs = costs_of(m, known[text]) }
  end
  return out
end

-- ---- functions of the script ----

local function widths_of(v)
  local list = type(v) == "number" and { v } or v
  local wanted = ("a list of widths from 1 to %d"):format(WIDEST)
  if type(list) ~= "table" or #list == 0 then return nil, wanted end
  for _, m in ipairs(list) do
    if type(m) ~= "number" or m % 1 ~= 0 or m < 1 or m > WIDEST then return nil, wanted end
  end
  return { unpack(list) }
end

local define_rows = {
  { "name", "string", required = true }, { "widths", "check", check = widths_of, required = true },
  { "fn", "function", required = true }, { "integer", "boolean", default = false }, { "costs", "table", default = {} },
}

-- ax.mul.define { name = "mine", widths = { 7, 5 }, fn = function(m, i, j) return carry, fraction end }: gives its specs.
local function define(given)
  local o = strict.fields("ax.mul.define", given, define_rows)
  local before = defined[o.name]
  if before then where.fail(("ax.mul.define: '%s' is defined already, at %s"):format(o.name, before.where)) end
  local done, message = engine.declare_mult(o.name, o.widths)
  if not done then where.fail("ax.mul.define: " .. message) end
  local info, specs = debug.getinfo(o.fn, "S"), {}
  local d = { fn = o.fn, integer = o.integer, made = {}, where = info.short_src .. ":" .. info.linedefined,
    place = where.is_user(o.fn) and { path = info.source:sub(2), line = info.linedefined } or where.here() }
  defined[o.name] = d
  for i, m in ipairs(o.widths) do specs[i], d.made[m] = ("%s:%d"):format(o.name, m), false end
  for _, m in ipairs(strict.sorted(o.costs)) do
    if d.made[m] == nil then
      where.fail(("ax.mul.define: costs of the width %s, which '%s' does not have"):format(strict.show(m), o.name))
    end
    add_costs(("%s:%d"):format(o.name, m), o.costs[m])
  end
  return specs
end

local function refuse(d, name, m, a, b, returned, wanted)
  where.fail(("ax.mul.define: %s: fn(%d, %d, %d) returned %s, but %s was expected"):format(name, m, a, b, returned, wanted), d.place)
end

local function whole(v, from, below) return type(v) == "number" and v >= from and v < below and v % 1 == 0 end

-- Words of fn(m, i, j) -> carry, fraction.
local function fill_fractions(words, d, name, m)
  local n, unit, fn = 2 ^ m, 2 ^ (23 - m), d.fn
  for i = 0, n - 1 do
    for j = 0, n - 1 do
      local carry, fraction = fn(m, i, j)
      if not (carry == 0 or carry == 1) or not whole(fraction, 0, n) then
        refuse(d, name, m, i, j, strict.show(carry) .. " and " .. strict.show(fraction),
          ("a carry of 0 or 1 and a fraction from 0 to %d"):format(n - 1))
      end
      words[i * n + j] = carry * 2 ^ 23 + fraction * unit
    end
  end
end

-- Words of fn(m, a, b) -> about a b, for significands a, b of m + 1 bits; the product is normalised and truncated to m bits.
local function fill_products(words, d, name, m)
  local n, unit, fn = 2 ^ m, 2 ^ (23 - m), d.fn
  for i = 0, n - 1 do
    for j = 0, n - 1 do
      local product = fn(m, n + i, n + j)
      if not whole(product, n * n, 4 * n * n) then
        refuse(d, name, m, n + i, n + j, strict.show(product),
          ("an integer product from %d to %d"):format(n * n, 4 * n * n - 1))
      end
      local carry = product >= 2 * n * n and 1 or 0
      words[i * n + j] = carry * 2 ^ 23 + (math.floor(product / (n * 2 ^ carry)) - n) * unit
    end
  end
end

-- Makes the table of a name of the script's own when a spec of it is first looked up.
function engine.before_mult(text)
  local name, width = tostring(text):match "^([%a][%w_]*):(%d+)"
  local d, m = defined[name], tonumber(width)
  if not d or d.made[m] ~= false then return end
  local words = engine.words(4 ^ m)
  local fill = d.integer and fill_products or fill_fractions
  fill(words, d, name, m)
  engine.mult_define(name, m, words)
  d.made[m] = true
end

-- ---- files beside the script ----

local function beside(file)
  if file:sub(1, 1) == "/" then return file end
  return (where.main:match "^(.*/)[^/]*$" or "") .. file
end

-- A constructor of specs KIND:FILE,key=value,...: the file is sought beside the script, keys follow in the order of the rows.
local function of_file(kind, what, rows)
  return function(given)
    if type(given) == "string" then given = { file = given } end
    local o = strict.fields(what, given, rows)
    local out = { kind .. ":" .. beside(o.file) }
    for i = 2, #rows do
      local key = rows[i][1]
      if o[key] then out[#out + 1] = ("%s=%s"):format(key, strict.show(o[key]):gsub('"', "")) end
    end
    return table.concat(out, ",")
  end
end

mul.api = {
  define = define, costs = declare_costs,
  c = of_file("c", "ax.mul.c", {
    { "file", "string", required = true, at = 1 }, { "symbol", "string" }, { "width", "integer", min = 1, max = 23 },
  }),
  table = of_file("lut", "ax.mul.table", {
    { "file", "string", required = true, at = 1 }, { "width", "integer", min = 1, max = WIDEST },
    { "format", "choice", choices = { "u8", "u32" } },
  }),
}

return mul
