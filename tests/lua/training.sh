#!/usr/bin/env bash
# What scripts promise of plans and training: order, ids, loops written by hand, divergence, the same bits with the JIT off.
source "$(dirname "${BASH_SOURCE[0]}")/script.bash"

holds() { # what, command...: succeeds
  local what=$1 out
  shift
  if out=$("$@" 2>&1); then report "$what" true ""; else report "$what" false "$out"; fi
}

plan_of() { "$APPROXRUN" plan "$@" --json; }
ids() { plan_of "$@" | jq -r '.trials[].id'; }

# The grid: multiplier slowest, other axes by name, seed fastest.
study > x.lua
order=$(plan_of x.lua multiplier=fp32,mit:7 lr=1,2 seed=1,2 | jq -r '.trials[] | "\(.multiplier) \(.seed)"' | tr '\n' ' ')
holds "axes vary in their order" [ "$order" = "fp32 1 fp32 2 fp32 1 fp32 2 mit:7 1 mit:7 2 mit:7 1 mit:7 2 " ]
study | sed 's/multiplier = "mbm:7",/lr = ax.range(0.1, 0.3, 0.1),/; s/ax.range(1, 2)/ax.range(2 ^ 53 - 1, 2 ^ 53)/' > x.lua
rates=$(plan_of x.lua | jq -r '.trials[] | "\(.params.lr) \(.params.seed)"' | tr '\n' ' ')
holds "a range ends where it says" [ "$rates" = "0.1 9007199254740991 0.1 9007199254740992 0.2 9007199254740991 0.2 9007199254740992 0.3 9007199254740991 0.3 9007199254740992 " ]
holds "the shipped grid has 27 trials" [ "$(ids "$ROOT/experiments/mnist.lua" | sort -u | wc -l)" = 27 ]

# Published sizes: LeNet-5 on 28 x 28 with a padded first convolution, and LeNet-300-100.
size() { "$APPROXRUN" summary "$ROOT/experiments/mnist.lua" "$@" --json | jq .parameters; }
holds "LeNet-5 has 61706 parameters" [ "$(size)" = 61706 ]
holds "LeNet-300-100 has 266610 parameters" [ "$(size model=lenet300)" = 266610 ]
holds "the example has 1643018 parameters" [ "$(size model=example)" = $((5 * 5 * 32 + 32 + 5 * 5 * 32 * 32 + 32 + 1568 * 1024 + 1024 + 10250)) ]

# Ids follow from what decides the numbers, and from nothing else.
study > x.lua
ids x.lua > before
study | sed 's/nn.dense { 4/nn.dense { 4, name = "out"/; s/^return/-- a comment\nreturn/; s/seed = ax.range(1, 2)/seed = { 1, 2 }/' > x.lua
ids x.lua > after
holds "comments and names keep ids" cmp before after
study | sed 's/lr = p.lr/lr = p.lr, momentum = 0.5/' > x.lua
ids x.lua > after
holds "an optimiser's option changes every id" [ "$(sort before after | uniq -d | wc -l)" = 0 ]

# A loop written by hand that does what the standard loop does, gives the same weights and curves.
loop() {
  study | sed '/^  train/,$d'
  cat <<'LUA'
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = trial.params.lr } }
    for epoch in trial:epochs() do
      for batch in data:batches "train" do
        net:forward(batch, true)
        net:backward()
        net:step()
      end
      local loss, acc = net:running()
      trial:report { train_loss = loss, train_acc = acc }
    end
  end,
}
LUA
}
results() { "$APPROXRUN" export "$1" --curves | jq -c '[.trials[] | [.metrics.test_loss, .metrics.test_acc, .curves.train_loss]]'; }
study > x.lua; holds "the standard loop runs" "$APPROXRUN" sweep x.lua epochs=3 -q -o standard
loop > x.lua;  holds "a loop written by hand runs" "$APPROXRUN" sweep x.lua epochs=3 -q -o own
holds "a loop written by hand gives the same numbers" [ "$(results standard)" = "$(results own)" ]
holds "training lowers the loss" jq -e '.trials | all(.curves.train_loss[2] < .curves.train_loss[0])' <("$APPROXRUN" export standard --curves)
ids x.lua > before
loop | sed 's/net:step()/net:step() -- here/; s/^      local/  local/' > x.lua; ids x.lua > after
holds "comments in a loop keep ids" cmp before after
loop | sed 's/net:step()/net:step(0.2)/' > x.lua; ids x.lua > after
holds "another step changes ids" [ "$(sort before after | uniq -d | wc -l)" = 0 ]

