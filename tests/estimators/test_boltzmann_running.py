"""How a training from an energy runs: in what width, in how much memory, compiled or not."""

import functools
import warnings

import numpy as np
import pytest
import torch

from realnvp import BoltzmannGenerator
from realnvp.errors import InputError
from realnvp.estimators.parts.base import precision_of
from realnvp.estimators.parts.build import energy_flow
from realnvp.memory import Constant, constant_memory
from realnvp.objectives import BothKL, ForwardKL, ReverseKL
from realnvp.potentials import DW4, DoubleWell, Phi4
from realnvp.transforms import Coupling

QUICK = {"max_steps": 40, "width": 16, "layers": 2, "particles": 200, "random_state": 0, "verbose": False}
CASES = {
    "plane": (DoubleWell(), {}),
    "reverse": (DoubleWell(), {"objective": "reverse"}),
    "space": (DoubleWell(2), {}),
    "lattice": (Phi4(4), {"width": 8}),
    "particles": (DW4(), {}),
}
every = pytest.mark.parametrize("case", CASES)


def fitted(case, **params):
    potential, own = CASES[case]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the weights have too heavy a tail")
        return BoltzmannGenerator(**QUICK | own | params).fit(potential)


def widths(model):
    return {m.compute for m in model.flow_.modules() if isinstance(m, Coupling)}


def same(one, two, atol):
    x = one.sample(200, random_state=0)
    np.testing.assert_allclose(two.score_samples(x), one.score_samples(x), atol=atol)
    assert one.flow_.state_dict().keys() == two.flow_.state_dict().keys()


@every
def test_constant_memory_trains_the_same_model(case, monkeypatch):
    seen, run = [], Constant._run
    monkeypatch.setattr(Constant, "_run", lambda self, *args: seen.append(1) or run(self, *args))
    stored = fitted(case, max_steps=5)
    assert not seen
    constant = fitted(case, max_steps=5, memory="constant")

    assert seen
    same(stored, constant, atol=0.05)


@pytest.mark.parametrize("objective", ["forward", "reverse", "path"])
@every
def test_constant_memory_gives_the_gradients_of_each_objective(case, objective):
    potential, _ = CASES[case]
    shape = {"features": potential.features, "layers": 2, "width": 8, "base": "normal", "reach": 3.0, "odd": True}
    shape |= {"kernel": "lattice" if case == "lattice" else "spline", "bodies": getattr(potential, "bodies", None)}
    generator = torch.Generator().manual_seed(0)
    flow = energy_flow(shape, 0).double()
    x = torch.randn(32, potential.features, generator=generator, dtype=torch.float64)
    flow.calibrate(x)
    for p in flow.parameters():
        p.data += 0.05 * torch.randn(p.shape, generator=generator, dtype=torch.float64)
    log_r = flow.log_prob(x).detach() + 0.1 * torch.randn(32, generator=generator, dtype=torch.float64)
    z = flow.base.sample(32, generator)

    def gradients(of):
        loss = {
            "forward": lambda: ForwardKL(of, reverse=1.0)((x, -potential(x) - log_r, log_r)),
            "reverse": lambda: ReverseKL(of, potential)(z),
            "path": lambda: ReverseKL(of, potential, path_gradient=True)(z),
        }[objective]()
        return torch.autograd.grad(loss, list(flow.parameters()), allow_unused=True, materialize_grads=True)

    for one, two in zip(gradients(flow), gradients(constant_memory(flow)), strict=True):
        torch.testing.assert_close(two, one, rtol=1e-8, atol=1e-8)


def test_what_both_divergences_keep_does_not_grow_with_the_couplings():
    def kept(layers):
        shape = {"kernel": "spline", "features": 8, "layers": layers, "width": 8, "base": "normal", "bodies": (4, 2)}
        flow, seen = constant_memory(energy_flow(shape, 0)), []
        x = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
        objective = BothKL(flow, DW4())
        with torch.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t.numel()) or t, lambda t: t):
            objective(((x, torch.zeros(32), torch.zeros(32)), x))
        return sum(seen)

    assert kept(12) == kept(2)


@pytest.mark.parametrize("case", ["plane", "space", "lattice"])
def test_a_compiled_step_trains_the_same_model(case, monkeypatch):
    asked, compiler = [], torch.compile
    monkeypatch.setattr(torch, "compile", lambda m: asked.append(m) or compiler(m, backend="eager"))
    plain, compiled = (fitted(case, compile=c, max_steps=15) for c in (False, True))

    assert len(asked) == 1
    same(plain, compiled, atol=0.05)


def numpys_bowl(x):
    return torch.as_tensor(0.5 * np.square(x.detach().numpy()).sum(-1))


@pytest.mark.parametrize("gradient", [None, lambda x: x.clone()], ids=["no gradient", "a gradient"])
def test_a_potential_that_no_compiler_can_trace_is_left_out(gradient, monkeypatch):
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    models = []
    for choice in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "the potential has no gradient")
            warnings.filterwarnings("ignore", "the weights have too heavy a tail")
            model = BoltzmannGenerator(3, compile=choice, **QUICK | {"layers": 1, "max_steps": 12})
            models.append(model.fit(numpys_bowl, gradient=gradient))

    same(*models, atol=0.05)


def test_without_a_compiler_it_goes_on_and_says_so(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("nothing to compile with")

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.warns(UserWarning, match="could not be compiled and runs as it is"):
        asked = BoltzmannGenerator(3, compile=True, **QUICK).fit(numpys_bowl, gradient=torch.clone)

    same(BoltzmannGenerator(3, **QUICK).fit(numpys_bowl, gradient=torch.clone), asked, atol=1e-9)


@every
def test_bfloat16_conditioners_keep_exact_inversion(case):
    model = fitted(case, precision="bf16")
    x = model.sample(100, random_state=0)
    back = model.inverse_transform(model.transform(x))

    assert widths(model) == {torch.bfloat16}
    if case != "particles":  # its latent coordinates are those of one arrangement
        np.testing.assert_allclose(back, x, atol=1e-6)
    np.testing.assert_allclose(model.score_samples(back), model.score_samples(x), atol=1e-6)


def test_half_width_is_for_wide_nets_and_is_saved(tmp_path):
    fast = torch.bfloat16 if precision_of("auto", torch.device("cpu")) == "bf16" else None
    few = {"max_steps": 1, "layers": 1}

    assert widths(fitted("plane", **few)) == {None}
    wide = fitted("plane", **few, width=128)
    assert widths(wide) == {fast}
    assert widths(fitted("plane", **few, width=128, precision="float32")) == {None}
    wide.save(tmp_path / "run")
    assert widths(BoltzmannGenerator.load(tmp_path / "run")) == {fast}


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"memory": "none"}, "memory must be 'stored' or 'constant', got 'none'"),
        ({"compile": "yes"}, "compile must be True, False or 'auto', got 'yes'"),
        ({"precision": "half"}, "unknown precision 'half'"),
    ],
)
def test_what_is_none_of_them_is_refused(params, sentence):
    with pytest.raises(InputError, match=sentence):
        fitted("plane", **params)
