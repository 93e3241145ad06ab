"""Toy sets: densities and entropies against independent quadratures, closed forms and scikit-learn's generators."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from sklearn import datasets

from realnvp.data.toy import (
    TOYS,
    Checkerboard,
    Circles,
    EightGaussians,
    Exponential,
    Mixture,
    Moons,
    Normal,
    Pinwheel,
    Rings,
    Spirals,
    SwissRoll,
)

N = 20_000


def blurred(curves, weight, span, noise, x):
    """The log of ∫ w(t) (1/K) Σ_k N(x; c_k(t), noise²) dt by adaptive quadrature around each curve's nearest point."""
    total, t = [], np.linspace(*span, 200_001)
    for curve in curves:

        def exponent(t, curve=curve):
            u, v = curve(t)
            return -((x[0] - u) ** 2 + (x[1] - v) ** 2) / (2 * noise**2)

        best = np.argmax(exponent(t))
        top, peak = exponent(t)[best], t[best]

        def relative(t, exponent=exponent, top=top):
            return weight(t) * np.exp(exponent(t) - top)

        reach = [0, *np.geomspace(1e-6, span[1], 15)]
        cuts = sorted({min(max(peak + s * r, span[0]), span[1]) for r in reach for s in (-1, 1)} | set(span))
        pieces = [quad(relative, a, b, epsrel=1e-9, limit=200)[0] for a, b in pairwise(cuts)]
        total.append(top + math.log(sum(pieces)))
    return np.logaddexp.reduce(total) - math.log(len(curves)) - math.log(2 * math.pi * noise**2)


CURVES = {
    "moons": (
        [lambda t: (np.cos(t), np.sin(t)), lambda t: (1 - np.cos(t), 0.5 - np.sin(t))],
        lambda t: 1 / math.pi,
        (0, math.pi),
    ),
    "two_spirals": (
        [lambda t: (-t * np.cos(t) / 3, t * np.sin(t) / 3), lambda t: (t * np.cos(t) / 3, -t * np.sin(t) / 3)],
        lambda t: 2 * t / (3 * math.pi) ** 2,
        (0, 3 * math.pi),
    ),
    "swiss_roll": (
        [lambda t: (t * np.cos(t) / 5, t * np.sin(t) / 5)],
        lambda t: 1 / (3 * math.pi),
        (1.5 * math.pi, 4.5 * math.pi),
    ),
}
PLACES = [
    (0, 1),
    (0.02, -0.01),
    (1, 0.3),
    (-1.05, -0.2),
    (2.2, 0.4),
    (0.5, 0.25),
    (-3.2, 0.1),
    (4, -3),
    (-6, 5),
    (0, 9),
]


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("factor", [1, 0.4, 3])
def test_blurred_curves_match_adaptive_quadrature(name, factor):
    noise = TOYS[name].noise * factor
    law = type(TOYS[name])(noise)
    truth = [blurred(*CURVES[name], noise, x) for x in PLACES]
    np.testing.assert_allclose(law.log_prob(PLACES), truth, rtol=0, atol=1e-5)


@pytest.mark.parametrize("law", [Circles(), Circles(0.3, 0.8), Rings(), Rings(0.02, (0.1, 5.0))], ids=str)
def test_rings_match_the_mean_over_the_angle(law):
    """The trapezoid rule over a periodic angle is exact to rounding: no Bessel function needed."""
    angle = np.linspace(0, 2 * math.pi, 20_000, endpoint=False)
    x = np.array([(0, 0), (0.3, 0.1), (0.5, 0), (-0.7, 0.7), (1.5, 2.5), (-4, 3)])
    parts = []
    for radius in law.radii:
        on_ring = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        exponent = -((x[:, None] - on_ring) ** 2).sum(-1) / (2 * law.noise**2)
        parts.append(np.logaddexp.reduce(exponent, axis=1) - math.log(len(angle) * len(law.radii)))
    truth = np.logaddexp.reduce(parts) - math.log(2 * math.pi * law.noise**2)
    np.testing.assert_allclose(law.log_prob(x), truth, rtol=1e-12, atol=1e-7)


