-- Which multiplier each layer should have: the axis `assignment` of ax.search, whose values are found in rounds from the results of
-- the rounds before. Invariant: what a round asks for follows from the script and the results alone, so a search that was stopped
-- goes on as if it had not been.
local nsga2 = require "nsga2"
local spec = require "spec"
local strict = require "strict"
local where = require "where"

local search = {}

local EQUAL = 1e-12                                -- accuracies are sums of rounded quotients: below this they do not differ

-- ---- what the user declares ----

local function multipliers(v)
  if type(v) ~= "table" or #v < 2 then return nil, "a list of two multipliers or more, the most exact first" end
  local out, there = {}, {}
  for i, text in ipairs(v) do
    local canonical, message, status = spec.canonical(text)
    if not canonical then where.fail("search: multipliers: " .. message, where.here "multipliers", status) end
    if there[canonical] then where.fail("search: multipliers: " .. canonical .. " is there twice", where.here "multipliers") end
    out[i], there[canonical] = canonical, true
  end
  return out
end

-- Fields that ax.search takes beside those of a study.
search.rows = {
  { "multipliers", "check", check = multipliers, required = true }, { "budget", "number", min = 0, default = 0.01 },
  { "method", "choice", choices = { "greedy", "nsga2" }, default = "greedy" },
  { "population", "integer", min = 4, max = 1000, default = 12 }, { "generations", "integer", min = 1, max = 1e4, default = 5 },
  { "seed", "integer", min = 0, max = 2 ^ 53, default = 1 }, { "seeds", "integer", min = 1, max = 1e4 },
  { "passes", "choice", choices = { "all", "forward" }, default = "all" },
  { "energy", "check", check = function(v)
    if type(v) == "table" or type(v) == "function" then return v end
    return nil, "a table { [\"mbm:7\"] = pJ of a product, ... } or a function of a multiplier"
  end },
}

-- What `energy` gives, as costs by multiplier.
function search.costs(own)
  local out, given = {}, own.energy
  if type(given) == "function" then
    given = {}
    for _, text in ipairs(own.multipliers) do given[text] = where.call(own.energy, text) end
  end
  for _, text in ipairs(strict.sorted(given or {})) do
    local v = given[text]
    if type(text) ~= "string" or type(v) ~= "number" or not (v >= 0 and v < math.huge) then
      where.fail(("search: energy of %s is %s, but a number of pJ from 0 on was expected"):format(strict.show(text), strict.show(v)),
        where.here "energy")
    end
    out[text] = { energy_pj = v }
  end
  return out
end

-- Fields that the command line may set: they decide which trials there are, and are part of none.
search.settable = { "budget", "generations", "method", "population" }

local function setting(row, text)
  if row.choices then
    for _, c in ipairs(row.choices) do if c == text then return c end end
    return nil, "one of " .. table.concat(row.choices, ", ")
  end
  local v = text:find "^[%d.]+[eE]?-?%d*$" and tonumber(text)
  if v and v >= row.min and v <= (row.max or v) and (row[2] == "number" or v % 1 == 0) then return v end
  return nil, ("%s of at least %g"):format(row[2] == "number" and "a number" or "an integer", row.min)
end

-- Takes "budget=0.02" into own; false if the text is about something else.
function search.set(own, text)
  local key, value = text:match "^([%w_]+)=(.*)$"
  for _, row in ipairs(search.rows) do
    for _, name in ipairs(search.settable) do
      if name == key and name == row[1] then
        local kept, wanted = setting(row, value)
        if kept == nil then where.usage(("'%s': %s was expected"):format(text, wanted)) end
        own[key] = kept
        return true
      end
    end
  end
  return false
end

-- ---- assignments as texts: "conv2d1=mbm:3 dense1=fp32" ----

local function encode(names, specs)
  local parts = {}
  for i, name in ipairs(names) do parts[i] = name .. "=" .. specs[i] end
  return table.concat(parts, " ")
end

-- layer -> spec of a text of the command line, in which layers left out have the first multiplier. nil and a message.
local function decode(text, names, first)
  local known, out = {}, {}
  for _, name in ipairs(names) do known[name], out[name] = true, first end
  for part in text:gmatch "%S+" do
    local name, given = part:match "^([^=]+)=(.+)$"
    if not name then return nil, ("'%s': LAYER=MULTIPLIER was expected"):format(part) end
    if not known[name] then return nil, ("no layer '%s'%s"):format(name, strict.hint(name, { unpack(names) })) end
    local canonical, message, status = spec.canonical(given)
    if not canonical then return nil, message, status end
    out[name] = canonical
  end
  return out
end

-- The one text of what an assignment of the command line says.
function search.canonical(own, text, names)
  local by, message, status = decode(text, names, own.multipliers[1])
  if not by then
    message = ("'assignment=%s': %s"):format(text, message)
    if status then where.status(status, message) end
    where.usage(message)
  end
  local specs = {}
  for i, name in ipairs(names) do specs[i] = by[name] end
  return encode(names, specs)
end

