"""Every potential: shapes, finite far out, the formula written out naively, normalisers by other means, fair draws."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from realnvp.errors import InputError
from realnvp.potentials import (
    DW4,
    LJ13,
    POTENTIALS,
    U1,
    U2,
    U3,
    U4,
    DoubleWell,
    Funnel,
    ManyWell,
    Mixture40,
    MuellerBrown,
    Phi4,
    Potential,
    Rings,
)

every = pytest.mark.parametrize("name", sorted(POTENTIALS))


def points(potential, n=6, seed=0):
    return torch.randn(n, potential.features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@every
@pytest.mark.parametrize("batch", [(), (0,), (1,), (4,), (2, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_maps_rows_to_energies(name, batch, dtype):
    potential = POTENTIALS[name]()
    u = potential(torch.rand(*batch, potential.features, dtype=dtype))

    assert u.shape == batch
    assert u.dtype == dtype


@every
def test_single_precision_agrees_with_double(name):
    potential = POTENTIALS[name]()
    x = points(potential)

    torch.testing.assert_close(potential(x.float()).double(), potential(x), rtol=1e-4, atol=1e-3)


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [0.0, 1e-40, 1e-3, 10.0, 1e3, 1e7, 1e30])
def test_energy_and_gradient_are_finite_everywhere(name, dtype, size):
    potential = POTENTIALS[name]()
    x = (size * points(potential, 50).to(dtype)).requires_grad_()
    u = potential(x)
    (gradient,) = torch.autograd.grad(u.sum(), x)

    assert torch.isfinite(u).all()
    assert torch.isfinite(gradient).all()


@every
def test_far_out_the_energy_is_large(name):
    potential = POTENTIALS[name]()
    x = torch.full((1, potential.features), 1e8) * torch.linspace(1, 2, potential.features)

    assert potential(x) > 1e6 + potential(points(potential, 50).float()).min()


@every
def test_it_can_be_printed_hashed_and_is_named(name):
    potential = POTENTIALS[name]()

    assert potential.name == name
    assert hash(potential) == hash(POTENTIALS[name]())
    assert repr(potential).startswith(type(potential).__name__)
    with pytest.raises(dataclasses.FrozenInstanceError):
        potential.anything = 1


@every
def test_points_of_another_width_get_a_sentence(name):
    potential = POTENTIALS[name]()
    with pytest.raises(InputError, match=rf"{name} takes points of shape \(\*, {potential.features}\), got \(3, 999\)"):
        potential(torch.zeros(3, 999))


def wave(z1, z2):
    return z2 - np.sin(2 * np.pi * z1 / 4)


def split(z1, z2, other, a, b):
    d = wave(z1, z2)
    return -np.log(np.exp(-0.5 * (d / a) ** 2) + np.exp(-0.5 * ((d + other) / b) ** 2))


def mueller(x, y):
    A, a, b, c = (-200, -100, -170, 15), (-1, -1, -6.5, 0.7), (0, 0, 11, 0.6), (-10, -10, -6.5, 0.7)
    x0, y0 = (1, 0, -0.5, -1), (0, 0.5, 1.5, 1)
    terms = zip(A, a, b, c, x0, y0, strict=True)
    return sum(A * np.exp(a * (x - p) ** 2 + b * (x - p) * (y - q) + c * (y - q) ** 2) for A, a, b, c, p, q in terms)


NAIVE = {
    "u1": (
        U1(),
        lambda x, y: (
            0.5 * ((np.hypot(x, y) - 2) / 0.4) ** 2
            - np.log(np.exp(-0.5 * ((x - 2) / 0.6) ** 2) + np.exp(-0.5 * ((x + 2) / 0.6) ** 2))
        ),
    ),
    "u2": (U2(), lambda x, y: 0.5 * (wave(x, y) / 0.4) ** 2),
    "u3": (U3(), lambda x, y: split(x, y, 3 * np.exp(-0.5 * ((x - 1) / 0.6) ** 2), 0.35, 0.35)),
    "u4": (U4(), lambda x, y: split(x, y, 3 / (1 + np.exp(-(x - 1) / 0.3)), 0.35, 0.35)),
    "u4/paper": (U4(0.4, 0.35), lambda x, y: split(x, y, 3 / (1 + np.exp(-(x - 1) / 0.3)), 0.4, 0.35)),
    "double well": (DoubleWell(), lambda x, y: x**4 - 6 * x**2 - 0.5 * x + 0.5 * y**2),
    "mueller": (MuellerBrown(10.0), lambda x, y: mueller(x, y) / 10),
    "rings": (
        Rings((1, 2), 0.2),
        lambda x, y: -np.log(sum(np.exp(-0.5 * ((np.hypot(x, y) - r) / 0.2) ** 2) for r in (1, 2))),
    ),
    "mixture": (
        Mixture40(3),
        lambda x, y: -np.log(
            np.mean([stats.norm.pdf(x, a, np.log(1 + np.e)) * stats.norm.pdf(y, b, np.log(1 + np.e)) for a, b in
                     Mixture40(3).means], axis=0)
        ),
    ),
    "funnel": (
        Funnel(2),
        lambda x, y: -stats.norm.logpdf(x, 0, 3) - stats.norm.logpdf(y, 0, np.exp(x / 2)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NAIVE)
def test_the_energy_is_the_formula(case):
    potential, formula = NAIVE[case]
    x = points(potential, 200)

    np.testing.assert_allclose(potential(x), formula(*x.numpy().T), rtol=1e-9, atol=1e-9)


REGIONS = {
    "u1": ((-4, 4), (-4, 4)),
    "u2": ((-4, 4), (-4, 4)),
    "u3": ((-4, 4), (-4, 4)),
    "u4": ((-4, 4), (-4, 4)),
    "double well": ((-4, 4), (-9, 9)),
    "mueller": ((-2.2, 1.8), (-1.2, 2.8)),
    "rings": ((-4, 4), (-4, 4)),
}


@pytest.mark.parametrize("case", REGIONS)
def test_the_normaliser_is_the_integral(case):
    """By Gauss and Legendre, panel by panel: another rule than the library's."""
    potential, formula = NAIVE[case]
    node, weight = np.polynomial.legendre.leggauss(8)
    axes = []
    for low, high in REGIONS[case]:
        edges = np.linspace(low, high, 151)
        half = (edges[1:] - edges[:-1])[:, None] / 2
        axes.append((((edges[1:] + edges[:-1])[:, None] / 2 + half * node).ravel(), (half * weight).ravel()))
    (x, wx), (y, wy) = axes
    total = wx @ np.exp(-formula(x[:, None], y[None])) @ wy

    assert potential.log_normalizer == pytest.approx(np.log(total), abs=1e-4)


