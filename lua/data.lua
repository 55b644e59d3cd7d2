-- Data sets as descriptions: no file is opened before a trial runs. ax.data.NAME { options } :scale(s) :split { valid = n }.
local engine = require "engine"
local json = require "json"
local strict = require "strict"
local where = require "where"

local Data = {}
Data.__index = Data

-- A description that a study's function gave once is settled: changed by the next call it would belong to other trials.
local function expect_open(self, method)
  if self.settled then
    where.fail(("data: %s: the data function gave this data set before; make it inside the function: ax.data.%s { ... }")
      :format(method, self.name))
  end
end

-- Every value is multiplied by `factor` when a batch is loaded.
function Data:scale(factor)
  expect_open(self, "scale")
  if type(factor) ~= "number" or factor ~= factor or math.abs(factor) == math.huge or factor == 0 then
    where.fail(("data: scale(%s): a number other than 0 was expected"):format(strict.show(factor)))
  end
  self.factor = self.factor * factor
  return self
end

-- The last `valid` training samples become the validation part.
function Data:split(options)
  expect_open(self, "split")
  local o = strict.fields("data: split", options, { { "valid", "integer", min = 0, required = true } })
  if o.valid >= self.info.train then
    where.fail(("data: split: valid is %d, but %s has %d training samples"):format(o.valid, self.name, self.info.train))
  end
  self.valid = o.valid
  return self
end

function Data:samples(part)
  if part == "train" then return self.info.train - self.valid end
  return part == "valid" and self.valid or self.info.test
end

-- What of it decides a trial's numbers.
function Data:config()
  return {
    name = self.name, sha256 = self.info.sha256, options = self.options, scale = self.factor, valid = self.valid,
    shape = json.array { unpack(self.info.shape) },
  }
end

function Data:open() return engine.dataset(self.name, json.encode(self.options), self.factor, self.valid) end

local function new(name, options)
  if options ~= nil and type(options) ~= "table" then
    where.fail(("ax.data.%s: a table of options was expected, not %s"):format(name, strict.show(options)))
  end
  local copy = {}
  for k, v in pairs(options or {}) do copy[k] = v end
  for k in pairs(copy) do
    if type(k) ~= "string" then where.fail(("ax.data.%s: options have names"):format(name)) end
  end
  local text, message = engine.describe(name, json.encode(copy))
  if not text then where.fail(message) end
  return setmetatable({ name = name, options = copy, factor = 1, valid = 0, info = json.decode(text) }, Data)
end

-- Any name is looked up in the engine's registry, which knows how to suggest.
local data = setmetatable({}, {
  __index = function(_, name) return function(options) return new(name, options) end end,
  __newindex = function(_, name) where.fail(("ax.data cannot be changed ('%s')"):format(tostring(name))) end,
  __metatable = "locked",
})

return { sets = data, is = function(v) return getmetatable(v) == Data end }