@pytest.mark.parametrize("law", [Spirals(), Spirals(0.3, 2)], ids=str)
def test_spirals_sum_arms_and_turns(law):
    r, angle = np.meshgrid([0.1, 0.2, 0.5, 1.1], np.linspace(-3, 3, 7))
    truth = sum(
        stats.norm.pdf(angle, 2 * math.pi * (k / law.arms + turn) + math.pi / 2 * (r - 0.1), law.noise / r)
        for k in range(law.arms)
        for turn in range(-20, 21)
    ) / (law.arms * r)
    x = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=-1)
    r_inside = (np.hypot(*np.moveaxis(x, -1, 0)) >= 0.1) & (np.hypot(*np.moveaxis(x, -1, 0)) <= 1.1)
    np.testing.assert_allclose(law.log_prob(x)[r_inside], np.log(truth)[r_inside], atol=1e-9)
    assert (law.log_prob([(0, 0), (0.09, 0), (0, 1.11)]) == -np.inf).all()


def test_eight_gaussians_match_scipy():
    x = np.array([(0, 0), (2.8, 0.1), (1, -2), (9, 9)])
    means = [4 / math.sqrt(2) * np.array([math.cos(a), math.sin(a)]) for a in np.arange(8) * math.pi / 4]
    parts = [stats.multivariate_normal(m, 0.125).logpdf(x) for m in means]
    np.testing.assert_allclose(EightGaussians().log_prob(x), np.logaddexp.reduce(parts) - math.log(8), atol=1e-10)


def test_pinwheel_preserves_area():
    """p(x) by the change of variables, with the map's Jacobian by central differences."""

    def spin(f, arm):
        angle = 2 * math.pi * arm / 5 + 0.25 * math.exp(math.hypot(*f))
        c, s = math.cos(angle), math.sin(angle)
        return 2 * np.array([c * f[0] - s * f[1], s * f[0] + c * f[1]])

    for f in np.array([(1, 0), (0.4, 0.2), (1.8, -0.3), (0.1, -0.1)]):
        jacobian = np.stack([(spin(f + e, 0) - spin(f - e, 0)) / 2e-5 for e in 1e-5 * np.eye(2)], axis=1)
        assert np.linalg.det(jacobian) == pytest.approx(4, rel=1e-6)
        turns = [2 * math.pi * k / 5 for k in range(5)]
        before = [(f[0] * math.cos(a) - f[1] * math.sin(a), f[0] * math.sin(a) + f[1] * math.cos(a)) for a in turns]
        p = np.mean([stats.norm.pdf(u, 1, 0.3) * stats.norm.pdf(v, 0, 0.1) for u, v in before])
        assert Pinwheel().log_prob(spin(f, 2)) == pytest.approx(math.log(p / 4), abs=1e-9)


def test_checkerboard_cells():
    x = np.array([(-3, -3), (-3, -1), (-1, -1), (1, 1), (3, 1), (3, 3), (5, 1), (-5, -5), (-1, 3)])
    inside = np.array([1, 0, 1, 1, 0, 1, 0, 0, 1], dtype=bool)
    np.testing.assert_array_equal(Checkerboard().log_prob(x), np.where(inside, -math.log(32), -np.inf))


def test_lines_match_scipy():
    x = np.array([-7.0, -2, -0.1, 0, 0.3, 1, 4])
    np.testing.assert_allclose(Normal().log_prob(x[:, None]), stats.norm.logpdf(x, 1, 0.5), rtol=1e-12)
    two = 0.4 * stats.norm.pdf(x, -2, 0.5) + 0.6 * stats.norm.pdf(x, 1.5, 1)
    np.testing.assert_allclose(Mixture().log_prob(x[:, None]), np.log(two), rtol=1e-12)
    np.testing.assert_allclose(Exponential(2.0).log_prob(x[:, None]), stats.expon.logpdf(x, scale=0.5), rtol=1e-12)


