"""Corrected chains that also move locally: exact, with honest error bars, and only where the flow is poor."""

import warnings

import numpy as np
import pytest
import torch

from realnvp import BoltzmannGenerator, InputError
from realnvp.potentials import U1, DoubleWell

QUICK = {"random_state": 0, "verbose": False, "max_steps": 5, "layers": 1, "width": 8, "particles": 64}


def fitted(potential, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return BoltzmannGenerator(**QUICK | params).fit(potential)


def narrow(x):
    """Sixteen independent normals about zero, their deviations from 0.1 to 3."""
    return 0.5 * (x / torch.linspace(0.1, 3.0, 16, dtype=x.dtype)).square().sum(-1)


def spoilt(model):
    """Make the flow three times too wide: next to none of its draws is accepted."""
    model.flow_.transform[-2].root.mul_(3.0)
    return model


@pytest.fixture(scope="module")
def poor():
    return spoilt(fitted(narrow, n_features=16, max_steps=1))


@pytest.fixture(scope="module")
def well():
    return fitted(DoubleWell(), max_steps=20)


def inside(model, f, truth, n, **how):
    found = [model.expectation(f, n, corrected=True, random_state=seed, **how) for seed in range(20)]
    values, errors = np.array(found).T
    spread = values.std(ddof=1) / np.sqrt(np.mean(errors**2))
    return int((abs(values - truth) < 3 * errors).sum()), spread


def test_a_flow_that_is_hardly_ever_right_is_corrected_by_local_moves(poor):
    hits, spread = inside(poor, lambda x: 100 * x[:, 0] ** 2 + x[:, 15] ** 2 / 9, 2.0, 1280)

    assert hits >= 19
    assert 0.5 < spread < 1.6  # the errors are as large as the repeats say
    assert poor.acceptance_ < 0.05
    assert 0.5 < poor.local_acceptance_ < 1
    assert poor.autocorrelation_time_ < 20


def test_local_moves_in_two_wells_are_exact(well, monkeypatch):
    monkeypatch.setattr("realnvp.estimators.parts.weighted.BURN", 60)
    truth = (DoubleWell().sample(1_000_000, 0)[:, 0] > 0).mean()

    assert inside(well, lambda x: x[:, 0] > 0, truth, 1280, local=1)[0] >= 19


def test_local_moves_stay_in_the_box(monkeypatch):
    monkeypatch.setattr("realnvp.estimators.parts.weighted.BURN", 60)
    model = fitted(U1(), max_steps=20)
    truth = (U1().sample(1_000_000, 0)[:, 0] ** 2).mean()
    x = model.sample(2000, corrected=True, local=2, random_state=0)

    assert (abs(x) <= 4).all()
    assert inside(model, lambda x: x[:, 0] ** 2, truth, 1280, local=1)[0] >= 19


def test_a_good_flow_needs_none():
    model = fitted(lambda x: 0.5 * x.square().sum(-1), n_features=2, max_steps=200, width=32)
    model.sample(500, corrected=True, random_state=0)

    assert model.acceptance_ > 0.5
    assert np.isnan(model.local_acceptance_)


def test_without_a_gradient_there_are_none_by_default(poor, monkeypatch):
    monkeypatch.setattr(poor, "potential_", lambda x: narrow(x.detach()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        poor.sample(100, corrected=True, random_state=0)

    assert np.isnan(poor.local_acceptance_)


def test_the_same_seed_gives_the_same_states_in_pieces_too(poor, monkeypatch):
    whole = poor.sample(640, corrected=True, random_state=3)
    monkeypatch.setattr(type(poor), "_piece", 256)

    np.testing.assert_allclose(poor.sample(640, corrected=True, random_state=3), whole, atol=1e-6)


@pytest.mark.parametrize("local", [-1, 1.5, True, "many", None])
def test_numbers_of_moves_that_make_no_sense_are_refused(poor, local):
    with pytest.raises(InputError, match="local must be a whole number of at least 0, or 'auto'"):
        poor.sample(10, corrected=True, local=local)
