-- The geometry of convolution and pooling: a window of kernel {h, w} moving by stride over a padded (h, w, c) input.
local layer = require "nn.layer"

local window = {}

-- Padding: "same" (the output has ceil(input / stride) places, the odd pixel goes to the end, as in TensorFlow), "valid"
-- (none), or explicit on each side.
function window.padding(v)
  if v == "same" or v == "valid" then return v end
  local t = type(v) == "table" and v or { v, v }
  for i = 1, 2 do
    if #t ~= 2 or type(t[i]) ~= "number" or t[i] % 1 ~= 0 or t[i] < 0 then
      return nil, "\"same\", \"valid\", an integer of at least 0 or two of them, { height, width }"
    end
  end
  return { t[1], t[2] }
end

-- Places and padding in front along one dimension.
local function along(size, kernel, stride, padding, i)
  if padding == "same" then
    local out = math.ceil(size / stride)
    local total = math.max((out - 1) * stride + kernel - size, 0)
    return out, math.floor(total / 2)
  end
  local pad = padding == "valid" and 0 or padding[i]
  return math.floor((size + 2 * pad - kernel) / stride) + 1, pad
end

-- {oh, ow}, {pad_h, pad_w} of a layer with kernel, stride, padding on an (h, w, c) input.
function window.place(self, input)
  if #input ~= 3 then
    layer.fail(self, "an input of height x width x channels was expected, not %s", layer.shape_text(input))
  end
  local out, pad = {}, {}
  for i = 1, 2 do
    out[i], pad[i] = along(input[i], self.kernel[i], self.stride[i], self.padding, i)
    if out[i] < 1 then
      layer.fail(self, "a window of %s does not fit an input of %s", layer.shape_text(self.kernel), layer.shape_text(input))
    end
    if pad[i] >= self.kernel[i] then               -- a window must hold a pixel of the input
      layer.fail(self, "padding of %d is not smaller than the window %s", pad[i], layer.shape_text(self.kernel))
    end
  end
  return out, pad
end

-- ---- pooling: options, shape and the trailing arguments of the kernels ----

window.pool_rows = {
  { "size", "pair", min = 1, required = true, at = 1 },
  { "stride", "pair", min = 1 },
  { "padding", "check", check = window.padding, default = "valid" },
}

local function pool(self, input)
  local shaped = { kernel = self.size, stride = self.stride or self.size, padding = self.padding, place = self.place }
  shaped.kind = self.kind
  local out, pad = window.place(shaped, input)
  return out, pad, shaped.stride
end

function window.pool_shape(self, input)
  local out = pool(self, input)
  return { out[1], out[2], input[3] }
end

-- kh, kw, stride_h, stride_w, pad_h, pad_w
function window.pool_geometry(self, input)
  local _, pad, stride = pool(self, input)
  return { self.size[1], self.size[2], stride[1], stride[2], pad[1], pad[2] }
end

return window
