-- What a layer of a trained net multiplies: the net is built anew with its final weights, goes forward and backward over the first
-- batch of the training set in the set's own order, as a step of training does, and nothing is updated. Replaces the trial's calls.
local approximate = require "approximate"
local build = require "build"
local engine = require "engine"
local spec = require "spec"
local strict = require "strict"
local where = require "where"

local capture = {}

local TRAIN, IN_ORDER = 0, -1                      -- a part of the data set; as the epoch of a batch: not shuffled

-- First and second operand of a product: input, weights, gradient by the output.
local OPERANDS = { forward = { "x", "w" }, grad_input = { "dy", "w" }, grad_weight = { "x", "dy" } }

local function layer_of(r, name, pass)
  if not spec.is_pass(pass) then where.usage(("--pass: unknown pass '%s'%s"):format(pass, strict.hint(pass, { unpack(spec.passes) }))) end
  for _, row in ipairs(r.rows) do
    if row.name == name and row.cost and row.cost.products > 0 then
      if row.first and pass == "grad_input" then
        where.usage(("--pass grad_input: layer '%s' has none, as no weights lie before it; it has forward and grad_weight"):format(name))
      end
      return row.layer
    end
  end
  where.usage(("--layer: no layer with products is called '%s'%s"):format(name, strict.hint(name, approximate.names(r.rows))))
end

-- The net of the resolved trial r with its final weights and the multipliers of its last epoch.
local function trained(r, c)
  local names, states = {}, {}
  for _, row in ipairs(r.rows) do names[row.layer] = row.name end
  engine.trial_engine = engine.capture_engine
  function engine.calls.trial_add_state(_, name, tensor)
    states[name] = tensor
    return 0
  end
  local ctx = build.new {
    trial = c, batch = r.recipe.batch, seed = r.params.seed, names = names, clock = { updates = 0 }, backward = r.view.backward,
  }
  local x = ctx:node(r.data.info.shape, false)
  local net = { ctx = ctx, x = x.value, labels = ctx:indices {}, logits = r.model:build(ctx, x) }
  for _, name in ipairs(strict.keys(states)) do
    if name:find "^w/" then engine.capture_weights(c, name, states[name]) end
  end
  ctx:enter(approximate.at(r.phases, r.recipe.epochs))
  return net
end

-- Forward and backward; gives how many rows of the batch are samples.
local function step(r, net)
  local set, totals = r.data:open(), engine.tensor(net.ctx.engine, "f64", { 3 })
  engine.batch_load(net.x, net.labels, set, TRAIN, r.params.seed, IN_ORDER, 0)
  r.model:forward(true)
  engine.softmax_xent(net.logits.grad, totals, net.logits.value, net.labels)
  r.model:backward()
  return math.min(r.recipe.batch, engine.dataset_count(set, TRAIN))
end

-- How often each value of a convolution is multiplied, which is less at the edges: the same products of ones.
local function times_in_conv2d(ctx, l)
  local s, p, fp32 = l.stride, l.pad, assert(engine.find_mult "fp32")
  local function tensors()
    return ctx:node(l.x.shape, false).value, engine.tensor(ctx.engine, "f32", l.w.shape), ctx:node(l.y.shape, false).value
  end
  local x, w, dy = tensors()
  local of_x, of_w, of_dy = tensors()
  for _, t in ipairs { x, w, dy } do engine.fill(t, 1) end
  engine.conv2d(of_dy, x, w, nil, 0, s[1], s[2], p[1], p[2], fp32)
  engine.conv2d_grad_input(of_x, dy, w, s[1], s[2], p[1], p[2], fp32)
  engine.conv2d_grad_weight(of_w, x, dy, s[1], s[2], p[1], p[2], fp32)
  return { x = of_x, w = of_w, dy = of_dy }
end

-- Gives c the operands of a pass of the layer of that name.
function capture.run(r, name, pass, c)
  local l = layer_of(r, name, pass)
  local net = trained(r, c)
  local rows = step(r, net)
  local times = l.kind == "conv2d" and times_in_conv2d(net.ctx, l) or {}
  local values = { x = l.x.value, w = l.w.value, dy = l.y.grad }
  for i, key in ipairs(OPERANDS[pass]) do
    local n = engine.tensor_size(values[key])
    if key ~= "w" then n = n / r.recipe.batch * rows end
    engine.capture_operands(c, i - 1, values[key], times[key], n)
  end
end

return capture
