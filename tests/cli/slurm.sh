#!/usr/bin/env bash
# Sweeps under a real Slurm of two nodes, which this test starts in its scratch folder, as root, without munge, and ends again.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
unset APPROXRUN_ISA OMP_NUM_THREADS "${!SLURM_@}"
for tool in slurmctld slurmd sbatch srun salloc jq; do command -v $tool >/dev/null || skip "no $tool here (slurm-wlm)"; done
[ "$(id -u)" -eq 0 ] || skip "Slurm's daemons are started as root"
port=$((20000 + $$ % 20000)) host=$(hostname -s) S=$KEPT/slurm
mkdir -p "$S/state" "$S/spool-n1" "$S/spool-n2"
mknod "$S/gpu0" c 1 3 && mknod "$S/gpu1" c 1 3 || skip "no device files can be made here"

stop_slurm() {
  scancel --quiet --user=root 2>/dev/null
  for pid in "$S"/*.pid; do [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null; done
  for _ in {1..50}; do [ -z "$(ls "$S"/*.pid 2>/dev/null)" ] && break; sleep 0.1; done
}
trap 'status=$?; stop_slurm; (exit $status); finish' EXIT

cat > "$S/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=6
StateSaveLocation=$S/state
SlurmdSpoolDir=$S/spool-%n
SlurmctldPidFile=$S/ctld.pid
SlurmdPidFile=$S/d-%n.pid
SlurmctldLogFile=$S/ctld.log
SlurmdLogFile=$S/d-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 RealMemory=100 Gres=gpu:2 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 RealMemory=100 Gres=gpu:2 State=UNKNOWN
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
echo "NodeName=n1,n2 Name=gpu File=$S/gpu[0-1]" > "$S/gres.conf"
export SLURM_CONF=$S/slurm.conf
{ slurmctld && slurmd -N n1 && slurmd -N n2; } >"$S/start" 2>&1 || skip "Slurm does not start here: $(head -1 "$S/start")"
for _ in {1..100}; do [ "$(sinfo -hN -t idle 2>/dev/null | wc -l)" -eq 2 ] && break; sleep 0.1; done
[ "$(sinfo -hN -t idle | wc -l)" -eq 2 ] || skip "Slurm's nodes do not come up here"

cat > small.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.study {
  name = "small",
  params = { epochs = 3, batch = 32, lr = 3e-3 },
  grid = { multiplier = { "fp32", "mbm:7", "mit:3" }, seed = { 1, 2 } },
  data = function(p) return ax.data.synthetic { train = 2048, test = 256 }:scale(1 / 255):split { valid = 256 } end,
  model = function(p)
    return nn.sequential { nn.conv2d { filters = 8, kernel = 3, padding = "same", activation = "relu" }, nn.maxpool { 2 },
                           nn.flatten(), nn.dense { 4 } }
  end,
  train = function(p) return { optimizer = ax.optim.adam { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
long="epochs=100"

stable() { "$APPROXRUN" export "$1" --stable --curves -o -; }
same() { diff <(stable "$1") <(stable "$2"); }
queue_empty() { [ -z "$(squeue -h)" ]; }
training() {  # study, workers (1): so many are beyond epoch 3
  [ "$("$APPROXRUN" status "$1" --json 2>/dev/null | jq "[.running[] | select(.epoch > 3)] | length >= ${2:-1}")" = true ]
}
starts() { cat "$1"/events/*.jsonl | grep -c '"event":"start"'; }
job() { cut -d';' -f1 "$1/slurm.job"; }
submit() { "$APPROXRUN" sweep small.lua --launcher slurm --threads 1 "$@"; }
envs() { for trial in $("$APPROXRUN" ls "$1" --json | jq -r '.trials[].id'); do "$APPROXRUN" show "$1" "$trial" --json; done | jq -c "$2"; }

expect_exit 0 approxrun sweep small.lua -q -j 1 --threads 1 -o whole
expect_exit 0 approxrun sweep small.lua $long -q -j 1 --threads 1 -o long

# Two nodes, four workers, names that want quoting.
odd="out of/it's \"100%\""
expect_exit 0 submit -j 4 --slurm-arg '--comment=a "b"' -o "$odd" --json
check "the job's id is printed" jq -e '.job | test("^[0-9]+$")' "$KEPT/out"
check "the array ends" within 300 queue_empty
check "the last worker writes the study file" test -s "$odd.h5"
check "two nodes give the bytes of one process" same "$odd" whole
check "of an array each trial runs once" test "$(starts "$odd")" -eq 6
check "each worker has its log" test "$(ls "$odd"/logs/slurm-*_[1-4].log | wc -l)" -eq 4
check "the job stands in the environment" test "$(envs "$odd" .environment.slurm.job | grep -c "\"$(job "$odd")_[1-4]\"")" -eq 6
expect_exit 0 submit -o "$odd"
check "what is complete is not submitted again" grep -q "complete already" "$KEPT/err"
rm "$odd.h5"
expect_exit 0 approxrun merge "$odd.h5" "$odd"
check "merge writes the same" same "$odd.h5" whole

# A worker is killed; meanwhile the study cannot be submitted twice.
expect_exit 0 submit $long -j 2 -o killed
check "workers train" within 200 training killed
expect_exit 4 submit $long -o killed
expect_err "still in the queue"
cp killed/plan.json planned.json
expect_exit 4 submit $long multiplier=fp32 seed=1 -o killed
expect_exit 4 approxrun sweep small.lua multiplier=fp32 seed=1 -q -o killed
expect_err "still in the queue"
check "the plan of a job is not replaced under it" cmp -s killed/plan.json planned.json
kill -9 "$("$APPROXRUN" status killed --json | jq '.running[0].pid')"
check "the array ends" within 600 queue_empty
check "the batch script starts another" grep -q "starting another" killed/logs/slurm-*.log
check "a killed worker changes nothing" same killed long
check "its death is counted" test "$(envs killed .retries | grep -c '^1$')" -eq 1

# Requeued from outside as by preemption, and by itself when its time is almost over.
expect_exit 0 submit $long -j 1 -o requeued
check "a worker trains" within 200 training requeued
check "it is requeued" scontrol requeue "$(job requeued)_1"
restarted() { squeue -h -t running -o %i | grep -q . && training requeued && [ "$(scontrol show job "$(job requeued)" | grep -c 'Restarts=1')" -ge 1 ]; }
check "it starts again" within 600 restarted
check "Slurm warns" scancel --batch --signal=USR1 "$(job requeued)"
check "the array ends" within 600 queue_empty
check "requeued twice equals uninterrupted" same requeued long
check "it was started a third time" test "$(envs requeued .environment.slurm.restarts | grep -c '"2"')" -ge 1
check "it went on from checkpoints" grep -q "resumed after epoch" requeued/logs/*.log

# Limits, which the workers of an array keep themselves: a trial that takes too long, once more; workers that stop for good.
sed 's/name = "small"/name = "forever"/; s/epochs = 3/epochs = 1000000/' small.lua > forever.lua
forever() { "$APPROXRUN" sweep forever.lua multiplier=fp32 --launcher slurm --threads 1 "$@"; }
restarts() { scontrol show job "$(job "$1")" | grep -o 'Restarts=[0-9]*' | sort -u; }
ended_with() { scontrol show job "$(job "$1")" | grep -o 'ExitCode=[0-9:]*' | sort -u; }
expect_exit 0 submit epochs=3,1000000 multiplier=fp32 seed=1 -j 1 --trial-time 10 --retries 1 -o limited
check "the array ends" within 600 queue_empty
check "a trial over its time fails, the other completes" [ "$("$APPROXRUN" status limited --json | jq -c .states)" = '{"complete":1,"failed":1}' ]
check "which was begun again once" jq -e '.retries == 1 and .message == "it took longer than --trial-time allows a trial, 10 s"' limited/failed/*.json
check "the study file has both" [ "$("$APPROXRUN" status limited.h5 --json | jq -c .states)" = '{"complete":1,"failed":1}' ]
expect_exit 0 forever -j 2 --max-time 8 -o maxed
check "the array ends" within 600 queue_empty
check "with checkpoints" [ "$("$APPROXRUN" status maxed --json | jq -c .states)" = '{"interrupted":2}' ]
check "and code 75" [ "$(ended_with maxed)" = ExitCode=75:0 ]
check "and is not queued again" [ "$(restarts maxed)" = Restarts=0 ]
check "the log says why" grep -q -- "--max-time is nearly over: stopped with work left" maxed/logs/slurm-*_1.log
sed 's/^  train = .*/  train = function(trial, net, data) while true do end end,/' small.lua > deaf.lua
expect_exit 0 approxrun sweep deaf.lua multiplier=fp32 seed=1 --launcher slurm --threads 1 --max-time 6 -o deaf
check "the array ends" within 600 queue_empty
check "a trial that hears nothing changes nothing of that" [ "$(ended_with deaf)$(restarts deaf)$(ls deaf/claims)" = ExitCode=75:0Restarts=0 ]
expect_exit 0 forever -j 1 --max-time 1h -o warned
check "a worker trains" within 200 training warned
check "Slurm warns" scancel --batch --signal=USR1 "$(job warned)"
check "the array ends" within 600 queue_empty
check "with --max-time no task queues itself again" [ "$(restarts warned)$(ended_with warned)" = Restarts=0ExitCode=75:0 ]

# A search: a job a round, and all of them in one.
cat > search.lua <<'LUA'
local ax = require "approxrun"
local nn = ax.nn
return ax.search {
  name = "search",
  multipliers = { "fp32", "mbm:7", "mbm:3" }, energy = { fp32 = 3.7, ["mbm:7"] = 0.4, ["mbm:3"] = 0.2 },
  budget = 1, metric = "valid_acc",
  params = { epochs = 1, batch = 32, lr = 1e-3 },
  data = function(p) return ax.data.synthetic { train = 64, test = 64 }:scale(1 / 255):split { valid = 32 } end,
  model = function(p) return nn.sequential { nn.flatten(), nn.dense { 4 } } end,
  train = function(p) return { optimizer = ax.optim.sgd { lr = p.lr }, epochs = p.epochs, batch = p.batch } end,
}
LUA
search() { "$APPROXRUN" sweep search.lua --threads 1 "$@"; }
expect_exit 0 search -q -j 1 -o wholesearch
expect_exit 0 search --launcher slurm -j 2 -o rounds
check "it says that the job is one round" grep -q "^next: .*the job runs round 1 alone, and the same command, when it has ended, submits the round after it" "$KEPT/err"
check "the array ends" within 300 queue_empty
check "it was one" [ "$("$APPROXRUN" status rounds --json | jq -c .states)" = '{"complete":2}' ]
expect_exit 0 search --launcher slurm -j 2 -o rounds --json
check "the same command submits the next" jq -e '.round == 2 and .tasks == 1' "$KEPT/out"
check "the array ends" within 300 queue_empty
expect_exit 0 search --launcher slurm -o rounds
check "and ends the search with its front" grep -q "^front: " "$KEPT/err"
check "the rounds' jobs give the bytes of one sweep" same rounds wholesearch
expect_exit 0 sbatch --wait -n 2 --output=wrap.log --wrap="exec '$APPROXRUN' sweep search.lua --threads 1 --launcher srun -o onejob"
check "one job runs all rounds" grep -q "^front: " wrap.log
check "to the same bytes" same onejob wholesearch
stopping=$(sbatch --parsable -n 2 --output=stopped.log --wrap="exec '$APPROXRUN' sweep forever.lua --threads 1 --launcher srun -o stopped")
check "workers of such a job train" within 300 training stopped
check "Slurm warns" scancel --batch --signal=USR1 "$stopping"
check "the job ends" within 600 queue_empty
check "it was stopped with checkpoints" [ "$(scontrol show job "$stopping" | grep -o 'ExitCode=[0-9:]*')$(ls stopped/claims)" = ExitCode=75:0 ]
check "of the two trials it ran" [ "$("$APPROXRUN" status stopped --json | jq -c .states)" = '{"planned":4,"interrupted":2}' ]

# Inside an allocation.
expect_exit 2 approxrun sweep small.lua --launcher srun -o steps
expect_err "not inside an allocation"
expect_exit 0 salloc --quiet -N 2 -n 4 "$APPROXRUN" sweep small.lua --launcher srun --threads 1 -o steps
check "steps give the bytes of one process" same steps whole
check "the supervisor shows their progress" grep -q "6/6.*complete" "$KEPT/err"
expect_exit 1 salloc --quiet -N 1 -n 2 "$APPROXRUN" sweep small.lua epochs=3,1000000 multiplier=fp32 seed=1 --launcher srun --threads 1 \
  --trial-time 10 --retries 1 -o steplimit
check "a step keeps --trial-time, the supervisor --retries" jq -e \
  '.retries == 1 and .message == "it took longer than --trial-time allows a trial, 10 s"' steplimit/failed/*.json
salloc --quiet -n 2 "$APPROXRUN" sweep forever.lua multiplier=fp32 --launcher srun --threads 1 -q -o revoked 2> revoked.err & sweep=$!
check "two steps train" within 300 training revoked 2
check "their allocation is cancelled" scancel "$(squeue -h -o %i)"
wait $sweep
check "that is an interruption of the sweep" [ $? -eq 75 ]
check "and of its trials" [ "$("$APPROXRUN" status revoked --json | jq -c .states)" = '{"interrupted":2}' ]
check "it says that the same command goes on" grep -q "^approxrun: stopped: 0 of 2 trials done, 2 checkpointed.*the same command goes on" revoked.err
check "they ran on both nodes" test "$(envs steps .environment.slurm.node | sort -u | wc -l)" -eq 2

# A GPU each: the program beside the module of no device (tests/cli/cuda_fake.sh), numbers as Slurm gives them.
mkdir bin && cp "$APPROXRUN" bin/approxrun && cp "${BUILD:?}/tests/fake/approxrun_cuda.so" bin/
APPROXRUN=$SCRATCH/bin/approxrun
one_gpu_each() { [ "$(envs "$1" .environment.slurm.gpus | grep -cE '^"[01]"$')" -eq 6 ]; }
expect_exit 0 submit -j 4 --devices all -o gpus
check "the array ends" within 300 queue_empty
check "each worker of an array has one GPU" one_gpu_each gpus
expect_exit 0 salloc --quiet -N 1 -n 2 --gpus-per-node=2 "$APPROXRUN" sweep small.lua --launcher srun --threads 1 --devices all -o gpusteps
check "each step has one GPU" one_gpu_each gpusteps
check "steps at one time have different ones" test "$(envs gpusteps .environment.slurm.gpus | sort -u | wc -l)" -eq 2

expect_exit 2 submit --devices 0,1 -o x
expect_err "Slurm numbers the devices"
expect_exit 2 approxrun sweep small.lua --launcher slrum -o x
expect_err "did you mean 'slurm'"
expect_exit 2 submit --slurm-arg --no-such-option -o refused
expect_err "sbatch failed"
