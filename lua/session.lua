-- One trial while it runs: the three objects a training loop gets, (trial, net, data), over one shared state.
-- Invariant: between two training batches everything a checkpoint needs is in tensors added by build.state and in the
-- position (epoch, step, updates), so a resumed trial goes on with the same bits. What the loop did to the weights between that
-- checkpoint's epoch (or the start) and its first batch is in them too: `s.again` while a resumed loop does it again.
local approximate = require "approximate"
local build = require "build"
local engine = require "engine"
local json = require "json"
local layer = require "nn.layer"
local optimizer = require "optim.optimizer"
local strict = require "strict"
local where = require "where"

local PARTS = { train = 0, valid = 1, test = 2 }
local IN_ORDER = -1                                -- as the epoch of a batch: not shuffled
local CHECK = 64                                   -- steps between two looks at the loss where looking stops the device
local LARGEST = (2 - 2 ^ -23) * 2 ^ 127            -- of FP32
local SEGMENT = { step = 0, test = 1, forward = 2, backward = 3, update = 4, done = -1 }

-- Raised to leave a loop, whatever it caught before: "stopped" (a checkpoint is written) or "diverged".
local function leave(s, reason)
  s.left = reason
  error(s, 0)
end

local function stay(s) if s.left then error(s, 0) end end

local function finite(v) return v == v and math.abs(v) ~= math.huge end

local function part_number(part)
  return PARTS[part] or where.fail(("data: no part %s%s"):format(strict.show(part), strict.hint(part, strict.keys(PARTS))))
end

-- ---- sums ----

-- Loss sum, correct and samples, to which the engine adds: its tensor, and its values when last read.
local function sums_of(tensor) return { tensor = tensor, sums = { 0, 0, 0 } } end

local function read(totals)
  totals.sums = engine.read(totals.tensor)
  return totals.sums
end

local function clear(totals)
  totals.sums = { 0, 0, 0 }
  engine.write(totals.tensor, totals.sums)
end

local function means(sums) return sums[1] / sums[3], sums[2] / sums[3] end

-- Runs fn as one of the engine's segments: the same work whenever it runs, which a device may replay.
local function segment(s, key, fn, ...)
  engine.engine_segment(s.ctx.engine, key)
  fn(s, ...)
  engine.engine_segment(s.ctx.engine, SEGMENT.done)
end

-- Takes the multipliers of an epoch. Where they change, so do the products that the segments call.
local function enter(s, epoch)
  local phase = approximate.at(s.r.phases, epoch)
  if phase == s.phase then return end
  if s.phase then engine.engine_forget(s.ctx.engine) end
  s.ctx:enter(phase)
  s.phase, s.test.at = phase, nil
end

-- ---- data ----

local Data = {}
Data.__index = Data

function Data:count(part) return engine.dataset_count(self.s.set, part_number(part)) end

function Data:steps(part) return math.ceil(self:count(part) / self.s.batch_size) end

local function load_batch(s, part, epoch, step)
  engine.batch_load(s.batch.x, s.batch.labels, s.set, part, s.seed, epoch, step)
  s.batch = { x = s.batch.x, labels = s.batch.labels, number = step + 1 }
  return s.batch
end

-- Between two batches: progress is shown, and a request to stop is obeyed, with a checkpoint. Within a training batch, or where
-- weights were changed outside one since, the state is none to go on from, and after the last epoch there is nothing to add to its
-- checkpoint.
local function pause(s)
  if s.under_way or s.altered or s.done >= s.epochs then return end
  local loss, acc = means(s.totals.sums)
  local go = engine.trial_step(s.trial, s.done + 1, s.epochs, s.step, s.data:steps "train", s.clock.updates, loss, acc)
  if go == 0 then leave(s, "stopped") end
end

-- The batches of a part: those of "train" shuffled by (seed, epoch), beginning where the trial stands; others in order.
function Data:batches(part)
  local s, number, steps = self.s, part_number(part), self:steps(part)
  stay(s)
  if part ~= "train" then
    local step = -1
    return function()
      pause(s)
      step = step + 1
      return step < steps and load_batch(s, number, IN_ORDER, step) or nil
    end
  end
  if s.epoch == 0 then where.fail "data: training batches are asked for outside trial:epochs()" end
  if s.epoch == s.done then where.fail "data: training batches are asked for after trial:report" end
  s.under_way, s.again = false, false
  return function()
    stay(s)
    if s.under_way then
      s.under_way, s.altered, s.step = false, false, s.step + 1
      pause(s)
    end
    s.under_way = s.step < steps
    return s.under_way and load_batch(s, number, s.epoch, s.step) or nil
  end
