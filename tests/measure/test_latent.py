"""Uniforms of latent coordinates, and their test."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from realnvp import InputError, RealNVP
from realnvp.data import toy
from realnvp.measure import latent_normality, pit, uniformity

QUICK = {"layers": 4, "width": 32, "verbose": False, "random_state": 0, "device": "cpu"}
BASES = ["normal", "logistic", "mixture"]


@pytest.fixture(scope="module", params=BASES)
def trained(request):
    return RealNVP(**QUICK, base=request.param, max_steps=60).fit(toy("moons").sample(3000, 0))


def test_draws_of_a_model_are_uniform_in_every_coordinate_and_independent(trained):
    """Whatever the fit: its own draws have its law."""
    u = pit(trained, trained.sample(20_000, random_state=1))
    found = uniformity(u)

    assert u.shape == (20_000, 2)
    assert found.p_value > 1e-3
    assert abs(np.corrcoef(u.T)[0, 1]) < 4 / np.sqrt(20_000)


def test_data_of_another_law_are_not(trained):
    found = latent_normality(trained, np.add(trained.sample(5000, random_state=1), [0.3, 0.0]))

    assert found.p_value < 1e-6


def test_uniforms_of_a_normal_base_are_those_of_phi():
    X = np.random.default_rng(0).normal(3, 2, (500, 2))
    model = RealNVP(**QUICK, max_steps=0).fit(X)

    np.testing.assert_allclose(pit(model, X), stats.norm.cdf(model.transform(X)), rtol=1e-12)


def test_the_statistics_are_those_of_scipy():
    U = np.random.default_rng(0).uniform(size=(800, 3)) ** [1.0, 1.1, 1.0]
    found = uniformity(U)
    radius = stats.kstest((stats.norm.ppf(U) ** 2).sum(1), stats.chi2(3).cdf)

    for j in range(3):
        assert found.coordinates.statistic[j] == pytest.approx(stats.kstest(U[:, j], "uniform").statistic)
    assert found.radius == pytest.approx((radius.statistic, radius.pvalue))
    assert found.p_value == pytest.approx(min(1, 4 * min(*found.coordinates.p_value, found.radius.p_value)))


def test_the_radius_sees_what_the_columns_do_not():
    """Two equal columns: each is uniform, the two together are not."""
    u = np.random.default_rng(0).uniform(size=(5000, 1))
    found = uniformity(np.hstack([u, u]))

    assert found.coordinates.p_value.min() > 1e-3
    assert found.radius.p_value < 1e-6


def test_the_p_values_are_honest():
    """Of uniforms a twentieth is below 0.05; of seven dependent tests by Bonferroni no more."""
    rng = np.random.default_rng(0)
    found = [uniformity(rng.uniform(size=(100, 6))) for _ in range(300)]
    every = np.concatenate([np.append(f.coordinates.p_value, f.radius.p_value) for f in found])

    assert (every < 0.05).mean() == pytest.approx(0.05, abs=0.02)
    assert np.mean([f.p_value < 0.05 for f in found]) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)


def test_contexts_and_frames_go_to_the_model():
    c = np.random.default_rng(0).uniform(-2, 2, (1000, 1))
    x = pd.DataFrame(c + 0.1 * np.random.default_rng(1).normal(size=(1000, 1)), columns=["x"])
    model = RealNVP(**QUICK, max_steps=200).fit(x, context=c).set_output(transform="pandas")

    assert latent_normality(model, x, context=c).radius.statistic < 0.2
    assert latent_normality(model, x, context=c[::-1]).radius.statistic > 0.3


def test_rows_beyond_every_normal_are_at_the_ends():
    model = RealNVP(**QUICK, max_steps=0).fit(np.random.default_rng(0).normal(size=(500, 1)))

    assert pit(model, [[-99.0], [99.0]]).ravel() == pytest.approx([0, 1])
    assert latent_normality(model, [[-99.0], [99.0]]).radius.statistic == pytest.approx(1)


@pytest.mark.parametrize("U", [np.full((3, 2), 1.5), np.full((3, 2), np.nan), np.ones(3), np.ones((0, 2))])
def test_what_is_no_table_of_uniforms_gets_a_sentence(U):
    with pytest.raises(InputError, match=r"uniforms are a table of numbers in \[0, 1\]"):
        uniformity(U)
