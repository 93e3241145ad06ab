"""What the table of a fit did not have, asked for later."""

import numpy as np
import pytest

from realnvp import RealNVP
from realnvp.errors import InputError

QUICK = {"max_steps": 5, "layers": 4, "width": 24, "verbose": False, "random_state": 0, "device": "cpu"}


def test_a_number_that_did_not_come_in_a_column_of_few_counts_for_all_such_numbers():
    rng = np.random.default_rng(0)
    X = np.stack([rng.choice([1.0, 2, 5, 10, 20, 50, 100, 200], 1000), rng.normal(size=1000)], 1)
    model = RealNVP(**QUICK, members=1).fit(X)
    with pytest.warns(UserWarning, match=r"1 rows hold values that did not come in the fit.* row 1, column 'x0', 7"):
        score = model.score_samples([[1.0, 0.0], [7.0, 0.0]])

    assert model.columns_[0]["kind"] == "few values"
    assert score[0] - score[1] == pytest.approx(np.log(1001 / 8), abs=1.5)
    assert set(model.sample(5000, random_state=0)[:, 0]) <= set(X[:, 0])
    with pytest.raises(InputError, match="column 'x0' holds 7 in row 0 "):
        model.transform([[7.0, 0.0]])


def test_a_number_beyond_an_edge_has_no_density():
    model = RealNVP(**QUICK).fit(np.random.default_rng(0).exponential(size=(1000, 2)))
    with pytest.warns(UserWarning, match="1 rows hold values that their columns cannot"):
        score = model.score_samples([[-1.0, 1.0], [0.0, 0.5]])

    assert score[0] == -np.inf
    assert np.isfinite(score[1])
    assert model.sample(5000, random_state=0).min() >= 0
