"""Tables as they come, exported: the programs take what the table holds, and say what the estimator says."""

import numpy as np
import pandas as pd
import pytest
import torch

from realnvp import RealNVP, export
from realnvp.data.columns import Codec, Column
from realnvp.data.columns.atoms import Atoms
from realnvp.data.columns.grid import Grid
from realnvp.data.columns.levels import Levels
from realnvp.data.columns.warps import WARPS, Asinh, Log, Log1p, Probit, Softplus
from realnvp.export import programs
from realnvp.export.coded import Coded

BENT = Asinh(50.0, 1.0)
SKEWED = np.array([1e-9, 0.001, 0.3, 1.0, 7.5, 2000.0])
COLUMNS = {
    "plain": (Column("x"), np.array([-3.0, 0.0, 1e6])),
    "rounded": (Column("x", cells=Grid(0.0, 0.01, 0, 1)), np.array([-3.21, 0.0, 7.77])),
    "whole": (Column("x", cells=Grid(0.0, 1.0, 1, 1)), np.array([-3.0, 4.0, 4.5, 1e6])),
    "counts": (Column("x", cells=Grid(0.0, 1.0, 1, 0, 0.0, 9.0)), np.array([0.0, 4.0, 9.0])),
    "counts over decades": (
        Column("x", cells=Grid(0.0, 1.0, 1, 0), warp=Log1p(-0.5, 2.0)),
        np.array([0.0, 8.0, 5000.0]),
    ),
    "few values": (Column("x", cells=Levels((0.0, 1.0, 2.0), (0.0, 0.2, 0.9, 1.0))), np.array([0.0, 1.0, 2.0, 3.0])),
    "categories": (Column("x", cells=Levels((1.0, 0.0), (0.0, 0.6, 0.97))), np.array([0.0, 1.0, -1.0])),
    "open ends": (
        Column("x", cells=Levels((0.0, 1.0, 2.0), (0.02, 0.3, 0.8, 0.9), 1.0)),
        np.array([-3.0, 0.0, 1.0, 2.0, 3.0, 9.0, 1.5, 5000.0]),
    ),
    "zeros": (Column("x", cells=Atoms((0.0,), (0.0,), (0.7,), Softplus(0.0, 2.0))), np.append(SKEWED, [0.0, -1.0])),
    "two atoms": (Column("x", cells=Atoms((0.1, 2.0), (0.1, 2.0), (0.5, 1.5))), np.array([-1.0, 0.1, 1.0, 2.0, 3.0])),
    "a code among counts": (
        Column(
            "x", cells=Atoms((999.0,), (BENT.forward(np.array([998.5]))[0].item(),), (2.5,), BENT, Grid(0.0, 1.0, 1, 0))
        ),
        np.array([0.0, 51.0, 998.0, 999.0, 1000.0, 50.5]),
    ),
    "a spike in tenths": (
        Column("x", cells=Atoms((0.3,), (0.25,), (1.5,), None, Grid(0.0, 0.1, 0, 0)), warp=Asinh(1.0, 2.0)),
        np.array([-7.1, 0.2, 0.3, 0.4, 9.9]),
    ),
    "above": (Column("x", warp=Log(0.0)), np.append(SKEWED, [0.0, -1.0])),
    "below": (Column("x", warp=Log(0.0, -1.0)), np.append(-SKEWED, 1.0)),
    "half-line": (Column("x", warp=Softplus(0.0, 3.0)), np.append(SKEWED, [0.0, -1.0])),
    "interval": (Column("x", warp=Probit(-1.0, 3.0, 1e-9)), np.array([-1.0, -0.9999, 0.5, 1.0, 2.9, 3.0, 3.1])),
    "far tails": (Column("x", warp=Asinh(1.0, 2.0)), np.array([-1e200, -5.0, 1.0, 1.1, 4.0, 1e12])),
}
every = pytest.mark.parametrize(("column", "x"), COLUMNS.values(), ids=COLUMNS)


