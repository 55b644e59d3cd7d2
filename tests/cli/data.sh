#!/usr/bin/env bash
# data list, get and check: the order of places, damaged and missing files, wrong words.
. "$ROOT/tests/cli/lib.inc"
unset APPROXRUN_DATA

mnist=$(approxrun data get mnist -q 2>"$SCRATCH/why" | sed -n 's/^mnist: //p')
[ -n "$mnist" ] || skip "MNIST cannot be had here: $(cat "$SCRATCH/why")"
train_labels=65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5

# every file of MNIST into a folder of the user's, in mixed spellings
mkdir -p user/mnist flat
for f in train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte; do
  for at in "$mnist/$f" "$mnist/$f.gz" "$mnist/${f/-idx/.idx}" "$mnist/${f/-idx/.idx}.gz"; do [ -e "$at" ] && break; done
  case $at in *.gz) zcat "$at" ;; *) cat "$at" ;; esac >"flat/$f"
done
cp flat/train-images-idx3-ubyte user/mnist/train-images.idx3-ubyte
gzip -c flat/train-labels-idx1-ubyte >user/mnist/train-labels-idx1-ubyte.gz
gzip -c flat/t10k-images-idx3-ubyte >user/mnist/t10k-images.idx3-ubyte.gz
cp flat/t10k-labels-idx1-ubyte user/mnist/

# from here on nothing is cached and nothing can be fetched: tar and gzip are there, npm and the network are not
export XDG_CACHE_HOME=$SCRATCH/cache https_proxy=http://127.0.0.1:9
mkdir offline && ln -s "$(command -v tar)" offline/tar
at() { APPROXRUN_DATA=$1 PATH=$SCRATCH/offline "$APPROXRUN" "${@:2}"; }

expect_exit 0 approxrun data list
expect_match '^mnist +60000 +10000  28x28x1 +10 .* not here$'
expect_match '^synthetic .* built in$'
expect_exit 0 approxrun data list --json
check "data list --json is JSON" python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
row = {s["name"]: s for s in d["datasets"]}["mnist"]
assert d["schema"] == 1 and row["shape"] == [28, 28, 1] and row["train"] == 60000 and not row["available"] and row["where"] is None' "$KEPT/out"

expect_exit 0 at user data get mnist
expect_out "mnist: user/mnist"
expect_exit 0 at user data check mnist
expect_match "^$train_labels +60008  user/mnist/train-labels-idx1-ubyte.gz  ok$"
expect_match '^[0-9a-f]{64} +7840016  user/mnist/t10k-images.idx3-ubyte.gz  ok$'
expect_exit 0 at flat data get mnist
expect_out "mnist: flat"
check "the files of MNIST are MNIST's, not another set's of the same names" bash -c '
  APPROXRUN_DATA=flat "$APPROXRUN" data list | grep -qE "^mnist .* flat$" && ! APPROXRUN_DATA=flat "$APPROXRUN" data list | grep -qE "^fashion_mnist .* flat$"'

# one flipped byte, a short file, a torn gzip
cp -r user bad && printf 'x' | dd of=bad/mnist/t10k-labels-idx1-ubyte bs=1 seek=77 conv=notrunc status=none
expect_exit 65 at bad data get mnist
expect_err "bad/mnist/t10k-labels-idx1-ubyte: damaged: SHA-256 "
expect_exit 65 at bad data check mnist
expect_match 'bad/mnist/t10k-labels-idx1-ubyte: damaged: SHA-256 [0-9a-f]{16}... found, ff7bcfd416de3373... wanted'
expect_err "data set mnist: 1 of 4 files damaged"
truncate -s 9000 bad/mnist/t10k-labels-idx1-ubyte
expect_exit 65 at bad data get mnist
expect_err "bad/mnist/t10k-labels-idx1-ubyte: 9000 bytes found, 10008 wanted (truncated)"
cp user/mnist/t10k-labels-idx1-ubyte bad/mnist/ && truncate -s 5000 bad/mnist/train-labels-idx1-ubyte.gz
expect_exit 65 at bad data get mnist
expect_err "bad/mnist/train-labels-idx1-ubyte.gz: truncated: the gzip data does not end within the 5000 bytes found"
cp user/mnist/train-labels-idx1-ubyte.gz bad/mnist/ && rm bad/mnist/t10k-labels-idx1-ubyte && mkfifo bad/mnist/t10k-labels-idx1-ubyte
expect_exit 65 at bad data get mnist
expect_err "not a regular file"

# a damaged file of the cache is fetched anew, and named when it cannot be
mkdir -p cache/approxrun/data && cp -r flat cache/approxrun/data/mnist
expect_exit 0 approxrun data get mnist
expect_out "mnist: $SCRATCH/cache/approxrun/data/mnist"
truncate -s 100 cache/approxrun/data/mnist/t10k-labels-idx1-ubyte
expect_exit 1 at '' data get mnist -q
expect_err "Put t10k-labels-idx1-ubyte (each may end in .gz) into a folder and set APPROXRUN_DATA to it"
expect_err "npm is not installed: apt-get install npm"
rm -rf cache
expect_exit 1 at '' data check mnist
expect_err "data set mnist: 4 of 4 files not here; 'approxrun data get mnist' fetches them"

expect_exit 2 approxrun data get mnst
expect_err "unknown data set 'mnst' (did you mean 'mnist'?)"
expect_exit 2 approxrun data chek mnist
expect_err "unknown word 'chek' (did you mean 'check'?)"
expect_exit 2 approxrun data get
expect_err "data get: an argument is missing"
expect_exit 0 approxrun data check synthetic
expect_match 'made by the program'
