"""What a fitted model says of probabilities is true of fresh data: ranks are uniform, regions cover what they say."""

import numpy as np
import pytest
from scipy import stats

from realnvp import BoltzmannGenerator, RealNVP, data
from realnvp.potentials import POTENTIALS

LEVELS = np.array([0.1, 0.25, 0.5, 0.75, 0.9, 0.95])


@pytest.fixture(scope="module")
def moons():
    law = data.toy("moons")
    return law, RealNVP("spline", max_steps=2000, random_state=0, verbose=False).fit(law.sample(10_000, 0))


def coverage(inside, points):
    """Share of ``points`` in each region of the highest density that holds a share ``LEVELS`` of ``inside``."""
    return (points[:, None] >= np.quantile(inside, 1 - LEVELS)).mean(0)


def test_latents_of_fresh_data_are_uniform_ranks(moons):
    law, model = moons
    ranks = stats.norm.cdf(model.transform(law.sample(20_000, 1)))

    for column in ranks.T:
        counts = np.histogram(column, 20, (0, 1))[0] / len(column)
        assert np.abs(20 * counts - 1).max() < 0.15


def test_latents_of_its_own_draws_are_exactly_uniform_ranks(moons):
    ranks = stats.norm.cdf(moons[1].transform(moons[1].sample(20_000, random_state=0)))

    for column in ranks.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    assert abs(stats.spearmanr(ranks[:, 0], ranks[:, 1]).statistic) < 0.03


def test_regions_of_the_exact_law_cover_what_they_say(moons):
    law = moons[0]
    found = coverage(law.log_prob(law.sample(40_000, 2)), law.log_prob(law.sample(40_000, 3)))

    np.testing.assert_allclose(found, LEVELS, atol=0.015)


def test_credible_regions_cover_fresh_data(moons):
    law, model = moons
    found = coverage(
        model.score_samples(model.sample(20_000, random_state=1)), model.score_samples(law.sample(20_000, 4))
    )

    np.testing.assert_allclose(found, LEVELS, atol=0.03)


@pytest.fixture(scope="module")
def wrong():
    """A model of the moons blurred by three times their noise, and one of their mirror image."""
    law = data.toy("moons")
    x = law.sample(10_000, 0)
    noisy = x + 0.15 * np.random.default_rng(5).normal(size=x.shape)
    made = [RealNVP("spline", max_steps=1200, random_state=0, verbose=False).fit(y) for y in (noisy, x * [1.0, -1.0])]
    return law, made


@pytest.mark.parametrize("which", [0, 1])
def test_ranks_under_a_wrong_model_are_not_uniform(wrong, which):
    law, models = wrong
    ranks = stats.norm.cdf(models[which].transform(law.sample(20_000, 1)))
    worst = max(np.abs(20 * np.histogram(column, 20, (0, 1))[0] / len(column) - 1).max() for column in ranks.T)

    assert worst > 0.3
    assert min(stats.kstest(column, "uniform").pvalue for column in ranks.T) < 1e-6


@pytest.mark.parametrize("which", [0, 1])
def test_regions_of_a_wrong_model_do_not_cover(wrong, which):
    law, models = wrong
    model = models[which]
    inside = model.score_samples(model.sample(20_000, random_state=1))
    found = coverage(inside, model.score_samples(law.sample(20_000, 4)))

    assert np.abs(found - LEVELS).max() > 0.1


def test_the_exact_density_agrees_with_the_models_draws(moons):
    """Importance weights of the exact law have the mean one, its density being normalised: no place is left out."""
    law, model = moons
    x = model.sample(40_000, random_state=2)
    w = np.exp(law.log_prob(x) - model.score_samples(x))

    assert w.mean() == pytest.approx(1, abs=max(0.03, 5 * w.std() / 200))


def test_intervals_given_a_context_cover_at_every_context():
    rng = np.random.default_rng(0)

    def draw(n):
        c = rng.uniform(-2, 2, (n, 1))
        return np.sin(2 * c) + (0.1 + 0.2 * np.abs(c)) * rng.normal(size=(n, 1)), c

    x, c = draw(6000)
    model = RealNVP("spline", max_steps=1200, random_state=0, verbose=False).fit(x, context=c)
    x, c = draw(20_000)
    ranks = stats.norm.cdf(model.transform(x, context=c))[:, 0]

    for low in (-2, -1, 0, 1):
        part = ranks[(c[:, 0] >= low) & (c[:, 0] < low + 1)]
        covered = [(np.abs(part - 0.5) < level / 2).mean() for level in LEVELS]
        np.testing.assert_allclose(covered, LEVELS, atol=0.05)


def test_a_density_of_one_column_has_the_ranks_of_its_integral():
    rng = np.random.default_rng(1)
    x = np.where(rng.random(8000) < 0.3, rng.normal(-2, 0.3, 8000), rng.normal(1, 0.7, 8000))[:, None]
    model = RealNVP("spline", max_steps=1200, random_state=0, verbose=False).fit(x[:4000])
    grid = np.linspace(-6, 6, 6001)
    density = np.exp(model.score_samples(grid[:, None]))
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
    exact = 0.3 * stats.norm.cdf(grid, -2, 0.3) + 0.7 * stats.norm.cdf(grid, 1, 0.7)

    assert below[-1] == pytest.approx(1, abs=1e-3)
    assert np.abs(below - exact).max() < 0.02
    assert stats.kstest(np.interp(x[4000:, 0], grid, below), "uniform").statistic < 0.03


def test_error_bars_of_a_normaliser_cover_it():
    """The true log Z lies within two standard errors in about 95 of 100 repetitions."""
    model = BoltzmannGenerator(max_steps=150, random_state=0, verbose=False).fit(
        potential := POTENTIALS["double_well"]()
    )
    log_w = model.log_weights(100_000, random_state=1)[1].reshape(100, 1000)
    from realnvp.measure.weights import log_normalizer

    found = [log_normalizer(w) for w in log_w]
    inside = sum(abs(e.value - potential.log_normalizer) < 2 * e.error for e in found)
    assert 85 <= inside <= 100
