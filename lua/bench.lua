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
  { "forward", "conv2d" }, { "grad_input", "conv2d_grad_input" }, { "grad_weight", "conv2d_grad_weight" },
  { "bias_grad", "bias_grad" },
  { "activation", "relu", "relu_grad", "tanh", "tanh_grad", "sigmoid", "sigmoid_grad", "dropout" },
  { "pooling", "maxpool", "maxpool_grad", "avgpool", "avgpool_grad" },
  { "loss", "softmax_xent" }, { "optimizer", "sgd_step", "adam_step" }, { "data", "batch_load" },
}

-- A dense layer's products by the flags of matmul, its sixth argument: neither, the first or the second operand transposed.
local FLAGS, PASS = 6, { [0] = "forward", "grad_weight", "grad_input" }

-- Seconds of a call go to spent[kind].
local function time_call(name, now, spent, kind)
  local call = engine.calls[name]
  engine.calls[name] = function(...)
    local from = now()
    local status = call(...)
    local key = kind or PASS[select(FLAGS, ...)]
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
  time_call("matmul", now, spent, nil)
  return spent
end

-- The trial's calls while it is timed. steps: filled with { seconds =, spent = } until there are `wanted`, after a warm-up.
local function stand_in(steps, wanted, warm_up, now, spent)
  local calls, seen, from = engine.calls, 0, 0
  local function begin()
    for kind in pairs(spent) do spent[kind] = 0 end
    from = now()
    return 0
  end
  local function nothing() return 0 end

  function calls.trial_step()
    local step = { seconds = now() - from, spent = {} }
    for kind, seconds in pairs(spent) do step.spent[kind] = seconds end
    seen = seen + 1
    if seen > warm_up then steps[#steps + 1] = step end
    begin()
    return #steps < wanted and 1 or 0
  end
  calls.trial_restore, calls.trial_epoch = begin, begin
  calls.trial_add_state, calls.trial_finish = nothing, nothing
  engine.trial_position, engine.predictions = nothing, nothing
  function engine.trial_engine(e) return e end
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
  local steps, seconds = {}, json.array()
  stand_in(steps, wanted, warm_up, now, time_calls(now))
  session.run(r, e)
  if #steps == 0 then
    where.usage(("bench train: the training ended or diverged within the %d steps that warm up; raise epochs, or lower lr"):format(warm_up))
  end
  for i, step in ipairs(steps) do seconds[i] = step.seconds end
  return { batch = r.recipe.batch, step_s = seconds, kinds = kinds_of(steps) }
end

return bench
