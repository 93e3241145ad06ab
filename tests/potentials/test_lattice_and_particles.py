"""Fields and particles: sums over sites and pairs, symmetries, normalisers."""

import math

import numpy as np
import pytest
import torch

from realnvp.potentials import (
    DW4,
    LJ13,
    Phi4,
)


def points(potential, n=6, seed=0):
    return torch.randn(n, potential.features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_lattice_action_is_the_sum_over_sites():
    potential = Phi4(3, -1.5, 0.7)
    phi = points(potential, 1)[0].reshape(3, 3).numpy()
    total = 0.0
    for i in range(3):
        for j in range(3):
            here = phi[i, j]
            total += -1.5 * here**2 + 0.7 * here**4
            for di, dj in ((1, 0), (0, 1)):
                ahead, behind = phi[(i + di) % 3, (j + dj) % 3], phi[(i - di) % 3, (j - dj) % 3]
                total += 2 * here**2 - here * ahead - here * behind

    assert potential(torch.tensor(phi.ravel())).item() == pytest.approx(total, rel=1e-12)


def test_the_lattice_action_knows_its_symmetries():
    potential = Phi4(4)
    x = points(potential)
    moved = x.reshape(-1, 4, 4).roll((1, 2), (1, 2)).flatten(1)

    torch.testing.assert_close(potential(-x), potential(x))
    torch.testing.assert_close(potential(moved), potential(x))


@pytest.mark.parametrize("side", [2, 3, 4])
def test_the_free_field_is_normalised_by_its_determinant(side):
    potential = Phi4(side, 0.8, 0.0)
    hessian = torch.autograd.functional.hessian(potential, torch.zeros(side**2, dtype=torch.float64))
    expected = 0.5 * (side**2 * math.log(2 * math.pi) - torch.logdet(hessian))

    assert potential.log_normalizer == pytest.approx(expected.item(), rel=1e-10)
    assert Phi4(side).log_normalizer is None


def pairs(x):
    return [np.linalg.norm(x[i] - x[j]) for i in range(len(x)) for j in range(i)]


def test_particles_are_the_sum_over_pairs():
    x = points(DW4(), 1)[0]
    r = np.array(pairs(x.reshape(4, 2).numpy()))
    centre = x.reshape(4, 2).mean(0).numpy()
    expected = (-4 * (r - 4) ** 2 + 0.9 * (r - 4) ** 4).sum() + 2 * centre @ centre

    assert DW4()(x).item() == pytest.approx(expected, rel=1e-12)


def test_lennard_jones_is_the_sum_over_pairs():
    x = 1.5 * points(LJ13(), 40)
    far = next(row for row in x if min(pairs(row.reshape(13, 3).numpy())) > 0.5)
    r = np.array(pairs(far.reshape(13, 3).numpy()))
    expected = 2 * (r**-12 - 2 * r**-6).sum() + 0.5 * float(far @ far)

    assert LJ13()(far).item() == pytest.approx(expected, rel=1e-12)


def test_the_core_of_lennard_jones_goes_on_smoothly():
    def pair(r):
        x = torch.zeros(13, 3, dtype=torch.float64)
        x[:, 0] = 1e5 * torch.arange(13)
        x[1, 0] = r
        return LJ13()(x.flatten()) - 0.5 * (x**2).sum()

    inside, edge, outside = pair(0.5 - 1e-6), pair(0.5), pair(0.5 + 1e-6)

    assert (inside - edge).item() == pytest.approx((edge - outside).item(), rel=1e-2)


@pytest.mark.parametrize("potential", [DW4(), LJ13()])
def test_particles_may_be_turned_and_exchanged(potential):
    size, space = (4, 2) if isinstance(potential, DW4) else (13, 3)
    x = 2 * points(potential).reshape(-1, size, space)
    turn = torch.linalg.qr(torch.randn(space, space, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[
        0
    ]

    torch.testing.assert_close(potential((x @ turn).flatten(1)), potential(x.flatten(1)))
    torch.testing.assert_close(potential(x.flip(1).flatten(1)), potential(x.flatten(1)))
