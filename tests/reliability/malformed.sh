#!/usr/bin/env bash
# Damaged copies of every kind of file that is read: never a crash, a hang or much memory; a refusal is one line, with its code.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
[ -x /usr/bin/python3 ] || { echo "skipped: no python3"; exit 77; }

mutate() {      # KIND LONG FILE... -- ARGUMENT...: LONG mutants, or a tenth of them
  local kind=$1 n
  n=$(rounds $(($2 / 10)) "$2")
  shift 2
  /usr/bin/python3 "$ROOT/tests/reliability/mutants.py" "$APPROXRUN" "$kind" "$n" "$SEED" "$@" > out 2>&1
  check "$kind: $(grep -v '^count' out | head -5)" "[ $? -eq 0 ]"
  case $kind in
  checkpoint | forged-checkpoint | failure | journal | forged-resume) ;;      # the study is read without them
  *) check "$kind: some are refused" 'grep -q " [1-9][0-9]* refused" out' ;;
  esac
  grep '^count' out
}

# ---- one trial that is complete, one that failed after its first epoch and left a checkpoint ----
sed 's/name = "tiny"/name = "half"/; s/^  train = .*/  train = function(trial, net, data)\
    net:compile { optimizer = ax.optim.adam { lr = trial.params.lr } }\
    for epoch in trial:epochs() do\
      for batch in data:batches "train" do net:forward(batch, true); net:backward(); net:step() end\
      if epoch == 2 and trial.params.multiplier == "mbm:7" then error "on purpose" end\
      trial:report { train_loss = (net:running()) }\
    end\
  end,/' tiny.lua > half.lua
"$APPROXRUN" sweep half.lua -q -j 1 --threads 1 -o half 2> /dev/null
trial=$(ls half/trials/*.h5) checkpoint=$(ls half/ckpt/*)
check "there are a trial, a checkpoint, a failure and a study file" \
  '[ -f "$trial" ] && [ -f "$checkpoint" ] && [ -f half.h5 ] && [ -f half/failed/*.json ]'

mutate trial 200 "$trial" -- ls half
mutate forged-trial 300 "$trial" -- ls half
mutate checkpoint 200 "$checkpoint" -- ls half
mutate forged-checkpoint 300 "$checkpoint" -- ls half
mutate study 200 half.h5 -- ls half.h5
mutate forged-study 300 half.h5 -- export half.h5 --curves -o -
mutate plan 200 half/plan.json -- ls half
mutate failure 100 half/failed/*.json -- status half
mutate journal 300 half/events/*.jsonl -- logs half "$(basename "$trial" .h5)"

# ---- a worker that resumes from a forged checkpoint ----
mutate forged-resume 40 "$checkpoint" -- sweep half.lua -q -j 1 --threads 1 -o half

# ---- tables, arrays, data ----
"$APPROXRUN" lut build mbm:4 -o u8_4.bin --format u8 > /dev/null
"$APPROXRUN" lut build mbm:5 -o u32_5.bin --format u32 > /dev/null
mutate table 200 u8_4.bin u32_5.bin -- lut info {}
printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 4), }" > A.npy
head -c 64 /dev/zero >> A.npy
cp A.npy B.npy
mutate npy 200 A.npy -- matmul {} B.npy -o C.npy --multiplier mbm:7
mkdir data
printf '\0\0\x08\x01\0\0\0\x04\1\2\3\4' | gzip > data/t10k-labels-idx1-ubyte.gz
APPROXRUN_DATA=$PWD/data mutate idx 300 data/t10k-labels-idx1-ubyte.gz -- data check mnist

# ---- what is typed ----
printf 'mbm:7,k=4' > spec1; printf 'drum:7,k=4' > spec2; printf 'lut:u8_4.bin' > spec3
mutate typed-spec 200 spec1 spec2 spec3 -- mul {} 3 5
printf 'seed=1..5' > over1; printf 'multiplier=mbm:7,drum:5,k=3' > over2; printf 'lr=1e-3' > over3
mutate typed-override 200 over1 over2 over3 -- plan tiny.lua {}
finish
