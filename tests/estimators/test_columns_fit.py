"""Kinds of column beside what else a fit takes: context, weights, bounds."""

import warnings

import numpy as np
import pandas as pd
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


def test_categories_that_are_intervals_or_times_go_by_their_names_and_are_saved(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    day = pd.Categorical(pd.to_datetime(rng.choice(["2020-01-01", "2021-01-01"], 400)))
    frame = pd.DataFrame({"x": x, "bin": pd.cut(x, [-9, 0, 1, 9]), "day": day})
    model = RealNVP(**QUICK | {"max_steps": 5}).fit(frame)
    loaded = RealNVP.load(model.save(tmp_path / "run"))

    assert set(loaded.sample(50, random_state=0)["bin"]) <= {"(-9, 0]", "(0, 1]", "(1, 9]"}
    assert np.array_equal(loaded.score_samples(frame), model.score_samples(frame))


def test_kinds_by_a_number_of_numpys_are_saved(tmp_path):
    X = np.stack((np.random.default_rng(0).poisson(3, 200), np.random.default_rng(1).normal(size=200)), 1)
    model = RealNVP(**QUICK | {"max_steps": 2, "kinds": {np.int64(0): "discrete"}}).fit(X)
    loaded = RealNVP.load(model.save(tmp_path / "run"))

    assert loaded.fit(X).columns_ == model.columns_
