-- Which layer, which pass suffers from a multiplier: the axis `where` of ax.sensitivity, whose values approximate everything,
-- nothing, one part alone, or all parts but one. What is not approximate is fp32.
local spec = require "spec"
local where = require "where"

local sensitivity = {}

-- Fields that ax.sensitivity takes beside those of a study.
sensitivity.rows = {
  { "multiplier", "check", check = function(v)
    if type(v) == "string" or type(v) == "table" then return v end
    return nil, "a multiplier such as \"mbm:3\" or a list of them"
  end },
  { "layers", "boolean", default = true }, { "passes", "boolean", default = true },
}

local function other_than(part, list)
  local out = {}
  for _, item in ipairs(list) do if item ~= part then out[#out + 1] = item end end
  return out
end

-- The values of `where`: none, all, then each part alone, then all but each part; parts are the layers, then the passes.
function sensitivity.values(options, names)
  local parts = {}
  for _, name in ipairs(options.layers and names or {}) do
    if options.passes and spec.is_pass(name) then
      where.fail(("sensitivity: a layer is called '%s', as a pass is: name it otherwise, or set passes = false"):format(name))
    end
    parts[#parts + 1] = name
  end
  for _, pass in ipairs(options.passes and spec.passes or {}) do parts[#parts + 1] = pass end
  local out = { "none", "all" }
  for _, word in ipairs { "only ", "but " } do
    for _, part in ipairs(parts) do out[#out + 1] = word .. part end
  end
  return out
end

-- The rules of one of them.
function sensitivity.rules(value, names)
  if value == "all" then return {} end
  if value == "none" then return { { multiplier = "fp32" } } end
  local word, part = value:match "^(%a+) (.+)$"
  local field, list = "layers", names
  if spec.is_pass(part) then field, list = "passes", spec.passes end
  local exact = word == "but" and { part } or other_than(part, list)
  return #exact > 0 and { { [field] = exact, multiplier = "fp32" } } or {}
end

return sensitivity
