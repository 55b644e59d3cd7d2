-- Three multipliers of one's own beside FP32: a function in Lua, a function in C, a table in a file. A few seconds, no download.
--
--   approxrun sweep experiments/my_multiplier.lua
--   approxrun ls results/my-multiplier.h5 --sort -test_acc
local ax = require "approxrun"
local nn = ax.nn

-- An array multiplier without its lowest K columns of partial products, the circuit that fixed-point hardware truncates first.
-- It gets significands of m + 1 bits and gives an integer; the carry and the fraction follow from that.
local COLUMNS = 7
local array = ax.mul.define {
  name = "array", widths = { 7, 5 }, integer = true,
  fn = function(m, a, b)
    local sum, dropped = 0, 2 ^ math.min(COLUMNS, m)
    for k = 0, m do
      local row = math.floor(b / 2 ^ k) % 2 * a * 2 ^ k
      sum = sum + row - row % dropped
    end
    return sum
  end,
}

-- Files are sought beside this one. NEAREST_5.bin holds exact products rounded to nearest even where exact:5 truncates them.
local cross = ax.mul.c { file = "models/cross.c", width = 7 }
local nearest = ax.mul.table { file = "models/NEAREST_5.bin" }

-- What a circuit costs goes with the results; say where the numbers are from.
ax.mul.costs { fp32 = { area_um2 = 7700, energy_pj = 3.7, source = "Horowitz, ISSCC 2014, 45 nm" } }

return ax.study {
  name = "my-multiplier",
  params = { epochs = 3, batch = 32, lr = 3e-3 },
  grid = { multiplier = { "fp32", array, cross, nearest, "exact:5" }, seed = ax.range(1, 2) },
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
