#!/usr/bin/env bash
# What devices the CUDA module is built for: those of this machine's GPUs that the compiler knows, or those named.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1
mkdir bin
printf '#!/bin/sh\necho 8.9\necho 9.0\necho 8.9\necho 99.9\n' > bin/nvidia-smi
chmod +x bin/nvidia-smi

archs() { PATH=$1:$PATH cmake -S "$ROOT" -B build "${@:2}" 2>&1 | sed -n 's/.*CUDA module: on (.*; capabilities \(.*\))/\1/p'; }

named=$(archs "$SCRATCH/bin" -DAPPROXRUN_CUDA_ARCHS="80;86")
[ -n "$named" ] || skip "no CUDA here"
check "those named" [ "$named" = "80 86 and PTX" ]
check "those of the GPUs, sorted" [ "$(archs "$SCRATCH/bin" -DAPPROXRUN_CUDA_ARCHS=)" = "89 90a and PTX" ]
printf '#!/bin/sh\nexit 9\n' > bin/nvidia-smi
check "without a GPU the H100's" [ "$(archs "$SCRATCH/bin")" = "90a and PTX" ]
