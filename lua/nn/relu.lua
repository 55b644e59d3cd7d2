-- max(x, 0), elementwise.
return require "nn.activation" "relu"
