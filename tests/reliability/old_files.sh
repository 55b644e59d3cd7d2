#!/usr/bin/env bash
# Files of every released format stay readable: each folder of tests/golden/ holds a study, its study file and tables as the program of
# their day wrote them, and in facts.json what h5py read in them then. A sweep goes on from the old checkpoint; where the program
# computes by another numerics version by now, it must refuse to and leave the study as it is, and all that only reads still holds.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
command -v jq > /dev/null || { echo "skipped: jq is not installed"; exit 77; }
sweep() { "$APPROXRUN" sweep golden.lua -q -j 1 --threads 1 -o golden 2> err; }
fact() { jq -r "$1" facts.json; }
short='{id, multiplier, seed, state, epochs, best_epoch, test_acc: .metrics.test_acc, test_loss: .metrics.test_loss}'
whole="$short + {curves}"
exported() { "$APPROXRUN" export "$1" --stable --curves -o - | jq -cS "[.trials[] | $whole] | sort_by(.id)[]"; }
facts() { jq -cS '.trials[]' facts.json; }
same() { [ -n "$1" ] && [ "$1" = "$2" ]; }

# Numbers of a comparison are sums in another order than numpy's: equal but for rounding.
compared() {    # STUDY FACT
  "$APPROXRUN" compare "$1" mbm:3 lut:MIT_3.bin --json | jq --slurpfile facts facts.json "
    def terms: ([.a, .b, .difference | .n, .mean, .ci95] + [.mcnemar | .images, .only_a, .only_b, .p])[];
    def near(\$x): . == \$x or (type == \"number\" and (. - \$x | fabs) < 1e-12);
    [[.rows[0] | terms], [\$facts[0].$2 | terms]] | transpose | length == 13 and all(.[1] as \$x | .[0] | near(\$x))"
}

read_study() {
  local study=$1 id                     # the directory or the study file
  check "$era, $study: export gives every number of every trial" 'same "$(exported $study)" "$(facts)"'
  check "$era, $study: ls lists the trials" 'same "$("$APPROXRUN" ls $study --json | jq -cS "[.trials[] | $short] | sort_by(.id)[]")" \
    "$(jq -cS ".trials[] | del(.curves)" facts.json)"'
  check "$era, $study: status counts them" 'same "$("$APPROXRUN" status $study --json | jq -cS .states)" \
    "$(jq -cS "[.trials[].state] | group_by(.) | map({key: .[0], value: length}) | from_entries" facts.json)"'
  for id in $(fact '.trials[].id'); do
    check "$era, $study: show $id" 'same "$("$APPROXRUN" show $study $id --json | jq -cS "$whole | del(.curves.epoch_s)")" "$(facts | grep "$id")"'
  done
  check "$era, $study: show says why a trial failed" \
    'same "$("$APPROXRUN" show $study mbm:3/2 --json | jq -r ".message, .retries")" "$(fact ".failed | .message, .retries")"'
  check "$era, $study: compare" 'same true "$(compared $study compare)"'
  check "$era, $study: merge copies all of it" '"$APPROXRUN" merge merged.h5 $study 2> err && same "$(exported merged.h5)" "$(facts)"'
}

# They are read into the net that the script makes, so under their own numerics version alone.
read_weights() {
  "$APPROXRUN" mult errors mit:3 --study golden --trial "$(fact .weights.id)" --layer "$(fact .weights.layer)" --json > weights
  check "$era: the final weights of a trial" \
    'same "$(jq -c ".operands.b | .numbers, .zeros" weights)" "$(jq -c ".weights | .numbers, .zeros" facts.json)"'
}

read_table() {
  local file=$1 a b widths="" options="" x y
  a=$(fact ".tables[\"$file\"].width_a") b=$(fact ".tables[\"$file\"].width_b")
  [ "$a" -eq "$b" ] || { widths=",width_a=$a,width_b=$b"; options="--width-a $a --width-b $b"; }
  awk -v a="$a" -v b="$b" 'BEGIN { for (i = 0; i < 2 ^ a; i++) for (j = 0; j < 2 ^ b; j++) print 1 + i / 2 ^ a, 1 + j / 2 ^ b }' |
    while read -r x y; do "$APPROXRUN" mul "lut:$file$widths" "$x" "$y" --json; done | jq .product.value > products
  check "$era, $file: all $((1 << (a + b))) products" 'same "$(cat products)" "$(jq ".tables[\"$file\"].products[]" facts.json)"'
  check "$era, $file: its hash" '"$APPROXRUN" lut info $file $options | grep -q "$(fact ".tables[\"$file\"].sha256")"'
}

# The interrupted trial goes on where it was, and ends as one that was never interrupted; the failed one is tried once more.
go_on() {
  local id epoch step study
  id=$(fact .checkpoint.id) epoch=$(fact .checkpoint.epoch) step=$(fact .checkpoint.step)
  cp golden/events/host-0.jsonl events
  sweep
  code=$?
  check "$era: the same sweep ends with code 1, for the trial that fails, not $code: $(head -1 err)" '[ $code -eq 1 ]'
  check "$era: it went on after epoch $epoch, batch $step" 'grep -q "resumed after epoch $epoch, batch $step\$" "golden/logs/$id.log"'
  check "$era: no epoch was computed again" '[ -z "$(recomputed golden)" ]'
  check "$era: its old journal stands" 'cmp -s -n "$(stat -c %s events)" events golden/events/host-0.jsonl'
  check "$era: the checkpoint is gone" '[ ! -e "golden/ckpt/$id.h5" ]'
  for study in golden golden.h5; do
    check "$era, $study: the trial ends as one never interrupted" 'same "$(exported $study | grep "$id")" "$(jq -cS .whole facts.json)"'
    check "$era, $study: the others are as they were" 'same "$(exported $study | grep -v "$id")" "$(facts | grep -v "$id")"'
    check "$era, $study: compare, with the trial" 'same true "$(compared $study compare_whole)"'
  done
  check "$era: the failed trial was tried again" '[ "$("$APPROXRUN" show golden mbm:3/2 --json | jq .retries)" -eq $(($(fact .failed.retries) + 1)) ]'
}

bytes() { find golden -type f ! -name lock -exec sha256sum {} + | sort; }

refuse() {
  local now=$1 before                   # this program's numerics version
  before=$(bytes)
  sweep
  code=$?
  check "$era: another numerics version is refused with code 4, not $code: $(head -1 err)" \
    '[ $code -eq 4 ] && grep -q "golden: .*numerics version $(fact .numerics),.* version $now;" err'
  check "$era: the refused study is as it was" 'same "$(bytes)" "$before"'
}

formats=0 resumed=0
for folder in "$ROOT"/tests/golden/schema-*; do
  era=${folder##*/}
  cp -r --no-preserve=mode "$folder" "$era"
  cd "$era" || exit 1
  gunzip golden.h5.gz
  read_study golden
  read_study golden.h5
  for table in *.bin; do read_table "$table"; done
  "$APPROXRUN" sweep golden.lua -q -o now multiplier=mbm:3 seed=1 epochs=1 2> err
  numerics=$(grep -o '\\"numerics\\":[0-9]*' now/plan.json | head -1 | grep -o '[0-9]*$')
  check "$era: its script still runs, under some numerics version: $(head -1 err)" '[ -n "$numerics" ]'
  if [ "$numerics" = "$(fact .numerics)" ]; then
    read_weights
    go_on
    resumed=$((resumed + 1))
  else
    refuse "$numerics"
  fi
  formats=$((formats + 1))
  cd "$scratch" || exit 1
done
check "there are golden files" '[ $formats -gt 0 ]'
check "a checkpoint of the current numerics version is among them: tests/golden/make.sh" '[ $resumed -gt 0 ]'
count "files of $formats format read, $resumed of their sweeps resumed, $passed facts"
finish
