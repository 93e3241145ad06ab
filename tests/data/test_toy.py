"""Toy sets: every law in the registry, its samples, density and entropy against one another."""

import math
import pickle
import subprocess
import sys
from dataclasses import astuple
from functools import cache

import numpy as np
import pytest
from scipy import stats

from realnvp.data.toy import (
    TOYS,
    Mixture,
    Moons,
    Normal,
    Rings,
    TwoSpirals,
    toy,
)
from realnvp.errors import InputError

N = 20_000
TRUTH = {
    "checkerboard": math.log(32),
    "normal": 0.5 * math.log(2 * math.pi * math.e * 0.25),
    "exponential": 1.0,
}
# cell width of the midpoint sums below, the tolerance of the mass and that of the entropy
GRID = {
    "moons": (0.037, 1e-6, 1e-4),
    "circles": (0.023, 1e-6, 1e-5),
    "rings": (0.037, 1e-6, 1e-5),
    "spirals": (0.0041, 1e-3, 3e-3),  # the density jumps at both rims of the annulus
    "two_spirals": (0.087, 1e-6, 1e-4),
    "swiss_roll": (0.073, 1e-6, 1e-5),
    "eight_gaussians": (0.11, 1e-6, 1e-5),
    "checkerboard": (0.05, 1e-9, 1e-9),
    "pinwheel": (0.031, 1e-4, 1e-4),
    "normal": (0.013, 1e-6, 1e-5),
    "mixture": (0.017, 1e-6, 1e-5),
    "exponential": (0.001, 1e-4, 1e-3),
}

every = pytest.mark.parametrize("law", TOYS.values(), ids=TOYS)


