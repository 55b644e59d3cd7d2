-- tanh(x), elementwise.
return require "nn.activation" "tanh"
