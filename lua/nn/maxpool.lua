-- The largest value of each window. nn.maxpool { size, stride = size, padding = "valid" }; exact FP32.
local engine = require "engine"
local layer = require "nn.layer"
local window = require "nn.window"

local maxpool = layer.class("maxpool", window.pool_rows)

function maxpool:shape(input) return window.pool_shape(self, input) end

function maxpool:build(ctx, x)
  self.x, self.y = x, ctx:node(self:shape(x.shape), x.grad)
  self.from = ctx:indices(self.y.shape)            -- which input each maximum came from
  self.geometry = window.pool_geometry(self, x.shape)
  return self.y
end

function maxpool:forward()
  local g = self.geometry
  engine.maxpool(self.y.value, self.from, self.x.value, g[1], g[2], g[3], g[4], g[5], g[6])
end

function maxpool:backward()
  local g = self.geometry
  if self.x.grad then engine.maxpool_grad(self.x.grad, self.y.grad, self.from, g[1], g[2], g[3], g[4], g[5], g[6]) end
end

return maxpool
