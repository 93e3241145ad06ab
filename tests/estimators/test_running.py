"""How a training runs: in what width, in how much memory."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from realnvp import ImageRealNVP, RealNVP, data
from realnvp.errors import InputError
from realnvp.estimators.parts.base import precision_of
from realnvp.transforms import Coupling

QUICK = {"layers": 2, "width": 8, "max_steps": 40, "random_state": 0, "verbose": False, "members": 1}
PICTURES = {name: value for name, value in QUICK.items() if name != "members"}
MOONS = data.toy("moons").sample(400, 0)


def widths(model):
    return {m.compute for m in model.flow_.modules() if isinstance(m, Coupling)}


@pytest.mark.parametrize("kernel", ["additive", "affine", "spline"])
def test_constant_memory_trains_the_same_model(kernel):
    stored, constant = (RealNVP(kernel, **QUICK, memory=m, dropout=0.0).fit(MOONS) for m in ("stored", "constant"))

    np.testing.assert_allclose(constant.score_samples(MOONS), stored.score_samples(MOONS), atol=0.02)
    assert stored.flow_.state_dict().keys() == constant.flow_.state_dict().keys()


@pytest.mark.parametrize("noise", ["uniform", "variational"])
def test_constant_memory_trains_the_same_model_of_pictures(noise):
    images = load_digits().images[:60].astype(np.uint8)
    params = PICTURES | {"max_steps": 6, "levels": 17, "precision": "float32", "dequantisation": noise}
    stored, constant = (ImageRealNVP(**params, memory=m).fit(images) for m in ("stored", "constant"))

    assert constant.bits_per_dim(images).value == pytest.approx(stored.bits_per_dim(images).value, abs=1e-3)


def test_a_model_of_constant_memory_is_saved_and_loaded(tmp_path):
    model = RealNVP(**QUICK, memory="constant").fit(MOONS)
    again = RealNVP.load(model.save(tmp_path / "run"))

    assert again.memory == "constant"
    np.testing.assert_array_equal(again.score_samples(MOONS), model.score_samples(MOONS))


def test_memory_of_another_name_is_refused():
    with pytest.raises(InputError, match="memory must be 'stored' or 'constant', got 'none'"):
        RealNVP(**QUICK, memory="none").fit(MOONS)


def test_narrow_nets_stay_in_full_width_and_wide_ones_take_half_where_that_is_fast():
    fast = torch.bfloat16 if precision_of("auto", torch.device("cpu")) == "bf16" else None

    assert widths(RealNVP(**QUICK).fit(MOONS)) == {None}
    assert widths(RealNVP(**QUICK | {"width": 128, "max_steps": 2}).fit(MOONS)) == {fast}
    assert widths(RealNVP(**QUICK | {"width": 128, "max_steps": 2, "precision": "float32"}).fit(MOONS)) == {None}
    assert widths(RealNVP(**QUICK | {"precision": "bf16"}).fit(MOONS)) == {torch.bfloat16}


def test_a_broken_compiler_costs_nothing_but_a_warning(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("nothing to compile with")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.warns(UserWarning, match="could not be compiled and runs as it is"):
        asked = RealNVP(**QUICK, compile=True).fit(MOONS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = RealNVP(**QUICK).fit(MOONS)  # too short to compile: nobody asks for a compiler

    np.testing.assert_array_equal(asked.score_samples(MOONS), plain.score_samples(MOONS))
