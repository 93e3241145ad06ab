"""Mixtures of normals with gaps, against normals that are known."""

import numpy as np
import pytest
from scipy import stats

from realnvp.estimators.parts.em import filled, fit_gaussians, patterns
from realnvp.estimators.parts.gaussians import Gaussians

MEAN = np.array([1.0, -2.0, 0.5])
COV = np.array([[1.0, 0.8, 0.3], [0.8, 2.0, -0.4], [0.3, -0.4, 0.7]])
ONE = Gaussians(np.ones(1), MEAN[None], COV[None])
TWO = Gaussians(np.array([0.3, 0.7]), np.stack([MEAN, -MEAN]), np.stack([COV, 0.5 * COV]))


def test_a_normal_given_a_part_is_the_normal_of_the_textbook():
    x = np.array([[0.0, np.nan, 2.0]])
    posterior, _ = ONE.given(x, np.array([True, False, True]))
    o, m = [0, 2], [1]
    gain = COV[np.ix_(m, o)] @ np.linalg.inv(COV[np.ix_(o, o)])
    mean = MEAN[1] + gain @ (x[0, o] - MEAN[o])
    var = COV[1, 1] - gain @ COV[np.ix_(o, m)]

    np.testing.assert_allclose(posterior.means[0, 0], mean)
    np.testing.assert_allclose(posterior.roots[0] ** 2, var, rtol=1e-9)


def test_a_mixture_given_a_part_is_the_joint_over_the_marginal():
    x = np.array([[0.3, -1.0, 0.2], [2.0, 1.0, -1.0]])
    seen = np.array([True, False, False])
    posterior, log_joint = TWO.given(x, seen)
    joint = np.logaddexp(*(np.log(w) + stats.multivariate_normal(m, c).logpdf(x) for w, m, c in _parts(TWO)))
    marginal = np.logaddexp(*(np.log(w) + stats.norm(m[0], c[0, 0] ** 0.5).logpdf(x[:, 0]) for w, m, c in _parts(TWO)))

    np.testing.assert_allclose(np.logaddexp(*log_joint.T), marginal)
    np.testing.assert_allclose(posterior.log_prob(x[:, None, 1:])[:, 0], joint - marginal)
    np.testing.assert_allclose(TWO.log_prob(x), joint)


def _parts(mixture):
    return zip(mixture.weights, mixture.means, mixture.covariances, strict=True)


@pytest.mark.parametrize("mixture", [TWO, TWO.widened()], ids=["plain", "widened"])
def test_draws_have_the_density_that_they_say(mixture):
    """The mean of an indicator by draws, and by weighting draws of a wide normal."""
    rng = np.random.default_rng(0)
    posterior, _ = mixture.given(np.array([[0.3, 0.0, 0.0]]), np.array([True, False, False]))
    n = 200_000
    drawn = posterior.draw(rng.random((1, n)), rng.normal(size=(1, n, 2)))[0]
    wide = stats.multivariate_normal([0, 0], 12 * np.eye(2))
    x = wide.rvs(n, random_state=rng)
    weight = np.exp(posterior.log_prob(x[None])[0] - wide.logpdf(x))

    assert weight.mean() == pytest.approx(1, abs=0.02)
    for where in (lambda v: v[:, 0] > 0, lambda v: v.sum(1) < -1, lambda v: np.abs(v[:, 1]) > 1.5):
        assert where(drawn).mean() == pytest.approx((weight * where(x)).mean(), abs=0.015)


def test_em_finds_a_normal_through_its_gaps():
    """Missing at random, not completely: the second column goes where the first is high, so its mean is off."""
    rng = np.random.default_rng(0)
    x = rng.multivariate_normal(MEAN, COV, 4000)
    x[x[:, 0] > 1.2, 1] = np.nan
    x[rng.random(4000) < 0.2, 2] = np.nan
    found = fit_gaussians(x, 0, most=1)

    np.testing.assert_allclose(found.means[0], MEAN, atol=0.1)
    np.testing.assert_allclose(found.covariances[0], COV, atol=0.15)
    assert abs(np.nanmean(x[:, 1]) - MEAN[1]) > 0.2


def test_em_finds_two_components_through_their_gaps():
    which = np.random.default_rng(1).random(4000) < 0.3
    found = fit_gaussians(_holed(which, 2), 0, most=2)

    np.testing.assert_allclose(np.sort(found.weights), [0.3, 0.7], atol=0.03)
    np.testing.assert_allclose(found.means[found.weights.argmin()], [-3, -3], atol=0.1)
    np.testing.assert_allclose(found.covariances[found.weights.argmax()], np.eye(2), atol=0.12)


def _holed(which, seed):
    rng = np.random.default_rng(seed)
    x = np.where(which[:, None], rng.normal([-3, -3], 0.5, (4000, 2)), rng.normal([3, 3], 1.0, (4000, 2)))
    gap = rng.random(4000) < 0.4
    x[np.flatnonzero(gap), rng.integers(0, 2, gap.sum())] = np.nan
    return x


def test_weights_count_as_repetition():
    rng = np.random.default_rng(0)
    x = rng.multivariate_normal(MEAN, COV, 1000)
    x[rng.random(x.shape) < 0.2] = np.nan
    x = x[~np.isnan(x).all(1)]
    w = rng.integers(1, 4, len(x)).astype(float)
    weighed, repeated = fit_gaussians(x, 0, weights=w, most=1), fit_gaussians(np.repeat(x, w.astype(int), 0), 0, most=1)

    np.testing.assert_allclose(weighed.means, repeated.means, atol=0.01)
    np.testing.assert_allclose(weighed.covariances, repeated.covariances, atol=0.03)


def test_the_scale_of_the_data_does_not_matter():
    rng = np.random.default_rng(0)
    x = rng.multivariate_normal(MEAN, COV, 1000)
    x[rng.random(x.shape) < 0.2] = np.nan
    scale = np.array([1e30, 1e-30, 1.0])
    a, b = fit_gaussians(x, 0), fit_gaussians(x * scale, 0)

    np.testing.assert_allclose(b.means / scale, a.means, rtol=1e-4, atol=1e-6)


def test_gaps_filled_by_draws_have_the_right_moments():
    rng = np.random.default_rng(0)
    x = rng.multivariate_normal(MEAN, COV, 40_000)
    x[rng.random(x.shape) < 0.3] = np.nan
    full = filled(ONE, x, rng)

    assert np.array_equal(full[~np.isnan(x)], x[~np.isnan(x)])
    np.testing.assert_allclose(np.cov(full.T), COV, atol=0.06)


def test_patterns_hold_every_row_once():
    x = np.where(np.random.default_rng(0).random((50, 3)) < 0.3, np.nan, 1.0)
    groups = patterns(x)

    assert sorted(np.concatenate([at for at, _ in groups])) == list(range(50))
    assert all((~np.isnan(x[at]) == seen).all() for at, seen in groups)


def test_plain_data_give_the_mixture_back():
    back = Gaussians.of(TWO.plain())

    assert np.array_equal(back.covariances, TWO.covariances)
    assert Gaussians.of(None) is None


def test_a_column_that_hardly_any_row_has_is_as_it_was_observed():
    x = np.random.default_rng(0).normal(size=(20_000, 2)) * 3 + 5
    x[10:, 1] = np.nan
    found = fit_gaussians(x, 0)  # of 2,500 rows, in which there may be none of the ten

    assert np.isfinite(found.means).all()
    assert found.weights @ found.means[:, 1] == pytest.approx(np.nanmean(x[:, 1]), abs=2.0)
