"""``realnvp export``."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from realnvp import BoltzmannGenerator, ImageRealNVP, RealNVP
from realnvp.ensemble import Ensemble

QUICK = ["--max-steps", "5", "--layers", "1", "--width", "4", "--no-figures", "--out", "run"]


def session(name):
    return pytest.importorskip("onnxruntime").InferenceSession(f"run/onnx/{name}.onnx")


def test_a_table_is_exported_in_its_own_units(realnvp, table):
    realnvp("fit", table, *QUICK, "--context", "age", "--members", "1")
    code, out, err = realnvp("export", "run", "--onnx")
    rows = np.loadtxt(table, delimiter=",", skiprows=1)
    (found,) = session("log_prob").run(None, {"x": rows[:, :2], "context": rows[:, 2:]})

    assert (code, err) == (0, "")
    assert "log_prob.onnx   x, context -> log_prob, nats" in out
    model = RealNVP.load("run")
    frame = pd.DataFrame(rows[:, :2], columns=model.feature_names_in_)
    np.testing.assert_allclose(found, model.score_samples(frame, rows[:, 2:]), atol=1e-5)
    about = json.loads(Path("run/onnx/flow.json").read_text())
    assert (about["columns"], about["context_columns"]) == (["height", "width"], ["age"])
    assert about["base"]["name"] == "normal"


def test_several_flows_as_one_are_exported(realnvp, table):
    realnvp("fit", table, *QUICK[2:], "--max-steps", "300", "--width", "8")
    code, _, err = realnvp("export", "run", "--onnx")
    model = RealNVP.load("run")
    z = np.random.default_rng(0).normal(size=(10_000, 3))
    x, log_prob = session("sample").run(None, {"z": z})
    frame = pd.DataFrame(x, columns=model.feature_names_in_)

    assert (code, err) == (0, "")
    assert isinstance(model.flow_, Ensemble)
    np.testing.assert_allclose(log_prob, model.score_samples(frame), atol=1e-5)
    np.testing.assert_allclose(session("log_prob").run(None, {"x": x})[0], log_prob, atol=1e-5)
    assert json.loads(Path("run/onnx/flow.json").read_text())["base"]["name"] == "normal"
    drawn = model.sample(10_000, random_state=0)
    np.testing.assert_allclose(x.mean(0), drawn.mean(0), atol=0.1)
    np.testing.assert_allclose(np.cov(x.T), np.cov(drawn.T), atol=0.3)


def test_an_energy_and_pictures_are_exported(realnvp):
    realnvp("boltzmann", "u1", *QUICK)
    assert realnvp("export", "run", "--onnx", "-q")[:2] == (0, "")
    x = np.random.default_rng(0).uniform(-2, 2, (50, 2))
    np.testing.assert_allclose(
        session("log_prob").run(None, {"x": x})[0], BoltzmannGenerator.load("run").score_samples(x), atol=1e-5
    )

    realnvp("fit", "digits", *QUICK, "--by-label", "--force")
    assert realnvp("export", "run", "--onnx", "-q", "--force")[:2] == (0, "")
    z = np.random.default_rng(0).normal(size=(4, 1, 8, 8)).astype(np.float32)
    x, _ = session("sample").run(None, {"z": z, "context": np.eye(10, dtype=np.float32)[:4]})
    k = ImageRealNVP.load("run").inverse_transform(z[:, 0], np.arange(4))
    about = json.loads(Path("run/onnx/flow.json").read_text())
    assert (about["levels"], about["classes"]) == (17, list(range(10)))
    np.testing.assert_array_equal(np.floor(x[:, 0] * 17).clip(0, 16), k)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # the compiler's own
@pytest.mark.skipif(shutil.which("g++") is None, reason="a C++ compiler makes the code")
def test_a_table_is_exported_as_machine_code(realnvp, table):
    realnvp("fit", table, *QUICK, "--members", "1")
    code, out, err = realnvp("export", "run", "--compiled", "--rows", "1")
    model = RealNVP.load("run")
    row = np.loadtxt(table, delimiter=",", skiprows=1)[:1]

    assert (code, err) == (0, "")
    assert "log_prob.pt2   x -> log_prob, nats" in out
    found = torch._inductor.aoti_load_package("run/code/log_prob.pt2")(x=torch.from_numpy(row).float())
    frame = pd.DataFrame(row, columns=model.feature_names_in_)
    np.testing.assert_allclose(found, model.score_samples(frame), atol=1e-4)
    about = json.loads(Path("run/code/flow.json").read_text())
    assert (about["rows"], about["columns"]) == (1, ["height", "width", "age"])
    assert "holds a log_prob.pt2 already" in realnvp("export", "run", "--compiled")[2]


def test_what_cannot_be_exported_gets_a_sentence(realnvp, monkeypatch):
    assert realnvp("export", "none", "--onnx")[::2] == (
        2,
        "realnvp: there is no run folder none: name the folder that fit wrote\n",
    )
    realnvp("fit", "moons", *QUICK)
    assert "say in which form" in realnvp("export", "run")[2]
    assert "say in which form" in realnvp("export", "run", "--onnx", "--compiled")[2]
    assert "--rows goes with --compiled" in realnvp("export", "run", "--onnx", "--rows", "2")[2]
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "pip install 'realnvp[onnx]'" in realnvp("export", "run", "--onnx")[2]
    assert not Path("run/onnx").exists()
