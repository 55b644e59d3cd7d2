#!/usr/bin/env bash
# `make install`, below DESTDIR and below a prefix: the program, its module, pages, completion and experiments where they are looked for.
. "${ROOT:?}/tests/cli/lib.inc" || exit 1
: "${BUILD:?the build folder}"

expect_exit 0 env DESTDIR="$SCRATCH/stage" cmake --install "$BUILD" --prefix /opt/approxrun
check "nothing lies beside the prefix" test "$(ls stage) $(ls stage/opt)" = "opt approxrun"
expect_exit 0 cmake --install "$BUILD" --prefix "$SCRATCH/prefix"
check "both hold the same files" diff -r stage/opt/approxrun prefix
cd prefix && export PATH=$PWD/bin:$PATH || exit 1
APPROXRUN=$PWD/bin/approxrun

expect_exit 0 approxrun --version
expect_match "^approxrun [0-9]"
expect_exit 0 approxrun sweep share/approxrun/experiments/quickstart.lua multiplier=mbm:7 seed=1 epochs=1 -o "$SCRATCH/study" -q
for file in share/bash-completion/completions/approxrun share/zsh/site-functions/_approxrun share/fish/vendor_completions.d/approxrun.fish; do
  check "$file is there" test -s $file
done
if command -v zsh >/dev/null; then
  check "zsh finds its script" zsh -f -c 'fpath=($PWD/share/zsh/site-functions $fpath); autoload -Uz compinit
    compinit -u -D; [[ $_comps[approxrun] == _approxrun ]]'
fi
if command -v fish >/dev/null; then
  check "fish finds its script" env XDG_DATA_DIRS="$PWD/share" HOME="$SCRATCH" fish -c 'complete -C "approxrun swe" | grep -q sweep'
fi
check "the README and the licence are there" test -s share/doc/approxrun/README.md -a -s share/doc/approxrun/LICENSE
if [ -e "$BUILD/approxrun_cuda.so" ]; then check "the CUDA module is where the program looks" test -s lib/approxrun/approxrun_cuda.so; fi
if grep -q '^SCDOC:FILEPATH=/' "$BUILD/CMakeCache.txt"; then
  for verb in "" $(approxrun completion words -- '' | cut -f1 | grep -v '^-'); do
    check "there is a page of '$verb'" grep -q '^\.TH "approxrun' "share/man/man1/approxrun${verb:+-$verb}.1"
  done
fi
