-- Multipliers as scripts name them: a spec for all passes, or one for each of the three products of a layer.
local engine = require "engine"
local strict = require "strict"
local where = require "where"

local spec = {}

spec.passes = { "forward", "grad_input", "grad_weight" }

-- The canonical spec, or nil, a message and a status.
function spec.canonical(text)
  if type(text) ~= "string" then
    return nil, ("a multiplier such as \"mbm:7\" was expected, not %s"):format(strict.show(text))
  end
  local m, message, status = engine.find_mult(text)
  if not m then return nil, message, status end
  return engine.mult_spec(m)
end

-- A layer's `multiplier` option: { forward =, grad_input =, grad_weight = }, passes left out follow the net.
function spec.option(v)
  if type(v) == "string" then v = { forward = v, grad_input = v, grad_weight = v } end
  if type(v) ~= "table" then return nil, "a spec such as \"mbm:7\" or a table by pass" end
  local out = {}
  for _, k in ipairs(strict.sorted(v)) do
    if k ~= "forward" and k ~= "grad_input" and k ~= "grad_weight" then
      where.fail(("multiplier: unknown pass '%s'%s"):format(tostring(k), strict.hint(k, { unpack(spec.passes) })))
    end
    local canonical, message, status = spec.canonical(v[k])
    if not canonical then where.fail("multiplier: " .. message, nil, status) end
    out[k] = canonical
  end
  return out
end

-- The three specs of a layer under the net's spec.
function spec.of(layer, net)
  local own, out = layer.multiplier or {}, {}
  for _, pass in ipairs(spec.passes) do out[pass] = own[pass] or net end
  return out
end

-- As one text if the passes agree, else by pass.
function spec.label(specs)
  if specs.forward == specs.grad_input and specs.forward == specs.grad_weight then return specs.forward end
  return specs
end

return spec
