"""Energies that are hard to learn: fields, many dimensions, ridges, walls, and limits of time."""

import math
import time

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp import BoltzmannGenerator, InputError
from realnvp.estimators.parts.explore import explore
from realnvp.potentials import Mixture40, Phi4

QUICK = {"max_steps": 250, "width": 32, "random_state": 0, "verbose": False}
warnings_of_quick_fits = pytest.mark.filterwarnings("ignore:the weights have too heavy a tail")


def bowl(x):
    """A normal about (1, 1) with the standard deviations 1 and 3."""
    return 0.5 * ((x - 1) / x.new_tensor([1.0, 3.0])).square().sum(-1)


def test_no_mode_of_forty_is_lost():
    model = BoltzmannGenerator(**QUICK | {"max_steps": 400}).fit(Mixture40())
    nearest = torch.cdist(torch.as_tensor(model.sample(8000, random_state=0)), torch.as_tensor(Mixture40().means))

    assert len(nearest.argmin(1).unique()) == 40


def test_heavy_tails_are_warned_of():
    """A flow that is three times too narrow: the weights' tail has the index 1 - 1 / 9."""
    model = BoltzmannGenerator(2, **QUICK).fit(lambda x: 0.5 * x.square().sum(-1))
    model.potential_ = lambda x: 0.5 * (x / 3).square().sum(-1)

    with pytest.warns(UserWarning, match=r"too heavy a tail to be trusted: Pareto k 0\.[7-9]|1\.0"):
        model.expectation(lambda x: x[:, 0], 20_000, random_state=0)


def test_a_lattice_is_learnt_with_its_symmetries(tmp_path):
    model = BoltzmannGenerator(**QUICK).fit(Phi4(4, 1.0, 0.5))
    x = model.sample(20, random_state=0)
    moved = np.roll(x.reshape(-1, 4, 4), (1, 1), (1, 2)).reshape(-1, 16)

    assert model.ess_ > 0.9
    np.testing.assert_allclose(model.score_samples(-x), model.score_samples(x), atol=1e-9)
    np.testing.assert_allclose(model.score_samples(moved), model.score_samples(x), atol=1e-9)
    model.save(tmp_path / "run")
    np.testing.assert_array_equal(BoltzmannGenerator.load(tmp_path / "run").sample(20, random_state=0), x)


def test_the_free_field_has_the_normaliser_of_its_determinant():
    potential = Phi4(4, 0.5, 0.0)
    model = BoltzmannGenerator(**QUICK).fit(potential)

    assert abs(model.log_normalizer_ - potential.log_normalizer) < 5 * model.log_normalizer_error_ + 1e-3


@warnings_of_quick_fits
def test_a_correlated_law_of_many_dimensions_is_learnt_soon():
    root = torch.tril(torch.ones(12, 12, dtype=torch.float64))

    def walk(x):
        return 0.5 * torch.linalg.solve_triangular(root.to(x.dtype), x.T, upper=False).square().sum(0)

    model = BoltzmannGenerator(12, **QUICK | {"max_steps": 300}).fit(walk)

    assert model.ess_ > 0.8
    assert abs(model.log_normalizer_ - 6 * math.log(2 * math.pi)) < 5 * model.log_normalizer_error_ + 1e-3
    assert model.coverage_ > 0.7


@warnings_of_quick_fits
def test_time_limits_hold_for_the_population_too():
    def slow(x):
        time.sleep(0.02)
        return bowl(x)

    start = time.monotonic()
    with pytest.warns(UserWarning, match="the population is still far from the target"):
        model = BoltzmannGenerator(2, **QUICK | {"max_time": 1.5}).fit(slow)

    assert time.monotonic() - start < 15
    assert model.stopped_by_ == "max_time"


@warnings_of_quick_fits
@pytest.mark.filterwarnings("ignore:the potential has no gradient")
def test_without_a_gradient_many_dimensions_are_learnt_from_weights():
    model = BoltzmannGenerator(3, **QUICK).fit(lambda x: 0.5 * x.detach().square().sum(-1))

    assert model.ess_ > 0.8
    with pytest.raises(InputError, match="needs the potential's gradient"):
        BoltzmannGenerator(3, objective="both", **QUICK).fit(lambda x: 0.5 * x.detach().square().sum(-1))


def test_the_ends_of_a_thin_ridge_are_found():
    """A parabola whose ridge is thin: a twelfth of its mass lies beyond 1.75 standard deviations."""

    def banana(x):
        return 0.5 * (x[:, 0] / 3) ** 2 + 0.5 * ((x[:, 1] - 0.5 * x[:, 0] ** 2 + 3) / 0.3) ** 2

    _, found = explore(banana, 2, None, 2000, torch.Generator().manual_seed(0))
    share = 2 * stats.norm.sf(1.75)

    assert (found.x[:, 0].abs() > 5.25).double().mean().item() == pytest.approx(share, abs=0.03)
    assert found.log_z == pytest.approx(math.log(2 * math.pi * 0.9), abs=0.1)


@pytest.mark.parametrize("objective", ["auto", "both"])
@warnings_of_quick_fits
def test_a_wall_does_not_end_the_training(objective):
    def half(x):
        return torch.where(x[:, 0] > 0, 0.5 * x.square().sum(-1), torch.inf)

    model = BoltzmannGenerator(3, objective=objective, **QUICK).fit(half)

    assert model.stopped_by_ in ("max_steps", "early_stopping")
    assert (
        abs(model.log_normalizer_ - (1.5 * math.log(2 * math.pi) - math.log(2)))
        < 5 * model.log_normalizer_error_ + 0.01
    )
    assert model.ess_ > 0.5


@warnings_of_quick_fits
def test_a_field_in_an_outer_field_is_not_taken_for_odd():
    def tilted(x):
        return Phi4(4)(x) + 0.3 * x.sum(-1)

    model = BoltzmannGenerator(16, kernel="lattice", **QUICK | {"width": 8, "max_steps": 200}).fit(tilted)

    assert not model.architecture_["odd"]
    assert model.ess_ > 0.5
    assert model.sample(2000, random_state=0).mean() < -0.02
