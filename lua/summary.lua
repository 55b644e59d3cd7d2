-- The layers of a model with their shapes, parameters and products: what `approxrun summary` shows.
local config = require "config"
local json = require "json"
local spec = require "spec"

local summary = {}

local function layer_of(row, net)
  local out = {
    name = row.name, type = row.layer.kind, output = json.array { unpack(row.output) }, parameters = 0, multiplies = 0,
  }
  if row.cost then
    out.parameters, out.multiplies = row.cost.parameters, config.multiplies({ row }).total
    out.multiplier = spec.label(spec.of(row.layer, net))
  end
  return out
end

-- r: what config.resolve gave.
function summary.of(r)
  local layers, parameters = json.array(), 0
  for i, row in ipairs(r.rows) do
    layers[i] = layer_of(row, r.multiplier)
    parameters = parameters + layers[i].parameters
  end
  return {
    name = r.study.name, multiplier = r.multiplier, input = json.array { unpack(r.data.info.shape) },
    parameters = parameters, buffers = 0, multiplies = config.multiplies(r.rows), layers = layers,
  }
end

return summary
