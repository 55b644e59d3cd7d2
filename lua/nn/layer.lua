-- What all layers share. A layer is a table with
--   shape(input)       the output's shape, without the batch; pure: planning and `summary` need no engine
--   cost(input)        parameters and products of one sample (absent: none)
--   build(ctx, x)      allocates everything and returns y (ctx: lua/build.lua)
--   forward(training)  fills y.value from x.value
--   backward()         fills x.grad (if there is one) and the gradients of its parameters from y.grad
-- x and y are nodes { value =, grad =, shape = }: tensors of fixed shape whose owner is the trial's arena. A node without
-- grad is one that no parameter lies before.
local strict = require "strict"
local where = require "where"

local layer = {}

local Layer = {}
local classes = setmetatable({}, { __mode = "k" })

-- A new class of layers. `rows`: its options, as strict.fields takes them.
function layer.class(kind, rows)
  local class = { kind = kind, rows = { unpack(rows) } }
  class.__index = class
  class.rows[#rows + 1] = { "name", "check", check = layer.name }
  classes[class] = true
  setmetatable(class, Layer)
  return class
end

-- nn.dense { ... }: checks the options and remembers the line for errors that only the whole net shows.
function layer.new(class, options)
  local self = strict.fields("nn." .. class.kind, options or {}, class.rows)
  self.place = where.here()
  return setmetatable(self, class)
end

Layer.__call = layer.new

function layer.is(v) return classes[getmetatable(v)] == true end

-- Names become part of state names: w/NAME/kernel.
function layer.name(v)
  if type(v) == "string" and v:find "^[%a_][%w_]*$" and #v <= 40 then return v end
  return nil, "a word of letters, digits and '_'"
end

-- Shapes of one sample as text: 28x28x1.
function layer.shape_text(shape) return table.concat(shape, "x") end

function layer.size(shape)
  local n = 1
  for _, d in ipairs(shape) do n = n * d end
  return n
end

-- An error of the net as a whole, at the line that made this layer.
function layer.fail(self, message, ...)
  where.fail(("nn.%s: " .. message):format(self.kind, ...), self.place)
end

-- Options that belong to the configuration: all but the name and the multiplier, which stands there resolved.
function layer.options(self)
  local out = {}
  for _, row in ipairs(self.rows) do
    local key = row[1]
    if key ~= "name" and key ~= "multiplier" and type(self[key]) ~= "function" then out[key] = self[key] end
  end
  return out
end

return layer
