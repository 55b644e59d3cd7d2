-- Stochastic gradient descent: v = momentum v + (g + weight_decay w); w = w - lr v, or with Nesterov's look-ahead.
-- ax.optim.sgd { lr =, momentum = 0, nesterov = false, weight_decay = 0 }
local engine = require "engine"
local optimizer = require "optim.optimizer"
local where = require "where"

local sgd = optimizer.class("sgd", {
  { "lr", "number", min = 0, required = true },
  { "momentum", "number", min = 0, max = 1, default = 0 },
  { "nesterov", "boolean", default = false },
  { "weight_decay", "number", min = 0, default = 0 },
})

function sgd:check()
  if self.nesterov and self.momentum == 0 then
    where.fail("ax.optim.sgd: nesterov wants a momentum above 0", where.here "nesterov")
  end
end

function sgd:prepare(ctx, params)
  self.velocity = {}
  for i, p in ipairs(params) do self.velocity[i] = self.momentum > 0 and ctx:state("o/velocity/" .. p.name, p.shape) or nil end
end

function sgd:update(params, lr)
  for i, p in ipairs(params) do
    engine.sgd_step(p.value, self.velocity[i], p.grad, lr, self.momentum, self.weight_decay, self.nesterov and 1 or 0)
  end
end

return sgd
