"""Outliers by the held-out rows' log densities."""

import json

import numpy as np
import pytest
from scipy import stats

from realnvp import InputError, RealNVP
from realnvp.data import toy
from realnvp.estimators.parts.use import quantile_curve

QUICK = {"max_steps": 200, "layers": 3, "width": 16, "verbose": False, "random_state": 0, "device": "cpu", "members": 1}


@pytest.fixture(scope="module")
def normals():
    """The density of normal columns, which a flow is before it is trained; 2,000 rows held out."""
    X = np.random.default_rng(0).normal(size=(20_000, 3)) * [1, 1e3, 1e-3]
    return RealNVP(**QUICK | {"max_steps": 0}).fit(X)


def spread(rate, *sizes):
    """Standard error of a share of ``rate``, by the rows the threshold came from and by those it is tried on."""
    return np.sqrt(rate * (1 - rate) * sum(1 / n for n in sizes))


@pytest.mark.parametrize("rate", [0.005, 0.01, 0.1, 0.5, 0.9])
def test_the_share_flagged_is_the_rate(rate, normals):
    fresh = np.random.default_rng(1).normal(size=(50_000, 3)) * [1, 1e3, 1e-3]
    told = normals.predict_outliers(fresh, rate)

    assert set(told) == {-1, 1}
    assert (told == -1).mean() == pytest.approx(rate, abs=4 * spread(rate, 2000, 50_000))


def test_the_threshold_is_the_quantile_of_the_exact_law(normals):
    """The rows of a normal beyond the radius that chi-square says."""
    fresh = np.random.default_rng(2).normal(size=(50_000, 3))
    beyond = (fresh**2).sum(1) > stats.chi2(3).isf(0.05)
    told = normals.predict_outliers(fresh * [1, 1e3, 1e-3], 0.05) == -1

    assert (told != beyond).mean() < 4 * spread(0.05, 2000)


@pytest.mark.parametrize("context", [False, True])
def test_the_share_flagged_by_a_trained_flow_is_the_rate(context):
    rows, fresh = toy("moons").sample(20_000, 0), toy("moons").sample(20_000, 1)
    given = {"context": rows[:, :1]} if context else {}
    asked = {"context": fresh[:, :1]} if context else {}
    first = 1 if context else 0
    model = RealNVP(**QUICK).fit(rows[:, first:], **given)

    told = model.predict_outliers(fresh[:, first:], 0.05, **asked)
    assert (told == -1).mean() == pytest.approx(0.05, abs=4 * spread(0.05, 2000, 20_000))


def test_flagged_are_the_least_likely(normals):
    fresh = np.random.default_rng(3).normal(size=(5000, 3)) * [1, 1e3, 1e-3]
    scores, told = normals.outlier_scores(fresh), normals.predict_outliers(fresh, 0.1)

    assert np.array_equal(scores, -normals.score_samples(fresh))
    assert scores[told == -1].min() > scores[told == 1].max()
    assert normals.predict_outliers(np.full((1, 3), 9.0)).tolist() == [-1]


def test_a_run_keeps_the_threshold_and_an_old_one_says_that_it_has_none(normals, tmp_path):
    fresh = np.random.default_rng(4).normal(size=(1000, 3)) * [1, 1e3, 1e-3]
    folder = normals.save(tmp_path / "run")
    loaded = RealNVP.load(folder)
    assert np.array_equal(loaded.predict_outliers(fresh), normals.predict_outliers(fresh))

    config = json.loads((folder / "config.json").read_text())
    del config["held_out_quantiles"], config["config_sha256"]  # such a run had no seal either
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="saved without the log densities of its held-out rows: fit again"):
        RealNVP.load(folder).predict_outliers(fresh)
    assert RealNVP.load(folder).outlier_scores(fresh).shape == (1000,)


def test_the_curve_has_the_quantiles_of_weibulls_positions():
    values = np.random.default_rng(5).normal(size=9999)
    exact = np.quantile(values, np.linspace(0, 1, 101) ** 2, method="weibull")

    np.testing.assert_allclose(quantile_curve(values), exact, atol=1e-9)


def test_a_weighted_curve_is_that_of_the_repeated_values():
    rng = np.random.default_rng(6)
    values, counts = rng.normal(size=4000), rng.integers(1, 5, 4000)
    weighted, repeated = quantile_curve(values, counts / counts.mean()), quantile_curve(np.repeat(values, counts))

    np.testing.assert_allclose(weighted[5:-1], repeated[5:-1], atol=0.02)  # beyond lie single rows


def test_a_stream_has_held_out_rows_too():
    rng = np.random.default_rng(7)
    model = RealNVP(**QUICK | {"max_steps": 20}).fit_stream(lambda n: rng.normal(size=(n, 2)))
    told = model.predict_outliers(rng.normal(size=(20_000, 2)), 0.05)

    assert (told == -1).mean() == pytest.approx(0.05, abs=4 * spread(0.05, 5000, 20_000))


@pytest.mark.parametrize("rate", [0, 1, -0.1, 2, np.nan, "few", True])
def test_a_rate_that_is_no_share_gets_a_sentence(rate, normals):
    with pytest.raises(InputError, match="rate is the share of usual rows to flag, above 0 and below 1"):
        normals.predict_outliers(np.zeros((1, 3)), rate)
