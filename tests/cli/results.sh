#!/usr/bin/env bash
# ls, show, compare, export and merge on a finished study: what they print, and what they say to wrong input.
. "$ROOT/tests/interop/study.bash"
make_study
q=$work/q.h5

# prints PATTERN COMMAND...: the output of a command that succeeds has a line that matches.
prints() { local pattern=$1; shift; check "$* prints $pattern" bash -c '"${@:2}" | grep -qE -- "$1"' _ "$pattern" "$APPROXRUN" "$@"; }

# fails CODE PATTERN COMMAND...: exit code, and one line on stderr that matches.
fails() {
  local code=$1 pattern=$2; shift 2
  check "$* exits $code saying $pattern" bash -c '
    "${@:3}" > /dev/null 2> "$0"; [ $? -eq "$1" ] && [ "$(wc -l < "$0")" -eq 1 ] && grep -qE -- "$2" "$0" || { cat "$0"; false; }' \
    "$work/err" "$code" "$pattern" "$APPROXRUN" "$@"
}

count() { check "ls -w $2 lists $1" bash -c '[ "$("${@:2}" -q | wc -l)" -eq "$1" ]' _ "$1" "$APPROXRUN" ls "$q" -w "$2"; }
count 12 'test_acc >= 0'
count 6 'width<=5'
count 2 "width==7 and family=='mbm'"
count 6 'family==mbm or (family==mit and not width>7) and width=7 and seed<=1.5 or multiplier=="mit:3" and seed==2'
count 8 "not multiplier~'mbm'"
count 0 'state==failed'
count 12 'state!=failed and epochs==3 and lr>0 and valid_acc<=1'
prints '^id +multiplier +width' ls "$q"
prints 'mbm:7 +7 +1 +complete +3 +[0-9.]+ %' ls "$q"
check "ls --sort -test_acc is descending" bash -c '"$@" | awk "{print \$7}" | sort -rnc' _ "$APPROXRUN" ls "$q" -q --sort -test_acc
prints '"multiplier":[[:space:]]+"mbm:7"' ls "$q" --json
# A parameter that only some trials have: the default of `backward` stands in none. Truth values as ls shows them.
sed 's/params = {/& noisy = false,/' "$ROOT/experiments/quickstart.lua" > "$work/noisy.lua"
"$APPROXRUN" sweep "$work/noisy.lua" -q -o "$work/noisy" backward=approximate,exact noisy=true,false multiplier=mbm:3 epochs=1 seed=1 || exit 1
for row in '2 backward==exact' '2 backward!=exact' '2 noisy==true' '2 noisy=false' '1 not noisy==true and backward==exact'; do
  check "ls -w '${row#* }' lists ${row%% *}" bash -c '[ "$("$1" ls "$2" -q -w "$3" | wc -l)" -eq "$4" ]' _ "$APPROXRUN" "$work/noisy" "${row#* }" "${row%% *}"
done
check "ls --sort puts those without it last" bash -c '"$1" ls "$2" -q --sort backward | head -n 2 | grep -c backward=exact | grep -qx 2' _ "$APPROXRUN" "$work/noisy"
fails 2 "no field or parameter 'backwards'" ls "$work/noisy" -w 'backwards==exact'
fails 2 "no field or parameter 'yes'" ls "$work/noisy" -w 'noisy==yes'
check "sweep --only knows them too" "$APPROXRUN" sweep "$work/noisy.lua" -q -o "$work/noisy" backward=approximate,exact noisy=true,false multiplier=mbm:3 \
  epochs=1 seed=1 --only backward==exact
fails 2 "no field or parameter 'widht' \(did you mean 'width'" ls "$q" -w 'widht<=5'
fails 2 "character 8" ls "$q" -w 'width<='
fails 2 "wanted '\)'" ls "$q" -w '(width<5'
fails 2 "did you mean 'test_acc'" ls "$q" --sort test_ac
fails 2 'no such study' ls "$work/none.h5"
echo 'not HDF5' > "$work/bad.h5"
fails 65 'bad.h5: not an HDF5 file' ls "$work/bad.h5"
head -c 20000 "$q" > "$work/cut.h5"
fails 65 'cut.h5' export "$work/cut.h5"

prints '^multiplier +mbm:7 \(1,8,7\) 16 bits' show "$q" mbm:7/1
prints '^ +3 ' show "$work/q" mbm:7/1
prints '"confusion":' show "$q" mbm:7/1 --json
fails 2 "did you mean 'mbm:7/1'" show "$q" mbn:7/1

# A multiplier that is not the program's own is named by its table, a file whose name is its SHA-256.
"$APPROXRUN" sweep "$ROOT/experiments/my_multiplier.lua" -q -o "$work/mine" multiplier=array:7,exact:5 seed=1 || exit 1
table=$(cd "$work/mine/tables" && ls)
check "the table's name is its SHA-256" bash -c '[ "$(sha256sum < "$1/$2")" = "${2%.bin}  -" ]' _ "$work/mine/tables" "$table"
prints "^table +array:7: SHA-256 ${table%.bin}, kept in $work/mine/tables\$" show "$work/mine" array:7/1
prints "^table +array:7: SHA-256 ${table%.bin}, kept in $work/mine.h5\$" show "$work/mine.h5" array:7/1
check "one of the program's own is not" bash -c '! "$1" show "$2" exact:5/1 | grep -q ^table' _ "$APPROXRUN" "$work/mine"