@pytest.mark.parametrize(("potential", "published"), [(U1(), 1.8775), (U3(), 2.6422), (U4(), 2.6144)])
def test_the_normalisers_are_those_of_a_coarser_grid(potential, published):
    assert potential.log_normalizer == pytest.approx(published, abs=1e-3)


def test_many_wells_are_so_many_double_wells():
    x = points(ManyWell(3))

    torch.testing.assert_close(ManyWell(3)(x), sum(DoubleWell()(x[:, 2 * i : 2 * i + 2]) for i in range(3)))
    assert ManyWell().features == 32
    assert ManyWell().log_normalizer == pytest.approx(164.6957, abs=1e-4)  # of Midgley et al.


DRAWN = [U1(), U2(), U3(), U4(), DoubleWell(), MuellerBrown(), Rings(), Mixture40(1), ManyWell(2), Funnel(4)]


@pytest.mark.parametrize("potential", DRAWN, ids=lambda p: p.name)
def test_draws_balance_the_force(potential):
    """For each coordinate E[phi'(x_i) - phi(x_i) dU/dx_i] = 0 for any phi that vanishes at the edges (Stein)."""
    x = torch.as_tensor(potential.sample(40_000, 0)).requires_grad_()
    (force,) = torch.autograd.grad(potential(x).sum(), x)
    wide = 4.0 if potential.bounds else 10.0 * x.detach().std(0)
    for wave_number in (1, 2):
        k = wave_number * math.pi / wide
        phi, slope = torch.sin(k * x), k * torch.cos(k * x)
        balance = (slope - phi * force).detach().numpy()

        assert (np.abs(balance.mean(0)) < 5 * balance.std(0) / 200).all()


@pytest.mark.parametrize("potential", DRAWN, ids=lambda p: p.name)
def test_two_sets_of_draws_have_the_same_energies(potential):
    a, b = potential.sample(20_000, 1), potential.sample(20_000, 2)
    ua, ub = (potential(torch.as_tensor(x)).numpy() for x in (a, b))

    assert abs(ua.mean() - ub.mean()) < 5 * np.hypot(ua.std(), ub.std()) / np.sqrt(20_000)
    assert stats.ks_2samp(ua, ub).pvalue > 1e-4
    assert a.shape == (20_000, potential.features)
    assert a.dtype == np.float64


def test_the_same_seed_gives_the_same_draws():
    assert np.array_equal(U1().sample(10, 3), U1().sample(10, 3))
    assert not np.array_equal(U1().sample(10, 3), U1().sample(10, 4))
    assert not np.array_equal(Mixture40(0).means, Mixture40(1).means)


@pytest.mark.parametrize("potential", [Phi4(), DW4(), LJ13()], ids=lambda p: p.name)
def test_what_cannot_be_drawn_says_what_to_run_instead(potential):
    with pytest.raises(InputError, match="no reference sampler: run"):
        potential.sample(3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ManyWell(0),
        lambda: MuellerBrown(0.0),
        lambda: MuellerBrown(math.nan),
        lambda: Rings(()),
        lambda: Rings((1.0,), 0.0),
        lambda: Funnel(1),
        lambda: Funnel(3, -1.0),
        lambda: Phi4(1),
        lambda: Phi4(4, -1.0, 0.0),
        lambda: Phi4(4, math.inf, 1.0),
    ],
    ids=range(10),
)
def test_parameters_that_make_no_sense_are_refused(make):
    with pytest.raises(InputError):
        make()


def test_a_potential_of_the_users_own_needs_three_lines():
    class Bowl(Potential):
        name = "bowl"
        features = 2

        def energy(self, x):
            return 0.5 * x.square().sum(-1)

    assert Bowl()(torch.ones(3, 2)).tolist() == [1, 1, 1]
    assert Bowl().log_normalizer is None
    assert integrate.quad(lambda x: math.exp(-Bowl()(torch.tensor([x, 0.0]))), -9, 9)[0] == pytest.approx(2.5066, 1e-3)
