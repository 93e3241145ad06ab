"""What columns must be to have a density."""

import numpy as np
import pytest

from realnvp.data.check import check_columns
from realnvp.errors import InputError

X = np.random.default_rng(0).standard_normal((1003, 3))


def test_check_columns():
    check_columns(X, "abc")
    with pytest.raises(InputError, match=r"^column 'b' is constant \(0\.1\): leave it out, it has no density$"):
        check_columns(np.column_stack([X[:, 0], np.full(len(X), 0.1)]), ("a", "b"))
    for n in (0, 2):
        with pytest.raises(InputError, match=rf"^too few rows \({n}\) for 3 columns: give at least as many rows, or"):
            check_columns(X[:n], "abc")