end

-- ---- net ----

local Net = {}
Net.__index = Net

-- Allocates the layers and the optimiser's state, then restores a checkpoint if there is one.
function Net:compile(options)
  local s = self.s
  if s.ctx then where.fail "net:compile: the net is compiled already" end
  local o = strict.fields("net:compile", options, {
    { "loss", "choice", choices = { "cross_entropy" }, default = "cross_entropy" },
    { "optimizer", "check", required = true, check = function(v)
      if optimizer.is(v) then return v end
      return nil, "an optimiser such as ax.optim.adam { lr = 1e-3 }"
    end },
  })
  local ctx = build.new {
    trial = s.trial, batch = s.batch_size, seed = s.seed, names = s.names, clock = s.clock,
    backward = s.r.view.backward,
  }
  local x = ctx:node(s.r.data.info.shape, false)
  s.batch = { x = x.value, labels = ctx:indices {} }
  s.logits = s.r.model:build(ctx, x)
  s.predicted = ctx:indices {}
  s.totals = sums_of(ctx:state("t/totals", { 3 }, "f64"))        -- of the running epoch
  s.scratch = sums_of(engine.tensor(ctx.engine, "f64", { 3 }))
  s.optimizer = o.optimizer
  s.optimizer:prepare(ctx, ctx.params)
  engine.engine_seal(ctx.engine)
  s.ctx = ctx
  s.watched = engine.device(ctx.engine) == "cpu" and 1 or CHECK
  engine.trial_restore(s.trial)
  read(s.totals)
  s.done, s.step, s.clock.updates =
    engine.trial_position(s.trial, 0), engine.trial_position(s.trial, 1), engine.trial_position(s.trial, 2)
  s.again = s.done > 0 or s.step > 0
  enter(s, math.min(s.done + 1, s.epochs))
end

local function compiled(s) return s.ctx or where.fail "net: call net:compile { optimizer = ... } first" end

local function expect_batch(s, what, batch)
  compiled(s); stay(s)
  if batch ~= s.batch then
    where.fail(what .. ": the batch of data:batches that was loaded last was expected; net:evaluate loads others in its place")
  end
end

local function forward(s, training)
  local totals = training and s.totals or s.scratch
  s.trained = training and s.batch or nil
  s.r.model:forward(training)
  engine.softmax_xent(training and s.logits.grad or nil, totals.tensor, s.logits.value, s.batch.labels)
end

local function backward(s) s.r.model:backward() end

local function update(s, lr) s.optimizer:update(s.ctx.params, lr, s.clock.updates) end

-- A loss that is not finite ends the trial as diverged.
local function watch(s)
  if not finite(read(s.totals)[1]) then leave(s, "diverged") end
end

-- Between a report, whose checkpoint has the weights, and the next epoch a change of them would be lost by an interruption.
local function expect_open(s, what)
  if s.done > 0 and s.epoch == s.done and not s.over then
    where.fail(what .. ": weights are changed before trial:report, or after the last epoch")
  end
end

local function learning_rate(s, what, lr)
  if lr ~= nil and not (type(lr) == "number" and lr >= 0 and lr <= LARGEST) then
    where.fail(("%s: a learning rate was expected, not %s"):format(what, strict.show(lr)))
  end
  return lr or s.optimizer.lr
end

-- The outputs of a batch, its loss and accuracy. Training batches add to net:running(), and a loss that is not finite ends
-- the trial as diverged.
function Net:forward(batch, training)
  local s = self.s
  expect_batch(s, "net:forward", batch)
  local totals = training and s.totals or s.scratch
  local before = s.watched > 1 and read(totals) or totals.sums
  segment(s, training and SEGMENT.forward or SEGMENT.test, forward, training and true or false)
  local after = read(totals)
  if training and not finite(after[1]) then leave(s, "diverged") end
  if training then s.altered = s.altered or not s.under_way end
  if training and s.again then
    totals.sums = before
    engine.write(totals.tensor, before)
  end
  return means { after[1] - before[1], after[2] - before[2], after[3] - before[3] }
