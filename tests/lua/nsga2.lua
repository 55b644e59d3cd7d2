-- NSGA-II's parts against examples worked by hand, and its random numbers against L'Ecuyer's formulas in exact integers. Run by
-- search.sh beside a copy of lua/nsga2.lua; a fault ends it with a message.
local ax = require "approxrun"
local nsga2 = require "nsga2"

local function text(v)
  if type(v) ~= "table" then return ("%.10g"):format(v) end
  local out = {}
  for i, item in ipairs(v) do out[i] = text(item) end
  return "{" .. table.concat(out, ",") .. "}"
end

local function is(what, found, wanted)
  if text(found) ~= text(wanted) then error(("%s: found %s, wanted %s"):format(what, text(found), text(wanted)), 0) end
end

-- ---- order: both objectives are to be small ----

-- 1, 2 and 3 do not dominate each other; 2 dominates 4; 4, and so 2, dominates 5; 6 is a twin of 1.
local six = { { 1, 5 }, { 2, 3 }, { 4, 1 }, { 3, 4 }, { 5, 5 }, { 1, 5 } }
is("fronts", nsga2.fronts(six), { { 1, 2, 3, 6 }, { 4 }, { 5 } })
is("fronts of one", nsga2.fronts { { 1, 1 } }, { { 1 } })
is("equal in one objective", nsga2.fronts { { 1, 2 }, { 1, 1 }, { 2, 1 } }, { { 2 }, { 1, 3 } })

-- Ranges of 10 in both: the second has neighbours 3 and 5 apart, the third 5 and 4, the fourth 7 and 5.
local five = { { 3, 5 }, { 0, 10 }, { 10, 0 }, { 1, 6 }, { 6, 2 } }
is("crowding", nsga2.crowding(five, { 1, 2, 3, 4, 5 }), { 0.9, 1 / 0, 1 / 0, 0.8, 1.2 })
is("crowding of two", nsga2.crowding({ { 1, 2 }, { 2, 1 } }, { 1, 2 }), { 1 / 0, 1 / 0 })
is("crowding without a range", nsga2.crowding({ { 1, 1 }, { 1, 1 }, { 1, 1 } }, { 1, 2, 3 }), { 1 / 0, 0, 1 / 0 })
is("ranking: ends, then the less crowded", nsga2.ranking(five), { 2, 3, 5, 1, 4 })
is("ranking: fronts first", nsga2.ranking(six), { 1, 3, 6, 2, 4, 5 })

-- ---- random numbers: z / 2147483563 of the 17th step on, for seeds 1 and 2 ----

local DRAWN = { [1] = { 858238457, 1933947902, 394323932, 1728043424 }, [2] = { 213615986, 1827180072, 591485898, 1518323355 } }
for seed, wanted in ipairs(DRAWN) do
  local draw = nsga2.generator(seed)
  for i, z in ipairs(wanted) do is("number " .. i .. " of seed " .. seed, draw() * 2147483563, z) end
end

local draw, counts = nsga2.generator(7), { 0, 0, 0, 0, 0 }
for _ = 1, 50000 do
  local k = nsga2.whole(draw, 5)
  counts[k] = counts[k] + 1
end
-- Chi-squared of five cells: 18.5 is exceeded once in a thousand times.
local chi = 0
for k = 1, 5 do chi = chi + (counts[k] - 10000) ^ 2 / 10000 end
if chi > 18.5 then error("whole numbers are not uniform: chi-squared " .. chi, 0) end

-- ---- variation ----

local members, objectives = { { 1, 1, 1, 1 }, { 2, 2, 2, 2 } }, { { 0, 1 }, { 1, 0 } }
local grown = nsga2.grow(members, objectives, 40, 3, nsga2.generator(3))
is("as many children as wanted", #grown, 42)
is("behind their parents", { grown[1], grown[2] }, members)
local there = {}
for _, genes in ipairs(grown) do
  if there[text(genes)] then error("a child is there twice: " .. text(genes), 0) end
  there[text(genes)] = true
  for g = 1, 4 do
    if genes[g] % 1 ~= 0 or genes[g] < 1 or genes[g] > 3 then error("a gene is out of range: " .. text(genes), 0) end
  end
end
is("the same from the same seed", nsga2.grow(members, objectives, 40, 3, nsga2.generator(3)), grown)
is("no more than there are", #nsga2.grow({ { 1 }, { 2 } }, { { 0, 1 }, { 1, 0 } }, 5, 2, nsga2.generator(1)), 2)

return ax.study {
  name = "nsga2", grid = { multiplier = "fp32" },
  data = function() return ax.data.synthetic { train = 32, test = 16 } end,
  model = function() return ax.nn.sequential { ax.nn.flatten(), ax.nn.dense { 4 } } end,
  train = function() return { optimizer = ax.optim.sgd { lr = 0.1 }, epochs = 1, batch = 8 } end,
}
