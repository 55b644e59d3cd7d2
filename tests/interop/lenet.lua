-- LeNet-5's shapes (LeCun et al. 1998) with tanh and average pooling, and a ReLU in d1, for 20 steps; the loss of each step is among the
-- metrics. With lr = 0 the weights at the end are the initial ones. With ReLU and max pooling after c1 the comparison is ill-conditioned:
-- torch on one and on two threads was then 2e-3 apart after 20 steps. Both are compared operation by operation instead.
local ax = require "approxrun"
local nn = ax.nn

return ax.study {
  name = "lenet",
  params = { epochs = 2, batch = 32 },
  grid = { optimizer = { "sgd", "adam" }, lr = { 0, 1 } },
  data = function(p)
    return ax.data.synthetic { shape = { 28, 28, 1 }, classes = 10, train = 300, test = 40 }:scale(1 / 64)
  end,
  model = function(p)
    return nn.sequential {
      nn.conv2d { filters = 6, kernel = 5, padding = "same", activation = "tanh", name = "c1" },
      nn.avgpool { 2 },
      nn.conv2d { filters = 16, kernel = 5, activation = "tanh", name = "c2" },
      nn.avgpool { 2 },
      nn.flatten(),
      nn.dense { 120, activation = "relu", name = "d1" },
      nn.dense { 84, activation = "tanh", name = "d2" },
      nn.dense { 10, name = "d3" },
    }
  end,
  train = function(trial, net, data)
    local lr = trial.params.lr
    local sgd = trial.params.optimizer == "sgd"
    net:compile {
      optimizer = sgd and ax.optim.sgd { lr = 0.02 * lr, momentum = 0.9, nesterov = true, weight_decay = 1e-3 }
        or ax.optim.adam { lr = 1e-3 * lr, weight_decay = 1e-3 },
    }
    for epoch in trial:epochs() do
      local metrics, step = {}, 0
      for batch in data:batches "train" do
        step = step + 1
        metrics["step" .. step] = net:forward(batch, true)
        net:backward()
        net:step()
      end
      metrics.train_loss, metrics.train_acc = net:running()
      metrics.test_loss, metrics.test_acc = net:evaluate "test"
      trial:report(metrics)
    end
  end,
}
