-- The `activation = "relu"` of a dense or convolution layer: an activation layer of its own behind the product.
local makers = { relu = require "nn.relu", tanh = require "nn.tanh", sigmoid = require "nn.sigmoid" }

local activated = { row = { "activation", "choice", choices = { "relu", "sigmoid", "tanh" } } }

-- product: the node of the product; returns the node behind the activation.
function activated.build(self, ctx, product)
  self.product = product
  self.after = self.activation and makers[self.activation]()
  return self.after and self.after:build(ctx, product) or product
end

function activated.forward(self) if self.after then self.after:forward() end end

function activated.backward(self) if self.after then self.after:backward() end end

return activated
