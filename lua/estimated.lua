-- A layer's gradients by the trial's rule: products under the multiplier of the pass, or that multiplier's estimated gradients in their
-- place (docs/multipliers.md, Backward rules). Under fp32 every rule gives the exact gradient.
local engine = require "engine"

local Estimated = {}
Estimated.__index = Estimated

local estimated = {}

-- For a layer with the input x and the weights w, both built.
function estimated.new(ctx, x, w)
  local self = { rule = ctx.backward, fp32 = assert(engine.find_mult "fp32"), x = x, w = w }
  if self.rule == "lut1d" then
    self.of_x = ctx:node(x.shape, false).value
    self.of_w = x.grad and engine.tensor(ctx.engine, "f32", w.shape)
  end
  return setmetatable(self, Estimated)
end

-- Is the gradient under m a sum of its own, looked up by both operands?
function Estimated:by_both(m) return self.rule == "lut2d" and m ~= self.fp32 end

-- What dy is multiplied by, and under which multiplier.
local function factor(self, value, scratch, by, m)
  if self.rule ~= "lut1d" or m == self.fp32 then return value, m end
  engine.lut1d(scratch, value, by, m)
  return scratch, self.fp32
end

-- For the gradient by the input, the product's first operand: its slopes are functions of w.
function Estimated:by_input(m) return factor(self, self.w.value, self.of_w, 0, m) end

-- For the gradient by the weights, the second operand.
function Estimated:by_weights(m) return factor(self, self.x.value, self.of_x, 1, m) end

return estimated
