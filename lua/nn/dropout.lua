-- In training each value is dropped with probability `rate`, the others are scaled by 1 / (1 - rate). nn.dropout { rate }
-- The mask is a function of (seed, layer, update): a resumed trial drops the same values.
local engine = require "engine"
local layer = require "nn.layer"

local function probability(v)
  if type(v) == "number" and v >= 0 and v < 1 then return v end
  return nil, "a probability, at least 0 and less than 1"
end

local dropout = layer.class("dropout", { { "rate", "check", check = probability, required = true, at = 1 } })

function dropout:shape(input) return input end

function dropout:build(ctx, x)
  self.x, self.y = x, ctx:node(x.shape, x.grad)
  self.seed, self.stream, self.clock = ctx.seed, ctx:stream(), ctx.clock
  return self.y
end

function dropout:forward(training)
  engine.dropout(self.y.value, self.x.value, training and self.rate or 0, self.seed, self.stream, self.clock.updates)
end

function dropout:backward()
  if self.x.grad then
    engine.dropout(self.x.grad, self.y.grad, self.rate, self.seed, self.stream, self.clock.updates)
  end
end

return dropout
