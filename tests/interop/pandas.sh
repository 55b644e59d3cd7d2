#!/usr/bin/env bash
# pandas and PyTables read the table of a study file and the CSV export.
. "$(dirname "$0")/study.bash"
need '/usr/bin/python3 -c "import pandas, tables"' "python3-pandas or python3-tables"
make_study
"$APPROXRUN" export "$work/q.h5" -o "$work/q.csv"
cat > "$work/read.py" <<'P'
import sys, warnings, pandas as pd, tables
warnings.simplefilter("ignore")
a, b = pd.read_hdf(sys.argv[1], "table"), pd.read_csv(sys.argv[2])
assert len(a) == len(b) == 12
text = lambda v: v.decode() if isinstance(v, bytes) else v
assert list(map(text, a.multiplier)) == list(b.multiplier) and list(map(text, a.trial_id)) == list(b.id)
assert (a.test_acc.values == b.test_acc.values).all() and (a.seed.values == b.seed.values).all()
mean = b.groupby("multiplier").test_acc.mean()
assert 0.5 < mean["mbm:7"] < 1
with tables.open_file(sys.argv[1]) as f:
    assert isinstance(f.root.table, tables.Table) and f.root.table.nrows == 12
    assert len(f.root.table.read_where("(width == 7) & (test_acc > 0.5)")) > 0
P
check "pandas and PyTables read the table" /usr/bin/python3 "$work/read.py" "$work/q.h5" "$work/q.csv"
finish