end

-- The gradients of the last training batch.
function Net:backward()
  local s = self.s
  compiled(s); stay(s)
  if not s.trained or s.trained ~= s.batch then
    where.fail "net:backward: net:forward(batch, true) was expected before it, with no other batch in between"
  end
  segment(s, SEGMENT.backward, backward)
end

-- One step of the optimiser, with its own learning rate or another.
function Net:step(lr)
  local s = self.s
  compiled(s); stay(s)
  expect_open(s, "net:step")
  lr = learning_rate(s, "net:step", lr)
  if s.again then return end
  s.altered = s.altered or not s.under_way
  s.clock.updates = s.clock.updates + 1
  segment(s, SEGMENT.update, update, lr)
end

local function train(s, lr)
  forward(s, true)
  backward(s)
  s.clock.updates = s.clock.updates + 1             -- dropout's masks are those of the update before
  update(s, lr)
end

-- Forward, backward and step of a training batch at once. It gives no loss: on a device nothing waits for it, and whether the
-- loss is finite is seen every CHECK steps and at the end of the epoch.
function Net:train(batch, lr)
  local s = self.s
  expect_batch(s, "net:train", batch)
  expect_open(s, "net:train")
  lr = learning_rate(s, "net:train", lr)
  if s.watched == 1 or not s.under_way then
    self:forward(batch, true)
    self:backward()
    return self:step(lr)
  end
  segment(s, SEGMENT.step, train, lr)
  if (s.step + 1) % s.watched == 0 or s.step + 1 == s.data:steps "train" then watch(s) end
end

function Net:lr() return compiled(self.s) and self.s.optimizer.lr end

-- Mean loss and accuracy of the training batches of this epoch so far.
function Net:running() return means(compiled(self.s) and read(self.s.totals)) end

-- Keeps the predictions of one test batch for the trial's record.
local function keep_predictions(s, batch, at)
  engine.argmax(s.predicted, s.logits.value)
  local predicted, labels = engine.read(s.predicted), engine.read(batch.labels)
  for i = 1, math.min(s.batch_size, s.test.n - at) do
    s.test.predicted[at + i - 1], s.test.labels[at + i - 1] = predicted[i], labels[i]
  end
end

-- Mean loss and accuracy over a whole part. A loss that is not finite ends the trial as diverged.
function Net:evaluate(part)
  local s, at = self.s, 0
  compiled(s); stay(s)
  clear(s.scratch)
  for batch in s.data:batches(part == "train" and where.fail "net:evaluate: give \"valid\" or \"test\"" or part) do
    segment(s, SEGMENT.test, forward, false)
    if part == "test" then keep_predictions(s, batch, at) end
    at = at + s.batch_size
  end
  if part == "test" then s.test.at = s.clock.updates end
  local loss, acc = means(read(s.scratch))
  if at > 0 and not finite(loss) then leave(s, "diverged") end
  if part == "test" then s.test.loss, s.test.acc = loss, acc end
  return loss, acc
end

