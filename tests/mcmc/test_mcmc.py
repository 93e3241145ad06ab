"""Chains against laws known in closed form."""

import math

import numpy as np
import pytest
import torch

from realnvp.mcmc import Walkers, effective, hmc, leap, smc, tempered, widest_start
from realnvp.potentials import U1, DoubleWell, ManyWell, Mixture40, Phi4, Rings

SCALES = torch.tensor([1.0, 0.1, 5.0], dtype=torch.float64)


def bowl(x):
    """A normal with the standard deviations SCALES, energy without its constant."""
    return 0.5 * (x / SCALES).square().sum(-1)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_langevin_steps_keep_a_normal_as_it_is():
    x = SCALES * torch.randn(4000, 3, generator=seeded(), dtype=torch.float64)
    walkers = Walkers.at(x, bowl)
    for _ in range(30):
        walkers = leap(bowl, walkers, 0.9, SCALES, generator=seeded(_))

    assert 0.5 < walkers.acceptance < 1
    assert not torch.equal(walkers.x, x)
    torch.testing.assert_close(walkers.x.std(0), SCALES, rtol=0.05, atol=0)
    torch.testing.assert_close(walkers.u, bowl(walkers.x))
    torch.testing.assert_close(walkers.g, walkers.x / SCALES**2)


def test_langevin_steps_come_to_a_normal_from_elsewhere():
    walkers = Walkers.at(3 * SCALES * torch.ones(2000, 3, dtype=torch.float64), bowl)
    for i in range(200):
        walkers = leap(bowl, walkers, 0.9, SCALES, generator=seeded(i))

    assert (walkers.x.mean(0).abs() < 5 * SCALES / math.sqrt(2000)).all()
    torch.testing.assert_close(walkers.x.std(0), SCALES, rtol=0.08, atol=0)


def test_a_walker_stays_where_the_energy_is_not_finite():
    def wall(x):
        return torch.where(x[:, 0] > 0, 0.5 * x.square().sum(-1), torch.inf)

    walkers = Walkers.at(torch.full((500, 2), 0.5, dtype=torch.float64), wall)
    for i in range(50):
        walkers = leap(wall, walkers, 0.7, 1.0, generator=seeded(i))

    assert (walkers.x[:, 0] > 0).all()
    assert walkers.x[:, 0].mean().item() == pytest.approx(math.sqrt(2 / math.pi), abs=0.15)


def test_hamiltonian_chains_find_the_moments_of_a_normal():
    chains = hmc(bowl, torch.zeros(50, 3, dtype=torch.float64), 400, burn=300, generator=seeded())
    x = chains.x.flatten(0, 1)

    assert chains.x.shape == (400, 50, 3)
    assert chains.acceptance == pytest.approx(0.8, abs=0.12)
    torch.testing.assert_close(x[:, :2].std(0), SCALES[:2], rtol=0.1, atol=0)
    torch.testing.assert_close(chains.u, bowl(chains.x))


def test_hamiltonian_chains_find_the_energy_of_the_free_field():
    """The energy of a D-dimensional normal has mean D / 2 and variance D / 2."""
    potential = Phi4(4, 1.0, 0.0)
    chains = hmc(potential, torch.zeros(64, 16, dtype=torch.float64), 200, burn=200, generator=seeded())
    means = chains.u.mean(0)

    assert abs(means.mean() - 8) < 5 * means.std() / 8
    assert chains.u.var().item() == pytest.approx(8, rel=0.1)


def test_thinning_keeps_every_so_many_moves():
    whole = hmc(bowl, torch.zeros(2, 3, dtype=torch.float64), 12, burn=10, generator=seeded())
    thinned = hmc(bowl, torch.zeros(2, 3, dtype=torch.float64), 4, burn=10, thin=3, generator=seeded())

    assert torch.equal(thinned.x, whole.x[2::3])


