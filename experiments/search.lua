-- Which multiplier each layer of LeNet-5 needs on MNIST: from FP32 everywhere, the step that saves most energy for the accuracy it
-- costs, again and again, while the accuracy stays within half a percent.
--
--   approxrun sweep experiments/search.lua                             at most 80 trials of one epoch
--   approxrun sweep experiments/search.lua budget=0.002
--   approxrun sweep experiments/search.lua method=nsga2 generations=8
--   approxrun plot results/search.h5 --kind pareto -o front.svg
local ax = require "approxrun"
local nn = ax.nn

-- Energy of a product in pJ. A MODEL, NOT A MEASUREMENT: it counts one-bit adder cells, and takes for all of them what one of fp32's
-- needs. fp32 is 3.7 pJ (Horowitz, ISSCC 2014, 45 nm) for an array of 24 x 24 cells and 8 for the exponent; Mitchell's multiplier
-- adds the two fractions of m bits, MBM a constant besides. Put the numbers of your own circuits here.
local FP32_PJ, FP32_CELLS = 3.7, 24 * 24 + 8
local additions = { mit = 1, mbm = 2 }

local function energy(multiplier)
  if multiplier == "fp32" then return FP32_PJ end
  local family, width = multiplier:match "^(%a+):(%d+)"
  return FP32_PJ * (additions[family] * width + 8) / FP32_CELLS
end

return ax.search {
  name = "search",
  multipliers = { "fp32", "mbm:7", "mbm:3", "mit:3" },
  energy = energy,
  budget = 0.005,
  method = "greedy",
  metric = "valid_acc",                            -- what is chosen by the test set would be measured too well by it
  params = { epochs = 1, batch = 128, lr = 1e-3 },
  data = function(p) return ax.data.mnist():scale(1 / 255):split { valid = 5000 } end,
  model = function(p)
    return nn.sequential {
      nn.conv2d { filters = 6, kernel = 5, padding = "same", activation = "relu" },
      nn.maxpool { 2 },
      nn.conv2d { filters = 16, kernel = 5, activation = "relu" },
      nn.maxpool { 2 },
      nn.flatten(),
      nn.dense { 120, activation = "relu" },
      nn.dense { 84, activation = "relu" },
      nn.dense { 10 },
    }
  end,
  train = function(p) return { optimizer = ax.optim.adam { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