@pytest.mark.parametrize(
    ("law", "truth"),
    [
        (Spirals(1e-3), math.log(2 * math.pi * math.e * 1e-6) / 2 + math.log(5)),  # arms apart: H(ρ) + H(arc) + log K
        (Spirals(20.0), math.log(2 * math.pi) + 1.1 * math.log(1.1) - 0.1 * math.log(0.1) - 1),  # uniform angle
        (EightGaussians(40.0, 1.0), math.log(2 * math.pi * math.e) + math.log(8)),
        (Pinwheel(1, 0.2, 0.2), math.log(2 * math.pi * math.e * 0.16)),
        (Rings(1.0, (1e-9,)), math.log(2 * math.pi * math.e)),
        (Moons(20.0), math.log(2 * math.pi * math.e) + math.log(400.75 * 400.2442) / 2),  # the curves' variances added
        (Normal(-3.0, 2.0), math.log(2 * math.pi * math.e * 4) / 2),
        (Exponential(4.0), 1 - math.log(4)),
        (Checkerboard(1.0), math.log(8)),
    ],
    ids=str,
)
def test_entropies_in_their_limits(law, truth):
    assert law.entropy == pytest.approx(truth, abs=1e-4)


@pytest.mark.parametrize(
    ("law", "x"),
    [
        (Moons(), lambda: datasets.make_moons(N, noise=0.05, random_state=0)[0]),
        (Moons(0.2), lambda: datasets.make_moons(N, noise=0.2, random_state=0)[0]),
        (Circles(), lambda: datasets.make_circles(N, noise=0.05, factor=0.5, random_state=0)[0]),
        (SwissRoll(), lambda: datasets.make_swiss_roll(N, noise=0.5, random_state=0)[0][:, [0, 2]] / 5),
    ],
    ids=["moons", "moons of noise 0.2", "circles", "swiss roll"],
)
def test_sklearn_draws_from_the_same_law(law, x):
    logs = law.log_prob(x())
    assert abs(logs.mean() + law.entropy) < 5 * logs.std() / math.sqrt(N)


@pytest.mark.parametrize(
    ("law", "make"),
    [(Moons(), datasets.make_moons), (Circles(factor=0.8), datasets.make_circles)],
    ids=["moons", "circles"],
)
def test_labels_are_sklearns(law, make):
    theirs = make(N, random_state=0)
    ours = law.sample_with_labels(N, 0)
    for label in (0, 1):
        means = [x[y == label].mean(axis=0) for x, y in (theirs, ours)]
        spreads = [x[y == label].std() for x, y in (theirs, ours)]
        np.testing.assert_allclose(*means, atol=0.05)
        np.testing.assert_allclose(*spreads, atol=0.02)


@pytest.mark.parametrize("name", ["two_spirals", "eight_gaussians", "spirals", "pinwheel"])
def test_labels_count_the_arms_anticlockwise(name):
    law = TOYS[name]
    x, labels = law.sample_with_labels(N, 0)
    z = (x @ [1, 1j]) * np.exp(-2j * math.pi * labels / law.classes)
    means = np.array([z[labels == k].mean() for k in range(law.classes)])
    assert means.mean().real > 0.1
    assert abs(means.mean()) > 0.2
    assert np.abs(means - means.mean()).max() < 0.1


def test_labels_name_the_ring_the_cell_and_the_component():
    x, labels = TOYS["rings"].sample_with_labels(N, 0)
    np.testing.assert_array_equal(labels, np.clip(np.round(np.hypot(*x.T) / 0.75) - 1, 0, 3))
    x, labels = TOYS["checkerboard"].sample_with_labels(N, 0)
    cells = {(k, *np.floor(point / 2)) for k, point in zip(labels, x, strict=True)}
    assert len(cells) == 8
    x, labels = TOYS["mixture"].sample_with_labels(N, 0)
    assert x[labels == 0].mean() == pytest.approx(-2, abs=0.05)
    assert x[labels == 1].mean() == pytest.approx(1.5, abs=0.05)
