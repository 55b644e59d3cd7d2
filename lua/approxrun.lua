-- What `require "approxrun"` gives an experiment.
local data = require "data"
local mul = require "mul"
local strict = require "strict"
local study = require "study"
local where = require "where"

local nn = {}
for name in ("dense conv2d maxpool avgpool relu tanh sigmoid dropout flatten"):gmatch "%S+" do
  nn[name] = require("nn." .. name)
end
nn.sequential = require("nn.sequential").of

local optim = { sgd = require "optim.sgd", adam = require "optim.adam" }

-- What was meant: 3 * 0.1 is 0.3, so that a value of a range and the same one written down are one trial.
local function tidy(v) return v % 1 == 0 and v or tonumber(("%.15g"):format(v)) end

-- ax.range(1, 3) -> { 1, 2, 3 }; ax.range(0, 0.3, 0.1) -> { 0, 0.1, 0.2, 0.3 }
local function range(from, to, step)
  step = step or 1
  for _, v in ipairs { from or "nil", to or "nil", step } do
    if type(v) ~= "number" then where.fail "ax.range: numbers were expected: ax.range(from, to, step)" end
  end
  if step == 0 or (to - from) / step > 1e6 then where.fail "ax.range: more than a million values" end
  local out = {}
  for i = 0, math.floor((to - from) / step + 1e-9) do out[i + 1] = tidy(from + i * step) end
  return out
end

-- ax.cross({ "mbm", "mit" }, { 7, 5 }) -> { "mbm:7", "mbm:5", "mit:7", "mit:5" }
local function cross(families, widths)
  if type(families) == "string" then families = { families } end
  if type(widths) == "number" then widths = { widths } end
  if type(families) ~= "table" or type(widths) ~= "table" then
    where.fail "ax.cross: two lists were expected: ax.cross({ \"mbm\", \"mit\" }, { 7, 5 })"
  end
  local out = {}
  for _, family in ipairs(families) do
    for _, width in ipairs(widths) do
      if type(family) ~= "string" or type(width) ~= "number" then
        where.fail(("ax.cross: a family and a width were expected, not %s and %s")
          :format(strict.show(family), strict.show(width)))
      end
      out[#out + 1] = ("%s:%.14g"):format(family, width)
    end
  end
  return out
end

return strict.view("approxrun", {
  study = study.new, sensitivity = study.sensitivity, search = study.new_search, choice = study.choice, range = range, cross = cross,
  data = data.sets, mul = strict.view("ax.mul", mul.api), nn = strict.view("ax.nn", nn), optim = strict.view("ax.optim", optim),
})
