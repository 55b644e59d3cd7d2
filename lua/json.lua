-- JSON with one text a value: sorted keys, no spaces, numbers as %.17g, NaN and infinities as strings. Ids are hashes of it.
local json = {}

local ARRAY = {}                                   -- marks a table that is an array even when empty

function json.array(t) return setmetatable(t or {}, ARRAY) end

local function number(v)
  if v ~= v then return '"nan"' end
  if v == math.huge then return '"inf"' end
  if v == -math.huge then return '"-inf"' end
  return string.format("%.17g", v)
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r" }
local function quote(s)
  return '"' .. s:gsub('[%z\1-\31\\"]', function(c) return escapes[c] or string.format("\\u%04x", c:byte()) end) .. '"'
end
json.quote = quote

local encode

local function array(t)
  local out = {}
  for i = 1, #t do out[i] = encode(t[i]) end
  return "[" .. table.concat(out, ",") .. "]"
end

local function object(t)
  local keys, out = {}, {}
  for k in pairs(t) do
    if type(k) ~= "string" then error("json: a key of type " .. type(k)) end
    keys[#keys + 1] = k
  end
  table.sort(keys)
  for i, k in ipairs(keys) do out[i] = quote(k) .. ":" .. encode(t[k]) end
  return "{" .. table.concat(out, ",") .. "}"
end

function encode(v)
  local kind = type(v)
  if kind == "number" then return number(v) end
  if kind == "string" then return quote(v) end
  if kind == "boolean" then return tostring(v) end
  if kind ~= "table" then error("json: a value of type " .. kind) end
  if getmetatable(v) == ARRAY or #v > 0 then return array(v) end
  return object(v)
end
json.encode = encode

-- ---- decoding: texts of our own making, so a fault is a damaged file ----

local function fault(text, at) error(string.format("json: unexpected text at byte %d of %d", at, #text), 0) end

local function utf8(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
  if code < 0x10000 then
    return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
  end
  return string.char(0xF0 + math.floor(code / 262144), 0x80 + math.floor(code / 4096) % 64,
    0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
end

local plain = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function unquote(text, at)                   -- at: behind the opening quote
  local out = {}
  while true do
    local run, stop = text:match('^([^"\\]*)()', at)
    out[#out + 1], at = run, stop + 1
    local c = text:sub(stop, stop)
    if c == '"' then return table.concat(out), at end
    if c ~= "\\" then fault(text, stop) end
    local hex = text:match("^u(%x%x%x%x)", at)
    if hex then
      local code, low = tonumber(hex, 16), text:match("^u%x%x%x%x\\u(%x%x%x%x)", at)
      at = at + 5
      if low and code >= 0xD800 and code < 0xDC00 then
        code, at = 0x10000 + (code - 0xD800) * 1024 + tonumber(low, 16) - 0xDC00, at + 6
      end
      out[#out + 1] = utf8(code)
    else
      local e = text:sub(at, at)
      out[#out + 1], at = plain[e] or e, at + 1
    end
  end
end

local value

local function sequence(text, at, close, item)     -- comma-separated items up to `close`
  at = text:match("^%s*()", at)
  if text:sub(at, at) == close then return at + 1 end
  while true do
    at = text:match("^%s*()", item(at))
    local c = text:sub(at, at)
    if c == close then return at + 1 end
    if c ~= "," then fault(text, at) end
    at = at + 1
  end
end

local words = { ["true"] = true, ["false"] = false }

function value(text, at)
  at = text:match("^%s*()", at)
  local c = text:sub(at, at)
  if c == '"' then return unquote(text, at + 1) end
  if c == "{" then
    local out = {}
    return out, sequence(text, at + 1, "}", function(p)
      local quoted = text:match('^%s*"()', p) or fault(text, p)
      local key, after = unquote(text, quoted)
      local colon = text:match("^%s*:()", after) or fault(text, after)
      out[key], p = value(text, colon)
      return p
    end)
  end
  if c == "[" then
    local out = json.array()
    return out, sequence(text, at + 1, "]", function(p)
      out[#out + 1], p = value(text, p)
      return p
    end)
  end
  local word = text:match("^[%a]+", at)
  if word == "null" then return nil, at + 4 end
  if word then
    if words[word] == nil then fault(text, at) end
    return words[word], at + #word
  end
  local digits = text:match("^-?[%d.eE+-]+", at)
  local n = tonumber(digits)
  if not n then fault(text, at) end
  return n, at + #digits
end

function json.decode(text)
  local v, at = value(text, 1)
  if text:match("^%s*()", at) <= #text then fault(text, at) end
  return v
end

return json
