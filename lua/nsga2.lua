-- NSGA-II: Deb, Pratap, Agarwal and Meyarivan, IEEE Transactions on Evolutionary Computation 6(2), 2002. A member is a list of genes,
-- whole numbers from 1 on; objectives are lists of numbers that are to be small. Nothing here knows what they stand for.
local nsga2 = {}

-- ---- random numbers ----

local WARM_UP = 16                                 -- numbers left out, so that neighbouring seeds have nothing in common

-- L'Ecuyer's two combined generators, Communications of the ACM 31(6), 1988: all steps are exact in doubles, so that every machine
-- draws the same. Gives a function of numbers in (0, 1).
function nsga2.generator(seed)
  local m1, m2 = 2147483563, 2147483399
  local a, b = seed % (m1 - 1) + 1, seed % (m2 - 1) + 1
  local function draw()
    a, b = 40014 * a % m1, 40692 * b % m2
    local z = a - b
    return (z < 1 and z + m1 - 1 or z) / m1
  end
  for _ = 1, WARM_UP do draw() end
  return draw
end

-- A whole number from 1 to n.
function nsga2.whole(random, n) return math.floor(random() * n) + 1 end

-- ---- order of members ----

local function dominates(a, b)
  local better = false
  for k = 1, #a do
    if a[k] > b[k] then return false end
    better = better or a[k] < b[k]
  end
  return better
end

-- The fronts, best first: lists of positions in `objectives` in rising order (the fast non-dominated sort, section III A).
function nsga2.fronts(objectives)
  local beats, losses, fronts, front = {}, {}, {}, {}
  for p = 1, #objectives do
    beats[p], losses[p] = {}, 0
    for q = 1, #objectives do
      if dominates(objectives[p], objectives[q]) then beats[p][#beats[p] + 1] = q end
      if dominates(objectives[q], objectives[p]) then losses[p] = losses[p] + 1 end
    end
    if losses[p] == 0 then front[#front + 1] = p end
  end
  while #front > 0 do
    fronts[#fronts + 1] = front
    local next_front = {}
    for _, p in ipairs(front) do
      for _, q in ipairs(beats[p]) do
        losses[q] = losses[q] - 1
        if losses[q] == 0 then next_front[#next_front + 1] = q end
      end
    end
    table.sort(next_front)
    front = next_front
  end
  return fronts
end

-- The crowding distance of each position of a front (section III B): infinite at its ends, else the sum over the objectives of how
-- far apart its neighbours are, as a share of the front's range.
function nsga2.crowding(objectives, front)
  local distance, order = {}, { unpack(front) }
  for _, p in ipairs(front) do distance[p] = 0 end
  for k = 1, #objectives[front[1]] do
    table.sort(order, function(p, q)
      local a, b = objectives[p][k], objectives[q][k]
      if a ~= b then return a < b end
      return p < q
    end)
    local range = objectives[order[#order]][k] - objectives[order[1]][k]
    distance[order[1]], distance[order[#order]] = math.huge, math.huge
    for i = 2, range > 0 and #order - 1 or 0 do
      local gap = objectives[order[i + 1]][k] - objectives[order[i - 1]][k]
      distance[order[i]] = distance[order[i]] + gap / range
    end
  end
  return distance
end

-- The positions from best to worst under the crowded comparison: by front, then by distance, the larger first.
function nsga2.ranking(objectives)
  local rank, distance, order = {}, {}, {}
  for r, front in ipairs(nsga2.fronts(objectives)) do
    local crowding = nsga2.crowding(objectives, front)
    for _, p in ipairs(front) do rank[p], distance[p], order[#order + 1] = r, crowding[p], p end
  end
  table.sort(order, function(p, q)
    if rank[p] ~= rank[q] then return rank[p] < rank[q] end
    if distance[p] ~= distance[q] then return distance[p] > distance[q] end
    return p < q
  end)
  return order
end

-- ---- variation ----

-- Of two members drawn at random the one that ranks better. `place`: position -> place in the ranking.
local function tournament(place, random)
  local p, q = nsga2.whole(random, #place), nsga2.whole(random, #place)
  return place[p] <= place[q] and p or q
end

-- Uniform crossover, then each gene changes to another of its `choices` with a probability of one over their number.
local function child_of(a, b, choices, random)
  local genes = {}
  for g = 1, #a do
    genes[g] = random() < 0.5 and a[g] or b[g]
    if choices > 1 and random() < 1 / #a then
      genes[g] = (genes[g] - 1 + nsga2.whole(random, choices - 1)) % choices + 1
    end
  end
  return genes
end

local TRIES = 100                                  -- to find a member that is not there yet, before a population stays smaller

-- Adds members that make(), until there are n; none is there twice.
function nsga2.fill(members, n, make)
  local there, tries = {}, 0
  for _, genes in ipairs(members) do there[table.concat(genes, " ")] = true end
  while #members < n and tries < TRIES do
    local genes = make()
    local key = table.concat(genes, " ")
    if there[key] then tries = tries + 1 else there[key], members[#members + 1], tries = true, genes, 0 end
  end
  return members
end

-- The members and up to n children of theirs, behind them.
function nsga2.grow(members, objectives, n, choices, random)
  local place = {}
  for i, p in ipairs(nsga2.ranking(objectives)) do place[p] = i end
  local function make()
    return child_of(members[tournament(place, random)], members[tournament(place, random)], choices, random)
  end
  return nsga2.fill({ unpack(members) }, #members + n, make)
end

return nsga2
