-- The text of a training loop written by hand, as far as it decides numbers: comments and spacing do not count.
local data = require "data"
local json = require "json"
local layer = require "nn.layer"
local optimizer = require "optim.optimizer"
local strict = require "strict"
local where = require "where"

local source = {}

-- Lua text without comments and with single spaces; strings stay as they are.
function source.bare(text)
  local out, at = {}, 1
  while at <= #text do
    local level, body = text:match("^%-%-%[(=*)%[()", at)
    if not level then level, body = text:match("^%[(=*)%[()", at) end
    local next_at
    if level then                                  -- a long comment or a long string
      local _, close = text:find("]" .. level .. "]", body, true)
      next_at = (close or #text) + 1
      out[#out + 1] = text:sub(at, at) == "-" and " " or text:sub(at, next_at - 1)
    elseif text:find("^%-%-", at) then
      next_at = text:find("\n", at, true) or #text + 1
    elseif text:find("^[\"']", at) then
      local quote = text:sub(at, at)
      next_at = at + 1
      while next_at <= #text and text:sub(next_at, next_at) ~= quote do
        next_at = next_at + (text:sub(next_at, next_at) == "\\" and 2 or 1)
      end
      next_at = next_at + 1
      out[#out + 1] = text:sub(at, next_at - 1)
    elseif text:find("^%s", at) then
      next_at = text:match("^%s+()", at)
      out[#out + 1] = " "
    else
      next_at = text:match("^[^%s\"'%[-]+()", at) or at + 1
      out[#out + 1] = text:sub(at, next_at - 1)
    end
    at = next_at
  end
  return (table.concat(out):gsub(" +", " "):gsub("^ ", ""):gsub(" $", ""))
end

local function constant(v)
  local kind = type(v)
  return kind == "number" or kind == "string" or kind == "boolean"
end

-- A table of the user's, with or without a metatable of theirs: the program's own are locked, or objects of its classes.
local function is_plain(v)
  local meta = getmetatable(v)
  return type(v) == "table" and (meta == nil or type(meta) == "table") and not layer.is(v) and not data.is(v)
end

-- Adds a function's text and what it reaches by upvalues: the user's functions, constants, optimisers, and tables of these.
local function collect(v, name, out, seen)
  if constant(v) then
    out[name] = v
  elseif where.is_user(v) and not seen[v] then
    seen[v] = true
    out[name] = source.bare(where.text(v))
    local i = 1
    while true do
      local up, value = debug.getupvalue(v, i)
      if not up then break end
      collect(value, name .. "/" .. up, out, seen)
      i = i + 1
    end
  elseif optimizer.is(v) then
    collect(optimizer.config(v), name, out, seen)
  elseif is_plain(v) and not seen[v] then
    seen[v] = true
    collect(getmetatable(v), name .. "/metatable", out, seen)
    for _, k in ipairs(strict.sorted(v)) do
      if constant(k) then collect(v[k], name .. "/" .. tostring(k), out, seen) end
    end
  end
end

-- One text for the function, everything of the user's that it reaches, and the files that the experiment requires.
function source.of(fn, sources)
  local out = {}
  collect(fn, "train", out, {})
  for name, text in pairs(sources) do
    if name ~= where.main:match "[^/]*$" then out["file/" .. name] = source.bare(text) end
  end
  return json.encode(out)
end

return source