def start_of(scale, n, features, seed=0):
    x = scale * torch.randn(n, features, generator=seeded(seed), dtype=torch.float64)
    constant = features * math.log(scale * math.sqrt(2 * math.pi))
    return x, lambda x: 0.5 * (x / scale).square().sum(-1) + constant


@pytest.mark.parametrize(
    ("potential", "scale"), [(DoubleWell(), 2.0), (Rings(), 2.0), (ManyWell(2), 2.0), (Mixture40(), 40.0)]
)
def test_a_population_finds_the_normaliser(potential, scale):
    x, energy = start_of(scale, 4000, potential.features)
    found = smc(potential, x, energy, generator=seeded())

    assert found.log_z == pytest.approx(potential.log_normalizer, abs=0.15)
    assert found.evaluations == (1 + 4 * found.levels) * 4000
    torch.testing.assert_close(found.u, potential(found.x))


def test_a_population_comes_to_all_forty_modes():
    potential = Mixture40(2)
    x, energy = start_of(40.0, 4000, 2)
    found = smc(potential, x, energy, generator=seeded())
    nearest = torch.cdist(found.x, torch.as_tensor(potential.means)).argmin(1)

    assert len(nearest.unique()) == 40


def test_a_population_weighs_two_wells_right():
    x, energy = start_of(2.0, 4000, 2)
    found = smc(DoubleWell(), x, energy, generator=seeded())
    share = (DoubleWell().sample(200_000, 0)[:, 0] > 0).mean()

    assert (found.x[:, 0] > 0).double().mean().item() == pytest.approx(share, abs=0.05)


def test_points_where_the_energy_is_not_finite_are_left_behind():
    def half(x):
        return torch.where(x[:, 0] > 0, 0.5 * x.square().sum(-1), torch.nan)

    x, energy = start_of(2.0, 2000, 2)
    found = smc(half, x, energy, generator=seeded())

    assert (found.x[:, 0] > 0).all()
    assert found.log_z == pytest.approx(math.log(math.pi), abs=0.15)


@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 30.0, 1e4])
def test_the_start_is_somewhat_wider_than_the_target(scale):
    found = widest_start(lambda x: 0.5 * (x / scale).square().sum(-1), 3, seeded())

    assert 0.9 * scale <= found <= 10 * scale


def test_the_start_reaches_all_modes():
    assert 20 <= widest_start(Mixture40(), 2, seeded()) <= 300
    assert 1 <= widest_start(U1(), 2, seeded()) <= 16


def test_a_start_is_found_where_zero_is_a_bad_place():
    """Energies that fall from a core at zero to a shell of radius 4."""
    assert 1 <= widest_start(lambda x: 10 * (x.square().sum(-1).sqrt() - 4) ** 4, 3, seeded()) <= 8


def test_the_same_seed_gives_the_same_chains():
    runs = [hmc(bowl, torch.zeros(2, 3, dtype=torch.float64), 5, burn=5, generator=seeded(4)).x for _ in range(2)]

    assert torch.equal(*runs)
    x, energy = start_of(2.0, 100, 2)
    pair = [smc(DoubleWell(), x, energy, generator=seeded(4)).x for _ in range(2)]

    assert torch.equal(*pair)
    assert np.isfinite(pair[0].numpy()).all()


MIX = torch.tensor([[1.0, 0.0, 0.0], [3.0, 0.1, 0.0], [-2.0, 0.4, 2.0]], dtype=torch.float64)


def mixed(x):
    """A normal of the covariance MIX MIX^T, strongly correlated."""
    return 0.5 * torch.linalg.solve_triangular(MIX, x.T, upper=False).square().sum(0)


def test_a_root_of_the_covariance_makes_up_for_correlations():
    x = torch.randn(4000, 3, generator=seeded(), dtype=torch.float64) @ MIX.T
    walkers = Walkers.at(x, mixed)
    for i in range(20):
        walkers = leap(mixed, walkers, 0.9, MIX, steps=3, generator=seeded(i))

    assert walkers.acceptance > 0.7
    torch.testing.assert_close(torch.cov(walkers.x.T), MIX @ MIX.T, rtol=0.1, atol=0.1)
    assert (walkers.x - x).abs().mean() > 0.5


