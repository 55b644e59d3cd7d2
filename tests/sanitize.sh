#!/usr/bin/env bash
# The tests of the device under a tool of compute-sanitizer: memcheck, racecheck, initcheck or synccheck. racecheck takes ten minutes or
# more of an H100 and 16 cores for some of them, so a test is run in parts, several at a time, until the time is over; the same command
# goes on with the parts that are left. Each writes FOLDER/TEST.IofN.TOOL.log, whole parts are listed in FOLDER/done.
#   tests/sanitize.sh BUILD FOLDER TOOL SECONDS TEST:PARTS...
#   tests/sanitize.sh build /tmp/watched racecheck 580 gemm:8 onehot:8 mma:2 rowpanel:8 tablerows:8 user:4 ops:1 gradient:1
set -u
build=$1 folder=$2 tool=$3 end=$(($(date +%s) + $4))
shift 4
mkdir -p "$folder"
touch "$folder/done"
export build folder tool end OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive
AT_A_TIME=${AT_A_TIME:-5}              # racecheck analyses on the host

part() {
  local test=${1%%:*} of=${1##*:} name began=$SECONDS code more=() left=$((end - $(date +%s)))
  name=$test.${of/\//of}.$tool
  grep -qx "$name" "$folder/done" && return
  [ $left -gt 5 ] || { echo "$name: not begun"; return; }
  [ "$tool" = racecheck ] && more=(--racecheck-num-workers 4)
  AX_WATCHED=$of timeout -s KILL $left compute-sanitizer --tool "$tool" "${more[@]}" "$build/tests/cuda_$test" > "$folder/$name.log" 2>&1
  code=$?
  echo "$name: code $code after $((SECONDS - began)) s, $(grep -cE '^(ran|ok) ' "$folder/$name.log") checks; $(grep SUMMARY "$folder/$name.log")"
  grep -q ' ran, their results were not compared\| passed, 0 failed' "$folder/$name.log" && echo "$name" >> "$folder/done"
}
export -f part

for task in "$@"; do
  for ((i = 1; i <= ${task##*:}; i++)); do echo "${task%%:*}:$i/${task##*:}"; done
done | xargs -P "$AT_A_TIME" -I{} bash -c 'part {}' 2> /dev/null | tee -a "$folder/summary"
grep -hE '========= (Error|Warning)|=========     and ' "$folder"/*."$tool".log | sort | uniq -c