@every
@pytest.mark.filterwarnings("ignore:.*rows hold values that:UserWarning")
def test_the_code_of_tensors_is_that_of_the_table(column, x):
    codec, rows = Codec((column, Column("y"))), np.stack((x, np.linspace(-1, 1, len(x))), 1)
    law = lambda y: -0.5 * (np.asarray(y) ** 2).sum(1) / 9  # noqa: E731
    found = Coded(codec).log_density(torch.from_numpy(rows), lambda y, _: torch.from_numpy(law(y)))
    codes = np.random.default_rng(0).normal(scale=2.0, size=(2000, 2))

    np.testing.assert_allclose(found, codec.log_density(rows, law), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        Coded(codec).inverse(torch.from_numpy(codes)), codec.inverse(codes), rtol=1e-9, atol=1e-12
    )


@every
def test_rows_in_single_precision_are_told_apart_as_well(column, x):
    codec, x = Codec((column,)), x[np.abs(x) < 1e30]
    found = Coded(codec).log_density(torch.from_numpy(x[:, None]).float(), lambda y, _: -0.1 * y[:, 0].square())
    wanted = codec.weighed(x[:, None])[1]

    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.isfinite().numpy(), np.isfinite(wanted))


def mixed(n=600):
    """One column of each kind."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=n)
    return pd.DataFrame(
        {
            "rounded": np.round(3 * a + 10, 2),
            "positive": np.exp(1.5 * a + rng.normal(size=n)),
            "count": rng.poisson(4, n),
            "word": np.array(["x", "y", "z"])[rng.integers(0, 3, n)],
            "zeros": np.where(rng.random(n) < 0.4, 0, rng.exponential(2, n)),
        }
    )


@pytest.fixture(scope="module")
def model():
    quick = {"max_steps": 60, "layers": 1, "width": 8, "members": 1}
    return RealNVP(**quick, random_state=0, verbose=False, device="cpu").fit(mixed())


def numbers(frame):
    """The rows as the programs take them: words by their places."""
    return frame.assign(word=frame["word"].map({"x": 0, "y": 1, "z": 2})).to_numpy(float)


def test_a_mixed_table_is_exported_as_programs(model):
    frame = mixed(50)
    assert not model.codec_.is_plain
    made = programs(model.flow_, codec=model.codec_)
    x, log_prob = made["sample"].module()(z=torch.randn(200, 5, generator=torch.Generator().manual_seed(0)).double())
    drawn = pd.DataFrame(x.numpy(), columns=frame.columns)
    drawn["word"] = np.array(["x", "y", "z"])[drawn["word"].astype(int)]

    found = made["log_prob"].module()(x=torch.from_numpy(numbers(frame)))
    np.testing.assert_allclose(found, model.score_samples(frame), atol=1e-9)
    np.testing.assert_allclose(log_prob, model.score_samples(drawn), atol=1e-9)
    assert (drawn["count"] == drawn["count"].round()).all()
    assert (drawn["zeros"] == 0).any()
    impossible = torch.from_numpy(numbers(frame[:1].assign(positive=-1.0)))
    assert made["log_prob"].module()(x=impossible).item() == -torch.inf


def test_a_mixed_table_is_exported_as_onnx(model, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    export.onnx(model.flow_, tmp_path, codec=model.codec_)
    frame = mixed(50)

    found = runtime.InferenceSession(tmp_path / "log_prob.onnx").run(None, {"x": numbers(frame)})[0]
    np.testing.assert_allclose(found, model.score_samples(frame), atol=1e-5)
    assert '"labels": {\n    "word": [\n      "x",' in (tmp_path / "flow.json").read_text()


def test_given_a_context_each_row_has_its_own():
    rng = np.random.default_rng(0)
    C = rng.normal(size=(400, 2))
    X = np.stack((rng.poisson(np.exp(1 + 0.5 * C[:, 0])), rng.normal(size=400) + C[:, 1]), 1)
    quick = {"max_steps": 30, "layers": 1, "width": 8, "members": 1}
    model = RealNVP(**quick, random_state=0, verbose=False, device="cpu").fit(X, context=C)
    made = programs(model.flow_, codec=model.codec_)

    assert model.codec_.repeats > 1
    found = made["log_prob"].module()(x=torch.from_numpy(X[:40]), context=torch.from_numpy(C[:40]))
    np.testing.assert_allclose(found, model.score_samples(X[:40], C[:40]), atol=1e-9)


def test_every_part_of_a_code_is_tried():
    used = {type(part).__name__ for column, _ in COLUMNS.values() for part in (column.cells, column.warp)}

    assert used == {"NoneType", *WARPS, "Atoms", "Grid", "Levels"}
