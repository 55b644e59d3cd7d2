-- Energy of a trial's products, from what one product costs under each multiplier: of one inference, and of the whole training.
local spec = require "spec"

local energy = {}

local PJ_TO_UJ, PJ_TO_J = 1e-6, 1e-12

-- What multiplies in a pass: under lut1d and lut2d gradients are FP32 products with slopes looked up (docs/multipliers.md, Backward rules).
local function multiplies(r, specs, pass)
  local looked_up = r.view.backward == "lut1d" or r.view.backward == "lut2d"
  return looked_up and pass ~= "forward" and "fp32" or specs[pass]
end

-- pJ of one sample's products in the given passes under a phase, and the first multiplier whose energy is unknown.
local function of_sample(r, phase, passes, product)
  local sum, missing = 0, nil
  for _, row in ipairs(r.rows) do
    for _, pass in ipairs(row.cost and passes or {}) do
      local needed = row.cost.products > 0 and not (pass == "grad_input" and row.first)
      local text = multiplies(r, phase.specs[row.layer], pass)
      local pj = needed and product(text)
      if needed and not pj then missing = missing or text else sum = sum + (pj or 0) * row.cost.products end
    end
  end
  return not missing and sum or nil, missing
end

-- All epochs: each trains on all training samples and evaluates the other two parts.
local function of_training(r, product)
  local train, others, sum = r.data:samples "train", r.data:samples "valid" + r.data:samples "test", 0
  for _, phase in ipairs(r.phases) do
    local step = of_sample(r, phase, spec.passes, product)
    local forward = of_sample(r, phase, { "forward" }, product)
    if not step then return nil end
    sum = sum + (phase.to - phase.from + 1) * (step * train + forward * others)
  end
  return sum
end

-- What a plan says of a resolved trial: { energy_uj =, train_energy_j = }, each absent where a multiplier's energy is unknown;
-- then the first such multiplier of an inference. An inference is the forward pass of one sample as after the last epoch.
function energy.of(r, product)
  local one, missing = of_sample(r, r.phases[#r.phases], { "forward" }, product)
  local all = of_training(r, product)
  return { energy_uj = one and one * PJ_TO_UJ, train_energy_j = all and all * PJ_TO_J }, missing
end

return energy
