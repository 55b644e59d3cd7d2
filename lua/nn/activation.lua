-- Elementwise functions whose gradient follows from their output: y = f(x), dx = f'(y) dy. Exact FP32.
local engine = require "engine"
local layer = require "nn.layer"

return function(kind)
  local class = layer.class(kind, {})
  local forward, gradient = engine[kind], engine[kind .. "_grad"]

  function class:shape(input) return input end

  function class:build(ctx, x)
    self.x, self.y = x, ctx:node(x.shape, x.grad)
    return self.y
  end

  function class:forward() forward(self.y.value, self.x.value) end

  function class:backward()
    if self.x.grad then gradient(self.x.grad, self.y.grad, self.y.value) end
  end

  return class
end