# A data set made outside its function would be another one at each call.
study | sed 's/^return/local set = ax.data.synthetic {}\nreturn/; s/ax.data.synthetic {.*}:scale/set:scale/' > x.lua
holds "a data set changed by each call is refused" \
  grep -qF 'x.lua:8: data: scale: the data function gave this data set before; make it inside the function' <("$APPROXRUN" plan x.lua 2>&1)

# What a loop reaches beyond its own text is part of the id.
reaches() { # what, before and after: lines above the study, and how the loop uses them
  loop | sed "s/^return/$2\nreturn/; $4" > x.lua; ids x.lua > before
  loop | sed "s/^return/$3\nreturn/; $4" > x.lua; ids x.lua > after
  holds "$1 changes ids" [ "$(sort -u before after | wc -l)" = 4 ]
}
reaches "another optimiser above a loop" 'local o = ax.optim.sgd { lr = 0.1 }' 'local o = ax.optim.sgd { lr = 0.2 }' 's/optimizer = .*/optimizer = o }/'
reaches "another object above a loop" 'local o = setmetatable({ rate = 0.1 }, {})' 'local o = setmetatable({ rate = 0.2 }, {})' 's/net:step()/net:step(o.rate)/'
reaches "another metatable above a loop" 'local o = setmetatable({}, { __index = { rate = 0.1 } })' \
  'local o = setmetatable({}, { __index = { rate = 0.2 } })' 's/net:step()/net:step(o.rate)/'

# The test part is measured on the weights that are kept: those set behind the last measurement too. Of 16 images 4 are of class 0; the
# loss of logits (5, 0, 0, 0) is log(e^5 + 3), less 5 for these.
loop | sed '/trial:report/i net:evaluate "test"; local w = net:get "dense1/kernel"; for i = 1, #w do w[i] = 0 end
  /trial:report/i net:set("dense1/kernel", w); net:set("dense1/bias", { 5, 0, 0, 0 })' > x.lua
holds "a loop that sets weights runs" "$APPROXRUN" sweep x.lua seed=1 -q -o zeros
holds "weights set after the test part was measured are measured" \
  jq -e '.trials[0].metrics | .test_acc == 0.25 and (.test_loss - ((5 | exp) + 3 | log) + 5 / 4 | fabs) < 1e-6' <("$APPROXRUN" export zeros)

# The JIT does not touch a number.
study > x.lua
APPROXRUN_JIT=off holds "training with the JIT off" "$APPROXRUN" sweep x.lua epochs=3 -q -o interpreted
"$APPROXRUN" export standard --stable --curves > a.json
"$APPROXRUN" export interpreted --stable --curves > b.json
sed -i 's/"interpreted"/"standard"/' b.json
holds "the same bytes with the JIT off" cmp a.json b.json

