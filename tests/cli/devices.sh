#!/usr/bin/env bash
# devices: against what the system itself says of the machine, and what APPROXRUN_ISA does.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE APPROXRUN_ISA

expect_exit 0 approxrun devices --json
cp "$KEPT/out" free.json
check "its JSON is whole" jq -e '.schema == 1 and (.cpu.isa_forced | not) and (.cpu.blas_forced | not) and .cpu.blas != ""' free.json
model=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)
check "the CPU is the one of /proc/cpuinfo" [ "$(jq -r .cpu.cpu free.json)" = "${model:-unknown}" ]
check "cores are those it may use" [ "$(jq .cpu.cores free.json)" = "$(OMP_NUM_THREADS= nproc)" ]
if command -v taskset >/dev/null && taskset -c 0 true 2>/dev/null; then
  check "one, where it is bound to one" [ "$(taskset -c 0 "$APPROXRUN" devices --json | jq .cpu.cores)" -eq 1 ]
fi
for cache in l1d:LEVEL1_DCACHE_SIZE l2:LEVEL2_CACHE_SIZE; do
  bytes=$(getconf "${cache#*:}" 2>/dev/null)
  [ "${bytes:-0}" -gt 0 ] && check "$cache is that of getconf" [ "$(jq ".cpu.${cache%%:*}" free.json)" = "$bytes" ]
done
check "what is in force is the last set it has" jq -e '.cpu.isa == .cpu.instruction_sets[-1] and .cpu.instruction_sets[0] == "c"' free.json

# has SET FLAG...: the set is listed if and only if the CPU has the flags.
has() {
  local set=$1 flags=yes; shift
  for flag; do grep -qw "$flag" /proc/cpuinfo || flags=no; done
  check "$set is listed: $flags" \
    [ "$(jq -r --arg s "$set" 'if any(.cpu.instruction_sets[]; . == $s) then "yes" else "no" end' free.json)" = "$flags" ]
}
has avx2 avx2 fma
has avx512 avx512f avx512bw avx512vl avx512dq
for set in $(jq -r '.cpu.instruction_sets[]' free.json); do
  APPROXRUN_ISA=$set expect_exit 0 approxrun devices --json
  check "APPROXRUN_ISA=$set is in force" jq -e --arg s "$set" '.cpu.isa == $s and .cpu.isa_forced' "$KEPT/out"
done
APPROXRUN_ISA=c expect_exit 0 approxrun devices
expect_match '^cpu  .*, [0-9]+ cores?$'
expect_match '^  in force +c: APPROXRUN_ISA says so$'
caches=$(jq -r '[.cpu.l1d, .cpu.l2, .cpu.l3] | map(if . > 0 then "\(. / 1024) KiB" else "unknown" end) | "L1D \(.[0]), L2 \(.[1]), L3 \(.[2])"' free.json)
check "the caches are those of its JSON" grep -qxF "  caches            $caches" "$KEPT/out"
expect_exit 0 approxrun devices
expect_match '^  in force .*: the best that this machine has$'
expect_match '^gpu  .'
check "the GPUs it has, or why none, are in JSON" jq -e '(.gpus | length) > 0 or (.gpus_absent // "none" | length) > 0' free.json
if [ "$(uname -m)" = x86_64 ]; then
  OPENBLAS_CORETYPE=Nehalem expect_exit 0 approxrun devices
  expect_match '^  OpenBLAS +Nehalem: OPENBLAS_CORETYPE says so'
fi

for verb in "devices" "mult list" "mul -m mbm:7 1.5 2.5" "sweep $ROOT/experiments/quickstart.lua -n" "bench gemm" "worker ." "ls none"; do
  APPROXRUN_ISA=avx1024 expect_exit 5 approxrun $verb
  expect_err "approxrun: APPROXRUN_ISA is 'avx1024', wanted c, avx2, avx512 or avx512bf16, one that this machine has; unset it"
done
APPROXRUN_ISA=avx1024 expect_exit 0 approxrun --version
expect_match '^  CUDA +(none|/)'
expect_exit 5 approxrun matmul none none -o c.npy -m mbm:7 --threads 1000 --device 1000
check "more threads than cores are told" grep -q -- "--threads 1000, but there are $(OMP_NUM_THREADS= nproc) cores to run them on" "$KEPT/err"
expect_exit 5 approxrun matmul none none -q -o c.npy -m mbm:7 --threads 1000 --device 1000
expect_err "approxrun: "
expect_exit 2 approxrun devices gpu
expect_err "devices"
