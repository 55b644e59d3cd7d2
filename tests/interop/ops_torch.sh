#!/usr/bin/env bash
# PyTorch agrees: about every operation and its gradients, on the cases the C tests write out, and about LeNet-5 trained for 20 steps.
. "$(dirname "$0")/study.bash"
need '/usr/bin/python3 -c "import torch"' python3-torch
need '/usr/bin/python3 -c "import h5py"' python3-h5py
for test in op_conv op_matmul op_act op_pool op_loss op_optim op_batch; do
  check "$test passes and writes its cases" env AX_DUMP="$work/cases" "$BUILD/tests/$test"
done
check "operations equal torch's" /usr/bin/python3 "$ROOT/tests/interop/torch_ops.py" "$work/cases"
cat "$work/log"
check "LeNet-5 trains" "$APPROXRUN" sweep "$ROOT/tests/interop/lenet.lua" -q -o "$work/lenet"
check "LeNet-5 trains as in torch" /usr/bin/python3 "$ROOT/tests/interop/torch_net.py" "$work/lenet" "$work/cases"
cat "$work/log"
finish