# A loop written by hand, with dropout and momentum, stopped in the middle of epochs, gives the bytes of one left alone; and so does one
# that sets weights before its epochs and at the beginning of each, and one that trains there.
stopped() { # the loop
  local settings="epochs=25 lr=0.01 seed=1 --threads 1 -q" stops=0 delay
  rm -rf whole* parts*
  holds "$1: an uninterrupted trial" "$APPROXRUN" sweep x.lua $settings -o whole
  for delay in 0.2 0.3 0.4 0.5 0.6 0.8 1 1.5; do
    timeout -s TERM "$delay" "$APPROXRUN" sweep x.lua $settings -o parts > log 2>&1 || true
    stops=$(cat parts/logs/*.log 2>/dev/null | grep -c 'stopped with a checkpoint' || true)
    [ "$stops" -ge 2 ] && break
  done
  holds "$1: it was stopped in between" [ "$stops" -ge 1 ]
  holds "$1: the rest runs" "$APPROXRUN" sweep x.lua $settings -o parts
  "$APPROXRUN" export whole --stable --curves > a.json
  "$APPROXRUN" export parts --stable --curves | sed 's/"parts"/"whole"/' > b.json
  holds "$1: the same bytes after stops" cmp a.json b.json
}
loop | sed 's/train = 32/train = 20000/; s/nn.flatten()/nn.flatten(), nn.dropout { 0.2 }/; s/lr = trial/momentum = 0.9, lr = trial/' > momentum.lua
cp momentum.lua x.lua; stopped "momentum"
sed 's/^  train = .*/&\n    local function scale(by) local w = net:get "dense1\/kernel"; for i = 1, #w do w[i] = w[i] * by end; net:set("dense1\/kernel", w) end/
  s/^    for epoch.*/    scale(3)\n&\n      scale(0.5)/' momentum.lua > x.lua; stopped "weights that are set"
sed 's/test = 16 }/&:split { valid = 2000 }/; s/^    for epoch.*/&\n      for batch in data:batches "valid" do net:train(batch) end/' momentum.lua > x.lua
stopped "training on the validation part"

# Divergence is a result.
study > x.lua
holds "divergence is no failure" "$APPROXRUN" sweep x.lua lr=1e38 seed=1 epochs=3 -q -o wild
holds "an infinite loss ends as diverged" [ "$("$APPROXRUN" export wild | jq -r '.trials[0].state')" = diverged ]

study | sed 's/nn.dense { 4 }/nn.dense { 4 }, nn.dense { 4 }/' > x.lua
holds "divergence in the last step is no failure" "$APPROXRUN" sweep x.lua lr=1e25 batch=32 seed=1 -q -o last
holds "a loss of the last evaluation that is not finite ends as diverged" [ "$("$APPROXRUN" export last | jq -r '.trials[0].state')" = diverged ]

# Misused loops say so at their line.
misuse() { # what, sed program, message
  loop | sed "$2" > x.lua
  "$APPROXRUN" sweep x.lua seed=1 -q -o misused > log 2>&1 || true
  holds "$1" grep -qF "$3" misused/failed/*.json
  rm -rf misused misused.h5
}
misuse "an epoch without a report" '/trial:report/d' 'x.lua:11: trial: epoch 1 ended without trial:report'
misuse "no compile" '/net:compile/d' 'x.lua:10: net: call net:compile { optimizer = ... } first'
misuse "a metric that is a text" 's/train_acc = acc/train_acc = "good"/' 'x.lua:18: trial:report: train_acc is \"good\"'
misuse "an unknown part" 's/batches "train"/batches "trian"/' "x.lua:12: data: no part"
misuse "a batch after another one" 's/net:forward(batch, true)/net:evaluate "test"; &/' 'x.lua:13: net:forward: the batch of data:batches that was loaded last'
misuse "gradients after another batch" 's/net:backward()/net:evaluate "test"; &/' 'x.lua:14: net:backward: net:forward(batch, true) was expected before it'
misuse "gradients of no training batch" 's/batch, true/batch, false/' 'x.lua:14: net:backward: net:forward(batch, true) was expected before it'
misuse "training after the report" 's/trial:report.*/&; for b in data:batches "train" do net:train(b) end/' 'x.lua:18: data: training batches are asked for after trial:report'
misuse "weights set after the report" 's/trial:report.*/&; net:set("dense1\/bias", { 0, 0, 0, 0 })/' 'x.lua:18: net:set: weights are changed before trial:report, or after'
misuse "a loop that ends early" 's/for epoch in trial:epochs() do/for epoch in trial:epochs() do if epoch then return end/' "the loop ended after epoch 0 of 1"

# Every whole script in the documentation is accepted.
awk -v RS='```' 'NR % 2 == 0 && /^lua\n/ { n++; sub(/^lua\n/, ""); print > ("doc" n ".lua") }' "$ROOT/docs/experiments.md"
for f in doc*.lua; do holds "docs/experiments.md, $f" "$APPROXRUN" summary "$f"; done
finish
