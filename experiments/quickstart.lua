-- A few seconds, no download: three multipliers at two widths on a synthetic data set, two seeds.
--
--   approxrun sweep experiments/quickstart.lua
--   approxrun compare results/quickstart.h5 mbm mit
local ax = require "approxrun"
local nn = ax.nn

return ax.study {
  name = "quickstart",
  params = { epochs = 3, batch = 32, lr = 3e-3 },
  grid = { multiplier = ax.cross({ "exact", "mbm", "mit" }, { 7, 3 }), seed = ax.range(1, 2) },
  data = function(p) return ax.data.synthetic { train = 2048, test = 512 }:scale(1 / 255):split { valid = 256 } end,
  model = function(p)
    return nn.sequential {
      nn.conv2d { filters = 8, kernel = 3, padding = "same", activation = "relu" },
      nn.maxpool { 2 },
      nn.flatten(),
      nn.dense { 32, activation = "relu" },
      nn.dense { 4 },
    }
  end,
  train = function(p) return { optimizer = ax.optim.adam { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
