"""Corrected chains as ArviZ keeps them."""

import sys

import numpy as np
import pytest
import torch

from realnvp import BoltzmannGenerator, InputError


def energy(x):
    return 0.5 * (x - torch.tensor([1.0, -2.0], dtype=x.dtype)).square().sum(-1)


@pytest.fixture(scope="module")
def fitted():
    return BoltzmannGenerator(2, layers=1, width=8, max_steps=30, random_state=0, verbose=False).fit(energy)


@pytest.fixture(scope="module")
def found(fitted):
    return fitted.to_inference_data(400, chains=5, random_state=0)


def test_the_states_are_those_of_the_corrected_chains(fitted, found):
    rows = fitted.sample(401 * 5, corrected=True, chains=5, random_state=0).reshape(401, 5, 2)
    x = found["posterior"]["x"]

    assert x.dims == ("chain", "draw", "feature")
    np.testing.assert_array_equal(x.values, rows[1:].swapaxes(0, 1))
    np.testing.assert_allclose(x.mean(("chain", "draw")), [1.0, -2.0], atol=0.12)


def test_each_state_has_its_energy_its_density_and_its_weight(fitted, found):
    x, stats = found["posterior"]["x"].values, found["sample_stats"]
    u = energy(torch.as_tensor(x)).numpy()

    np.testing.assert_allclose(stats["potential_energy"], u)
    np.testing.assert_allclose(stats["lp"], -u)
    np.testing.assert_allclose(stats["log_q"].values.ravel(), fitted.score_samples(x.reshape(-1, 2)), atol=1e-12)
    np.testing.assert_allclose(stats["log_weight"], -u - stats["log_q"].values, atol=1e-12)


def test_it_says_which_moves_were_accepted_and_how_the_run_went(fitted, found):
    accepted, x = found["sample_stats"]["accepted"].values, found["posterior"]["x"].values

    np.testing.assert_array_equal(accepted[:, 1:], (x[:, 1:] != x[:, :-1]).any(-1))
    assert 0.5 < accepted.mean() < 1
    assert abs(accepted.mean() - found["posterior"].attrs["acceptance"]) < 0.05
    assert found["posterior"].attrs["log_normalizer"] == fitted.log_normalizer_
    assert "local_acceptance" not in found["posterior"].attrs  # no local moves were made


def test_features_may_have_names(fitted):
    named = fitted.to_inference_data(20, chains=2, names=["left", "right"], random_state=0)["posterior"]
    plain = fitted.to_inference_data(20, chains=2, random_state=0)["posterior"]["x"]

    assert named["left"].dims == ("chain", "draw")
    np.testing.assert_array_equal(named["right"], plain[..., 1])


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_other_names_than_features_are_refused(fitted, names):
    with pytest.raises(InputError, match="2 names"):
        fitted.to_inference_data(20, names=names)


@pytest.mark.parametrize(("n", "chains"), [(5, 4), (100, 10**6)])
def test_too_few_draws_and_too_many_chains_are_refused(fitted, n, chains):
    with pytest.raises(InputError, match="at least 15"):
        fitted.to_inference_data(n, chains=chains)


@pytest.mark.parametrize("chains", [0, 2.5, True])
def test_it_is_the_chains_that_are_named(fitted, chains):
    for run in (fitted.to_inference_data, lambda n, **more: fitted.sample(n, corrected=True, **more)):
        with pytest.raises(InputError, match=f"^chains must be a whole number of at least 1, got {chains}$"):
            run(50, chains=chains)
    with pytest.raises(InputError, match="the number of samples must be"):
        fitted.to_inference_data(0)


def test_without_arviz_a_sentence_says_what_to_install(fitted, monkeypatch):
    for name in ("arviz", "arviz_base"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"pip install 'realnvp\[interop\]'"):
        fitted.to_inference_data(20)
