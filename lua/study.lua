-- A study as the user declares it, the list of parameter sets it spans, and what one of them resolves to.
local config = require "config"
local mul = require "mul"
local override = require "override"
local search = require "search"
local sensitivity = require "sensitivity"
local spec = require "spec"
local strict = require "strict"
local where = require "where"

local study = {}

local Study = {}                                   -- marks what ax.study returned
local Choice = override.Choice

local function new(kind, options)
  if type(options) ~= "table" then where.fail(("ax.%s: a table was expected, not %s"):format(kind, strict.show(options))) end
  return setmetatable({ kind = kind, options = options, place = where.here() }, Study)
end

function study.new(options) return new("study", options) end

-- A study with the axis `where` (lua/sensitivity.lua).
function study.sensitivity(options) return new("sensitivity", options) end

-- A study whose trials are planned in rounds (lua/search.lua).
function study.new_search(options) return new("search", options) end

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
  { "approximate", "function" },
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

-- The fields of ax.sensitivity that a study has not, and its axis. Names of layers are not known yet: expand lists the values.
local function check_sensitivity(self, o)
  local own = {}
  for _, row in ipairs(sensitivity.rows) do own[row[1]], o[row[1]] = o[row[1]], nil end
  if not own.layers and not own.passes then
    where.fail("sensitivity: layers and passes are both false, so nothing is left to vary", where.here "layers")
  end
  if self.axes.where or self.defaults.where ~= nil then
    where.fail("sensitivity: 'where' is its own axis; name yours otherwise", where.here "where")
  end
  if own.multiplier and (self.axes.multiplier or self.defaults.multiplier) or
      not (own.multiplier or self.axes.multiplier or self.defaults.multiplier) then
    where.fail("sensitivity: its multiplier, such as \"mbm:3\", is to be given once, as the field or as an axis", self.place)
  end
  if own.multiplier then self.axes.multiplier = check_axis(self, "multiplier", own.multiplier) end
  self.axes.where, self.sensitivity = { "all" }, own
end

-- The fields of ax.search that a study has not. What is searched is one setting: its only axis is the seed.
local function check_search(self, o)
  local own = {}
  for _, row in ipairs(search.rows) do own[row[1]], o[row[1]] = o[row[1]], nil end
  for _, key in ipairs { "assignment", "multiplier", unpack(search.settable) } do
    if self.axes[key] or self.defaults[key] ~= nil then
      where.fail(("search: '%s' is its own; name your parameter otherwise"):format(key), where.here(key))
    end
  end
  if own.seeds and self.axes.seed then
    where.fail("search: seeds = N and an axis 'seed' say the same: leave one out", where.here "seeds")
  end
  if not self.axes.seed then
    self.axes.seed = {}
    for i = 1, own.seeds or 1 do self.axes.seed[i] = i end
  end
  mul.api.costs(search.costs(own))
  self.axes.multiplier, self.axes.assignment, self.search = { own.multipliers[1] }, { "" }, own
end

local own_rows = { sensitivity = sensitivity.rows, search = search.rows }

local RESERVED = { "multiplier", "seed", "backward" }

