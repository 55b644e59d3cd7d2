-- A study as the user declares it, the list of parameter sets it spans, and what one of them resolves to.
local config = require "config"
local override = require "override"
local strict = require "strict"
local where = require "where"

local study = {}

local Study = {}                                   -- marks what ax.study returned
local Choice = override.Choice

function study.new(options)
  if type(options) ~= "table" then where.fail("ax.study: a table was expected, not " .. strict.show(options)) end
  return setmetatable({ options = options, place = where.here() }, Study)
end

function study.is(v) return getmetatable(v) == Study end

-- ax.choice { "lenet5", "example" }: a parameter that takes one of these, the first unless said.
function study.choice(list)
  if type(list) ~= "table" or #list == 0 then where.fail("ax.choice: a list of strings was expected") end
  for _, v in ipairs(list) do
    if type(v) ~= "string" then where.fail("ax.choice: a list of strings was expected, it holds " .. strict.show(v)) end
  end
  return setmetatable({ unpack(list) }, Choice)
end

local METRICS = { "test_acc", "test_loss", "valid_acc", "valid_loss", "train_acc", "train_loss" }

local rows = {
  { "name", "string", required = true }, { "params", "table" }, { "grid", "table" },
  { "data", "function", required = true }, { "model", "function", required = true },
  { "train", "function", required = true }, { "metric", "choice", choices = METRICS, default = "test_acc" },
}

-- ---- declaration ----

local function check_params(params)
  local defaults, choices = {}, {}
  for _, k in ipairs(strict.sorted(params)) do
    local v = params[k]
    if type(k) ~= "string" or not k:find "^[%a_][%w_]*$" then
      where.fail(("params: names are words, not %s"):format(strict.show(k)), where.here "params")
    end
    if getmetatable(v) == Choice then
      defaults[k], choices[k] = v[1], v
    elseif type(v) == "number" and v == v and math.abs(v) ~= math.huge or type(v) == "string" or type(v) == "boolean" then
      defaults[k] = v
    else
      where.fail(("params: %s is %s, but a number, a string, true, false or ax.choice was expected")
        :format(k, strict.show(v)), where.here(k))
    end
  end
  return defaults, choices
end

local function flatten(list, out)
  for _, v in ipairs(list) do
    if type(v) == "table" then flatten(v, out) else out[#out + 1] = v end
  end
  return out
end

local function check_axis(self, key, given)
  local values = flatten(type(given) == "table" and given or { given }, {})
  if #values == 0 then where.fail(("grid: %s has no values"):format(key), where.here(key)) end
  for i, v in ipairs(values) do
    local kept, wanted, status = override.check(key, v, override.expected(self, key, values[1]))
    if kept == nil then where.fail(("grid: %s: %s"):format(key, wanted), where.here(key), status) end
    values[i] = kept
  end
  return values
end

-- Checks the whole declaration and keeps it in the study itself.
function study.check(self)
  local o = strict.fields("study", self.options, rows)
  if not o.name:find "^[%w_][%w_.-]*$" or #o.name > 100 then
    where.fail(("study: name is %q, but letters, digits, '_', '-' and '.' were expected"):format(o.name), where.here "name")
  end
  for k, v in pairs(o) do self[k] = v end
  self.defaults, self.choices = check_params(o.params or {})
  self.axes = {}
  for _, k in ipairs(strict.sorted(o.grid or {})) do
    if type(k) ~= "string" then where.fail("grid: axes have names: { width = { 7, 5 } }", where.here "grid") end
    self.axes[k] = check_axis(self, k, o.grid[k])
  end
  for _, k in ipairs { "multiplier", "seed" } do
    local v = self.defaults[k]
    if v ~= nil then self.axes[k], self.defaults[k] = self.axes[k] or check_axis(self, k, v), nil end
  end
  self.axes.multiplier = self.axes.multiplier or { "fp32" }
  self.axes.seed = self.axes.seed or { 1 }
end

-- ---- expansion ----

-- Slowest first: the multiplier, the other axes by name, the seed.
local function axis_order(axes)
  local rank = { multiplier = 1, seed = 3 }
  local names = strict.keys(axes)
  table.sort(names, function(a, b)
    local ra, rb = rank[a] or 2, rank[b] or 2
    if ra ~= rb then return ra < rb end
    return a < b
  end)
  return names
end

-- The parameter sets of the study under overrides, "key=value" texts, in order.
function study.expand(self, overrides)
  local axes = {}
  for k, v in pairs(self.axes) do axes[k] = v end
  for _, text in ipairs(overrides) do
    local key, values = override.parse(self, text)
    axes[key] = values
  end
  local sets = { {} }
  for _, name in ipairs(axis_order(axes)) do
    local longer = {}
    for _, set in ipairs(sets) do
      for _, value in ipairs(axes[name]) do
        local more = { [name] = value }
        for k, v in pairs(set) do more[k] = v end
        longer[#longer + 1] = more
      end
    end
    sets = longer
  end
  for _, set in ipairs(sets) do
    for k, v in pairs(self.defaults) do if set[k] == nil then set[k] = v end end
  end
  return sets
end

study.resolve = config.resolve

return study
