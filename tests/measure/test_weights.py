"""What weights tell, against closed forms."""

import numpy as np
import pytest
from scipy import stats

from realnvp.measure.weights import autocorrelation_time, ess, log_normalizer, metropolis, pareto_k, weighted_mean


def wide(n=200_000, scale=1.5, seed=0):
    """Draws of N(0, scale^2) weighted to exp(-x^2 / 2), whose normaliser is sqrt(2 pi)."""
    x = scale * np.random.default_rng(seed).standard_normal(n)
    return x, -0.5 * x**2 - stats.norm.logpdf(x, 0, scale)


def test_equal_weights_are_all_effective_and_one_of_many_is_one():
    assert ess(np.zeros(10)) == pytest.approx(1)
    assert ess(np.full(10, 5000.0)) == pytest.approx(1)
    assert ess([0.0] + [-np.inf] * 9) == pytest.approx(0.1)


def test_the_effective_size_of_a_wide_proposal_is_known():
    """1 / E_q[(p/q)^2] = sqrt(2 s^2 - 1) / s^2 for N(0, 1) from N(0, s^2)."""
    assert ess(wide()[1]) == pytest.approx(np.sqrt(2 * 1.5**2 - 1) / 1.5**2, abs=0.01)


def test_the_normaliser_and_its_error():
    found = [log_normalizer(wide(1000, seed=i)[1]) for i in range(300)]
    values, errors = np.array(found).T

    assert values.mean() == pytest.approx(0.5 * np.log(2 * np.pi), abs=0.005)
    assert values.std() == pytest.approx(errors.mean(), rel=0.15)


def test_a_weighted_mean_and_its_error():
    pairs = [wide(1000, seed=i) for i in range(300)]
    means, errors = np.array([weighted_mean(x**2, w) for x, w in pairs]).T

    assert means.mean() == pytest.approx(1, abs=0.01)
    assert means.std() == pytest.approx(errors.mean(), rel=0.15)
    assert weighted_mean(np.ones((1000, 3)), pairs[0][1])[0] == pytest.approx([1, 1, 1])


def test_the_tail_of_the_weights():
    """From too narrow a proposal N(0, s^2) the weights have the tail index 1 - s^2."""
    assert pareto_k(wide(50_000, 0.5)[1]) == pytest.approx(0.75, abs=0.15)
    assert pareto_k(wide(50_000, 1.5)[1]) < 0.3
    assert pareto_k(np.zeros(100)) == -np.inf
    assert np.isnan(pareto_k(np.zeros(5)))


def test_chains_of_proposals_come_to_the_target():
    x, log_w = wide(640_000, 1.5)
    path, accepted = metropolis(log_w.reshape(-1, 64), np.random.default_rng(0))
    states = np.take_along_axis(x.reshape(-1, 64), path, 0)[200:]

    assert states.var() == pytest.approx(1, abs=0.02)
    assert stats.kstest(states[::20].ravel()[:20_000], "norm").pvalue > 1e-4
    assert 0.5 < accepted < 0.95


def test_a_chain_moves_where_it_must_and_stays_where_it_must():
    path, accepted = metropolis(np.array([[0.0], [50.0], [-50.0], [60.0]]), np.random.default_rng(0))

    assert path.ravel().tolist() == [0, 1, 1, 3]
    assert accepted == pytest.approx(2 / 3)


def test_the_autocorrelation_time_of_an_autoregression():
    rng, series = np.random.default_rng(0), np.zeros((20_000, 4))
    for t in range(1, len(series)):
        series[t] = 0.8 * series[t - 1] + rng.standard_normal(4)

    assert autocorrelation_time(series) == pytest.approx(1.8 / 0.2, rel=0.1)
    assert autocorrelation_time(rng.standard_normal((5000, 4))) == pytest.approx(1, abs=0.1)
    assert autocorrelation_time(np.ones((100, 4))) == 400  # a stuck chain tells nothing


def test_draws_without_weight_are_no_draws():
    nothing = np.full(50, -np.inf)

    assert ess(nothing) == 0
    assert log_normalizer(nothing).value == -np.inf
    assert weighted_mean([np.inf, 1.0, 3.0], [-np.inf, 0.0, 0.0])[0] == 2
    assert np.isnan(pareto_k(nothing))
