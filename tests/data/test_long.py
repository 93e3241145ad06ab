"""Whole numbers that float64 does not tell apart are not learnt rounded."""

import numpy as np
import pandas as pd
import pytest

from realnvp import InputError, RealNVP
from realnvp.data.table import read_table

ROWS = np.arange(200)
QUICK = {"layers": 1, "width": 4, "max_steps": 1, "members": 1, "verbose": False}
SAID = r"column '(d|x1)' holds whole numbers beyond 2\^53 that float64 does not tell apart"
IDS = 2**60 + ROWS
FAR = 2**60 + 4096 * ROWS  # as nanoseconds since 1970: float64 tells them apart


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64"])
def test_of_a_frame(dtype):
    frame = pd.DataFrame({"x": np.sin(ROWS), "d": pd.array(IDS, dtype=dtype)})
    with pytest.raises(InputError, match=SAID):
        RealNVP(**QUICK).fit(frame)
    RealNVP(**QUICK).fit(frame.assign(d=FAR))


def test_of_an_array():
    with pytest.raises(InputError, match=SAID):
        RealNVP(**QUICK).fit(np.column_stack((ROWS**2, IDS)))
    RealNVP(**QUICK).fit(np.column_stack((ROWS**2, FAR)))


@pytest.mark.parametrize(
    ("ending", "ids", "good"),
    [
        *((ending, ids, good) for ending in ("csv", "parquet", "npz") for ids, good in ((IDS, False), (FAR, True))),
        ("csv", [10**22 + k for k in range(200)], False),  # the others have no numbers as long
    ],
)
def test_of_a_file(tmp_path, ending, ids, good):
    path, frame = tmp_path / f"t.{ending}", pd.DataFrame({"x": np.sin(ROWS), "d": ids})
    if ending == "npz":
        np.savez(path, **{name: frame[name].to_numpy() for name in frame})
    else:
        getattr(frame, f"to_{ending}")(path, index=False)
    if good:
        assert len(np.unique(read_table(path).values[:, 1])) == 200
        return
    with pytest.raises(InputError, match=SAID):
        read_table(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_that_is_left_out_is_in_nobodys_way(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    getattr(pd.DataFrame({"x": np.sin(ROWS), "d": IDS}), f"to_{ending}")(path, index=False)

    assert read_table(path, ["x"]).values.shape == (200, 1)
