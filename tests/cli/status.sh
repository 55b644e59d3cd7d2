#!/usr/bin/env bash
# status and logs while a study runs: workers of this and of other machines, those that died, following, and what Ctrl-C leaves alone.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
command -v jq >/dev/null || skip "no jq here"
unset OMP_NUM_THREADS "${!SLURM_@}"

cat > s.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "s",
  params = { epochs = 4, batch = 32, lr = 1e-3 },
  grid = { multiplier = { "fp32", "mbm:7" }, seed = { 1, 2 } },
  data = function(p) return ax.data.synthetic { train = 512, test = 64 }:scale(1 / 255):split { valid = 64 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
endless=epochs=1000000

status_is() { "$APPROXRUN" status "$1" --json 2>/dev/null | jq -e "$2" >/dev/null; }      # directory, expression
plain() { ! LC_ALL=C grep -q $'[\033\r]' "$1"; }

# A claim as a worker of another host writes it: JSON, a space, its CRC-32 (of which gzip ends with one, reversed), blanks up to 1024.
foreign_claim() {  # study, trial, its heartbeat's time
  local json crc
  json='{"host":"elsewhere","boot":"b","job":"12_3","device":"1","pid":7,"beat":1,"wall":'$3',"started":'$3',"epoch":2,"epochs":4,"step":8,"steps":16,"rate":100,"loss":0.5,"acc":0.5,"eta":90}'
  crc=$(printf %s "$json" | gzip -c | tail -c8 | head -c4 | od -An -tx1 | awk '{print $4 $3 $2 $1}')
  printf '%-1023s\n' "$json $crc" > "$1/claims/$2.claim"
}

# ---- nothing runs ----
expect_exit 75 approxrun sweep s.lua $endless -j 1 --max-time 1 -q -o own
expect_exit 0 approxrun status own
expect_match '^s  4 trials:  3 planned  1 interrupted$'
no_worker='^no worker at the moment; .*the same sweep goes on with what is left$'
expect_match "$no_worker"
echo '57;cluster' > own/slurm.job
expect_exit 0 approxrun status own
expect_match "$no_worker"
expect_match "'squeue -j 57' .* own/logs/slurm-57_\*\.log "
rm own/slurm.job
expect_exit 2 approxrun status nowhere
expect_err "no such study directory or study file"
expect_exit 2 approxrun status nowhere -f
expect_err "not there yet? it is made when the sweep begins"
mkdir empty && expect_exit 2 approxrun status empty
expect_err "no plan.json"

# ---- workers of two hosts ----
first=$(jq -r '.trials[0].id' own/plan.json) second=$(jq -r '.trials[1].id' own/plan.json)
foreign_claim own "$second" "$(date +%s)"
"$APPROXRUN" worker own --threads 1 2> "$KEPT/worker" & worker=$!
check "a worker started by hand is seen" within 100 status_is own '[.running[] | select(.images_per_s > 0)] | length == 2'
expect_exit 0 approxrun status own --json
check "as what it is" jq -e --arg id "$first" --arg host "$(hostname)" --argjson pid $worker \
  '.running[0] | .id == $id and .host == $host and .pid == $pid and .device == "cpu" and .job == "" and .in_plan and .images_per_s > 0' "$KEPT/out"
check "and one elsewhere by its heartbeat" jq -e --arg id "$second" \
  '.hosts == 2 and (.running[1] | .id == $id and .host == "elsewhere" and .device == "1" and .job == "12_3" and .eta_s == 90 and .fraction == 0.375)' "$KEPT/out"
expect_exit 0 approxrun status own
expect_match '^s  4 trials:  2 planned  2 running$'
expect_match '^2 workers on 2 hosts, [0-9]+ images/s, ETA '
expect_match "^  $first  fp32 seed 1 .* $(hostname) pid $worker cpu$"
check "nor is a worker missed" eval '! grep -q "no worker" "$KEPT/out"'
expect_match "^  $second  fp32 seed 2  .*  2/4   38 %       100      1:30 .*  elsewhere pid 7 GPU 1 job 12_3$"
foreign_claim own "$second" $(($(date +%s) - 300))
kill -9 $worker && wait $worker 2>/dev/null
expect_exit 0 approxrun status own
expect_match '^s  4 trials:  3 planned  1 interrupted$'
expect_match "$no_worker"
expect_match "^  $first  fp32 seed 1  its worker died: pid $worker on $(hostname), last seen "
expect_match "^  $second  fp32 seed 2  its worker died: pid 7 on elsewhere, last seen 5:[0-5][0-9] ago"
expect_exit 0 approxrun status own --json
check "the dead are told from the living" jq -e '(.running | length) == 0 and (.dead | map(.pid) | sort) == ([7, '$worker'] | sort)' "$KEPT/out"
rm own/claims/*

# ---- trials of another plan ----
expect_exit 0 approxrun sweep s.lua seed=1 -q -o plans
expect_exit 0 approxrun sweep s.lua seed=2 epochs=2 -q -o plans
expect_exit 0 approxrun status plans
expect_out 's  2 trials:  2 complete  2 not in plan'
expect_exit 0 approxrun status plans.h5
expect_out 's  2 trials:  2 complete  2 not in plan'
expect_exit 0 approxrun sweep s.lua --only 'seed==1' -q -o some
expect_exit 0 approxrun status some
expect_match '^s  4 trials:  2 planned  2 complete  \(2 left out by --only\)$'

# ---- following ----
expect_exit 0 approxrun status plans -f
expect_exit 2 approxrun status plans.h5 -f
expect_err "wanted a study directory"
expect_exit 75 approxrun sweep s.lua -j 1 --max-time 0.01 -q -o followed
for form in text json; do
  flag=; [ $form = json ] && flag=--json
  "$APPROXRUN" status followed -f $flag > $form 2> $form.err & eval "$form=$!"
done
trial=$(jq -r '.trials[3].id' followed/plan.json)
"$APPROXRUN" logs followed "$trial" -f > log 2> waiting & log=$!
check "logs -f waits for a trial that has not begun" within 50 grep -q "trial $trial has not begun" waiting
check "and followers wait for a study that nobody runs" eval 'within 200 test -s json.err && kill -0 $text && kill -0 $json && kill -0 $log'
check "who say that nobody does" [ "$(cat json.err text | grep -cE "$no_worker")" -eq 2 ]
expect_exit 0 approxrun sweep s.lua -j 2 -q -o followed
for pid in $text $json $log; do check "a follower ends with its study" wait $pid; done
check "one line an epoch" [ "$(grep -cE '^\[[1-4]/4\] .* seed [12]  epoch [1-4]/4  loss ' text)" -eq 16 ]
check "one line a trial" [ "$(grep -cE '^\[[1-4]/4\] .* seed [12]  complete  test ' text)" -eq 4 ]
check "no more was said of missing workers" [ "$(cat json.err text.err text | grep -c "no worker")" -eq 2 ]
check "and the sum at the end" eval '[ "$(tail -1 text)" = "s  4 trials:  4 complete" ]'
check "a file gets no control characters" plain text
check "as JSON one line an event" jq -se '[.[] | select(.event == "done")] | length == 4 and (map(.trial) | unique | length) == 4 and all(.[]; .t > 0 and .state == "complete")' json
check "logs -f shows the whole log" cmp log "followed/logs/$trial.log"
check "which is that of a finished trial" grep -q 'epoch 4/4' log

# A log that another has replaced is read from its beginning.
"$APPROXRUN" worker own --threads 1 2>/dev/null & worker=$!
within 100 status_is own '.running | length == 1'
"$APPROXRUN" logs own "$first" -f > newer & log=$!
within 50 test -s newer
{ echo "another log"; } > "own/logs/new" && mv own/logs/new "own/logs/$first.log"
check "logs -f takes up a new file of that name" within 50 grep -qx "another log" newer

# ---- the study file ----
touch -d '1 hour ago' followed.h5
"$APPROXRUN" status followed -f > "$KEPT/follow" & follower=$!
check "a follower waits for the study file, which the last worker may be writing" eval 'sleep 1; kill -0 $follower'
touch followed.h5
check "and ends with it" wait $follower

# ---- a search, whose script takes its time between two rounds ----
cat > rounds.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
local x = 0
for i = 1, 1e8 do x = (x + i) % 7 end
return ax.search {
  name = "rounds",
  multipliers = { "fp32", "mbm:7", "mbm:3" }, energy = { fp32 = 3.7, ["mbm:7"] = 0.4, ["mbm:3"] = 0.2 },
  budget = 1, metric = "valid_acc",
  params = { epochs = 1, batch = 32, lr = 1e-3 },
  data = function(p) return ax.data.synthetic { train = 64, test = 64 }:scale(1 / 255):split { valid = 32 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
round_done() { [ "$(ls "$1"/trials/*.h5 2>/dev/null | wc -l)" -eq 2 ] && [ -z "$(ls "$1/claims")" ]; }
stopped_between_rounds() {  # study: its sweep is $sweep
  "$APPROXRUN" sweep rounds.lua -q -j 1 --threads 1 -o "$1" & sweep=$!
  within 600 round_done "$1" && kill -STOP $sweep
}
check "a sweep of a search is stopped between two rounds" stopped_between_rounds rounds
"$APPROXRUN" status rounds -f > "$KEPT/follow" & follower=$!
check "a follower waits for the next round while the sweep lives" eval 'sleep 1; kill -0 $follower'
kill -CONT $sweep
check "the sweep goes on" wait $sweep
check "and its end is the follower's" wait $follower
check "who has seen all rounds" [ "$(tail -1 "$KEPT/follow")" = "rounds  3 trials:  3 complete" ]
check "another is stopped" stopped_between_rounds died
"$APPROXRUN" status died -f > "$KEPT/follow" & follower=$!
check "its follower waits" eval 'sleep 1; kill -0 $follower'
kill -9 $sweep && wait $sweep 2>/dev/null
check "until the sweep has died" wait $follower
check "for a study that nobody supervises is followed to the end of its plan" [ "$(tail -1 "$KEPT/follow")" = "rounds  2 trials:  2 complete" ]

# ---- Ctrl-C ----
"$APPROXRUN" status own -f > look 2> err & follower=$!
within 50 test -s look
kill -INT $follower
wait $follower
check "Ctrl-C ends the look with 130" [ $? -eq 130 ]
check "and says that the study goes on" grep -qF "what runs in own goes on" err
check "as it does" kill -0 $worker
"$APPROXRUN" status own -f > look & follower=$!
within 50 grep -q "^1 worker on 1 host" look
kill -9 $worker $log && wait $worker $log 2>/dev/null
check "a follower says that the last worker has gone" within 200 grep -qE "$no_worker" look
kill $follower && wait $follower 2>/dev/null

# ---- a failure ----
sed '/train = function/,$d' s.lua > bad.lua
cat >> bad.lua <<'LUA'
  train = function(trial, net, data)
    net:compile { optimizer = ax.optim.sgd { lr = trial.params.lr } }
    for _ in trial:epochs() do
      for batch in data:batches "train" do
        net:forward(batch, true); net:backward(); net:step()
      end
      if trial.params.seed == 2 then error "on purpose\nin two lines" end
      trial:report { train_loss = (net:running()) }
    end
  end,
}
LUA
expect_exit 1 approxrun sweep bad.lua -q -o bad
expect_exit 1 approxrun status bad -f
expect_err "2 of 4 trials failed; 'approxrun ls bad -w state==failed' names them"
expect_exit 0 approxrun show bad fp32/2
expect_match '^state       failed: .*on purpose$'
expect_match '^            in two lines$'
