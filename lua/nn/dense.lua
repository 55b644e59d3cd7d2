-- Fully connected: y = x w + b. nn.dense { units, activation =, use_bias =, multiplier =, name = }
local activated = require "nn.activated"
local engine = require "engine"
local estimated = require "estimated"
local layer = require "nn.layer"
local spec = require "spec"

local TRANSPOSE_A, TRANSPOSE_B = 1, 2

local dense = layer.class("dense", {
  { "units", "integer", min = 1, required = true, at = 1 },
  activated.row,
  { "use_bias", "boolean", default = true },
  { "multiplier", "check", check = spec.option },
})

function dense:shape(input)
  if #input ~= 1 then
    layer.fail(self, "a flat input was expected, not %s: put nn.flatten() before it", layer.shape_text(input))
  end
  return { self.units }
end

function dense:cost(input)
  local products = input[1] * self.units
  return { parameters = products + (self.use_bias and self.units or 0), products = products }
end

function dense:build(ctx, x)
  local k, n = x.shape[1], self.units
  self.x, self.by = x, ctx:multipliers(self)
  self.w = ctx:param(self, "kernel", { k, n }, k, n)
  self.b = self.use_bias and ctx:param(self, "bias", { n }) or nil
  self.estimated = estimated.new(ctx, x, self.w)
  self.y = ctx:node({ n }, true)
  return self.y
end

-- x (batch, k), w (k, n) -> y (batch, n)
function dense:forward()
  engine.matmul(self.y.value, self.x.value, self.w.value, self.b and self.b.value, activated.code(self), 0, self.by.forward)
end

-- dw = x' dy
local function backward_weight(self, dy, m)
  if self.estimated:by_both(m) then
    engine.dense_lut2d_grad_weight(self.w.grad, self.x.value, self.w.value, dy, m)
  else
    local x, under = self.estimated:by_weights(m)
    engine.matmul(self.w.grad, x, dy, nil, 0, TRANSPOSE_A, under)
  end
end

-- dx = dy w'
local function backward_input(self, dy, m)
  if self.estimated:by_both(m) then
    engine.dense_lut2d_grad_input(self.x.grad, self.x.value, self.w.value, dy, m)
  else
    local w, under = self.estimated:by_input(m)
    engine.matmul(self.x.grad, dy, w, nil, 0, TRANSPOSE_B, under)
  end
end

function dense:backward()
  activated.backward(self)
  local dy = self.y.grad
  backward_weight(self, dy, self.by.grad_weight)
  if self.b then engine.bias_grad(self.b.grad, dy) end
  if self.x.grad then backward_input(self, dy, self.by.grad_input) end
end

return dense
