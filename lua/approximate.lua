-- Where a trial's products are approximate: its rules, resolved to the multiplier of every layer, pass and epoch.
-- Invariant: the phases cover the epochs from 1 to the last in order, and two neighbours differ.
local json = require "json"
local layer = require "nn.layer"
local search = require "search"
local sensitivity = require "sensitivity"
local spec = require "spec"
local strict = require "strict"
local where = require "where"

local approximate = {}

-- ---- what a rule says ----

-- "x" or { "x", "y" } as a list of texts, or nil.
local function texts(v)
  if type(v) == "string" then v = { v } end
  if type(v) ~= "table" or #v == 0 then return nil end
  for _, item in ipairs(v) do if type(item) ~= "string" then return nil end end
  return v
end

-- * stands for any characters, ? for one.
local function lua_pattern(text)
  local escaped = text:gsub("[^%w*?]", "%%%0"):gsub("[*?]", { ["*"] = ".*", ["?"] = "." })
  return "^" .. escaped .. "$"
end

-- Rows of a rule's fields; `what` begins the messages, `names` are the layers there are, `epochs` the epochs of the training.
local function fields_of(what, names, epochs)
  local function fail(field, message, ...) where.fail(what .. ": " .. message:format(...), where.here(field)) end

  local function layers(v)
    local out, list = {}, texts(v)
    if not list then return nil, "a layer's name such as \"dense1\", a pattern such as \"conv*\", or a list of them" end
    for _, text in ipairs(list) do
      local pattern, any = lua_pattern(text), false
      for _, name in ipairs(names) do
        if name:find(pattern) then out[name], any = true, true end
      end
      if not any then
        fail("layers", "no layer with products is called %s; there are %s", strict.show(text), table.concat(names, ", "))
      end
    end
    return out
  end

  local function passes(v)
    local out, list = {}, texts(v)
    if not list then return nil, "a pass such as \"forward\" or a list of them" end
    for _, text in ipairs(list) do
      if not spec.is_pass(text) then fail("passes", "unknown pass '%s'%s", text, strict.hint(text, { unpack(spec.passes) })) end
      out[text] = true
    end
    return out
  end

  local function range(v)
    local whole = type(v) == "table" and (#v == 1 or #v == 2)
    for i = 1, whole and #v or 0 do whole = whole and type(v[i]) == "number" and v[i] % 1 == 0 and v[i] >= 1 end
    if not whole or v[2] and v[2] < v[1] then return nil, "{ from, to }, two epochs from 1 on, or { from } for all that follow" end
    local last = v[#v]
    if last > epochs then fail("epochs", "epoch %d is beyond the training, which has %d", last, epochs) end
    return { v[1], v[2] or epochs }
  end

  local function multiplier(v)
    local canonical, message, status = spec.canonical(v)
    if not canonical then where.fail(what .. ": multiplier: " .. message, where.here "multiplier", status) end
    return canonical
  end

  return {
    { "layers", "check", check = layers }, { "passes", "check", check = passes },
    { "epochs", "check", check = range, default = { 1, epochs } }, { "multiplier", "check", check = multiplier },
  }
end

-- The rules of a list that a function of the user's, or this program, gave.
local function read(list, names, epochs)
  local out = {}
  for _, k in ipairs(strict.sorted(list)) do
    if type(k) ~= "number" or k < 1 or k > #list then
      where.fail(("approximate: unknown field '%s' outside a rule; a list of rules was expected: { { layers = \"conv*\" } }")
        :format(tostring(k)), where.here(tostring(k)))
    end
    local what = ("approximate: rule %d"):format(k)
    out[k] = strict.fields(what, list[k], fields_of(what, names, epochs))
  end
  return out
end

-- ---- the multipliers of an epoch ----

local function holds(set, key) return set == nil or set[key] == true end

-- { forward =, grad_input =, grad_weight = } of a layer in one epoch: its own multipliers, then the rules in their order, then
-- what the trial says of gradients.
local function specs_at(row, epoch, rules, net, backward)
  local specs = spec.of(row.layer, net)
  for _, rule in ipairs(rules) do
    local now = rule.epochs[1] <= epoch and epoch <= rule.epochs[2]
    for _, pass in ipairs(spec.passes) do
      if now and holds(rule.layers, row.name) and holds(rule.passes, pass) then specs[pass] = rule.multiplier or net end
    end
  end
  if backward == "exact" then specs.grad_input, specs.grad_weight = "fp32", "fp32" end
  for _, pass in ipairs { "grad_input", "grad_weight" } do
    local served, message = spec.serves(backward, specs[pass])
    if not served then layer.fail(row.layer, "%s", message) end
  end
  return specs
end

local function same(a, b)
  for _, pass in ipairs(spec.passes) do if a[pass] ~= b[pass] then return false end end
  return true
end

-- Epochs at which a rule begins to hold or has ceased to, in order; always the first.
local function changes(rules, epochs)
  local set, out = { [1] = true }, {}
  for _, rule in ipairs(rules) do set[rule.epochs[1]], set[rule.epochs[2] + 1] = true, true end
  for epoch in pairs(set) do if epoch <= epochs then out[#out + 1] = epoch end end
  table.sort(out)
  return out
end

-- Ranges { from =, to =, value = } of the epochs with equal values, from those that begin at each of `starts`.
local function ranges(starts, epochs, value_at, equal)
  local out = {}
  for i, from in ipairs(starts) do
    local to, value, last = (starts[i + 1] or epochs + 1) - 1, value_at(from), out[#out]
    if last and equal(last.value, value) then last.to = to else out[#out + 1] = { from = from, to = to, value = value } end
  end
  return out
end

-- ---- a trial's ----

-- Names of the layers that have products, in their order.
function approximate.names(rows)
  local out = {}
  for _, row in ipairs(rows) do if row.cost and row.cost.products > 0 then out[#out + 1] = row.name end end
  return out
end

-- The list of phases { from =, to =, specs = { layer -> specs } } of a trial. `given`: what the study's function returned, or nil.
function approximate.phases(study, given, rows, epochs, params)
  local names = approximate.names(rows)
  local rules = read(given or {}, names, epochs)
  local own = study.sensitivity and sensitivity.rules(params.where, names) or study.search and search.rules(study.search, params.assignment, names)
  for _, rule in ipairs(read(own or {}, names, epochs)) do rules[#rules + 1] = rule end
  local function specs_of(epoch)
    local out = {}
    for _, row in ipairs(rows) do
      if row.cost then out[row.layer] = specs_at(row, epoch, rules, params.multiplier, params.backward) end
    end
    return out
  end
  local function equal(a, b)
    for layer, specs in pairs(a) do if not same(specs, b[layer]) then return false end end
    return true
  end
  local phases = ranges(changes(rules, epochs), epochs, specs_of, equal)
  for _, phase in ipairs(phases) do phase.specs, phase.value = phase.value, nil end
  return phases
end

-- A layer's multipliers over the training: one text, or one by pass, or a list of { epochs = { from, to }, multiplier = } of these.
function approximate.label(phases, layer)
  local starts, at = {}, {}
  for i, phase in ipairs(phases) do starts[i], at[phase.from] = phase.from, phase.specs[layer] end
  local parts = ranges(starts, phases[#phases].to, function(epoch) return at[epoch] end, same)
  if #parts == 1 then return spec.label(parts[1].value) end
  local out = json.array()
  for i, part in ipairs(parts) do out[i] = { epochs = json.array { part.from, part.to }, multiplier = spec.label(part.value) } end
  return out
end

-- The phase of an epoch.
function approximate.at(phases, epoch)
  for _, phase in ipairs(phases) do if epoch <= phase.to then return phase end end
end

return approximate
