#!/usr/bin/env bash
# Locale, time zone, umask, names, closed streams, few descriptors, full or missing places: the same bytes, or an error that says
# what is in the way.
. "${ROOT:?}/tests/reliability/common.inc" || exit 1
tiny_sweep whole || exit 1
reference=$("$APPROXRUN" export whole --stable --curves -o -)
n=0
same() {        # WHAT DIR
  n=$((n + 1))
  check "$1: the same bytes" '[ "$("$APPROXRUN" export '"$(printf %q "$2")"' --stable --curves -o -)" = "$reference" ]'
}

# ---- locale, time zone ----
if mkdir locales && localedef -i de_DE -f UTF-8 locales/de_DE.UTF-8 2> /dev/null; then
  german() { env LOCPATH="$scratch/locales" LC_ALL=de_DE.UTF-8 "$APPROXRUN" "$@"; }
  german sweep tiny.lua -q -o german
  same "a locale with decimal commas" german
  check "it exports the same under it" '[ "$(german export whole --stable --curves -o -)" = "$reference" ]'
else
  echo "a locale with decimal commas: not run, localedef has no source of de_DE"
fi
TZ=Pacific/Kiritimati tiny_sweep far_east; same "another time zone" far_east
env -i "$APPROXRUN" sweep tiny.lua -q -o bare; same "an empty environment" bare

# ---- modes ----
for mask in 000 022 027 077; do
  (umask $mask; tiny_sweep mask$mask)
  same "umask $mask" mask$mask
  check "umask $mask: no file is wider" '[ $mask = 000 ] || [ -z "$(find mask$mask mask$mask.h5 -perm /$mask)" ]'
done

# ---- names ----
for name in "with space" "für müde Übungen" "-dash" 'quote"and\back' $'new\nline' "semi;colon \$HOME"; do
  n=$((n + 1))
  check "a directory called $(printf %q "$name")" \
    'tiny_sweep "./$name" && [ "$("$APPROXRUN" export "./$name" --stable --curves -o -)" = "$reference" ]'
  check "its study file" '"$APPROXRUN" export "./$name.h5" --stable -o - | jq -e .trials > /dev/null'
done

# ---- streams ----
"$APPROXRUN" sweep tiny.lua -j 1 --threads 1 -o closed <&- >&- 2>&-; same "all streams closed" closed
tiny_sweep noinput <&-; same "no stdin" noinput
"$APPROXRUN" export whole -o - --curves 2> err | true
code=${PIPESTATUS[0]}
check "a reader that went away ends an export quietly or with a named error ($code)" '[ $code -eq 0 ] || [ $code -eq 141 ] || [ $code -eq 4 ]'
"$APPROXRUN" sweep tiny.lua -j 1 -o pipe 2>&1 | head -c 1 > /dev/null; tiny_sweep pipe; same "progress into a closed pipe" pipe
if [ -w /dev/full ]; then
  "$APPROXRUN" export whole -o - > /dev/full 2> err
  code=$?
  check "an export to a full device ends with code 4, not $code" '[ $code -eq 4 ] && grep -q "standard output" err'
fi

# ---- limits and places ----
(ulimit -n 64; tiny_sweep few); same "64 descriptors" few
(unset HOME XDG_CACHE_HOME; tiny_sweep homeless); same "no HOME" homeless
mkdir gone
(cd gone && rmdir "$scratch/gone" && "$APPROXRUN" sweep "$scratch/tiny.lua" -q -o "$scratch/removed"); same "a working directory that is gone" removed
full_disk=$scratch/small
mkdir "$full_disk"
if mount -t tmpfs -o size=16k none "$full_disk" 2> /dev/null; then
  head -c 64k /dev/zero > "$full_disk/fill" 2> /dev/null
  TMPDIR=$full_disk tiny_sweep notmp; same "a full temporary directory" notmp
  mount -o remount,ro "$full_disk"
  tiny_sweep "$full_disk/study" 2> err
  code=$?
  check "a read-only file system ends with code 4 and its name, not $code: $(cat err)" \
    '[ $code -eq 4 ] && grep -q "$full_disk/study.*Read-only file system" err && [ "$(wc -l < err)" -eq 1 ]'
  n=$((n + 1))
else
  full_disk=""
  echo "full and read-only places: not run, this user cannot mount a tmpfs"
fi
count "$n environments"
finish