-- Checks the whole declaration and keeps it in the study itself.
function study.check(self)
  local known = { unpack(rows) }
  for _, row in ipairs(own_rows[self.kind] or {}) do known[#known + 1] = row end
  local o = strict.fields(self.kind, self.options, known)
  if not o.name:find "^[%w_][%w_.-]*$" or #o.name > 100 then
    where.fail((self.kind .. ": name is %q, but letters, digits, '_', '-' and '.' were expected"):format(o.name), where.here "name")
  end
  self.defaults, self.choices = check_params(o.params or {})
  self.axes = {}
  for _, k in ipairs(strict.sorted(o.grid or {})) do
    if type(k) ~= "string" then where.fail("grid: axes have names: { width = { 7, 5 } }", where.here "grid") end
    self.axes[k] = check_axis(self, k, o.grid[k])
  end
  if self.kind == "sensitivity" then check_sensitivity(self, o) end
  if self.kind == "search" then check_search(self, o) end
  for k, v in pairs(o) do self[k] = v end
  for _, k in ipairs(RESERVED) do
    local v = self.defaults[k]
    if v ~= nil then self.axes[k], self.defaults[k] = self.axes[k] or check_axis(self, k, v), nil end
  end
  self.axes.multiplier = self.axes.multiplier or { "fp32" }
  self.axes.seed = self.axes.seed or { 1 }
  self.axes.backward = self.axes.backward or { spec.backward[1] }
end

-- ---- expansion ----

-- Slowest first: the multiplier, the other axes by name, a sensitivity's `where`, the seed.
local function axis_order(self, axes)
  local rank = { multiplier = 1, where = self.sensitivity and 3 or 2, assignment = self.search and 3 or 2, seed = 4 }
  local names = strict.keys(axes)
  table.sort(names, function(a, b)
    local ra, rb = rank[a] or 2, rank[b] or 2
    if ra ~= rb then return ra < rb end
    return a < b
  end)
  return names
end

-- The values of `where` for a set that has all other axes but the seed: those the model allows, of which `wanted` are asked for.
local function where_values(self, set, seed, wanted)
  local params = { where = "all", seed = seed }
  for k, v in pairs(self.defaults) do params[k] = v end
  for k, v in pairs(set) do params[k] = v end
  local values, known = sensitivity.values(self.sensitivity, config.layers(self, params)), {}
  for _, value in ipairs(values) do known[value] = true end
  for _, value in ipairs(wanted or {}) do
    if not known[value] then where.usage(("'where=%s': no such part%s"):format(value, strict.hint(value, values))) end
  end
  return wanted or values
end

-- Makes a parameter set what trials have: with the defaults, and without what is left out so that ids are those of studies that never
-- heard of it.
local function whole(self, set)
  for k, v in pairs(self.defaults) do if set[k] == nil then set[k] = v end end
  if set.backward == spec.backward[1] then set.backward = nil end
end

-- All combinations of the axes' values, in order.
local function cross(self, axes, given)
  local sets = { {} }
  for _, name in ipairs(axis_order(self, axes)) do
    local longer = {}
    for _, set in ipairs(sets) do
      local values = axes[name]
      if name == "where" and self.sensitivity then values = where_values(self, set, axes.seed[1], given.where) end
      for _, value in ipairs(values) do
        local more = { [name] = value }
        for k, v in pairs(set) do more[k] = v end
        longer[#longer + 1] = more
      end
    end
    sets = longer
  end
  for _, set in ipairs(sets) do whole(self, set) end
  return sets
end

local function only_one_setting(self, axes)
  if axes.multiplier ~= self.axes.multiplier then
    where.usage("search: multiplier= has no place here, its multipliers stand in the script; assignment=\"LAYER=MULTIPLIER ...\" runs one")
  end
  for _, name in ipairs(strict.keys(axes)) do
    if name ~= "seed" and name ~= "assignment" and #axes[name] > 1 then
      local message = ("search: %s has %d values, but one was expected; a search is of one setting"):format(name, #axes[name])
      if self.axes[name] == axes[name] then where.fail(message, where.here(name)) end
      where.usage(message)
    end
  end
end

local WORST = { acc = 0, loss = 1e9 }              -- what a diverged trial counts as

-- A function of an assignment: energy of an inference, and the metric's mean over the seeds, nil while a trial is missing.
local function mean_of(self, axes, reference, look)
  return function(text)
    local sum, energy = 0, nil
    axes.assignment = { text }
    local sets = cross(self, axes)
    for _, set in ipairs(sets) do
      local trial = look(set)
      local value = trial.result
      if value ~= nil and (type(value) ~= "number" or value ~= value) then
        if text == reference then
          where.fail(("search: the reference, %s, has no %s: it diverged, or the training reports none"):format(text, self.metric), self.place)
        end
        value = WORST[self.metric:match "%a+$"]
      end
      energy, sum = energy or trial.energy_uj, sum and value and sum + value
    end
    return energy, sum and sum / #sets
  end
end

-- The values of `assignment`: those asked for, or those that the search has come to, then with how far it is. Without results,
-- where `look` is nil, it is the reference alone.
local function assignments(self, own, axes, wanted, look)
  only_one_setting(self, axes)
  axes.assignment = { "" }
  local names, out = config.layers(self, cross(self, axes)[1]), {}
  local reference = search.reference(own, names)
  for i, text in ipairs(wanted or {}) do out[i] = search.canonical(own, text, names) end
  if wanted then return out end
  if not look then return { reference } end
  return search.plan(own, self.metric, names, mean_of(self, axes, reference, look), mul.energies())
end

-- The parameter sets of the study under overrides, "key=value" texts, in order; for a search { round =, more = } behind them.
-- look(set) -> a trial { result = its metric or nil, energy_uj = }.
function study.expand(self, overrides, look)
  local axes, own, given, progress = {}, {}, {}, nil
  for k, v in pairs(self.axes) do axes[k] = v end
  for k, v in pairs(self.search or {}) do own[k] = v end
  for _, text in ipairs(overrides) do
    if not (self.search and search.set(own, text)) then
      local key, values = override.parse(self, text)
      axes[key], given[key] = values, values
    end
  end
  if self.search then axes.assignment, progress = assignments(self, own, axes, given.assignment, look) end
  return cross(self, axes, given), progress
end

study.resolve = config.resolve

return study
