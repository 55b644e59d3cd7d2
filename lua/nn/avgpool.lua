-- The mean of each window, of the pixels inside the input. nn.avgpool { size, stride = size, padding = "valid" }; exact FP32.
local engine = require "engine"
local layer = require "nn.layer"
local window = require "nn.window"

local avgpool = layer.class("avgpool", window.pool_rows)

function avgpool:shape(input) return window.pool_shape(self, input) end

function avgpool:build(ctx, x)
  self.x, self.y = x, ctx:node(self:shape(x.shape), x.grad)
  self.geometry = window.pool_geometry(self, x.shape)
  return self.y
end

function avgpool:forward()
  local g = self.geometry
  engine.avgpool(self.y.value, self.x.value, g[1], g[2], g[3], g[4], g[5], g[6])
end

function avgpool:backward()
  local g = self.geometry
  if self.x.grad then engine.avgpool_grad(self.x.grad, self.y.grad, g[1], g[2], g[3], g[4], g[5], g[6]) end
end

return avgpool
