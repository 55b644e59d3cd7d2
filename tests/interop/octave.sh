#!/usr/bin/env bash
# Octave loads the plain arrays of a study file.
. "$(dirname "$0")/study.bash"
need 'command -v octave-cli' octave
make_study
check "octave: curves, epochs and grid" octave-cli --no-window-system --norc --eval \
  "s = load('-hdf5', '$work/q.h5', 'axes', 'curves', 'grid'); a = s.curves.test_acc; assert(numel(a), 36); assert(all(a(:) > 0 & a(:) <= 1)); assert(numel(s.grid.test_acc), 12); assert(double(s.axes.width(:)'), [3 7]); assert(strtrim(s.axes.family(3, :)), 'mit')"
finish
