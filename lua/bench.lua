-- A trial that is timed and not kept. Its loop, the experiment's own or the standard one, runs as in a sweep, with a stopwatch
-- around every call of the engine, and with calls that store nothing in place of the trial's. A step is what lies between two
-- reports of one, so it includes loading the batch and all that Lua does; evaluation and the end of an epoch are left out.
local engine = require "engine"
local json = require "json"
local session = require "session"
local where = require "where"

local bench = {}

-- Kinds of work in the order they are shown, with the calls that do it; what is in none of them is the rest.
local KINDS = {
  { "forward", "conv2d" },
  { "grad_input", "conv2d_grad_input", "dense_lut2d_grad_input", "conv2d_lut2d_grad_input" },
  { "grad_weight", "conv2d_grad_weight", "dense_lut2d_grad_weight", "conv2d_lut2d_grad_weight" },
  { "bias_grad", "bias_grad" },
  { "activation", "relu", "relu_grad", "tanh", "tanh_grad", "sigmoid", "sigmoid_grad", "dropout" },
  { "pooling", "maxpool", "maxpool_grad", "avgpool", "avgpool_grad" },
  { "loss", "softmax_xent" }, { "optimizer", "sgd_step", "adam_step" }, { "data", "batch_load" },
}

-- Calls of several kinds, and the argument that tells which: a dense layer's products by their flags, neither, the first or the
-- second operand transposed; LUT-1D's slopes by the operand they belong to.
local SEVERAL = {
  matmul = { argument = 6, [0] = "forward", "grad_weight", "grad_input" },
  lut1d = { argument = 3, [0] = "grad_input", "grad_weight" },
}

-- Seconds of a call go to spent[kind]; without `kind` it is one of SEVERAL.
local function time_call(name, now, spent, kind)
  local call, several = engine.calls[name], SEVERAL[name]
  engine.calls[name] = function(...)
    local from = now()
    local status = call(...)
    local key = kind or several[select(several.argument, ...)]
    spent[key] = spent[key] + (now() - from)
    return status
  end
end

local function time_calls(now)
  local spent = {}
  for _, row in ipairs(KINDS) do
    spent[row[1]] = 0
    for i = 2, #row do time_call(row[i], now, spent, row[1]) end
  end
  for name in pairs(SEVERAL) do time_call(name, now, spent, nil) end
  return spent
end

-- Stopwatches: begin() where training goes on, and step(at, of) after step `at` of the `of` in an epoch, which says whether to go
-- on: 1 until there are `wanted` steps after the warm-up. Samples { seconds = of one step, spent =, count = } are added to `samples`.

-- Each step is a sample: the cpu has done its work when a call returns.
local function by_step(samples, wanted, warm_up, now, spent)
  local seen, from = 0, 0
  local function begin()
    for kind in pairs(spent) do spent[kind] = 0 end
    from = now()
  end
  return begin, function()
    local sample = { seconds = now() - from, spent = {}, count = 1 }
    for kind, seconds in pairs(spent) do sample.spent[kind] = seconds end
    seen = seen + 1
    if seen > warm_up then samples[#samples + 1] = sample end
    begin()
    return #samples < wanted and 1 or 0
  end
end

-- A device is waited for after so many steps, or where an epoch ends: a wait at each step would be part of the step.
local WINDOW = 50

local function by_window(samples, wanted, warm_up, now, e)
  local seen, count, from = 0, 0, 0
  local function begin()
    engine.engine_wait(e)
    count, from = 0, now()
  end
  return begin, function(at, of)
    seen = seen + 1
    if seen < warm_up then return 1 end
    if seen > warm_up then count = count + 1 end
    local last = seen == warm_up + wanted
    if count == WINDOW or last or at == of then
      engine.engine_wait(e)
      if count > 0 then samples[#samples + 1] = { seconds = (now() - from) / count, count = count } end
    end
    if count == 0 or count == WINDOW or at == of then begin() end
    return last and 0 or 1
  end
end

-- The trial's calls while it is timed. Gives a table where `diverged` is set if the training does.
local function stand_in(begin, step)
  local calls, result, trained = engine.calls, {}, 0
  local function restart()
    begin()
    return 0
  end
  local function nothing() return 0 end

  -- It comes between batches of an evaluation too, where training has gone no further.
  function calls.trial_step(_, epoch, _, at, of)
    local position = (epoch - 1) * of + at
    if position == trained then return 1 end
    trained = position
    return step(at, of)
  end
  function calls.trial_finish(_, _, diverged)
    result.diverged = diverged ~= 0
    return 0
  end
  calls.trial_restore, calls.trial_epoch, calls.trial_add_state = restart, restart, nothing
  engine.trial_position, engine.predictions = nothing, nothing
  function engine.trial_engine(e) return e end
  return result
end

-- Where the time of the faster half of the steps went: what disturbs a step prolongs whatever it meets.
local function kinds_of(steps)
  local sorted, out, rest = {}, json.array(), 0
  for i, step in ipairs(steps) do sorted[i] = step end
  table.sort(sorted, function(a, b) return a.seconds < b.seconds end)
  local half = math.ceil(#sorted / 2)
  for i = 1, half do rest = rest + sorted[i].seconds end
  for i, row in ipairs(KINDS) do
    local seconds = 0
    for k = 1, half do seconds = seconds + sorted[k].spent[row[1]] end
    out[i] = { name = row[1], seconds = seconds }
    rest = rest - seconds
  end
  out[#out + 1] = { name = "other", seconds = rest }
  return out
end

-- The first steps of the resolved trial r on engine e, which stands for the trial itself. Changes this Lua state for good.
function bench.run(r, wanted, warm_up, now, e)
  local samples, seconds, steps, on_cpu = {}, json.array(), 0, engine.device(e) == "cpu"
  local result = on_cpu and stand_in(by_step(samples, wanted, warm_up, now, time_calls(now)))
    or stand_in(by_window(samples, wanted, warm_up, now, e))
  session.run(r, e)
  if #samples == 0 and not result.diverged then
    where.usage(("bench train: the training ended within the %d steps that warm up; raise epochs"):format(warm_up))
  end
  for i, sample in ipairs(samples) do seconds[i], steps = sample.seconds, steps + sample.count end
  return {
    batch = r.recipe.batch, step_s = seconds, steps = steps, diverged = result.diverged or false,
    kinds = on_cpu and kinds_of(samples) or json.array(),
  }
end

return bench