def test_several_steps_keep_a_law_that_is_not_normal():
    """Draws of the double well stay draws of it: the mean energy and the share right of the barrier."""
    potential = DoubleWell()
    x = torch.as_tensor(potential.sample(20_000, 0))
    walkers = Walkers.at(x, potential)
    for i in range(10):
        walkers = leap(potential, walkers, 0.4, steps=4, generator=seeded(i))

    assert 0.3 < walkers.acceptance < 1
    assert walkers.u.mean().item() == pytest.approx(potential(x).mean().item(), abs=0.05)
    assert (walkers.x[:, 0] > 0).double().mean().item() == pytest.approx((x[:, 0] > 0).double().mean().item(), abs=0.02)


def test_a_step_that_meets_no_gradient_goes_on():
    """The gradient is NaN left of zero, as under a root: walkers are thrown back, the others live."""
    walkers = Walkers.at(torch.full((100, 1), 0.05, dtype=torch.float64), lambda x: x.sum(-1).sqrt())
    for i in range(20):
        walkers = leap(lambda x: x.sum(-1).sqrt(), walkers, 0.3, steps=3, generator=seeded(i))

    assert torch.isfinite(walkers.u).all()
    assert (walkers.x > 0).all()
    assert (walkers.x != 0.05).double().mean() > 0.9


def test_moves_whose_gradient_is_cut_stay_exact():
    """A slope of 50 with steps of 0.15: the push is cut everywhere; E|x| = 1 / 50."""

    def steep(x):
        return 50 * x.abs().sum(-1)

    rates = torch.empty(20_000, 1, dtype=torch.float64).exponential_(50, generator=seeded())
    signs = torch.randint(0, 2, rates.shape, generator=seeded(1)) * 2 - 1
    walkers = Walkers.at(rates * signs, steep)
    for i in range(60):
        walkers = leap(steep, walkers, 0.15, steps=2, generator=seeded(i))

    assert walkers.acceptance > 0
    assert (walkers.x != rates * signs).double().mean() > 0.5
    assert walkers.x.abs().mean().item() == pytest.approx(1 / 50, rel=0.03)


def test_a_population_that_has_no_time_says_so():
    x, energy = start_of(40.0, 500, 2)
    with pytest.warns(UserWarning, match="after 1 temperatures the population is still far"):
        found = smc(Mixture40(), x, energy, stop=lambda: True, generator=seeded())

    assert found.levels == 1


@pytest.mark.parametrize("least", [0.2, 0.6, 0.95])
def test_weights_are_tempered_to_an_effective_size(least):
    log_w = 4 * torch.randn(500, generator=seeded(), dtype=torch.float64)
    power = tempered(log_w, least)
    w = (power * log_w).exp()

    assert (w.mean() ** 2 / (w**2).mean()).item() == pytest.approx(least, abs=1e-6)
    assert effective(power * log_w) == pytest.approx(least, abs=1e-6)
    assert tempered(log_w, 1e-3, most=0.5) == 0.5


def test_a_population_mixes_in_many_dimensions():
    """A normal whose 20 scales span four decades, off zero by three of each: log Z and the means."""
    scales = torch.logspace(-2, 2, 20, dtype=torch.float64)

    def wide(x):
        return 0.5 * ((x - 3 * scales) / scales).square().sum(-1)

    x, energy = start_of(400.0, 2000, 20)
    found = smc(wide, x, energy, moves=3, steps=5, generator=seeded())
    exact = 10 * math.log(2 * math.pi) + scales.log().sum().item()

    assert found.log_z == pytest.approx(exact, abs=2.5)
    torch.testing.assert_close(found.x.mean(0) / scales, torch.full((20,), 3.0, dtype=torch.float64), atol=0.25, rtol=0)
