-- MNIST under FP32 and two approximate multipliers at four widths: accuracy by width, with three seeds.
--
--   approxrun sweep experiments/mnist.lua                              LeNet-5, 27 trials
--   approxrun sweep experiments/mnist.lua model=example multiplier=mbm:7 epochs=2 seed=1
--   approxrun sweep experiments/mnist.lua model=lenet300 seed=1..5
local ax = require "approxrun"
local nn = ax.nn

local models = {}

-- LeNet-5 (LeCun et al. 1998) with ReLU and max pooling: 61,706 parameters.
function models.lenet5()
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
end

-- Two wide convolutions, a wide dense layer and dropout.
function models.example()
  return nn.sequential {
    nn.conv2d { filters = 32, kernel = 5, padding = "same", activation = "relu" },
    nn.maxpool { 2 },
    nn.conv2d { filters = 32, kernel = 5, padding = "same", activation = "relu" },
    nn.maxpool { 2 },
    nn.flatten(),
    nn.dense { 1024, activation = "relu" },
    nn.dropout { 0.4 },
    nn.dense { 10 },
  }
end

-- LeNet-300-100: dense layers only.
function models.lenet300()
  return nn.sequential {
    nn.flatten(),
    nn.dense { 300, activation = "relu" },
    nn.dense { 100, activation = "relu" },
    nn.dense { 10 },
  }
end

return ax.study {
  name = "mnist",
  params = { model = ax.choice { "lenet5", "example", "lenet300" }, epochs = 3, batch = 128, lr = 1e-3 },
  grid = {
    multiplier = { "fp32", ax.cross({ "mbm", "mit" }, { 7, 5, 3, 1 }) },
    seed = ax.range(1, 3),
  },
  data = function(p) return ax.data.mnist():scale(1 / 255):split { valid = 5000 } end,
  model = function(p) return models[p.model]() end,
  train = function(p)
    return { loss = "cross_entropy", optimizer = ax.optim.adam { lr = p.lr }, epochs = p.epochs, batch = p.batch }
  end,
}
