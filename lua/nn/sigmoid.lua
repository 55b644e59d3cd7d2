-- 1 / (1 + exp(-x)), elementwise.
return require "nn.activation" "sigmoid"
