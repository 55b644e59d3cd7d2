-- What a layer or optimiser sees while it allocates: the trial's engine, batch size, seed and multipliers. Every tensor that a
-- resumed trial needs goes through param or state, so that it is part of each checkpoint.
local engine = require "engine"

local Build = {}
Build.__index = Build

local build = {}

-- o: trial, batch, seed, names (layer -> name), clock { updates }, backward (the rule: lua/estimated.lua)
function build.new(o)
  local self = { engine = engine.trial_engine(o.trial), params = {}, streams = 0, by = {} }
  for k, v in pairs(o) do self[k] = v end
  return setmetatable(self, Build)
end

local function batched(self, shape) return { self.batch, unpack(shape) } end

-- A value for one batch, and its gradient if `wanted`.
function Build:node(shape, wanted)
  local full = batched(self, shape)
  return {
    shape = shape, value = engine.tensor(self.engine, "f32", full),
    grad = wanted and engine.tensor(self.engine, "f32", full) or nil,
  }
end

-- The same memory under another shape.
function Build:view(node, shape)
  local full = batched(self, shape)
  return {
    shape = shape, value = engine.alias(self.engine, node.value, full),
    grad = node.grad and engine.alias(self.engine, node.grad, full),
  }
end

function Build:indices(shape) return engine.tensor(self.engine, "i32", batched(self, shape)) end

-- Numbers the random streams of a net in the order of its layers.
function Build:stream()
  self.streams = self.streams + 1
  return self.streams
end

-- A trainable tensor: Glorot-uniform if its fans are given (Glorot and Bengio, AISTATS 2010), else zero.
function Build:param(layer, part, shape, fan_in, fan_out)
  local name = self.names[layer] .. "/" .. part
  local grad = engine.tensor(self.engine, "f32", shape)
  local p = { name = name, shape = shape, value = self:state("w/" .. name, shape), grad = grad }
  if fan_in then
    local limit = math.sqrt(6 / (fan_in + fan_out))
    engine.fill_uniform(p.value, -limit, limit, self.seed, self:stream())
  end
  self.params[#self.params + 1] = p
  return p
end

function Build:state(name, shape, dtype)
  local t = engine.tensor(self.engine, dtype or "f32", shape)
  engine.trial_add_state(self.trial, name, t)
  return t
end

-- The layer's multiplier of each pass: a table that Build:enter fills, phase by phase of the training.
function Build:multipliers(layer)
  self.by[layer] = {}
  return self.by[layer]
end

-- Gives every layer the multipliers of a phase (lua/approximate.lua).
function Build:enter(phase)
  for layer, by in pairs(self.by) do
    for pass, text in pairs(phase.specs[layer]) do by[pass] = assert(engine.find_mult(text)) end
  end
end

return build
