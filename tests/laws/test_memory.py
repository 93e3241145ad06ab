"""Constant memory: the numbers of the ordinary way, for every transform and recipe, and nothing kept in between."""

import copy

import pytest
import torch
from torch import nn

from realnvp import Flow, MaxLikelihood, real_nvp, spline_flow
from realnvp.bases import Normal
from realnvp.errors import InputError
from realnvp.memory import Constant, constant_memory
from realnvp.nets import mlp
from realnvp.transforms import BatchNorm, Compose, LULinear


def gradients(t, x, c, move, training):
    """Values, log-dets, and the gradients of a sum of both in the input, the context and every parameter."""
    t.train(training)
    leaves = [v.clone().requires_grad_() for v in (x, c) if v is not None]
    y, ladj = move(t, leaves[0], leaves[1] if c is not None else None)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(7), dtype=y.dtype)
    loss = (weights * y).sum() + (weights.flatten(ladj.dim())[..., 0] * ladj).sum()
    wanted = leaves + [p for p in t.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, wanted, allow_unused=True)
    return [
        y.detach(),
        ladj.detach(),
        *(torch.zeros_like(w) if g is None else g for w, g in zip(wanted, found, strict=True)),
    ]


def forward(t, x, c):
    return t(x, c)


def inverse(t, x, c):
    return t.inverse(x, c)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("move", [forward, inverse])
def test_constant_memory_gives_the_same_numbers_and_gradients(kind, context, move, training):
    built = kind.ready()
    stored = built.transform if isinstance(built, Flow) else built
    frugal = Constant(copy.deepcopy(stored))
    x = (kind.x if move is forward else kind.z)(6, dtype=torch.float64)
    c = context(built, 6, dtype=torch.float64)

    for a, b in zip(gradients(stored, x, c, move, training), gradients(frugal, x, c, move, training), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("make", [real_nvp, spline_flow])
def test_what_a_step_keeps_does_not_grow_with_the_couplings(make):
    def kept(layers):
        seen = []
        objective = MaxLikelihood(constant_memory(make(4, layers=layers, hidden=(16,), between=LULinear)))
        with torch.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t.numel()) or t, lambda t: t):
            objective(torch.randn(32, 4))
        return sum(seen)

    assert kept(12) == kept(2)


def test_nothing_is_kept_without_gradients_and_samples_are_the_same():
    flow = spline_flow(3, layers=2, hidden=(8,))
    frugal = constant_memory(flow)
    one, two = (f.sample(5, generator=torch.Generator().manual_seed(0)) for f in (flow, frugal))

    assert torch.equal(one, two)
    with torch.no_grad():
        assert not frugal.log_prob(one).requires_grad


def test_batch_statistics_move_once_a_step():
    flow = real_nvp(3, layers=2, hidden=(8,), between=BatchNorm)
    twin = copy.deepcopy(flow)
    x = torch.randn(40, 3)
    for f in (flow, constant_memory(twin)):
        MaxLikelihood(f)(x).backward()

    assert all(torch.equal(a, b) for a, b in zip(flow.buffers(), twin.buffers(), strict=True))


def test_it_works_under_autocast():
    """In bfloat16 the nets give the same answer twice, so gradients are those of the ordinary way."""
    flow = real_nvp(4, layers=6, hidden=(32, 32))
    for p in flow.parameters():
        nn.init.normal_(p, std=0.1)
    x, found = torch.randn(64, 4), []
    for f in (flow, constant_memory(flow)):
        with torch.autocast("cpu", torch.bfloat16):
            loss = MaxLikelihood(f)(x)
        found.append(torch.autograd.grad(loss, list(flow.parameters())))

    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=0.05, atol=0.05 * float(a.abs().max()))


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # the compiler's own, behind the part it leaves out
def test_a_compiled_objective_gives_the_same():
    flow = real_nvp(3, layers=2, hidden=(8,))
    objective = MaxLikelihood(constant_memory(flow))
    x = torch.randn(16, 3)
    plain = torch.autograd.grad(objective(x), list(flow.parameters()))
    compiled = torch.autograd.grad(torch.compile(objective, backend="aot_eager")(x), list(flow.parameters()))

    for a, b in zip(plain, compiled, strict=True):
        torch.testing.assert_close(a, b)


def test_dropout_is_refused():
    flow = real_nvp(3, layers=2, net=mlp((8,), dropout=0.1))

    with pytest.raises(InputError, match="leave dropout out"):
        constant_memory(flow)


def test_a_chain_of_nothing_is_the_identity():
    flow = Flow(Constant(Compose()), Normal(2))
    x = torch.randn(4, 2, requires_grad=True)
    (grad,) = torch.autograd.grad(flow.log_prob(x).sum(), x)

    torch.testing.assert_close(grad, -x.detach())
