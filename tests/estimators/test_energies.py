"""Energies that have no law, that fail on the way, or that are infinite where they should not: one sentence each."""

import warnings

import numpy as np
import pytest
import torch

from realnvp import BoltzmannGenerator, InputError
from realnvp.potentials import POTENTIALS

QUICK = {
    "n_features": 2,
    "max_steps": 5,
    "width": 8,
    "layers": 1,
    "particles": 100,
    "random_state": 0,
    "verbose": False,
}


def bowl(x):
    return 0.5 * x.square().sum(1)


IMPROPER = {
    "constant": lambda x: 0 * x.sum(1),
    "falls": lambda x: -0.5 * x.square().sum(1),
    "slope": lambda x: x[:, 0] + 0.5 * x[:, 1] ** 2,
    "valley": lambda x: 0.5 * x[:, 1] ** 2,
    "level far out": lambda x: 10 * torch.tanh(x.square().sum(1)),
    "too flat": lambda x: 1e-30 * x.square().sum(1),
}


@pytest.mark.parametrize("case", IMPROPER)
def test_an_energy_without_a_normaliser_gets_a_sentence(case):
    with pytest.raises(InputError, match=r"does not grow far out: at x = .*no normaliser; give bounds"):
        BoltzmannGenerator(**QUICK).fit(IMPROPER[case])


def test_in_a_box_it_need_not_grow():
    model = BoltzmannGenerator(**QUICK | {"bounds": (0, 2)}).fit(IMPROPER["constant"])

    assert model.log_normalizer_ == pytest.approx(np.log(4), abs=0.05)


@pytest.mark.parametrize("power", [-3, 0, 5])
def test_a_law_of_any_width_grows(power):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = BoltzmannGenerator(**QUICK).fit(lambda x: bowl(x / 10.0**power))

    assert model.log_normalizer_ == pytest.approx(np.log(2 * np.pi) + 2 * power * np.log(10), abs=0.3)


@pytest.mark.parametrize("name", [n for n, kind in POTENTIALS.items() if kind().bounds is None])
def test_those_of_the_library_grow(name):
    from realnvp.estimators.parts.potential import check_grows

    potential = POTENTIALS[name]()
    check_grows(potential, torch.randn(16, potential.features, generator=torch.Generator().manual_seed(0)).double())


def after(calls, then):
    """A bowl for so many calls; then something else."""
    count = iter(range(10**9))
    return lambda x: bowl(x) if next(count) < calls else then(x)


def broken(x):
    raise RuntimeError("the simulator is gone")


@pytest.mark.parametrize("calls", [12, 60])
def test_a_potential_that_fails_on_the_way_is_named(calls):
    with pytest.raises(InputError, match=r"failed after [\d,]+ energies .RuntimeError: the simulator is gone."):
        BoltzmannGenerator(**QUICK).fit(after(calls, broken))


def test_a_potential_that_is_minus_infinity_somewhere_gets_a_sentence():
    with pytest.raises(InputError, match="minus infinity at x = "):
        BoltzmannGenerator(**QUICK).fit(lambda x: torch.where(x.norm(dim=1) < 0.05, -torch.inf, bowl(x)))


def test_minus_infinity_among_the_draws_is_no_weight():
    model = BoltzmannGenerator(**QUICK).fit(bowl)
    model.potential_ = lambda x: torch.where(x[:, 0] > 1, -torch.inf, bowl(x))

    with pytest.raises(InputError, match="minus infinity at one of the flow's draws"):
        model.log_weights(1000, random_state=0)


@pytest.mark.parametrize("bounds", [(1, -1), (0, 0), (0, np.inf), (np.nan, 1), ([0, 3], [1, 2])])
def test_a_box_that_is_none_is_refused_before_any_work(bounds):
    asked = []
    with pytest.raises(InputError, match="bounds must be finite, low < high"):
        BoltzmannGenerator(**QUICK | {"bounds": bounds}).fit(lambda x: asked.append(x) or bowl(x))

    assert not asked
