"""A flow as machine code says the same as the flow."""

import json
import shutil

import pytest
import torch

import realnvp.export.machine as machine
from realnvp import Flow, InputError, real_nvp
from realnvp.bases import Logistic, Mixture, Normal, Uniform
from realnvp.export import Compiled, compiled, load_compiled
from realnvp.export.shared import noise_from, told
from realnvp.transforms import Compose
from tests.export.conftest import picture, table

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),  # the compiler's own
    pytest.mark.skipif(shutil.which("g++") is None, reason="a C++ compiler makes the code"),
]


def same(code, flow, n, context=None):
    """Both verbs of the code beside the flow's, on ``n`` draws."""
    z = flow.base.sample(n, torch.Generator().manual_seed(1)).float()
    x, log_prob = flow.push(z, context)
    found = code.push(z, context)

    torch.testing.assert_close(found[0], x, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(found[1], log_prob, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(code.log_prob(x, context), flow.log_prob(x, context), rtol=1e-4, atol=1e-3)


@torch.no_grad()
def test_code_for_any_number_of_rows_gives_the_numbers_of_the_flow(tmp_path):
    flow = table(kernel="spline", base="mixture", context=2).float()
    code = compiled(flow, tmp_path / "out", kind="density")

    for n in (1, 2, 1000):
        same(code, flow, n, torch.randn(n, 2))
    same(code, flow, 5, torch.randn(2))
    assert code.log_prob(torch.zeros(0, 3), torch.zeros(2)).shape == (0,)
    assert [t.shape for t in code.sample_with_log_prob(0, torch.zeros(0, 2))] == [(0, 3), (0,)]
    turned = torch.randn(3, 8).t()  # the code knows nothing of strides
    assert torch.equal(code.log_prob(turned, torch.zeros(2)), code.log_prob(turned.contiguous(), torch.zeros(2)))
    for shape in ((3, 2), (1, 1, 2), (5,)):
        with pytest.raises(ValueError, match="this flow wants 2 context features"):
            code.log_prob(torch.zeros(8, 3), torch.zeros(shape))
    about = json.loads((tmp_path / "out" / "flow.json").read_text())
    assert about["rows"] is None
    assert (about["kind"], about["dtype"], about["context"]) == ("density", "float32", 2)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["flow.json", "log_prob.pt2", "sample.pt2"]
    alone = torch._inductor.aoti_load_package(str(tmp_path / "out" / "log_prob.pt2"))
    x, none = torch.randn(7, 3), torch.zeros(2)
    assert torch.equal(alone(x=x, context=torch.zeros(7, 2)), code.log_prob(x, none))
    again = load_compiled(tmp_path / "out")
    assert torch.equal(again.log_prob(x, none), code.log_prob(x, none))
    draws = [c.sample(500, none, generator=torch.Generator().manual_seed(0)) for c in (code, again)]
    torch.testing.assert_close(*draws, rtol=1e-3, atol=1e-3)
    (tmp_path / "out" / "sample.pt2").write_bytes(b"no package")
    with pytest.raises(InputError, match=r"cannot be loaded here .*: export it again on this machine"):
        load_compiled(tmp_path / "out")


@torch.no_grad()
def test_code_for_one_row_gives_the_numbers_of_the_flow_and_draws_by_its_generator():
    flow = real_nvp(6, layers=2, hidden=(16,)).eval()
    for p in flow.parameters():
        torch.nn.init.normal_(p, std=0.3, generator=torch.Generator().manual_seed(0))
    code = compiled(flow, rows=1)

    same(code, flow, 1)
    draws = [code.sample(1, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws)
    torch.testing.assert_close(
        draws[0], flow.sample(1, generator=torch.Generator().manual_seed(3)), rtol=1e-4, atol=1e-4
    )
    x, log_prob = code.sample_with_log_prob(generator=torch.Generator().manual_seed(3))
    assert torch.equal(x, draws[0])
    torch.testing.assert_close(log_prob, flow.log_prob(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(code.log_prob(x.double()), flow.log_prob(x), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"takes the shape \(1, 6\): got \(2, 6\)"):
        code.log_prob(torch.zeros(2, 6))
    with pytest.raises(ValueError, match=r"wants no context features: got an array of shape \(1, 2\)"):
        code.log_prob(x, torch.zeros(1, 2))


@torch.no_grad()
def test_pictures_are_compiled_too():
    flow = picture().float()
    code = compiled(flow, rows=2)

    same(code, flow, 2)


def test_what_cannot_be_compiled_gets_a_sentence_and_no_file(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("No working C++ compiler found in cpp.cxx: (None, 'g++')\nand more")

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", fail)
    with pytest.raises(InputError, match=r"could not be compiled \(No working .*\): is a C\+\+ compiler installed\?"):
        compiled(real_nvp(2, layers=1, hidden=(4,)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_code_that_says_other_numbers_is_not_handed_out(tmp_path, monkeypatch):
    def wrong(**given):
        (name, value), log_prob = next(iter(given.items())), torch.zeros(64)
        return log_prob if name == "x" else (value, log_prob)

    def nothing(program, path, rows):
        path.write_bytes(b"")
        return path

    monkeypatch.setattr(machine, "_compile", nothing)
    monkeypatch.setattr(torch._inductor, "aoti_load_package", lambda _: wrong)

    with pytest.raises(InputError, match="the code of sample does not give the flow's numbers"):
        compiled(real_nvp(2, layers=1, hidden=(4,)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_code_gets_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"log_prob\.pt2 is not there: name the folder that realnvp export --compiled"):
        load_compiled(tmp_path)


@pytest.mark.parametrize(
    "base",
    [Normal(2), Logistic(2), Mixture(2, 3), Uniform([-1.0, 0.0], [1.0, 5.0])],
    ids=lambda base: type(base).__name__,
)
def test_the_noise_that_is_written_down_is_found_again(base):
    with torch.no_grad():
        for name, value in base.state_dict().items():
            more = 0.1 * torch.rand(value.shape, generator=torch.Generator().manual_seed(0))
            value.add_(more.tril(-1) if name == "lower" else more)
    about = told(Flow(Compose(), base), torch.float32, None, {})
    again = noise_from(json.loads(json.dumps(about)))
    z = base.sample(100, torch.Generator().manual_seed(0))

    assert type(again) is type(base)
    torch.testing.assert_close(again.log_prob(z), base.log_prob(z), rtol=1e-4, atol=1e-4)


def test_files_that_are_there_need_force(tmp_path):
    (tmp_path / "flow.json").write_text("mine")

    with pytest.raises(InputError, match=r"holds a flow\.json already"):
        compiled(real_nvp(2), tmp_path)
    assert (tmp_path / "flow.json").read_text() == "mine"


@pytest.mark.parametrize("rows", [0, -1])
def test_rows_are_counted_from_one(rows):
    with pytest.raises(InputError, match=f"rows must be 1 or more, or None for any number, got {rows}"):
        compiled(real_nvp(2), rows=rows)


def test_its_verbs_are_those_of_a_flow():
    flow = real_nvp(2)

    assert all(hasattr(flow, name) for name in dir(Compiled) if not name.startswith("_"))
