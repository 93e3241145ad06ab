"""Tables of several files, as the tests of them have them."""

import numpy as np
import pyarrow as pa
from pyarrow import parquet

SIZES = (1000, 0, 2500, 333, 4000)
ROWS = sum(SIZES)
X = np.random.default_rng(0).normal(size=(ROWS, 2)) * [1.0, 1e3] + [5.0, 1e6]


def write(path, start, stop, group=700, **more):
    columns = {"a": X[start:stop, 0], "b": X[start:stop, 1], "id": np.arange(start, stop)}
    parquet.write_table(pa.table(columns | more), path, row_group_size=group)