prints '^7 \(1,8,7\) 16 bits .*±.*' compare "$q" mbm mit
prints '^note: 2 seeds: intervals are wide' compare "$q" mbm mit
prints '^3 \(1,8,3\) 12 bits' compare "$q" mbm mit --baseline exact:7 --test t
prints '^exact:7 \(1,8,7\) 16 bits' compare "$q" mbm mit --baseline exact:7
prints '"only_a":' compare "$q" mbm:7 mit:3 --json
prints '^7,"","mbm:7",2,0\.' compare "$q" mbm mit --csv
prints '^\| 7 \(1,8,7\) 16 bits \|' compare "$q" mbm mit --md
prints 'begin.tabular' compare "$q" mbm mit --latex
check "no form says significant" bash -c '! { "$@"; "$@" --md; "$@" --json; } | grep -i significant' _ "$APPROXRUN" compare "$q" mbm mit
prints . compare "$q" mbm mit --assert 'mbm:7 >= exact:7 - 0.5' --assert 'mbm:3 > 0.3'
fails 6 'assertion false: mbm:7 >= exact:7 \+ 0.5: test_acc is 0\.' compare "$q" mbm mit --assert 'mbm:7 >= exact:7 + 0.5'
check "an assertion allows for rounding" "$APPROXRUN" compare "$q" mbm mit --assert '0.3 >= 0.1 + 0.2' --assert '0.3 <= 0.1 + 0.2' --assert '0.6 <= 0.605 - 0.005'
fails 6 'assertion false: 0.1 . 0.2 > 0.3' compare "$q" mbm mit --assert '0.1 + 0.2 > 0.3'
fails 2 'wanted two sides' compare "$q" mbm mit --assert 'mbm:7 0.3'
fails 2 "did you mean 'mbm'" compare "$q" mbn mit
fails 2 "did you mean 'test_acc'" compare "$q" mbm mit --metric test_ac
fails 2 "--baseline is 'exct:7' .did you mean 'exact:7'" compare "$q" mbm mit --baseline exct:7
prints '^\| 7 \(1,8,7\) \\\| 3 \(1,8,3\) \|' compare "$q" mbm:7 mit:3 --md

# Rows that width does not tell apart name their multipliers. The images of two data sets are not compared one by one.
sed 's/ax.data.synthetic {/& seed = p.images,/; s/params = {/& images = 1, note = "",/' "$ROOT/experiments/quickstart.lua" > "$work/images.lua"
"$APPROXRUN" sweep "$work/images.lua" -q -o "$work/images" images=1,2 note='a"b' epochs=1 seed=1 multiplier=mbm:7,mit:7 || exit 1
prints '^7 \(1,8,7\) 16 bits mit:7 .* -$' compare "$work/images" images=1 images=2
prints '^7 \(1,8,7\) 16 bits images=2 .*[01]\.[0-9]+$' compare "$work/images" mbm mit
"$APPROXRUN" sweep "$work/images.lua" -q -o "$work/images" images=1 note='a"b',c epochs=1 seed=1 multiplier=mbm:7,mit:7 || exit 1
prints '^7,"note=a""b","mbm:7",1,' compare "$work/images" mbm mit --csv

prints '^\| mbm:7 \| \(1,8,7\) 16 bits \| 2 \|' export "$q" --format md
fails 2 "did you mean 'jsonl'" export "$q" --format jsnl
fails 2 'ending in .h5' merge "$work/q" "$q"
echo notes > "$work/notes.h5"
fails 2 'exists and is no HDF5 file' merge "$work/notes.h5" "$q"
check "a stranger's file is left alone" grep -q notes "$work/notes.h5"
fails 4 'cannot write' merge /proc/x.h5 "$q"
if [ -w /dev/full ]; then
  check "an export to a full device exits 4 saying why" bash -c '"${@:2}" >/dev/full 2>"$1"; [ $? -eq 4 ] &&
    grep -qx "approxrun: standard output: cannot write: No space left on device" "$1"' _ "$work/err" "$APPROXRUN" export "$q"
fi
# Names of wide characters and of accents, two bytes or three a column or two: what stands behind them stands in one column.
aligned() {      # TEXT COMMAND...: it begins in one column in all lines that have it, three at least
  check "${*:2}: '$1' is aligned" bash -c '
    "${@:2}" | grep -F -- "$1" | while IFS= read -r line; do printf "%s\n" "${line%%"$1"*}" | LC_ALL=C.UTF-8 wc -L; done | sort | uniq -c |
      awk "{ n = \$1 } END { exit NR != 1 || n < 3 }"' _ "$1" "$APPROXRUN" "${@:2}"
}
cp "$ROOT/experiments/models/NEAREST_5.bin" "$work/乗算器_5.bin"
cp "$ROOT/experiments/models/NEAREST_5.bin" "$work/übertrag_5.bin"
wide=multiplier=exact:5,lut:$work/乗算器_5.bin,lut:$work/übertrag_5.bin
"$APPROXRUN" sweep "$ROOT/experiments/quickstart.lua" -q -o "$work/wide" "$wide" seed=1 || exit 1
aligned ' complete ' ls "$work/wide"
aligned ' (1,8,5) ' plan "$ROOT/experiments/quickstart.lua" -o "$work/wide" "$wide" seed=1..9

check "csv has a row a trial" bash -c '[ "$("$@" | wc -l)" -eq 13 ]' _ "$APPROXRUN" export "$q" --format csv
finish
