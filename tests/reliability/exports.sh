#!/usr/bin/env bash
# An export, a merge or a plot killed or out of space at any operation leaves the old file or the new one, never a mix; what is
# exported is exact: large seeds, NaN, every bit of a number.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
tiny_sweep new || exit 1
tiny_sweep old epochs=1 || exit 1

# Each verb writes OUT; the old content is that of the study 'old'.
run() {         # VERB STUDY OUT
  case $1 in
    export) "$APPROXRUN" export "$2" -o "$3" ;;
    merge) "$APPROXRUN" merge "$3" "$2" 2> merge.err || { status=$?; cat merge.err >&2; return $status; } ;;
    plot) "$APPROXRUN" plot "$2" --kind epochs -o "$3" ;;
  esac > /dev/null
}
suffix() { case $1 in export) echo json ;; merge) echo h5 ;; plot) echo svg ;; esac; }

# Under a failing disk; the file is there before it fails.
struck() {      # AT HOW VERB
  out=$work/out.$(suffix "$3")
  rm -rf "$scratch/operations" "$work"
  mkdir "$work"
  cp "old.$3" "$out"
  {
    export FAULTS_BELOW="$work" FAULTS_COUNT="$scratch/operations" FAULTS_AT=$1 FAULTS_DO=$2 LD_PRELOAD=$BUILD/tests/fake/faults.so
    run "$3" new "$out"
    code=$?
    unset FAULTS_BELOW FAULTS_COUNT FAULTS_AT FAULTS_DO LD_PRELOAD
  } 2> err
}

n=0 old=0 new=0
for verb in export merge plot; do
  run $verb old out.$(suffix $verb) && mv out.$(suffix $verb) old.$verb
  run $verb new out.$(suffix $verb) && mv out.$(suffix $verb) new.$verb
  check "$verb: the two contents differ" '! cmp -s old.$verb new.$verb'
  struck 0 kill $verb
  check "$verb: nothing differs when none is struck" 'cmp -s "$out" new.$verb'
  for how in kill torn full once eio; do
    for at in $(seq "$(operations)"); do
      struck "$at" $how $verb
      n=$((n + 1))
      if cmp -s "$out" old.$verb; then old=$((old + 1)); elif cmp -s "$out" new.$verb; then new=$((new + 1))
      else check "$verb, $how at $at: neither the old nor the new file" false; fi
      [ $code -eq 0 ] && check "$verb, $how at $at: code 0 means the new one" 'cmp -s "$out" new.$verb'
      case $how in kill | torn) ;; *) check "$verb, $how at $at: code 4 or 0, not $code" '[ $code -eq 4 ] || [ $code -eq 0 ]' ;; esac
    done
  done
done
check "both outcomes were met ($old old, $new new)" '[ $old -gt 0 ] && [ $new -gt 0 ]'
count "$n blows at exports, merges and plots: $old left the old file, $new the new one"

# ---- exact ----
seed=9007199254740991
"$APPROXRUN" sweep tiny.lua -q seed=$seed -o seeds || exit 1
check "the largest seeds are exported as they are" '"$APPROXRUN" export seeds -o - | grep -qE "\"seed\": *\"?$seed[^0-9]"'
"$APPROXRUN" sweep tiny.lua -q lr=1e38 multiplier=fp32 -o nan || exit 1
check "NaN is a string in JSON" '"$APPROXRUN" export nan --curves -o - | grep -qE "\"(nan|NaN)\""'
/usr/bin/python3 "$ROOT/tests/reliability/exact.py" "$APPROXRUN" new
code=$?
if [ $code -eq 77 ]; then echo "curves in the journal, HDF5 and JSON: not compared, no h5py"
else check "every number of a curve is the same in the journal, in HDF5 and in JSON" '[ $code -eq 0 ]'; fi
trials() { "$APPROXRUN" export "$1" --curves -o - | jq -S .trials; }
"$APPROXRUN" merge again.h5 new.h5 2> /dev/null
check "a study file made from a study file exports the same" '[ -n "$(trials new.h5)" ] && [ "$(trials again.h5)" = "$(trials new.h5)" ]'
finish
