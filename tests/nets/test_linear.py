"""Linear layers over oneDNN: the same map, and every derivative of it, as torch's own."""

import pytest
import torch
from torch import nn
from torch.func import grad, jacrev, jvp, vmap
from torch.nn import functional as F

import realnvp.nets.linear as linear
from realnvp.nets import mlp, residual_mlp
from realnvp.nets.linear import LARGE, Linear

ROWS, WIDE = 1100, 64  # 1100 * 64 * 64 multiplications: more than LARGE
ANNOUNCED = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # torch's own
needs = pytest.mark.skipif(not linear._HAS, reason="this torch has no oneDNN")


@pytest.fixture
def counted(monkeypatch):
    """How many products go through oneDNN."""
    calls, dense = [], linear._dense

    def count(*args):
        calls.append(args)
        return dense(*args)

    monkeypatch.setattr(linear, "_dense", count)
    return calls


def layer(bias=True, dtype=torch.float32):
    torch.manual_seed(0)
    made = Linear(WIDE, WIDE, bias=bias, dtype=dtype)
    x = torch.randn(ROWS, WIDE, dtype=dtype, requires_grad=True)
    return made, x


def plain(made):
    """The same map by torch's own function."""
    return lambda x: F.linear(x, made.weight, made.bias)


def squares(f):
    return lambda x: f(x).square().sum()


@needs
@pytest.mark.parametrize("bias", [True, False])
def test_a_large_product_and_its_gradients_are_those_of_torch(bias, counted):
    made, x = layer(bias)
    wants = [x, *made.parameters()]
    ours = torch.autograd.grad(squares(made)(x), wants)
    assert len(counted) == 3  # there, and both of the way back

    wanted = torch.autograd.grad(squares(plain(made))(x), wants)

    torch.testing.assert_close(made(x), plain(made)(x))
    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-3)


CUTS = {
    "columns of a wider table": lambda wide: wide[:ROWS, 1 : WIDE + 1],
    "every second row": lambda wide: wide[::2, :WIDE],
    "a transposed table": lambda wide: wide[:ROWS, :WIDE].t().contiguous().t(),
}


@needs
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_it_takes_rows_however_they_lie_in_memory(cut, counted):
    made = layer()[0]
    x = cut(torch.randn(2 * ROWS, 2 * WIDE))

    torch.testing.assert_close(made(x), plain(made)(x))
    assert len(counted) == 1
    assert all(a.is_contiguous() or a.t().is_contiguous() for a in counted[0][:2])


@needs
@pytest.mark.parametrize("expanded", [True, False])
def test_it_takes_gradients_however_they_lie_in_memory(expanded, counted):
    made, x = layer()
    flow_back = torch.randn(1, WIDE).expand(ROWS, -1) if expanded else torch.randn(ROWS, 2 * WIDE)[:, ::2]
    ours = torch.autograd.grad(made(x), made.weight, flow_back)[0]

    torch.testing.assert_close(ours, flow_back.t() @ x, rtol=1e-4, atol=1e-3)
    assert all(a.is_contiguous() or a.t().is_contiguous() for args in counted for a in args[:2])


@needs
def test_gradients_of_gradients_are_those_of_torch():
    made, x = layer()

    def twice(f):
        first = torch.autograd.grad(squares(f)(x), x, create_graph=True)[0]
        return torch.autograd.grad(first.square().sum(), [x, made.weight])

    torch.testing.assert_close(twice(made), twice(plain(made)), rtol=1e-4, atol=1e-2)


@needs
@ANNOUNCED
def test_derivatives_forwards_and_over_many_at_once_are_those_of_torch():
    made, x = layer()
    x, along, many = x.detach(), torch.randn(ROWS, WIDE), torch.randn(3, ROWS, WIDE)
    pairs = [
        lambda f: jvp(f, (x,), (along,))[1],
        lambda f: jvp(grad(squares(f)), (x,), (along,))[1],
        lambda f: vmap(f)(many),
        lambda f: vmap(grad(squares(f)))(many),
        lambda f: vmap(jacrev(f))(many[:, :2, :]),
    ]
    for ways in pairs:
        torch.testing.assert_close(ways(made), ways(plain(made)), rtol=1e-4, atol=1e-3)


@needs
@ANNOUNCED
def test_the_derivative_forwards_takes_in_the_weights():
    made, x = layer()
    weight, bias = (p.detach() for p in made.parameters())
    along = torch.randn(WIDE, WIDE), torch.randn(WIDE)

    def by(w, b):
        return linear._Product.apply(x.detach(), w, b)

    found = jvp(by, (weight, bias), along)[1]

    torch.testing.assert_close(found, jvp(lambda w, b: F.linear(x.detach(), w, b), (weight, bias), along)[1])


@needs
@pytest.mark.parametrize("rows", [LARGE // WIDE**2 - 1, 0, 1])
def test_small_products_are_left_to_torch(rows, counted):
    made = layer()[0]
    x = torch.randn(rows, WIDE)

    assert torch.equal(made(x), plain(made)(x))
    assert not counted


@needs
def test_other_widths_and_shapes_are_left_to_torch(counted):
    wide, x = layer(dtype=torch.float64)
    narrow = layer()[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert narrow(x.float()).dtype == torch.bfloat16

    assert torch.equal(wide(x), plain(wide)(x))
    assert narrow(x.detach().float().reshape(2, -1, WIDE)).shape == (2, ROWS // 2, WIDE)
    assert not counted


def test_without_the_product_it_is_the_layer_of_torch(monkeypatch):
    monkeypatch.setattr(linear, "_HAS", False)
    monkeypatch.setattr(linear, "_dense", None)
    made, x = layer()

    assert torch.equal(made(x), plain(made)(x))


def test_a_torch_without_the_product_is_noticed(monkeypatch):
    def gone(*args):
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_linear_pointwise'")

    monkeypatch.setattr(linear, "_dense", gone)

    assert not linear._works()


@needs
def test_an_exported_program_has_the_operation_of_torch():
    made, x = layer()
    program = torch.export.export(made, (x.detach(),))

    names = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert names == ["aten.linear.default"]


@needs
@ANNOUNCED
def test_compiled_it_goes_through_onednn_too_and_gives_the_same(counted):
    net = mlp((WIDE, WIDE))(WIDE, WIDE)
    for p in net.parameters():
        nn.init.normal_(p, std=0.1)
    x = torch.randn(ROWS, WIDE)

    def found(run):
        return torch.autograd.grad(run(x).square().sum(), list(net.parameters()))

    torch.testing.assert_close(found(torch.compile(net, fullgraph=True)), found(net), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("factory", [mlp((8,)), residual_mlp(8, 1)])
def test_the_nets_are_made_of_it(factory):
    layers = [m for m in factory(3, 4).modules() if isinstance(m, nn.Linear)]

    assert layers
    assert all(type(m) is Linear for m in layers)


@needs
def test_the_gradient_of_a_large_product_has_a_tangent():
    made, x = layer()
    way = torch.randn_like(x)

    def turned(f):
        return jvp(grad(lambda v: f(v).sin().sum()), (x.detach(),), (way,))[1]

    torch.testing.assert_close(turned(made), turned(plain(made)), rtol=1e-4, atol=1e-4)


@needs
@ANNOUNCED
def test_a_large_product_can_be_traced():
    made, x = layer()

    torch.testing.assert_close(torch.jit.trace(made, x.detach())(x), made(x))
