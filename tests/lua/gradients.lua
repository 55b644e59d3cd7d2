-- Checks the gradients of every layer against central differences of the loss, through the API of a loop written by hand.
-- Run by gradients.sh; a layer whose gradient is off fails its trial.
local ax = require "approxrun"
local nn = ax.nn

-- Each layer stands behind a convolution and before a dense layer: its input gradient shows in the convolution's weights.
local function between(...)
  local front = nn.conv2d { filters = 3, kernel = 3, padding = "same", activation = "tanh", name = "front" }
  return nn.sequential { front, ... }
end

local models = {
  dense = function() return between(nn.flatten(), nn.dense { 7, activation = "tanh" }, nn.dense { 3 }) end,
  conv2d = function()
    return between(nn.conv2d { filters = 4, kernel = { 3, 2 }, activation = "tanh" }, nn.flatten(), nn.dense { 3 })
  end,
  conv2d_stride = function()
    return between(nn.conv2d { filters = 4, kernel = 3, stride = { 2, 3 }, padding = "same" }, nn.flatten(), nn.dense { 3 })
  end,
  conv2d_padding = function()
    return between(nn.conv2d { filters = 2, kernel = 3, padding = { 2, 1 }, use_bias = false }, nn.flatten(), nn.dense { 3 })
  end,
  maxpool = function() return between(nn.maxpool { 2 }, nn.flatten(), nn.dense { 3 }) end,
  maxpool_overlap = function() return between(nn.maxpool { size = 3, stride = 2, padding = 1 }, nn.flatten(), nn.dense { 3 }) end,
  avgpool = function() return between(nn.avgpool { 2 }, nn.flatten(), nn.dense { 3 }) end,
  avgpool_overlap = function() return between(nn.avgpool { 3, stride = 2, padding = "same" }, nn.flatten(), nn.dense { 3 }) end,
  relu = function() return between(nn.relu(), nn.flatten(), nn.dense { 3 }) end,
  tanh = function() return between(nn.tanh(), nn.flatten(), nn.dense { 3 }) end,
  sigmoid = function() return between(nn.sigmoid(), nn.flatten(), nn.dense { 3 }) end,
  dropout = function() return between(nn.dropout { 0.4 }, nn.flatten(), nn.dense { 3 }) end,
  flatten = function() return between(nn.flatten(), nn.dense { 3 }) end,
  sequential = function() return between(nn.sequential { nn.tanh(), nn.flatten() }, nn.dense { 3 }) end,
}

local names = {}
for name in pairs(models) do names[#names + 1] = name end

local H, TOLERANCE = 2.5e-4, 1e-2                   -- rounding of an FP32 loss gives near 1e-7 / H, kinks (relu, maxpool) near H

local function loss_with(net, batch, name, values, i, value)
  local before = values[i]
  values[i] = value
  net:set(name, values)
  local loss = net:forward(batch, true)
  values[i] = before
  return loss
end

-- Relative L2 distance of gradient and differences over (at most 60 values of) one tensor.
local function distance(net, batch, name, gradient)
  local values, off, all = net:get(name), 0, 0
  for i = 1, #values, math.ceil(#values / 60) do
    local up = loss_with(net, batch, name, values, i, values[i] + H)
    local down = loss_with(net, batch, name, values, i, values[i] - H)
    local d = (up - down) / (2 * H)
    off, all = off + (d - gradient[i]) ^ 2, all + d ^ 2
  end
  net:set(name, values)
  return math.sqrt(off / all)
end

return ax.study {
  name = "gradients",
  params = { epochs = 1, batch = 6, wrong = 0 },
  grid = { layer = names },
  data = function(p) return ax.data.synthetic { shape = { 6, 5, 2 }, classes = 3, train = 6, test = 6 }:scale(1 / 255) end,
  model = function(p) return models[p.layer]() end,
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = 0 } }
    for _ in trial:epochs() do
      for batch in data:batches "train" do
        local gradients = {}
        net:forward(batch, true)
        net:backward()
        for _, name in ipairs(net:parameters()) do gradients[name] = net:gradient(name) end
        for _, name in ipairs(net:parameters()) do
          for i, g in ipairs(gradients[name]) do gradients[name][i] = g + trial.params.wrong end
          local off = distance(net, batch, name, gradients[name])
          print(("%s %s %.2e"):format(trial.params.layer, name, off))
          if not (off < TOLERANCE) then error(("gradient of %s in %s is off by %.3g"):format(name, trial.params.layer, off)) end
        end
        net:step()
      end
      trial:report { checked = 1 }
    end
  end,
}
