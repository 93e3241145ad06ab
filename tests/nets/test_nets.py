"""Conditioners: shapes, the start at zero, and nets made of nets."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from realnvp.kernels import Additive, Affine, Spline
from realnvp.nets import (
    MLP,
    Constant,
    ResidualMLP,
    Separate,
    Standard,
    conv,
    learnt_last,
    mlp,
    residual_conv,
    residual_mlp,
    waves,
)
from realnvp.nets.base import Dropout
from realnvp.transforms import Coupling

FACTORIES = {
    "mlp": mlp((7, 5)),
    "mlp without hidden layers": mlp(()),
    "mlp of tanh with dropout": mlp((6,), act="tanh", dropout=0.5),
    "mlp of a class": mlp((6,), act=nn.Softplus),
    "residual": residual_mlp(6, 2),
    "residual of no blocks": residual_mlp(6, 0, act="silu", dropout=0.2),
    "waves": waves(mlp((5,)), frequencies=2, reach=3.0),
    "separate": Separate.of(mlp((5,)), 2),
}
every = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)


def moved(net, std=0.5):
    """The net away from its zero."""
    torch.manual_seed(0)
    for p in net.parameters():
        nn.init.normal_(p, std=std)
    return net.eval()


@every
@pytest.mark.parametrize("batch", [(), (0,), (4,), (2, 3)], ids=str)
def test_a_net_maps_inputs_to_outputs_and_starts_at_zero(factory, batch):
    out = factory(3, 4)(torch.randn(*batch, 3))

    assert out.shape == (*batch, 4)
    assert (out == 0).all()


@every
def test_only_the_last_layer_starts_at_zero_so_training_can_move_it(factory):
    net = factory(3, 4).eval()
    (net(torch.randn(20, 3)) - 1).square().sum().backward()
    moving = [name for name, p in net.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0]

    assert moving
    assert moved(net)(torch.randn(20, 3)).std(0).min() > 0


@every
def test_rows_are_treated_alike(factory):
    net, x = moved(factory(3, 4)), torch.randn(5, 3)

    torch.testing.assert_close(net(x), torch.stack([net(row) for row in x]))


@every
def test_nets_are_copied_and_pickled(factory):
    net, x = moved(factory(3, 4)), torch.randn(5, 3)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(twin(x), net(x))


def test_the_layers_are_those_asked_for():
    net = MLP(3, 4, (7, 5), act="elu", dropout=0.1)

    assert [(m.in_features, m.out_features) for m in net if isinstance(m, nn.Linear)] == [(3, 7), (7, 5), (5, 4)]
    assert sum(isinstance(m, nn.ELU) for m in net) == sum(isinstance(m, nn.Dropout) for m in net) == 2
    assert not any(isinstance(m, nn.Dropout) for m in MLP(3, 4))


def test_mlp_is_its_closed_form():
    net = moved(MLP(2, 3, (4,), act="tanh"))
    x = torch.randn(6, 2)
    first, last = net[0], net[-1]
    hidden = np.tanh(x.numpy() @ first.weight.detach().numpy().T + first.bias.detach().numpy())

    np.testing.assert_allclose(
        net(x).detach(), hidden @ last.weight.detach().numpy().T + last.bias.detach().numpy(), rtol=1e-5, atol=1e-6
    )


def test_residual_blocks_start_as_the_identity():
    net = ResidualMLP(3, 4, 6, 2)
    h = torch.randn(5, 6)

    assert torch.equal(net.blocks[0](h), h)
    assert not torch.equal(moved(net).blocks[0](h), h)


def test_residual_block_adds_its_body():
    block = moved(ResidualMLP(3, 4, 6, 1)).blocks[0]
    h = torch.randn(5, 6)
    w1, b1, w2, b2 = (p.detach() for p in block.parameters())

    torch.testing.assert_close(block(h), h + (h.relu() @ w1.T + b1).relu() @ w2.T + b2)


@pytest.mark.parametrize("name", ["elu", "gelu", "leaky_relu", "relu", "silu", "tanh"])
def test_activations_go_by_name(name):
    kind = type(MLP(1, 1, (2,), act=name)[1])

    assert kind.__name__.lower() == name.replace("_", "")


def test_an_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'rleu'.*gelu.*relu"):
        MLP(1, 1, act="rleu")


@pytest.mark.parametrize("kernel", [Additive(), Affine(), Spline(3)], ids=["additive", "affine", "spline"])
def test_separate_nets_decide_a_parameter_each(kernel):
    coupling = Coupling(5, Separate.of(mlp((4,)), kernel.size), kernel)
    kept = torch.randn(6, 2)
    for net in coupling.net.nets:
        moved(net)
    theta = coupling.theta(kept)

    assert len(coupling.net.nets) == kernel.size
    assert theta.shape == (6, 3, kernel.size)
    for i, net in enumerate(coupling.net.nets):
        torch.testing.assert_close(theta[..., i], net(kept))


@pytest.mark.parametrize(
    ("event_dim", "given", "expected"),
    [(1, (0,), (3,)), (1, (5, 0), (5, 3)), (1, (2, 0, 0), (2, 0, 3)), (3, (5, 0, 2, 4), (5, 3, 2, 4))],
)
def test_constant_gives_each_row_and_pixel_the_learnt_values(event_dim, given, expected):
    net = Constant(3, event_dim)

    assert (net.values == 0).all()

    nn.init.normal_(net.values)
    out = net(torch.zeros(given))

    assert out.shape == expected
    torch.testing.assert_close(out, net.values.expand(expected))


def test_standard_scales_to_mean_zero_and_deviation_one():
    c = torch.tensor(np.random.default_rng(0).normal(3e8, 0.5, (400, 3)))
    c[:, 2] = 7.0
    net = Standard(3)
    net.calibrate(c)
    out = net(c).numpy()

    np.testing.assert_allclose(net.loc, c.numpy().mean(0))
    np.testing.assert_allclose(out[:, :2].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(out[:, :2].std(0), 1, atol=1e-9)
    assert (out[:, 2] == 0).all()
    assert not list(net.parameters())
    assert net(c.float()).dtype == torch.float64


def test_waves_are_those_of_the_input():
    seen = []

    def spy(inputs, outputs):
        net = nn.Linear(inputs, outputs)
        net.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        return net

    x = torch.tensor([[0.5, -2.0]])
    waves(spy, frequencies=2, reach=4.0)(2, 3)(x)
    u = x[0] / 4
    angles = torch.tensor([np.pi * u[0], 2 * np.pi * u[0], np.pi * u[1], 2 * np.pi * u[1]])

    torch.testing.assert_close(seen[0][0], torch.cat((u, angles.sin(), angles.cos())))


@pytest.mark.parametrize(("event_dim", "shape"), [(1, (4,)), (3, (4, 2, 3))])
def test_the_last_parameter_is_a_number_learnt_for_each_feature(event_dim, shape):
    torch.manual_seed(0)
    inner = mlp((8,)) if event_dim == 1 else residual_conv(4, 1)
    net = learnt_last(inner, 3, event_dim)(4, 6)
    for p in net.parameters():
        nn.init.normal_(p)
    x = torch.randn(5, *shape)
    shift, raw, gain = net(x).unflatten(1, (2, 3)).unbind(2)
    decided = net.net(x).unflatten(1, (2, 2))

    torch.testing.assert_close((shift, raw), (decided[:, :, 0], decided[:, :, 1]))
    assert torch.equal(gain, net.last.squeeze(1).expand_as(gain))


@pytest.mark.parametrize("factory", [residual_conv(6, 1), conv(6)], ids=["residual", "shallow"])
@pytest.mark.parametrize("batch", [(), (0,), (4,), (2, 3)], ids=str)
def test_a_net_of_pictures_keeps_their_size_and_starts_at_zero(factory, batch):
    net = factory(3, 5)
    out = net(torch.randn(*batch, 3, 4, 7))

    assert out.shape == (*batch, 5, 4, 7)
    assert (out == 0).all()


@pytest.mark.parametrize(("factory", "reach"), [(residual_conv(6, 1), 3), (conv(6), 2)], ids=["residual", "shallow"])
def test_a_net_of_pictures_sees_as_far_as_its_convolutions(factory, reach):
    net = moved(factory(1, 1)).double()
    x = torch.randn(1, 11, 11, dtype=torch.float64, requires_grad=True)
    net(x)[0, 5, 5].backward()
    rows, columns = (x.grad[0] != 0).nonzero().T

    assert (rows.min(), rows.max()) == (columns.min(), columns.max()) == (5 - reach, 5 + reach)


@pytest.mark.parametrize("p", [0.001, 0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_dropout_drops_its_share_each_by_itself_and_keeps_the_mean(p, dtype):
    """A hundred rows of a thousand: each unit's count is binomial, and units of one row know nothing of each other."""
    torch.manual_seed(0)
    out = Dropout(p)(torch.ones(1000, 100, dtype=dtype)).double()
    share, steps = round(256 * p) / 256 or p, 1000 * 100
    dropped = (out == 0).double()
    pairs = dropped[:, 1:] * dropped[:, :-1]

    assert float(dropped.mean()) == pytest.approx(share, abs=5 * math.sqrt(share / steps))
    assert float(pairs.mean()) == pytest.approx(share**2, abs=5 * math.sqrt(share**2 / steps) + 1e-5)
    assert float(dropped.mean(0).std()) == pytest.approx(math.sqrt(share * (1 - share) / 1000), rel=0.4)
    torch.testing.assert_close(out[out > 0], torch.full_like(out[out > 0], 1 / (1 - share)), rtol=1e-2, atol=0)


def test_dropout_is_of_the_seed_passes_the_gradient_of_what_it_kept_and_rests_in_evaluation():
    drop, x = Dropout(0.3), torch.randn(7, 3, dtype=torch.double, requires_grad=True)
    torch.manual_seed(5)
    once = drop(x)
    torch.manual_seed(5)
    again = drop(x)
    once.sum().backward()

    assert torch.equal(once, again)
    assert not torch.equal(once, drop(x))
    assert 0 < int((once == 0).sum()) < 21
    torch.testing.assert_close(x.grad * x.detach(), once.detach())
    assert drop.eval()(x) is x
    assert Dropout(0.3)(x[:0]).shape == (0, 3)
    assert not Dropout(1.0)(x).any()
    assert torch.equal(Dropout(0.0)(x), x)


def test_a_gain_scales_the_first_weights_of_the_hidden_layers_and_no_others():
    torch.manual_seed(3)
    plain = mlp((50, 40), act="silu")(5, 4)
    torch.manual_seed(3)
    scaled = mlp((50, 40), act="silu", gain=2.0)(5, 4)

    for name, value in plain.state_dict().items():
        assert torch.equal(scaled.state_dict()[name], 2 * value), name
    assert not scaled[-1].weight.any()
