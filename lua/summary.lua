-- The layers of a model with their shapes, parameters and products: what `approxrun summary` shows.
local approximate = require "approximate"
local config = require "config"
local json = require "json"

local summary = {}

local function layer_of(row, phases)
  local out = {
    name = row.name, type = row.layer.kind, output = json.array { unpack(row.output) }, parameters = 0, multiplies = 0,
  }
  if row.cost then
    out.parameters, out.multiplies = row.cost.parameters, config.multiplies({ row }).total
    out.multiplier = approximate.label(phases, row.layer)
  end
  return out
end

-- r: what config.resolve gave.
function summary.of(r)
  local layers, parameters = json.array(), 0
  for i, row in ipairs(r.rows) do
    layers[i] = layer_of(row, r.phases)
    parameters = parameters + layers[i].parameters
  end
  return {
    name = r.study.name, multiplier = r.multiplier, input = json.array { unpack(r.data.info.shape) },
    parameters = parameters, buffers = 0, multiplies = config.multiplies(r.rows), layers = layers,
  }
end

return summary
