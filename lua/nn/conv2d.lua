-- Convolution, NHWC. nn.conv2d { filters =, kernel = 5 or { h, w }, stride =, padding = "valid" | "same" | n | { h, w },
-- activation =, use_bias =, multiplier =, name = }
local activated = require "nn.activated"
local engine = require "engine"
local estimated = require "estimated"
local layer = require "nn.layer"
local spec = require "spec"
local window = require "nn.window"

local conv2d = layer.class("conv2d", {
  { "filters", "integer", min = 1, required = true },
  { "kernel", "pair", min = 1, required = true },
  { "stride", "pair", min = 1, default = { 1, 1 } },
  { "padding", "check", check = window.padding, default = "valid" },
  activated.row,
  { "use_bias", "boolean", default = true },
  { "multiplier", "check", check = spec.option },
})

function conv2d:shape(input)
  local out = window.place(self, input)
  return { out[1], out[2], self.filters }
end

function conv2d:cost(input)
  local out, fan_in = window.place(self, input), self.kernel[1] * self.kernel[2] * input[3]
  return {
    parameters = fan_in * self.filters + (self.use_bias and self.filters or 0),
    products = out[1] * out[2] * fan_in * self.filters,
  }
end

function conv2d:build(ctx, x)
  local kh, kw, c = self.kernel[1], self.kernel[2], x.shape[3]
  local out, pad = window.place(self, x.shape)
  self.x, self.by, self.pad = x, ctx:multipliers(self), pad
  self.w = ctx:param(self, "kernel", { kh, kw, c, self.filters }, kh * kw * c, kh * kw * self.filters)
  self.b = self.use_bias and ctx:param(self, "bias", { self.filters }) or nil
  self.estimated = estimated.new(ctx, x, self.w)
  self.y = ctx:node({ out[1], out[2], self.filters }, true)
  return self.y
end

-- x (n, h, w, c), w (kh, kw, c, oc) -> y (n, oh, ow, oc)
function conv2d:forward()
  local s, p = self.stride, self.pad
  engine.conv2d(self.y.value, self.x.value, self.w.value, self.b and self.b.value, activated.code(self),
    s[1], s[2], p[1], p[2], self.by.forward)
end

local function backward_weight(self, dy, m)
  local s, p = self.stride, self.pad
  if self.estimated:by_both(m) then
    engine.conv2d_lut2d_grad_weight(self.w.grad, self.x.value, self.w.value, dy, s[1], s[2], p[1], p[2], m)
  else
    local x, under = self.estimated:by_weights(m)
    engine.conv2d_grad_weight(self.w.grad, x, dy, s[1], s[2], p[1], p[2], under)
  end
end

local function backward_input(self, dy, m)
  local s, p = self.stride, self.pad
  if self.estimated:by_both(m) then
    engine.conv2d_lut2d_grad_input(self.x.grad, self.x.value, self.w.value, dy, s[1], s[2], p[1], p[2], m)
  else
    local w, under = self.estimated:by_input(m)
    engine.conv2d_grad_input(self.x.grad, dy, w, s[1], s[2], p[1], p[2], under)
  end
end

function conv2d:backward()
  activated.backward(self)
  local dy = self.y.grad
  backward_weight(self, dy, self.by.grad_weight)
  if self.b then engine.bias_grad(self.b.grad, dy) end
  if self.x.grad then backward_input(self, dy, self.by.grad_input) end
end

return conv2d
