-- One parameter set of a study resolved: data, layers, training and the canonical text whose hash is the trial's id.
local approximate = require "approximate"
local data = require "data"
local engine = require "engine"
local json = require "json"
local layer = require "nn.layer"
local optimizer = require "optim.optimizer"
local source = require "source"
local spec = require "spec"
local strict = require "strict"
local where = require "where"

local config = {}

local NUMERICS = 2                                 -- changes whenever the same configuration gives other numbers

-- Calls a user's function and gives its value, or fails at its line.
local function ask(fn, what, p, is, wanted)
  local v = where.call(fn, p)
  where.current = fn
  if not is(v) then where.fail(("%s: the function returned %s, but %s was expected"):format(what, strict.show(v), wanted)) end
  return v
end

-- ---- layers ----

-- Rows { layer, name, input, output, first } of all layers in order; `first`: nothing before it has parameters.
local function rows_of(model, input)
  local rows, taken, seen, counts, first = {}, {}, {}, {}, true
  model:visit(input, function(l, from, to)
    if seen[l] then layer.fail(l, "this layer stands in the model twice; make two") end
    counts[l.kind] = (counts[l.kind] or 0) + 1
    local name = l.name or l.kind .. counts[l.kind]
    if taken[name] then layer.fail(l, "the name '%s' is taken by another layer", name) end
    seen[l], taken[name] = true, true
    local cost = l.cost and l:cost(from)
    rows[#rows + 1] = { layer = l, name = name, input = from, output = to, cost = cost, first = first }
    if cost and cost.parameters > 0 then first = false end
  end)
  return rows
end

local function check_output(rows, classes)
  local last = rows[#rows]
  if #last.output ~= 1 or last.output[1] ~= classes then
    layer.fail(last.layer, "the model ends with %s, but the data set has %d classes: end with nn.dense { %d }",
      layer.shape_text(last.output), classes, classes)
  end
  for _, row in ipairs(rows) do if row.cost then return end end
  layer.fail(last.layer, "the model has no layer with parameters")
end

-- The layers as the configuration records them, and the multipliers they use in any phase: spec -> table hash.
local function graph_of(rows, phases)
  local graph, used = json.array(), {}
  for i, row in ipairs(rows) do
    local entry = layer.options(row.layer)
    entry.type, entry.output = row.layer.kind, json.array { unpack(row.output) }
    if row.cost then
      entry.multiplier = approximate.label(phases, row.layer)
      for _, phase in ipairs(phases) do
        for _, text in pairs(phase.specs[row.layer]) do used[text] = engine.mult_sha256(engine.find_mult(text)) end
      end
    end
    graph[i] = entry
  end
  return graph, used
end

-- Products by pass of one sample.
function config.multiplies(rows)
  local out = { forward = 0, grad_input = 0, grad_weight = 0 }
  for _, row in ipairs(rows) do
    local n = row.cost and row.cost.products or 0
    out.forward, out.grad_weight = out.forward + n, out.grad_weight + n
    if not row.first then out.grad_input = out.grad_input + n end
  end
  out.total = out.forward + out.grad_input + out.grad_weight
  return out
end

-- ---- training ----

local recipe_rows = {
  { "loss", "choice", choices = { "cross_entropy" }, default = "cross_entropy" },
  { "optimizer", "check", required = true, check = function(v)
    if optimizer.is(v) then return v end
    return nil, "an optimiser such as ax.optim.adam { lr = 1e-3 }"
  end },
  { "epochs", "integer", min = 1, max = 1e6, required = true },
  { "batch", "integer", min = 1, max = 1e6, required = true },
}

-- A loop written by hand takes (trial, net, data); its epochs and batch are parameters of those names.
local function own_loop(self, params, e)
  local function whole(name)
    local v = params[name]
    if type(v) == "number" and v % 1 == 0 and v >= 1 then return v end
    where.current = nil
    where.fail(("a train function of three parameters needs params.%s, an integer of at least 1"):format(name),
      where.here "train")
  end
  local epochs, batch = whole "epochs", whole "batch"
  return { loop = self.train, epochs = epochs, batch = batch,
    config = { source = source.of(self.train, e.sources), epochs = epochs, batch = batch } }
end

local function recipe_of(self, p, params, e)
  if debug.getinfo(self.train, "u").nparams == 3 then return own_loop(self, params, e) end
  local function is_table(v) return type(v) == "table" end
  local given = ask(self.train, "train", p, is_table, "a table { optimizer =, epochs =, batch = }")
  local r = strict.fields("train", given, recipe_rows)
  where.current = nil
  r.config = { loss = r.loss, optimizer = optimizer.config(r.optimizer), epochs = r.epochs, batch = r.batch }
  return r
end

-- ---- where products are approximate ----

local function phases_of(self, p, rows, epochs)
  local function is_table(v) return type(v) == "table" end
  local given = self.approximate and ask(self.approximate, "approximate", p, is_table, "a list of rules { { layers =, ... }, ... }")
  local phases = approximate.phases(self, given, rows, epochs, p)
  where.current = nil
  return phases
end

-- ---- the whole ----

-- What the user's functions see: the parameters, and those that stand in them only where they are not the default.
local function view_of(params)
  local all = { backward = spec.backward[1] }
  for k, v in pairs(params) do all[k] = v end
  return strict.view("params", all)
end

local function model_of(self, p)
  local set = ask(self.data, "data", p, data.is, "a data set such as ax.data.mnist()")
  set.settled = true
  local model = ask(self.model, "model", p, function(v) return layer.is(v) and v.visit end, "nn.sequential { ... }")
  local rows = rows_of(model, set.info.shape)
  check_output(rows, set.info.classes)
  where.current = nil
  return set, model, rows
end

-- Names of the layers with products under these parameters.
function config.layers(self, params)
  local _, _, rows = model_of(self, view_of(params))
  return approximate.names(rows)
end

-- e: the experiment (its recorded sources).
function config.resolve(self, params, is_strict, e)
  local p = view_of(params)
  local set, model, rows = model_of(self, p)
  local recipe = recipe_of(self, p, params, e)
  local phases = phases_of(self, p, rows, recipe.epochs)
  local graph, used = graph_of(rows, phases)
  local mult = engine.find_mult(params.multiplier)
  if self.sensitivity then used[params.multiplier] = engine.mult_sha256(mult) end      -- `none` stands beside trials that use it
  local each, train = config.multiplies(rows), set:samples "train"
  return {
    study = self, params = params, view = p, strict = is_strict, data = set, model = model, rows = rows, recipe = recipe, phases = phases,
    multiplier = params.multiplier, family = engine.mult_family(mult), width = engine.mult_width(mult),
    multiplies = recipe.epochs * (each.total * train + each.forward * (set:samples "valid" + set:samples "test")),
    config = json.encode {
      data = set:config(), graph = graph, multipliers = used, params = params, train = recipe.config,
      strict = is_strict, numerics = NUMERICS,
    },
  }
end

return config
