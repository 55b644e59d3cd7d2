-- Which layer and which pass of LeNet-5 suffer from a narrow multiplier on MNIST: MBM at three bits everywhere, nowhere, in one
-- part alone, and in all parts but one.
--
--   approxrun sweep experiments/sensitivity.lua                        54 trials
--   approxrun export results/sensitivity.h5 --format md                a row for each, means over the seeds
--   approxrun compare results/sensitivity.h5 where=none where='only conv2d2'
local ax = require "approxrun"
local nn = ax.nn

return ax.sensitivity {
  name = "sensitivity",
  multiplier = "mbm:3",
  layers = true,
  passes = true,
  params = { epochs = 1, batch = 128, lr = 1e-3 },
  grid = { seed = ax.range(1, 3) },
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
