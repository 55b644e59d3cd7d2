-- The only user of LuaJIT's FFI: api.h's functions behind checks, so that a failed status is a Lua error with its text.
local ffi = require "ffi"
local where = require "where"

ffi.cdef(require "api.h")
local C = ffi.C
local engine = {}

local function message() return ffi.string(C.ax_errmsg()) end

-- Raises the engine's last failure, its status kept: the program's exit code follows from it.
local function fail() where.status(C.ax_errstatus(), message()) end

-- int functions: 0 or more is a result, less a status. Each goes through its entry in `calls`, where lua/bench.lua times it.
engine.calls = {}
for name in ([[engine_seal engine_segment engine_forget engine_wait tensor_reshape matmul conv2d conv2d_grad_input conv2d_grad_weight bias_grad relu
    dense_lut2d_grad_input dense_lut2d_grad_weight conv2d_lut2d_grad_input conv2d_lut2d_grad_weight lut1d
    relu_grad tanh tanh_grad sigmoid sigmoid_grad maxpool maxpool_grad avgpool avgpool_grad dropout softmax_xent argmax sgd_step adam_step
    fill fill_uniform all_finite batch_load mult_define trial_add_state trial_restore trial_step trial_epoch
    trial_finish capture_weights capture_operands]]):gmatch "%S+" do
  local calls = engine.calls
  calls[name] = C["ax_" .. name]
  engine[name] = function(...)
    local status = calls[name](...)
    if status < 0 then fail() end
    return status
  end
end

-- Functions that give a number.
for name in ("tensor_size tensor_dim tensor_rank dataset_count trial_position mult_width mult_cost now cpu_now"):gmatch "%S+" do
  engine[name] = C["ax_" .. name]
end

local function present(pointer)
  if pointer == nil then fail() end
  return pointer
end

-- "cpu" or "cuda": what e computes on.
function engine.device(e) return ffi.string(C.ax_engine_device(e)) end

-- ---- tensors ----

local dtypes = { f32 = 0, i32 = 1, f64 = 3 }

local function dims(shape) return #shape, ffi.new("int64_t[?]", #shape, shape) end

function engine.tensor(e, dtype, shape) return present(C.ax_tensor_new(e, dtypes[dtype], dims(shape))) end

-- The memory of t under another shape.
function engine.alias(e, t, shape) return present(C.ax_tensor_alias(e, t, dims(shape))) end

-- All values as a Lua array, and back.
function engine.read(t)
  local n = C.ax_tensor_size(t)
  local buffer, out = ffi.new("double[?]", n), {}
  if C.ax_tensor_read(t, buffer, 0, n) < 0 then fail() end
  for i = 1, n do out[i] = buffer[i - 1] end
  return out
end

function engine.write(t, values)
  local n = C.ax_tensor_size(t)
  if #values ~= n then where.fail(("%d values for a tensor of %d"):format(#values, n)) end
  if C.ax_tensor_write(t, ffi.new("double[?]", n, values), 0, n) < 0 then fail() end
end

-- ---- multipliers ----

-- Called with a spec before it is looked up; lua/mul.lua puts a function here that makes the table of a name of the script's own.
function engine.before_mult() end

-- nil and a message, or the multiplier.
function engine.find_mult(spec)
  engine.before_mult(spec)
  local m = C.ax_mult_get(spec)
  if m == nil then return nil, message(), C.ax_errstatus() end
  return m
end

for name in ("spec family sha256"):gmatch "%S+" do
  local get = C["ax_mult_" .. name]
  engine["mult_" .. name] = function(m) return ffi.string(get(m)) end
end

-- Makes a name known for a list of widths; true, or nil and a message.
function engine.declare_mult(name, widths)
  if C.ax_mult_declare(name, ffi.new("int[?]", #widths, widths), #widths) < 0 then return nil, message() end
  return true
end

-- Memory for the words of a table, counted from 0.
function engine.words(n) return ffi.new("uint32_t[?]", n) end

-- ---- data ----

-- The description as JSON, or nil and a message.
function engine.describe(name, options)
  local text = C.ax_dataset_describe(name, options)
  if text == nil then return nil, message() end
  return ffi.string(text)
end

function engine.dataset(name, options, scale, valid)
  return ffi.gc(present(C.ax_dataset_open(name, options, scale, valid)), C.ax_dataset_close)
end

-- ---- trials ----

function engine.trial(lightuserdata) return ffi.cast("ax_trial *", lightuserdata) end

function engine.cast(lightuserdata) return ffi.cast("ax_engine *", lightuserdata) end

function engine.trial_engine(t) return present(C.ax_trial_engine(t)) end

function engine.capture(lightuserdata) return ffi.cast("ax_capture *", lightuserdata) end

function engine.capture_engine(c) return present(C.ax_capture_engine(c)) end

function engine.int32s(n) return ffi.new("int32_t[?]", n) end

function engine.predictions(t, predicted, labels, n, classes)
  if C.ax_trial_predictions(t, predicted, labels, n, classes) < 0 then fail() end
end

-- ---- files and words ----

local LARGEST_SCRIPT = 4 * 1024 * 1024

-- The text of a file, or nil, a message and a status.
function engine.read_file(path)
  local data, len = ffi.new("char *[1]"), ffi.new("size_t[1]")
  if C.ax_file_read(data, len, path, LARGEST_SCRIPT) < 0 then return nil, message(), C.ax_errstatus() end
  local text = ffi.string(data[0], len[0])
  C.ax_free(data[0])
  return text
end

-- Hexadecimal digits.
function engine.sha256(text)
  local hex = ffi.new "char[65]"
  if C.ax_sha256(hex, text, #text) < 0 then fail() end
  return ffi.string(hex)
end

-- The candidate that `word` may be a misspelling of, or nil.
function engine.nearest(word, candidates)
  local list = ffi.new("const char *[?]", #candidates)
  for i, c in ipairs(candidates) do list[i - 1] = c end        -- `candidates` keeps the strings alive
  local best = C.ax_text_nearest(word, list, #candidates)
  return best ~= nil and ffi.string(best) or nil
end

return engine
