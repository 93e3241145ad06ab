import numpy as np
import pytest
from scipy import stats

from realnvp.measure import gaussian_nll, mean_nll, mixture_nll, pixelwise_bits, truth_gap


def test_mean_nll_is_a_mean_with_its_standard_error():
    x = np.random.default_rng(0).normal(size=5000)
    found = mean_nll(stats.norm.logpdf(x))

    assert found.value == pytest.approx(stats.norm.entropy(), abs=4 * found.error)
    assert found.error == pytest.approx(stats.norm.logpdf(x).std() / np.sqrt(5000), rel=1e-3)


def test_truth_gap_is_the_divergence_of_two_normals():
    x = np.random.default_rng(0).normal(size=50_000)
    found = truth_gap(stats.norm.logpdf(x), stats.norm(0.3, 1.2).logpdf(x))
    exact = np.log(1.2) + (1 + 0.3**2) / (2 * 1.2**2) - 0.5

    assert found.value == pytest.approx(exact, abs=4 * found.error)
    assert found.error < 0.01


def test_gaussian_nll_is_that_of_the_fitted_normal():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(3000, 3)) @ rng.normal(size=(3, 3)) + 5
    scale = np.array([1e-6, 1, 1e6])
    exact = -stats.multivariate_normal(Z.mean(0), np.cov(Z, rowvar=False)).logpdf(Z[:500]) + np.log(scale).sum()

    assert gaussian_nll(Z * scale, Z[:500] * scale).value == pytest.approx(exact.mean(), abs=1e-3)


def test_gaussian_nll_of_one_column():
    X = np.random.default_rng(0).normal(3, 2, (1000, 1))

    assert gaussian_nll(X, X).value == pytest.approx(-stats.norm(X.mean(), X.std()).logpdf(X).mean(), abs=1e-3)


def test_pixelwise_bits_are_the_cross_entropy_of_the_histograms():
    rng = np.random.default_rng(0)
    law = np.array([0.7, 0.2, 0.1, 0.0])
    train, test = (rng.choice(4, (n, 1, 2), p=law).astype(np.uint8) for n in (5000, 20_000))
    found = pixelwise_bits(train, test, 4)

    assert found.value == pytest.approx(stats.entropy(law, base=2), abs=4 * found.error)


def test_pixelwise_bits_of_a_value_never_seen_are_finite():
    assert 2 < pixelwise_bits(np.zeros((9, 1, 1), np.uint8), np.ones((1, 1, 1), np.uint8), 4).value < 20


def test_pixelwise_bits_of_random_pictures_are_those_of_the_uniform_law():
    train, test = np.random.default_rng(0).integers(0, 16, (2, 4000, 5, 5), dtype=np.uint8)

    assert pixelwise_bits(train, test, 16).value == pytest.approx(4, abs=0.02)


def test_a_mixture_knows_a_mixture_and_is_measured_in_the_units_of_the_rows():
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=(2, 20_000))
    train, held_out = (np.where(s, 1000.0, 0.0)[:, None] + 10 * rng.normal(size=(20_000, 1)) for s in side)
    exact = 0.5 * np.log(2 * np.pi * np.e * 100) + np.log(2)
    found, parts = mixture_nll(train, held_out, parts=2)

    assert parts == 2
    assert found.value == pytest.approx(exact, abs=4 * found.error + 1e-3)


def test_a_mixture_of_few_rows_has_few_parts():
    X = np.random.default_rng(0).normal(size=(60, 3))

    assert mixture_nll(X, X)[1] == 1


def test_a_constant_column_leaves_the_mixture_finite():
    X = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 0.0]

    assert np.isfinite(mixture_nll(X, X)[0].value)