-- The rules (lua/approximate.lua) of an assignment.
function search.rules(own, text, names)
  local by, rules = decode(text, names, own.multipliers[1]), {}
  for i, name in ipairs(names) do
    rules[i] = { layers = name, multiplier = by[name], passes = own.passes == "forward" and "forward" or nil }
  end
  if own.passes == "forward" then rules[#rules + 1] = { passes = { "grad_input", "grad_weight" }, multiplier = "fp32" } end
  return rules
end

-- ---- asking for trials ----

local Search = {}
Search.__index = Search

function Search:text(genes)
  local specs = {}
  for i, g in ipairs(genes) do specs[i] = self.own.multipliers[g] end
  return encode(self.names, specs)
end

-- Results of a list of members: energy and the metric turned so that more is better. Members without a result are waited for.
function Search:ask(members)
  local out = {}
  for i, genes in ipairs(members) do
    local text = self:text(genes)
    if not self.asked[text] then self.asked[text], self.texts[#self.texts + 1] = true, text end
    local energy, metric = self.look(text)
    if metric == nil then self.waiting = true end
    out[i] = { genes = genes, energy = energy, gain = metric and self.sign * metric }
  end
  return out
end

function Search:uniform(g)
  local genes = {}
  for i = 1, #self.names do genes[i] = g end
  return genes
end

-- ---- greedy ----

-- For each multiplier the next cheaper one, the dearest of those that need less energy.
local function ladder_of(energies)
  local out = {}
  for g, energy in ipairs(energies) do
    for k, other in ipairs(energies) do
      if other < energy and (not out[g] or other > energies[out[g]]) then out[g] = k end
    end
  end
  return out
end

-- Is a step that saves and loses so much better than another? Energy a unit of the metric; a step without loss comes first.
local function better(a, b)
  if not b then return true end
  local free_a, free_b = a.lost <= EQUAL, b.lost <= EQUAL
  if free_a ~= free_b then return free_a end
  if free_a then return a.saved > b.saved end
  return a.saved / a.lost > b.saved / b.lost
end

-- From `now`, the best step down of one layer that keeps the metric within the budget of the reference, or nil.
local function best_step(candidates, now, least)
  local best
  for _, c in ipairs(candidates) do
    c.saved, c.lost = now.energy - c.energy, now.gain - c.gain
    if c.gain >= least - EQUAL and better(c, best) then best = c end
  end
  return best
end

local function greedy(s)
  local ladder, genes = ladder_of(s.energies), s:uniform(1)
  for g, energy in ipairs(s.energies) do
    if energy > s.energies[1] then
      where.fail(("search: %s needs more energy than the first multiplier, %s; a greedy search begins with the dearest")
        :format(s.own.multipliers[g], s.own.multipliers[1]), where.here "multipliers")
    end
  end
  local reference
  while true do
    local members = { genes }
    for i, g in ipairs(genes) do
      if ladder[g] then
        members[#members + 1] = { unpack(genes) }
        members[#members][i] = ladder[g]
      end
    end
    if #members == 1 then return end               -- all layers have the cheapest
    s.round = s.round + 1
    local found = s:ask(members)
    if s.waiting then return end
    local now = table.remove(found, 1)
    reference = reference or now
    local best = best_step(found, now, reference.gain - s.own.budget)
    if not best then return end
    genes = best.genes
  end
end

-- ---- nsga2 ----

-- The first population: each multiplier in all layers, as far as there is room, then members at random.
local function first_members(s, random)
  local n, members = #s.own.multipliers, {}
  for g = 1, math.min(n, s.own.population) do members[g] = s:uniform(g) end
  return nsga2.fill(members, s.own.population, function()
    local genes = {}
    for i = 1, #s.names do genes[i] = nsga2.whole(random, n) end
    return genes
  end)
end

local function evolve(s)
  local random = nsga2.generator(s.own.seed)
  local members, size = first_members(s, random), nil
  for generation = 0, s.own.generations do
    s.round = generation + 1
    local found, objectives = s:ask(members), {}
    if s.waiting then return end
    for i, f in ipairs(found) do objectives[i] = { -f.gain, f.energy } end
    local kept, kept_objectives = {}, {}
    for i, p in ipairs(nsga2.ranking(objectives)) do
      if i > s.own.population then break end
      kept[i], kept_objectives[i] = members[p], objectives[p]
    end
    if generation < s.own.generations then
      members, size = nsga2.grow(kept, kept_objectives, s.own.population, #s.own.multipliers, random), #kept
      if #members == size then return end          -- every assignment near them has been tried
    end
  end
end

local methods = { greedy = greedy, nsga2 = evolve }

-- The assignments to be tried, in the order in which they are first asked for, as far as the results decide it: texts, and
-- { round =, more = }; `more`: results of the last round are missing. `names`: of the layers;
-- look(text) -> energy of an inference, and the metric's mean or nil; product(spec) -> pJ or nil.
function search.plan(own, metric, names, look, product)
  local s = setmetatable({
    own = own, names = names, look = look, asked = {}, texts = {}, round = 0, waiting = false, energies = {},
    sign = metric:find "_loss$" and -1 or 1,
  }, Search)
  for g, text in ipairs(own.multipliers) do
    s.energies[g] = product(text)
    if not s.energies[g] then
      where.fail(("search: the energy of a product under %s is not known; say energy = { [\"%s\"] = pJ }, or give energy_pj, or "
        .. "power_mw and delay_ns, with ax.mul.costs"):format(text, text), where.here "multipliers")
    end
  end
  methods[own.method](s)
  return s.texts, { round = s.round, more = s.waiting }
end

-- The first assignment, which all others are measured by.
function search.reference(own, names)
  local specs = {}
  for i = 1, #names do specs[i] = own.multipliers[1] end
  return encode(names, specs)
end

return search