local function parameter(s, name)
  local names = {}
  for _, p in ipairs(compiled(s).params) do
    if p.name == name then return p end
    names[#names + 1] = p.name
  end
  where.fail(("net: no parameter %s%s"):format(strict.show(name), strict.hint(tostring(name), names)))
end

-- Names of all trainable tensors; their values and gradients as flat arrays.
function Net:parameters()
  local out = {}
  for i, p in ipairs(compiled(self.s).params) do out[i] = p.name end
  return out
end

function Net:get(name) return engine.read(parameter(self.s, name).value) end

-- Sets weights. What a resumed loop sets again before its first training batch is in the checkpoint already, and trained since.
function Net:set(name, values)
  local s = self.s
  local p = parameter(s, name)
  local n = layer.size(p.shape)
  if type(values) ~= "table" or #values ~= n then
    where.fail(("net:set('%s'): a list of %d numbers was expected"):format(name, n))
  end
  stay(s); expect_open(s, "net:set")
  if s.again then return end
  engine.write(p.value, values)
  s.altered, s.test.at = true, nil
end

function Net:gradient(name) return engine.read(parameter(self.s, name).grad) end

-- ---- trial ----

local Trial = {}
Trial.__index = Trial

-- The epochs that are left: the first may be one that was interrupted.
function Trial:epochs()
  local s = self.s
  compiled(s)
  return function()
    stay(s)
    s.over = s.done >= s.epochs
    s.again = not s.over and s.step > 0
    if s.over then return nil end
    if s.epoch > s.done then where.fail(("trial: epoch %d ended without trial:report { ... }"):format(s.epoch)) end
    s.epoch = s.done + 1
    enter(s, s.epoch)
    if s.step == 0 then clear(s.totals) end
    return s.epoch
  end
end

local function check_metrics(metrics)
  if type(metrics) ~= "table" then where.fail "trial:report: a table of numbers was expected" end
  for _, k in ipairs(strict.sorted(metrics)) do
    if type(k) ~= "string" or not k:find "^[%a_][%w_]*$" or #k > 23 then
      where.fail(("trial:report: %s is no name of a metric: up to 23 letters, digits, '_'"):format(strict.show(k)))
    end
    if type(metrics[k]) ~= "number" then
      where.fail(("trial:report: %s is %s, but a number was expected"):format(k, strict.show(metrics[k])))
    end
  end
end

-- Ends an epoch: its metrics join the curves, then a checkpoint is written.
function Trial:report(metrics)
  local s = self.s
  stay(s)
  check_metrics(metrics)
  if s.epoch ~= s.done + 1 then where.fail "trial:report: once an epoch, inside trial:epochs()" end
  for _, p in ipairs(compiled(s).params) do
    if engine.all_finite(p.value) == 0 then leave(s, "diverged") end
  end
  engine.trial_epoch(s.trial, s.epoch, s.clock.updates, json.encode(metrics))
  s.done, s.step, s.altered = s.epoch, 0, false
end

-- ---- the run ----

local function new(r, trial)
  local s = {
    r = r, trial = trial, seed = r.params.seed, epochs = r.recipe.epochs, batch_size = r.recipe.batch,
    epoch = 0, done = 0, step = 0, under_way = false, clock = { updates = 0 }, names = {}, set = r.data:open(),
  }
  for _, row in ipairs(r.rows) do s.names[row.layer] = row.name end
  local n = engine.dataset_count(s.set, PARTS.test)
  s.test = { n = n, predicted = engine.int32s(n), labels = engine.int32s(n) }
  s.data, s.net = setmetatable({ s = s }, Data), setmetatable({ s = s }, Net)
  s.trial_object = setmetatable({ s = s, params = r.view }, Trial)
  return s
end

-- The loop, the user's own or the standard one.
local function train_all(s)
  local r = s.r
  if r.recipe.loop then return where.call(r.recipe.loop, s.trial_object, s.net, s.data) end
  s.net:compile { loss = r.recipe.loss, optimizer = r.recipe.optimizer }
  return require "train"(s.trial_object, s.net, s.data)
end

local function finish(s)
  local classes = s.r.data.info.classes
  if s.left == "diverged" then
    io.stderr:write(("the loss or a weight is not finite in epoch %d, update %d\n"):format(s.epoch, s.clock.updates))
    engine.trial_finish(s.trial, json.encode { test_acc = 0 / 0, test_loss = 0 / 0 }, 1)
    return
  end
  engine.predictions(s.trial, s.test.predicted, s.test.labels, s.test.n, classes)
  engine.trial_finish(s.trial, json.encode { test_acc = s.test.acc, test_loss = s.test.loss }, 0)
end

local session = {}

-- Runs a resolved trial to its end or to a stop.
function session.run(r, trial)
  local s = new(r, trial)
  local function body()
    train_all(s)
    if s.done < s.epochs then
      where.fail(("train: the loop ended after epoch %d of %d"):format(s.done, s.epochs), where.here "train")
    end
    if s.test.at ~= s.clock.updates then s.net:evaluate "test" end
  end
  local failure
  local ok, err = xpcall(body, function(err) failure = err ~= s and where.explain(err) or nil end)
  if not ok and not s.left then where.again(failure or where.explain(err)) end      -- no handler runs when memory is out
  if s.left ~= "stopped" then finish(s) end
end

return session
