-- The entry points that src/script/script.c calls, and the experiment file behind them. Text in, text out: each returns
-- its result, or nil, a kind of error (a status, "usage" or "script"), a message, and whether it names a line of the script.
local energy = require "energy"
local engine = require "engine"
local json = require "json"
local mul = require "mul"
local sandbox = require "sandbox"
local strict = require "strict"
local study = require "study"
local where = require "where"

local host = {}

local ID_DIGITS = 16                               -- of the SHA-256 of its configuration that are a trial's id

local experiment                                   -- { study =, sources = { name = text }, dir =, main = }

-- ---- files ----

local function dirname(path) return path:match "^(.*/)[^/]*$" or "" end

-- The text of a file of the experiment: as recorded, or from disk.
local function source(e, name)
  if e.recorded then return e.recorded[name], "not among the recorded sources" end
  return engine.read_file(e.dir .. name)
end

local function compile(e, name, text)
  e.sources[name] = text
  local path = e.dir .. name
  local chunk = where.add(path, text)
  local fn, message = sandbox.load(text, chunk, e.env)
  if fn then return fn end
  local line, what = message:match ":(%d+): (.*)$"
  where.fail(what or message, { path = path, line = tonumber(line) or 1 })
end

-- `require` in an experiment: the program's module, or a file below the experiment's directory, loaded once.
local function require_below(e)
  local root = require "approxrun"
  local loaded = {}
  return function(name)
    if name == "approxrun" then return root end
    local fine = type(name) == "string" and name:find "^[%w_][%w_./-]*$" and not name:find("..", 1, true)
    local file = fine and name:gsub("%.lua$", ""):gsub("%.", "/") .. ".lua"
    if not fine then
      where.fail(("require %s: 'approxrun' or a file below the experiment's directory was expected, without '..'")
        :format(strict.show(name)))
    end
    if loaded[file] == nil then
      local text = source(e, file)
      if not text then
        where.fail(("require '%s': no file %s%s; a script gets 'approxrun' and files below its own directory")
          :format(name, e.dir, file))
      end
      loaded[file] = false
      local value = compile(e, file, text)()
      loaded[file] = value == nil and true or value
    elseif loaded[file] == false then
      where.fail(("require '%s': the file requires itself"):format(name))
    end
    return loaded[file]
  end
end

function host.open(path, sources, verbose)
  where.verbose = verbose ~= nil
  local e = { dir = dirname(path), main = path:match "[^/]*$", sources = {}, recorded = sources and json.decode(sources) }
  local text, message, status = source(e, e.main)
  if not text then where.status(status or "script", status and message or path .. ": " .. message) end
  where.main = path
  e.env = sandbox.new(require_below(e))
  local value = compile(e, e.main, text)()
  if not study.is(value) then
    local _, lines = text:gsub("\n", "")
    where.fail(("the file returns %s; it must return ax.study { ... }"):format(strict.show(value)),
      { path = path, line = math.max(1, lines) })
  end
  e.study, e.results = value, {}
  study.check(value)
  experiment = e
  return ""
end

-- ---- planning ----

-- The recorded sources, the main file first.
local function sources_json(e)
  local out = { json.quote(e.main) .. ":" .. json.quote(e.sources[e.main]) }
  for _, name in ipairs(strict.keys(e.sources)) do
    if name ~= e.main then out[#out + 1] = json.quote(name) .. ":" .. json.quote(e.sources[name]) end
  end
  return "{" .. table.concat(out, ",") .. "}"
end

-- A function of a parameter set: the trial as the plan has it, and `result`, what is known of its metric. Each is resolved once.
local function trials_of(e, is_strict)
  local product, made = mul.energies(), {}
  return function(params)
    local key = json.encode(params)
    if made[key] then return made[key] end
    local r = study.resolve(e.study, params, is_strict, e)
    local of = energy.of(r, product)
    made[key] = {
      config = r.config, multiplier = r.multiplier, family = r.family, width = r.width, seed = params.seed,
      epochs = r.recipe.epochs, multiplies = r.multiplies, params = params,
      energy_uj = of.energy_uj, train_energy_j = of.train_energy_j, result = e.results[engine.sha256(r.config):sub(1, ID_DIGITS)],
    }
    return made[key]
  end
end

local function plan(is_strict, ...)
  local e = experiment
  local look, trials, used = trials_of(e, is_strict), {}, {}
  local sets, progress = study.expand(e.study, { ... }, look)
  for i, params in ipairs(sets) do
    local trial = look(params)
    for text in pairs(json.decode(trial.config).multipliers) do used[text] = true end
    trial.result = nil
    trials[i] = json.encode(trial)
  end
  return ('{"name":%s,"metric":%s,"search":%s,"sources":%s,"multipliers":%s,"trials":[%s]}'):format(json.quote(e.study.name),
    json.quote(e.study.metric), json.encode(progress or {}), sources_json(e), json.encode(mul.cards(used)), table.concat(trials, ","))
end

-- What is known of finished trials, for a search: id -> metric.
function host.know(results)
  experiment.results = json.decode(results)
  return ""
end

function host.plan(...) return plan(false, ...) end

function host.plan_strict(...) return plan(true, ...) end

function host.summary(...)
  local params = study.expand(experiment.study, { ... })[1]
  return json.encode(require("summary").of(study.resolve(experiment.study, params, false, experiment)))
end

-- ---- running ----

-- The planned configuration must follow from the script: otherwise its numbers would belong to another id.
local function must_agree(found, planned)
  if found == planned then return end
  local a, b, parts = json.decode(found), json.decode(planned), {}
  for _, k in ipairs(strict.keys(b)) do
    if a[k] == nil or json.encode { a[k] } ~= json.encode { b[k] } then parts[#parts + 1] = k end
  end
  where.fail(("the script gives another configuration than was planned (%s differ): a table or C file changed "
    .. "or is not where it was (paths begin where the sweep ran: run this there), or the script depends on more than its params; "
    .. "else plan again"):format(table.concat(parts, ", ")),
    { path = where.main, line = 1 })
end

function host.run(params, config, trial)
  local e = experiment
  local r = study.resolve(e.study, json.decode(params), json.decode(config).strict, e)
  must_agree(r.config, config)
  require("session").run(r, engine.trial(trial))
  return ""
end

-- The first steps of a trial, timed by kind of work; nothing is stored. `e`: the engine to run it on.
function host.bench(params, steps, warm_up, clock, e)
  local r = study.resolve(experiment.study, json.decode(params), false, experiment)
  return json.encode(require("bench").run(r, tonumber(steps), tonumber(warm_up), engine[clock], engine.cast(e)))
end

-- What a layer's product of a trained trial multiplies. `c`: what holds its weights and takes the operands.
function host.capture(params, config, layer, pass, c)
  local r = study.resolve(experiment.study, json.decode(params), json.decode(config).strict, experiment)
  must_agree(r.config, config)
  require("capture").run(r, layer, pass, engine.capture(c))
  return ""
end

-- ---- errors stop here ----

local entries = {}
for name, fn in pairs(host) do
  entries[name] = function(...)
    local ok, result = xpcall(fn, where.explain, ...)
    if ok then return result end
    if type(result) ~= "table" then return nil, "script", tostring(result) end
    return nil, result.kind, result.text, result.located
  end
end
return entries
