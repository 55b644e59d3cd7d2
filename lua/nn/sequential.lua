-- Layers one after another. nn.sequential { layer, layer, ... }; a sequential is a layer itself.
local layer = require "nn.layer"
local strict = require "strict"
local where = require "where"

local sequential = layer.class("sequential", {})

-- nn.sequential takes a list, not options.
function sequential.of(list)
  if type(list) ~= "table" or #list == 0 then where.fail("nn.sequential: a list of layers was expected") end
  for _, k in ipairs(strict.sorted(list)) do
    if type(k) ~= "number" then where.fail(("nn.sequential: unknown field '%s'"):format(tostring(k)), where.here(tostring(k))) end
    if k < 1 or k > #list or not layer.is(list[k]) then
      where.fail(("nn.sequential: item %s is %s, not a layer"):format(tostring(k), strict.show(list[k])))
    end
  end
  local self = layer.new(sequential, {})
  self.layers = { unpack(list) }
  return self
end

function sequential:shape(input)
  for _, l in ipairs(self.layers) do input = l:shape(input) end
  return input
end

-- Calls fn(layer, input, output) for each layer that is not a container, in order; returns the output's shape.
function sequential:visit(input, fn)
  for _, l in ipairs(self.layers) do
    if l.visit then
      input = l:visit(input, fn)
    else
      local output = l:shape(input)
      fn(l, input, output)
      input = output
    end
  end
  return input
end

function sequential:build(ctx, x)
  for _, l in ipairs(self.layers) do x = l:build(ctx, x) end
  return x
end

function sequential:forward(training)
  for _, l in ipairs(self.layers) do l:forward(training) end
end

function sequential:backward()
  for i = #self.layers, 1, -1 do self.layers[i]:backward() end
end

return sequential
