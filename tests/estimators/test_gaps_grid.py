"""Whole numbers in rows with gaps: masses and draws against a law that is known."""

import numpy as np
import pytest
from scipy import stats

from realnvp import RealNVP

QUICK = {"max_steps": 1000, "layers": 4, "width": 32, "verbose": False, "random_state": 0, "device": "cpu"}
X = np.linspace(-8, 20, 2801)


def counts(n, seed):
    """``k ~ Poisson(2.5)``, ``x | k ~ N(k / 2, 0.7^2)``."""
    rng = np.random.default_rng(seed)
    k = rng.poisson(2.5, n)
    return np.stack([k, rng.normal(k / 2, 0.7)], 1)


def log_joint(k, x):
    return stats.poisson.logpmf(k, 2.5) + stats.norm.logpdf(x, k / 2, 0.7)


@pytest.fixture(scope="module")
def fitted():
    X = counts(8000, 0)
    gaps = np.random.default_rng(1).random(X.shape) < 0.25
    gaps[gaps.all(1)] = False
    return RealNVP(**QUICK, kernel="spline", missing="marginalise").fit(np.where(gaps, np.nan, X))


def test_whole_rows_have_the_mass_of_the_law(fitted):
    fresh = counts(4000, 2)
    gap = log_joint(*fresh.T) - fitted.score_samples(fresh)

    assert fitted.columns_[0]["kind"] == "discrete"
    assert 0 < gap.mean() < 0.04


def test_a_count_by_itself_has_its_mass_and_a_number_by_itself_its_density(fitted):
    k = np.arange(7.0)
    mass = np.exp(fitted.score_samples(np.stack([k, np.full(7, np.nan)], 1)))
    x = np.linspace(-1, 3, 9)
    density = np.exp(fitted.score_samples(np.stack([np.full(9, np.nan), x], 1)))

    np.testing.assert_allclose(mass, stats.poisson.pmf(k, 2.5), atol=0.03)
    np.testing.assert_allclose(density, np.exp(log_joint(np.arange(60)[:, None], x)).sum(0), atol=0.03)


def test_the_mass_by_itself_is_the_sum_over_what_is_missing_of_the_flow(fitted):
    for k in (0.0, 2.0, 5.0):
        rows = np.stack([np.full(len(X), k), X], 1)
        found = fitted.score_missing(np.array([[k, np.nan]]))
        whole = np.exp(fitted.score_samples(rows)).sum() * (X[1] - X[0])

        assert found.log_prob[0] == pytest.approx(np.log(whole), abs=max(0.03, 4 * found.error[0]))


def test_counts_are_filled_in_by_their_law_given_the_rest(fitted):
    filled = fitted.impute(np.tile([np.nan, 1.5], (4000, 1)), random_state=0)[:, 0]
    law = np.exp(log_joint(np.arange(10), 1.5))
    law /= law.sum()

    assert np.array_equal(filled, filled.round())
    assert filled.min() >= 0
    np.testing.assert_allclose(np.bincount(filled.astype(int), minlength=10)[:10] / 4000, law, atol=0.05)


def test_a_run_is_read_again_and_gives_the_same(fitted, tmp_path):
    rows = np.array([[2.0, np.nan], [np.nan, 1.0], [3.0, 1.0]])
    loaded = RealNVP.load(fitted.save(tmp_path / "run"))

    assert np.array_equal(loaded.score_samples(rows), fitted.score_samples(rows))
    assert np.array_equal(loaded.impute(rows, random_state=0), fitted.impute(rows, random_state=0))
