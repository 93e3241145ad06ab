"""Tables of very many columns."""

import numpy as np
import pytest

from realnvp import RealNVP
from realnvp.transforms import LULinear, Permute

QUICK = {"layers": 3, "width": 8, "max_steps": 5, "members": 1, "verbose": False, "random_state": 0, "device": "cpu"}


@pytest.mark.parametrize(("columns", "mixing"), [(40, LULinear), (600, Permute)])
def test_couplings_of_very_many_columns_are_mixed_by_permutations(columns, mixing, tmp_path):
    X = np.random.default_rng(0).normal(size=(700, columns))
    model = RealNVP(**QUICK).fit(X)
    loaded = RealNVP.load(model.save(tmp_path / "run"))
    found = {type(part) for part in loaded.flow_.modules()} & {LULinear, Permute}

    assert found == {mixing}
    assert np.isfinite(model.score_samples(X)).all()
    assert np.array_equal(loaded.score_samples(X), model.score_samples(X))
    np.testing.assert_allclose(loaded.inverse_transform(loaded.transform(X)), X, atol=1e-8)
    assert np.array_equal(RealNVP(**QUICK).fit(X).score_samples(X), model.score_samples(X))  # same seed, same order
