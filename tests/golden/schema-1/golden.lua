-- The study of these golden files: tiny, without downloads, and with every end that a trial can have. It is part of them: never edited.
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "golden",
  params = { epochs = 4, batch = 8, lr = 3e-3 },
  grid = { multiplier = { "mbm:3", "lut:MIT_3.bin" }, seed = { 1, 2, 4 } },
  data = function(p) return ax.data.synthetic { train = 1056, test = 40 }:scale(1 / 255):split { valid = 32 } end,
  model = function(p)
    return nn.sequential {
      nn.conv2d { filters = 2, kernel = 4, stride = 4, activation = "relu" }, nn.flatten(), nn.dropout { 0.2 }, nn.dense { 4 },
    }
  end,
  train = function(trial, net, data)
    local second, mbm = trial.params.seed == 2, trial.params.multiplier == "mbm:3"
    if second and mbm then error "made to fail" end
    -- This decay lets weights grow by a fifth in each step, to infinity in the second epoch.
    net:compile { optimizer = second and ax.optim.sgd { lr = 1e-3, weight_decay = 2200 } or ax.optim.adam { lr = trial.params.lr } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do net:train(batch) end
      local loss, accuracy = net:evaluate "valid"
      trial:report { train_loss = (net:running()), valid_loss = loss, valid_acc = accuracy }
    end
  end,
}
