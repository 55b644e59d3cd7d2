#!/usr/bin/env bash
# dist/approxrun-VERSION-ARCH/: the program, the experiments and every shared library but the C library, to copy to a machine
# without root. It runs wherever the C library is at least as new as here. The CUDA module goes with it where it is built; cuBLAS
# (600 MB) and NVRTC do not.
set -euo pipefail
build=$1
version=$("$build/approxrun" --version | sed -n '1s/^approxrun \([^ ]*\).*/\1/p')
out=dist/approxrun-$version-$(uname -m)
module=$out/lib/approxrun/approxrun_cuda.so

rm -rf "$out"
cmake --install "$build" --prefix "$out" --strip >/dev/null
mkdir -p "$out/lib/approxrun"
# The program's run path is $ORIGIN/../lib/approxrun, as DT_RPATH, which holds for the libraries' own needs too, and the module's.
for file in "$out/bin/approxrun" "$module"; do
  if [ -e "$file" ]; then ldd "$file"; fi
done | awk '$2 == "=>" && $3 ~ /^\// {print $1, $3}' | sort -u | while read -r name path; do
  case $name in
    libc.so.*|libm.so.*|libdl.so.*|librt.so.*|libpthread.so.*|libresolv.so.*|ld-linux*|libcublas*) ;;
    *) cp -L "$path" "$out/lib/approxrun/$name" ;;
  esac
done
tar -czf "$out.tar.gz" -C dist "$(basename "$out")"
echo "$out ($(du -sh "$out" | cut -f1)) and $out.tar.gz; run $out/bin/approxrun"
if [ -e "$module" ]; then
  echo "for a GPU that machine needs $(ldd "$module" | awk '/libcublas\.so/ {print $1}') of its own, or copied: see docs/gpu.md"
fi