def centres(low, high, step):
    """Midpoints (c, D), one row per cell of a box, and the volume of a cell."""
    counts = np.ceil((high - low) / step).astype(int)
    axes = [a + (np.arange(n) + 0.5) * (b - a) / n for a, b, n in zip(low, high, counts, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(low)), np.prod((high - low) / counts)


@cache
def sums(law):
    """Mass and entropy by midpoint sums over a box a fifth wider than the extent."""
    low, high = law.extent
    if law.name not in ("checkerboard", "exponential"):  # for these two the extent meets the jumps
        low, high = low - (high - low) / 10, high + (high - low) / 10
    x, volume = centres(np.maximum(low, 0) if law.name == "exponential" else low, high, GRID[law.name][0])
    logs = law.log_prob(x)
    p = np.exp(logs)
    return p.sum() * volume, -(p * np.where(p > 0, logs, 0)).sum() * volume


@cache
def drawn(law):
    return law.sample_with_labels(N, seed=7)


@every
def test_density_integrates_to_one(law):
    assert sums(law)[0] == pytest.approx(1, abs=GRID[law.name][1])


@every
def test_entropy_is_the_integral(law):
    assert law.entropy == pytest.approx(sums(law)[1], abs=GRID[law.name][2])
    assert law.entropy == pytest.approx(TRUTH.get(law.name, law.entropy), abs=1e-6)
    assert type(law.entropy) is float


@every
def test_entropy_is_minus_the_mean_log_density_of_samples(law):
    logs = law.log_prob(drawn(law)[0])
    assert np.isfinite(logs).all()
    assert abs(logs.mean() + law.entropy) <= 5 * logs.std() / math.sqrt(N) + 1e-12


@every
def test_samples_fill_the_cells_as_the_density_says(law):
    """Pearson's chi-square over a coarse grid: sees turned, mirrored or shifted samples that entropy cannot."""
    x = drawn(law)[0]
    low, high = law.extent
    bins, fine = (14, 16) if law.features == 2 else (40, 50)
    counts, edges = np.histogramdd(x, bins, list(zip(low, high, strict=True)))
    mids = [(e[0] + (np.arange(bins * fine) + 0.5) * (e[-1] - e[0]) / (bins * fine)) for e in edges]
    p = np.exp(law.log_prob(np.stack(np.meshgrid(*mids, indexing="ij"), axis=-1)))
    volume = np.prod((high - low) / (bins * fine))
    expected = p.reshape((bins, fine) * law.features).sum(axis=tuple(range(1, 2 * law.features, 2))) * volume * N
    busy = expected > 10
    square = ((counts - expected)[busy] ** 2 / expected[busy]).sum()
    assert stats.chi2.sf(square, busy.sum() - 1) > 1e-4
    assert counts.sum() > 0.999 * N  # the extent covers the mass


@every
def test_labels_are_independent_and_name_the_component(law):
    _, labels = drawn(law)
    assert labels.dtype == np.int64
    weights = law.weights if isinstance(law, Mixture) else np.full(law.classes, 1 / law.classes)
    counts = np.bincount(labels, minlength=law.classes)
    assert len(counts) == law.classes
    if law.classes > 1:
        assert stats.chisquare(counts, N * np.asarray(weights)).pvalue > 1e-4
        assert len({tuple(np.bincount(law.sample_with_labels(100, s)[1])) for s in range(8)}) > 1  # not stratified


@every
def test_seeds(law):
    x, labels = law.sample_with_labels(50, 3)
    np.testing.assert_array_equal(x, law.sample(50, 3))
    again = law.sample_with_labels(50, np.random.default_rng(3))
    np.testing.assert_array_equal(x, again[0])
    np.testing.assert_array_equal(labels, again[1])
    assert not np.array_equal(x, law.sample(50, 4))
    assert not np.array_equal(law.sample(50), law.sample(50))
    rng = np.random.default_rng(3)
    assert not np.array_equal(law.sample(50, rng), law.sample(50, rng))


@every
@pytest.mark.parametrize("n", [0, 1, 700])
def test_shapes(law, n):
    x, labels = law.sample_with_labels(n, 0)
    assert x.shape == (n, law.features)
    assert x.dtype == np.float64
    assert labels.shape == (n,)
    logs = law.log_prob(x)
    assert logs.shape == (n,)
    assert logs.dtype == np.float64


@every
def test_log_prob_takes_any_leading_shape(law):
    x = law.sample(24, 0)
    logs = law.log_prob(x)
    np.testing.assert_allclose(law.log_prob(x.reshape(2, 3, 4, -1)), logs.reshape(2, 3, 4), rtol=0, atol=1e-10)
    np.testing.assert_allclose(law.log_prob(x[0]), logs[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(law.log_prob(x.tolist()), logs, rtol=0, atol=1e-10)
    assert law.log_prob(np.zeros((2, 0, law.features))).shape == (2, 0)
    for wrong in (x[:, :0], np.zeros((4, 3)), np.float64(1)):
        with pytest.raises(InputError, match=rf"{law.name}: points must have shape \(\*, {law.features}\)"):
            law.log_prob(wrong)


@every
def test_far_points_are_never_nan(law):
    far = np.array([0, 1, -30, 40, 1e3, -1e6, 1e50, -1e200, np.inf, -np.inf])
    x = np.stack(np.meshgrid(*[far] * law.features), axis=-1)
    logs = law.log_prob(x)
    assert not np.isnan(logs).any()
    assert logs.max() < 1
    assert np.isfinite(logs).all() or law.name in ("spirals", "checkerboard", "exponential")
    assert (logs[np.abs(x).max(axis=-1) >= 1e3] < -900).all()


@every
def test_laws_are_values(law):
    law.log_prob(law.sample(3, 0))  # fills the caches, which must not count
    assert law == type(law)()
    assert hash(law) == hash(type(law)())
    assert pickle.loads(pickle.dumps(law)) == law
    with pytest.raises(AttributeError):
        law.noise = 1.0
    low, high = law.extent
    assert low.shape == high.shape == (law.features,)
    assert (low < high).all()


def test_registry():
    for name, law in TOYS.items():
        assert toy(name) is law
        assert law.name == name
        assert law.features in (1, 2)
    assert [law.classes for law in TOYS.values()] == [2, 2, 4, 5, 2, 1, 8, 8, 5, 1, 2, 1]
    assert isinstance(toy("two_spirals"), TwoSpirals)


def test_default_parameters():
    defaults = {name: astuple(law) for name, law in TOYS.items()}
    root = math.sqrt(2)
    assert defaults == {
        "moons": (0.05,),
        "circles": (0.05, 0.5),
        "rings": (0.08, (0.75, 1.5, 2.25, 3.0)),
        "spirals": (0.05, 5),
        "two_spirals": (0.1,),
        "swiss_roll": (0.1,),
        "eight_gaussians": (4 / root, 0.5 / root),
        "checkerboard": (2.0,),
        "pinwheel": (5, 0.3, 0.1, 0.25),
        "normal": (1.0, 0.5),
        "mixture": ((0.4, 0.6), (-2.0, 1.5), (0.5, 1.0)),
        "exponential": (1.0,),
    }


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(InputError) as caught:
        toy("mons")
    assert str(caught.value) == "unknown toy data set 'mons': did you mean 'moons'?"
    with pytest.raises(InputError) as caught:
        toy("zzz")
    assert str(caught.value) == f"unknown toy data set 'zzz': choose one of {', '.join(TOYS)}"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Moons(0.0), "moons: noise must be positive and finite, got 0.0"),
        (lambda: Rings(0.1, (1.0, -1.0)), "rings: radii must be positive"),
        (lambda: Normal(std=math.nan), "normal: std must be positive"),
        (lambda: Mixture(weights=(0.5, 0.6)), "mixture: weights that sum to one"),
        (lambda: Mixture(means=(0.0,)), "mixture: weights that sum to one"),
    ],
)
def test_bad_parameters_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_import_is_light():
    """The names of the sets are wanted by --help: no SciPy, no scikit-learn, no torch."""
    heavy = "import sys, realnvp.data.toy; print({'scipy', 'sklearn', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout == "set()\n"
