"""Data frames in, and the same kind out."""

import importlib

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context

from realnvp import RealNVP, measure

QUICK = {"max_steps": 5, "layers": 2, "width": 8, "verbose": False, "random_state": 0, "device": "cpu"}
NAMES = ["east", "north"]


@pytest.fixture(params=["pandas", "polars"])
def kind(request):
    """A library of data frames: its name, and how it makes one."""
    library = pytest.importorskip(request.param)
    return request.param, library.DataFrame


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(200, 2)) @ [[1.0, 0.5], [0.0, 2.0]]


def test_a_frame_is_learnt_as_its_array_is(kind, rows):
    frame = kind[1](dict(zip(NAMES, rows.T, strict=True)))
    model, plain = RealNVP(**QUICK).fit(frame), RealNVP(**QUICK).fit(rows)

    assert list(model.feature_names_in_) == NAMES
    assert np.array_equal(model.score_samples(frame), plain.score_samples(rows))
    assert np.array_equal(model.transform(frame), plain.transform(rows))
    assert isinstance(model.sample(3), np.ndarray)


def test_set_output_says_what_comes_out(kind, rows):
    name, make = kind
    frame = make(dict(zip(NAMES, rows.T, strict=True)))
    model = RealNVP(**QUICK).fit(frame)
    plain = model.sample(9, random_state=1)
    model.set_output(transform=name)
    drawn, Z = model.sample(9, random_state=1), model.transform(frame)
    back = model.inverse_transform(Z)

    assert isinstance(drawn, make)
    assert isinstance(Z, make)
    assert isinstance(back, make)
    assert list(drawn.columns) == list(back.columns) == NAMES
    assert list(Z.columns) == ["realnvp0", "realnvp1"]
    assert np.array_equal(drawn.to_numpy(), plain)
    np.testing.assert_allclose(back.to_numpy(), rows, atol=1e-9)
    assert all(isinstance(piece, np.ndarray) for piece in model.iter_samples(9, random_state=1))


def test_an_index_is_kept(rows):
    frame = pd.DataFrame(rows, columns=NAMES, index=[f"row {i}" for i in range(len(rows))])
    model = RealNVP(**QUICK).fit(frame).set_output(transform="pandas")

    assert list(model.inverse_transform(model.transform(frame)).index) == list(frame.index)


def test_what_was_an_array_gets_names_by_number_and_the_global_wish_counts(rows):
    model = RealNVP(**QUICK).fit(rows)
    with config_context(transform_output="pandas"):
        drawn = model.sample(3)

    assert list(drawn.columns) == ["x0", "x1"]
    assert isinstance(model.sample(3), np.ndarray)


def test_columns_that_pandas_keeps_in_types_of_its_own_are_numbers(rows):
    frame = pd.DataFrame(rows, columns=NAMES).astype({"east": "Float64", "north": "float32"})
    model = RealNVP(**QUICK).fit(frame)

    assert np.isfinite(model.score_samples(frame)).all()


def test_measurements_take_a_model_that_gives_frames(rows):
    p, q = RealNVP(**QUICK).fit(rows), RealNVP(**QUICK | {"random_state": 1}).fit(rows)
    before = measure.kl(p, q, n=500)

    assert measure.kl(p.set_output(transform="pandas"), q, n=500) == before


def test_polars_is_one_of_the_kinds_that_scikit_learn_makes():
    adapters = importlib.import_module("sklearn.utils._set_output").ADAPTERS_MANAGER

    assert {"pandas", "polars"} <= adapters.supported_outputs
