-- Multipliers as scripts name them: a spec for all passes, or one for each of the three products of a layer.
local engine = require "engine"
local strict = require "strict"
local where = require "where"

local spec = {}

spec.passes = { "forward", "grad_input", "grad_weight" }

-- What a trial's `backward` may be: the gradients under the multipliers, the default, under fp32, or from the multipliers' estimated
-- gradients, a slope for each value of the other operand or a table by both.
spec.backward = { "approximate", "exact", "lut1d", "lut2d" }

local TABLES = 11                -- the widest multiplier with a table

-- Can `backward` make a gradient under this multiplier? fp32 always gives the exact one. nil and a message.
function spec.serves(backward, text)
  if backward ~= "lut1d" and backward ~= "lut2d" or text == "fp32" then return true end
  if engine.mult_width(engine.find_mult(text)) <= TABLES then return true end
  return nil, ("backward = \"%s\" estimates gradients from a multiplier's table, and %s has none: widths 1 to %d were expected, " ..
    "or backward = \"exact\""):format(backward, text, TABLES)
end

function spec.is_pass(name)
  for _, pass in ipairs(spec.passes) do if pass == name then return true end end
  return false
end

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
    if not spec.is_pass(k) then
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
