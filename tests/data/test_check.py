"""What columns must be to have a density."""

import numpy as np
import pytest

from realnvp import InputError, RealNVP
from realnvp.data.check import check_columns

X = np.random.default_rng(0).standard_normal((1003, 3))


def test_check_columns():
    check_columns(X, "abc")
    with pytest.raises(InputError, match=r"^column 'b' is constant \(0\.1\): leave it out, it has no density$"):
        check_columns(np.column_stack([X[:, 0], np.full(len(X), 0.1)]), ("a", "b"))
    for n in (0, 2):
        with pytest.raises(InputError, match=rf"^too few rows \({n}\) for 3 columns: give at least as many rows, or"):
            check_columns(X[:n], "abc")


def test_what_a_mask_hides_is_not_learnt():
    model = RealNVP(layers=1, width=4, max_steps=1, members=1, verbose=False)
    hidden = np.ma.array(X, mask=X < -2)

    with pytest.raises(InputError, match=r"X is a masked array, .* give X\.filled\(np\.nan\)"):
        model.fit(hidden)
    with pytest.raises(InputError, match="X is a masked array"):
        model.fit(np.ma.array(X, mask=False)).score_samples(hidden)
