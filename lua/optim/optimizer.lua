-- What all optimisers share. An optimiser is a table with
--   prepare(ctx, params)       allocates its moments
--   update(params, lr, t)      one step; t counts from 1
--   check()                    fails for options that do not go together (absent: all do)
local strict = require "strict"

local optimizer = {}

local kinds = setmetatable({}, { __mode = "k" })

function optimizer.class(kind, rows)
  local class = { kind = kind, rows = rows }
  class.__index = class
  kinds[class] = true
  return setmetatable(class, {
    __call = function(_, options)
      local self = setmetatable(strict.fields("ax.optim." .. kind, options or {}, rows), class)
      if class.check then self:check() end
      return self
    end,
  })
end

function optimizer.is(v) return kinds[getmetatable(v)] == true end

-- Its kind and options, for the configuration.
function optimizer.config(self)
  local out = { type = self.kind }
  for _, row in ipairs(self.rows) do out[row[1]] = self[row[1]] end
  return out
end

return optimizer
