-- Whose line an error belongs to. Errors raised here carry file:line of the user's own text, never of ours.
local where = { current = nil }                    -- current: the user's function that the host is calling

local files = {}                                   -- chunk name "@path" -> { path, lines }

local Failure = {}
Failure.__index = Failure
Failure.__tostring = function(e) return e.message end

function where.add(path, text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  files["@" .. path] = { path = path, lines = lines }
  return "@" .. path
end

function where.line(path, n)
  local file = files["@" .. path]
  return file and file.lines[n]
end

function where.is_user(fn)
  return type(fn) == "function" and files[debug.getinfo(fn, "S").source] ~= nil
end

-- The text of a function's lines, its first and its last whole.
function where.text(fn)
  local info = debug.getinfo(fn, "S")
  return table.concat(files[info.source].lines, "\n", info.linedefined, info.lastlinedefined)
end

-- The innermost frame of a user's file: path, line.
function where.frame()
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    local file = files[info.source]
    if file and info.currentline > 0 then return file.path, info.currentline, level end
    level = level + 1
  end
end

-- A tail call (`return ax.study { ... }`) leaves no frame: then the line that sets `field`, inside the function that was
-- called or the main file, is the place; else where that begins.
local function guess(field)
  local first, last, file = 1, math.huge, nil
  if where.current then
    local info = debug.getinfo(where.current, "S")
    file, first, last = files[info.source], info.linedefined, info.lastlinedefined
  end
  file = file or files["@" .. tostring(where.main)]
  if not file then return nil end
  if field then
    local pattern = "%f[%w_]" .. field:gsub("%p", "%%%0") .. "%f[^%w_]%s*=%f[^=]"
    for n = first, math.min(last, #file.lines) do
      if file.lines[n]:gsub("%-%-.*", ""):find(pattern) then return file.path, n end
    end
  end
  return file.path, first
end

function where.here(field)
  local path, line = where.frame()
  if not path then path, line = guess(field) end
  return path and { path = path, line = line }
end

-- Raises `message` at `place` (from where.here), or where the user is now. `kind`: "script", or a status of the engine.
function where.fail(message, place, kind)
  place = place or where.here()
  local prefix = place and place.path .. ":" .. place.line .. ": " or ""
  error(setmetatable({ message = prefix .. message, place = place, kind = kind or "script" }, Failure), 0)
end

-- An error of the command line: no place in a file.
function where.usage(message)
  error(setmetatable({ message = message, kind = "usage" }, Failure), 0)
end

-- A status of the engine, as it is.
function where.status(status, message)
  error(setmetatable({ message = message, kind = status }, Failure), 0)
end

-- Calls a user's function so that its errors know it.
function where.call(fn, ...)
  local before = where.current
  where.current = fn
  local function done(...)
    where.current = before
    return ...
  end
  return done(fn(...))
end

-- ---- message handler: any error value -> kind, text ----

-- Lua cuts long chunk names in its prefix "path:line:"; the frame knows the whole.
local function located(text)
  local path, line = where.frame()
  local message = text:match("^[^\n]-:%d+: (.*)$")
  local prefix = message and text:sub(1, #text - #message)
  if not path or not prefix then return text, nil end
  if prefix ~= path .. ":" .. line .. ": " and not prefix:find("^%.%.%.") then
    local own, at = prefix:match("^(.-):(%d+): $")
    return text, files["@" .. own] and { path = own, line = tonumber(at) }
  end
  return path .. ":" .. line .. ": " .. message, { path = path, line = line }
end

local Explained = {}

local function describe(err)
  if getmetatable(err) == Failure then return err.kind, err.message, err.place end
  if type(err) == "string" then
    local text, place = located(err)
    return "script", text, place
  end
  local place = where.here()
  return "script", (place and place.path .. ":" .. place.line .. ": " or "") .. "an error value of type " .. type(err), place
end

-- Raises an explained error once more, as it is.
function where.again(explained) error(setmetatable(explained, Explained), 0) end

function where.explain(err)
  if getmetatable(err) == Explained then return err end
  local kind, text, place = describe(err)
  local source = place and where.line(place.path, place.line)
  if source then text = text .. "\n    " .. source:match("^%s*(.-)%s*$"):sub(1, 160):gsub("%c", "?") end
  if where.verbose then text = text .. "\n" .. debug.traceback("", 2):gsub("^\n", "") end
  return { kind = kind, text = text, located = place ~= nil }
end

return where
