-- Training at the sizes of ResNet-18 (images of 32x32) and ResNet-50 (224x224): their convolutions one after another, without
-- shortcuts and normalisation, on random images. What it measures is speed; it learns nothing.
--
--   approxrun bench train bench/resnet_shapes.lua multiplier=mbm:3 --device 0
--   approxrun bench train bench/resnet_shapes.lua model=resnet50 multiplier=mit:7 --device 0
local ax = require "approxrun"
local nn = ax.nn

local function conv(filters, kernel, stride)
  return nn.conv2d { filters = filters, kernel = kernel, stride = stride, padding = "same", activation = "relu" }
end

-- CIFAR's form (He et al. 2016, section 4.2, with section 4.1's widths): 0.55 G products an image; the shortcuts' 1x1 convolutions would add 1 %.
local function resnet18()
  local layers = { conv(64, 3, 1) }
  for stage, filters in ipairs { 64, 128, 256, 512 } do
    for i = 1, 4 do layers[#layers + 1] = conv(filters, 3, i == 1 and stage > 1 and 2 or 1) end
  end
  return layers, { 32, 32, 3 }, 10
end

-- Bottlenecks of 1x1, 3x3 and 1x1: 3.8 G products an image; the shortcuts' would add 8 %.
local function resnet50()
  local layers = { conv(64, 7, 2), nn.maxpool { 3, stride = 2, padding = 1 } }
  for stage, blocks in ipairs { 3, 4, 6, 3 } do
    local width = 32 * 2 ^ stage
    for i = 1, blocks do
      layers[#layers + 1] = conv(width, 1, 1)
      layers[#layers + 1] = conv(width, 3, i == 1 and stage > 1 and 2 or 1)
      layers[#layers + 1] = conv(4 * width, 1, 1)
    end
  end
  return layers, { 224, 224, 3 }, 1000
end

local models = { resnet18 = resnet18, resnet50 = resnet50 }

return ax.study {
  name = "resnet_shapes",
  params = { model = ax.choice { "resnet18", "resnet50" }, batch = 128, lr = 1e-6 },
  grid = { multiplier = { "fp32", "mbm:3", "exact:3", "mbm:5", "mit:7", "mbm:7", "exact:7" } },
  data = function(p)
    local _, shape = models[p.model]()
    return ax.data.synthetic { shape = shape, classes = 10, train = 16 * p.batch, test = p.batch }:scale(1 / 255):split { valid = p.batch }
  end,
  model = function(p)
    local layers, shape = models[p.model]()
    layers[#layers + 1] = nn.avgpool { shape[1] / 32 == 1 and 4 or 7 }
    layers[#layers + 1] = nn.flatten()
    layers[#layers + 1] = nn.dense { 10 }
    return nn.sequential(layers)
  end,
  train = function(p)
    return { loss = "cross_entropy", optimizer = ax.optim.sgd { lr = p.lr, momentum = 0.9 }, epochs = 100, batch = p.batch }
  end,
}
