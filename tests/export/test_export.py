"""Exported flows say the same as the flow."""

import copy
import json
import sys

import numpy as np
import pytest
import torch

from realnvp import InputError, export, real_nvp
from realnvp.export import NAMES, programs
from realnvp.export.normal import distribution, quantile
from realnvp.transforms import Compose, PositiveLinear

onnxruntime = pytest.importorskip("onnxruntime")


@torch.no_grad()
def expected(flow, n):
    """Noise, context, and what the flow itself makes of them: float64 for vectors, as the estimators compute."""
    dtype = torch.float64 if len(flow.event_shape) == 1 else torch.float32
    flow, generator = copy.deepcopy(flow).to(dtype), torch.Generator().manual_seed(1)
    z = flow.base.sample(n, generator).to(dtype)
    given = {"context": torch.randn(n, flow.context, generator=generator).to(dtype)} if flow.context else {}
    x, log_prob = flow.push(z, *given.values())
    return {
        "log_prob": ({"x": x, **given}, (flow.log_prob(x, *given.values()),)),
        "sample": ({"z": z, **given}, (x, log_prob)),
    }


def tolerance(flow):
    """1e-5; for the sums of float32 over pictures 1e-5 for each of their dimensions."""
    return 1e-5 * (1 if len(flow.event_shape) == 1 else flow.event_shape.numel())


def test_onnx_files_give_the_numbers_of_the_flow(flow, tmp_path):
    export.onnx(flow, tmp_path / "out")

    for name, (enters, leaves) in expected(flow, 10_000).items():
        session = onnxruntime.InferenceSession(tmp_path / "out" / f"{name}.onnx")
        found = session.run(None, {key: value.numpy() for key, value in enters.items()})
        assert [out.name for out in session.get_outputs()] == list(NAMES[name][1])
        for got, wanted in zip(found, leaves, strict=True):
            np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-5, atol=tolerance(flow))
    about = json.loads((tmp_path / "out" / "flow.json").read_text())
    assert about["event_shape"] == list(flow.event_shape)
    assert about["context"] == flow.context
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["flow.json", "log_prob.onnx", "sample.onnx"]


def test_exported_programs_give_the_numbers_of_the_flow(flow):
    made = programs(flow)

    for name, (enters, leaves) in expected(flow, 10_000).items():
        found = made[name].module()(**enters)
        for got, wanted in zip((found,) if name == "log_prob" else found, leaves, strict=True):
            torch.testing.assert_close(got, wanted, rtol=1e-5, atol=tolerance(flow))


def test_particles_are_exported_by_torch(bodies):
    z = bodies.double().base.sample(50, torch.Generator().manual_seed(0))
    x, log_prob = programs(bodies)["sample"].module()(z=z)
    exact = bodies.push(z)

    torch.testing.assert_close(x, exact[0])
    torch.testing.assert_close(log_prob, exact[1])


def test_what_the_runtime_cannot_run_gets_a_sentence(tmp_path, monkeypatch):
    def fail(content):
        raise RuntimeError("[ONNXRuntimeError] : 9 : could not find an implementation for Atan")

    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    with pytest.raises(InputError, match=r"onnxruntime cannot run this flow \(.*for Atan\): use torch.export"):
        export.onnx(real_nvp(2, layers=1, hidden=(4,)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_float32_is_a_choice(tmp_path):
    flow = real_nvp(2, layers=2, hidden=(8,))
    export.onnx(flow, tmp_path, dtype=torch.float32)
    x = torch.randn(1000, 2)
    (found,) = onnxruntime.InferenceSession(tmp_path / "log_prob.onnx").run(None, {"x": x.numpy()})

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, flow.log_prob(x).detach().numpy(), atol=1e-5)


def test_a_positive_matrix_is_inverted_beforehand():
    flow = real_nvp(3, layers=2, hidden=(8,)).double()
    flow.transform = Compose(PositiveLinear(3).double(), *flow.transform)
    x = torch.randn(20, 3).double()

    torch.testing.assert_close(programs(flow)["log_prob"].module()(x=x), flow.log_prob(x))


def test_the_normal_law_written_out_is_the_one_of_torch():
    z = torch.linspace(-9, 9, 10_001, dtype=torch.float64)
    p = torch.logspace(-300, -0.3010299957, 10_001, dtype=torch.float64)

    torch.testing.assert_close(distribution(z), torch.erf(z / 2**0.5), rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(quantile(p), torch.special.ndtri(p), rtol=1e-14, atol=1e-14)


def test_a_file_that_says_other_numbers_is_not_written(tmp_path, monkeypatch):
    class Wrong:
        def __init__(self, content):
            self.session = Session(content)

        def run(self, names, feed):
            return [value + 1e-4 for value in self.session.run(names, feed)]

    Session = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", Wrong)

    with pytest.raises(InputError, match="does not give the flow's numbers: nothing was written"):
        export.onnx(real_nvp(2, layers=1, hidden=(4,)), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_extra_gets_a_sentence(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(InputError, match=rf"needs {name}, which is not installed: pip install 'realnvp\[onnx\]'"):
        export.onnx(real_nvp(2), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_that_are_there_need_force(tmp_path):
    (tmp_path / "flow.json").write_text("mine")

    with pytest.raises(InputError, match=r"holds a flow\.json already"):
        export.onnx(real_nvp(2), tmp_path)
    assert (tmp_path / "flow.json").read_text() == "mine"
