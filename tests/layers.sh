#!/usr/bin/env bash
# A directory is a layer and includes only what is to its left; special headers stay where they belong.
cd "$ROOT" || exit 1
passed=0 failed=0

# may LAYER PREFIX...: files of LAYER include, of the project's own headers, only those whose path begins with a PREFIX.
may() {
  local layer=$1; shift
  local allowed; allowed=$(IFS='|'; echo "$*")
  local bad
  bad=$(grep -rnE '^ *#include "' --include='*.[ch]' "$layer" | grep -vE "#include \"($allowed)" || true)
  verdict "$layer includes only: $*" "$bad"
}

# only HEADER DIRECTORY: a system header that one directory alone may include.
only() {
  local bad
  bad=$(grep -rnE "^ *#include <$1>" --include='*.[ch]' src lut kernels | grep -v "^$2/" || true)
  verdict "$1 only in $2" "$bad"
}

verdict() {
  if [ -z "$2" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL: $1"; echo "$2"; fi
}

may src/base base/
may lut base/ lut/
may kernels kernels/ lut/view.h lut/models
may src/engine base/ lut/ kernels/ engine/
may src/data base/ lut/ kernels/ engine/ data/
may src/store base/ lut/ store/ gitid.h
may src/script base/ engine/api.h script/
may src/run base/ lut/ kernels/ engine/ data/ store/ script/ run/ gitid.h
may src/cmd base/ lut/ kernels/ engine/ data/ store/ script/ run/ cmd/ gitid.h
only 'lua.*h' src/script
only 'hdf5.*h' src/store
only 'cblas.h' kernels/cpu
only 'curl/curl.h' src/data

bad=$(grep -rnE '\b(malloc|calloc|realloc|aligned_alloc)\(' --include='*.c' src lut kernels | grep -v '^src/base/alloc.c:' || true)
verdict "memory is taken in base/alloc.c alone" "$bad"
bad=$(grep -rnE '\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atof|strtok|setlocale)\(' --include='*.[ch]' src lut kernels || true)
verdict "no strcpy, strcat, sprintf, gets, atoi, atof, strtok, setlocale" "$bad"
bad=$(grep -rnE '\b(exit|abort|_exit)\(' --include='*.c' src lut kernels | grep -vE '^(src/main|src/store/h5|src/run/signals|src/cmd/device_list|lut/cmodel_child).c:' || true)
verdict "only main ends the process (and store/h5.c, cmd/device_list.c and lut/cmodel_child.c the child each forks)" "$bad"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
