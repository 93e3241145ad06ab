"""Kinds of column beside what else a fit takes: context, weights, bounds."""

import warnings

import numpy as np
import pytest

from realnvp import RealNVP

QUICK = {"max_steps": 400, "layers": 4, "width": 24, "verbose": False, "random_state": 0, "device": "cpu"}


def test_context_and_weights_go_with_discrete_columns():
    rng = np.random.default_rng(0)
    C = rng.integers(0, 2, (3000, 1)).astype(float)
    X = np.stack([rng.poisson(1 + 4 * C[:, 0]), rng.normal(size=3000)], 1)
    model = RealNVP(**QUICK).fit(X, context=C, sample_weight=rng.random(3000) + 0.5)

    assert model.sample(2000, context=[1.0], random_state=0)[:, 0].mean() == pytest.approx(5, abs=0.3)
    assert model.sample(2000, context=[0.0], random_state=0)[:, 0].mean() == pytest.approx(1, abs=0.2)


def test_rows_at_the_edge_of_a_bound_keep_a_finite_density():
    X = np.random.default_rng(0).random((1000, 2))
    X[:3, 0], X[3:5, 0] = 0, 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = RealNVP(**QUICK | {"max_steps": 100, "bounds": (0, 1)}).fit(X)

    assert np.isfinite(model.score_samples(X)).all()
    assert model.score(X) > -0.3
