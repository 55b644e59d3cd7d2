-- Adam (Kingma and Ba, ICLR 2015) with Keras' eps. Its weight decay is an L2 term of the gradient.
-- ax.optim.adam { lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-7, weight_decay = 0 }
local engine = require "engine"
local optimizer = require "optim.optimizer"

local function decay_rate(v)
  if type(v) == "number" and v >= 0 and v < 1 then return v end
  return nil, "a number of at least 0 and less than 1"
end

local adam = optimizer.class("adam", {
  { "lr", "number", min = 0, default = 1e-3 },
  { "beta1", "check", check = decay_rate, default = 0.9 },
  { "beta2", "check", check = decay_rate, default = 0.999 },
  { "eps", "number", min = 0, default = 1e-7 },
  { "weight_decay", "number", min = 0, default = 0 },
})

local COUPLED = 0

function adam:prepare(ctx, params)
  self.m, self.v = {}, {}
  for i, p in ipairs(params) do
    self.m[i], self.v[i] = ctx:state("o/m/" .. p.name, p.shape), ctx:state("o/v/" .. p.name, p.shape)
  end
end

function adam:update(params, lr, t)
  for i, p in ipairs(params) do
    engine.adam_step(p.value, self.m[i], self.v[i], p.grad, lr, self.beta1, self.beta2, self.eps, self.weight_decay, COUPLED, t)
  end
end

return adam
