-- The `activation = "relu"` of a dense or convolution layer: part of the product's own pass over its output.
local engine = require "engine"

local codes = { relu = 1, tanh = 2, sigmoid = 3 }            -- as api.h numbers them
local gradients = { relu = engine.relu_grad, tanh = engine.tanh_grad, sigmoid = engine.sigmoid_grad }

local activated = { row = { "activation", "choice", choices = { "relu", "sigmoid", "tanh" } } }

function activated.code(self) return codes[self.activation] or 0 end

-- y.grad, the gradient by the activation's output, becomes that by its input.
function activated.backward(self)
  if self.activation then gradients[self.activation](self.y.grad, self.y.grad, self.y.value) end
end

return activated
