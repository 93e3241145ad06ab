"""Marginals and conditional draws through a density that is known, by proposals that are somewhat wrong."""

import numpy as np
import pytest
from scipy import stats

from realnvp.data.columns import Codec, Column
from realnvp.data.columns.grid import Grid
from realnvp.estimators.parts import filling
from realnvp.estimators.parts.filling import Filler, streams_by_content, streams_by_number
from realnvp.estimators.parts.gaussians import Gaussians

MEAN = np.array([1.0, -2.0, 0.5])
COV = np.array([[1.0, 0.8, 0.3], [0.8, 2.0, -0.4], [0.3, -0.4, 0.7]])
LAW = stats.multivariate_normal(MEAN, COV)
WRONG = Gaussians(np.ones(1), MEAN[None] + 0.2, 1.3 * COV[None]).widened()


def log_q(x, c):
    return LAW.logpdf(x if c is None else x - c)


FILLER = Filler(log_q, WRONG)


def holed(n=200, seed=0):
    rng = np.random.default_rng(seed)
    x = LAW.rvs(n, random_state=rng)
    x[rng.random(x.shape) < 0.4] = np.nan
    return x[np.isnan(x).any(1) & ~np.isnan(x).all(1)]


def exact(x):
    """Log density of the observed part of each row."""
    parts = []
    for row in x:
        o = np.flatnonzero(~np.isnan(row))
        parts.append(stats.multivariate_normal(MEAN[o], COV[np.ix_(o, o)]).logpdf(row[o]))
    return np.array(parts)


def test_marginals_are_those_of_the_law_within_their_error():
    x = holed()
    found = FILLER.marginals(x, None, streams_by_content(0, x, None), 1000)
    z = (found.log_prob - exact(x)) / found.error

    assert found.error.max() < 0.05
    assert found.ess.min() > 0.3
    assert np.abs(z).max() < 5
    assert np.sqrt((z**2).mean()) == pytest.approx(1, abs=0.25)


def test_a_row_gets_the_same_wherever_it_stands(monkeypatch):
    x = holed()
    whole = FILLER.marginals(x, None, streams_by_content(3, x, None), 100)
    monkeypatch.setattr(filling, "CHUNK", 64)
    order = np.random.default_rng(0).permutation(len(x))
    shuffled = FILLER.marginals(x[order], None, streams_by_content(3, x[order], None), 100)
    one = FILLER.marginals(x[:1], None, streams_by_content(3, x[:1], None), 100)
    other = FILLER.marginals(x, None, streams_by_content(4, x, None), 100)

    np.testing.assert_allclose(shuffled.log_prob, whole.log_prob[order], rtol=1e-12)
    np.testing.assert_allclose(one.log_prob, whole.log_prob[:1], rtol=1e-12)
    assert not np.allclose(other.log_prob, whole.log_prob, rtol=1e-6)


@pytest.mark.parametrize(("draws", "moves"), [(200, 0), (2, 40), (100, 8)], ids=["resampling", "walking", "both"])
def test_draws_have_the_moments_of_the_normal_given_the_rest(draws, moves):
    x = np.tile([0.0, np.nan, np.nan], (4000, 1))
    found = FILLER.draw(x, None, streams_by_number(0, range(len(x))), draws, moves)
    gain = COV[1:, :1] / COV[0, 0]
    mean, cov = MEAN[1:] + (gain * (0.0 - MEAN[0]))[:, 0], COV[1:, 1:] - gain @ COV[:1, 1:]

    assert (found[:, 0] == 0).all()
    np.testing.assert_allclose(found[:, 1:].mean(0), mean, atol=4.5 * np.sqrt(np.diag(cov).max() / 4000))
    np.testing.assert_allclose(np.cov(found[:, 1:].T), cov, atol=0.12)


def test_random_steps_alone_keep_the_law(monkeypatch):
    """Started in it, with proposals of the mixture that are all refused."""
    monkeypatch.setattr(filling.Filler, "_log_q", lambda self, x, c: LAW.logpdf(x))
    far = Filler(log_q, Gaussians(np.ones(1), MEAN[None] + 50, COV[None]))
    rng = np.random.default_rng(0)
    state = LAW.rvs(4000, random_state=rng)
    x = np.where([True, False, False], state, np.nan)
    found = far.walk(x, None, state, streams_by_number(0, range(len(x))), 10)

    assert (found[:, 1:] != state[:, 1:]).any(1).mean() > 0.9
    np.testing.assert_allclose(found.mean(0), MEAN, atol=0.1)
    np.testing.assert_allclose(np.cov(found.T), COV, atol=0.15)


def test_a_context_moves_the_law():
    c = np.array([[0.0, 0.0, 0.0], [5.0, -5.0, 1.0]])
    joint = np.block([[COV + np.eye(3), np.eye(3)], [np.eye(3), np.eye(3)]])  # x = c + noise, c standard normal
    guess = Gaussians(np.ones(1), np.r_[MEAN, np.zeros(3)][None], joint[None])
    x = np.column_stack([c[:, 0] + 1.0, *np.full((2, 2), np.nan)])
    filler = Filler(log_q, guess.widened())
    found = filler.marginals(x, c, streams_by_content(0, x, c), 4000)

    np.testing.assert_allclose(found.log_prob, stats.norm(1, 1).logpdf(1.0), atol=0.05)


def test_a_row_without_density_is_infinitely_unlikely_and_not_a_number_nowhere():
    nowhere = Filler(lambda x, c: np.full(len(x), -np.inf), WRONG)
    x = holed()[:5]
    found = nowhere.marginals(x, None, streams_by_content(0, x, None), 50)

    assert (found.log_prob == -np.inf).all()
    assert (found.error == np.inf).all()
    assert (found.ess == 0).all()


def test_what_was_observed_of_a_grid_counts_with_its_whole_cell():
    """The mean over a cell of the first column is a mass of its normal over the width; the draws know it too."""
    x = np.tile([2.0, np.nan, np.nan], (400, 1))
    filler = Filler(log_q, WRONG, Codec((Column("a", cells=Grid(0.0, 2.0, 0.0, 0.0)), Column("b"), Column("c"))))
    found = filler.marginals(x[:1], None, streams_by_number(0, [0]), 200_000)
    drawn = filler.draw(x, None, streams_by_number(0, range(400)), 200, 8)
    law = stats.norm(MEAN[0], COV[0, 0] ** 0.5)
    inside = stats.truncnorm((1 - MEAN[0]) / law.std(), (3 - MEAN[0]) / law.std(), *MEAN[:1], law.std())

    assert found.log_prob[0] == pytest.approx(np.log((law.cdf(3) - law.cdf(1)) / 2), abs=5 * found.error[0])
    assert stats.kstest(drawn[:, 0], inside.cdf).pvalue > 1e-3
    mean = MEAN[1] + COV[0, 1] / COV[0, 0] * (inside.mean() - MEAN[0])
    assert drawn[:, 1].mean() == pytest.approx(mean, abs=4 * COV[1, 1] ** 0.5 / 20)
