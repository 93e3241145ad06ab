"""A net for the context in front of a transform."""

import pytest
import torch
from torch import nn

from realnvp.kernels import Affine
from realnvp.nets import Standard, mlp
from realnvp.transforms import ActNorm, Compose, Coupling, Embed


def moved(t):
    torch.manual_seed(0)
    for p in t.parameters():
        nn.init.normal_(p, std=0.5)
    return t


def test_embed_is_the_transform_under_the_nets_context():
    inner, net = moved(Coupling(3, mlp((8,)), Affine(), context=2)), moved(nn.Linear(4, 2))
    t = Embed(inner, net, 4)
    x, c = torch.randn(6, 3), torch.randn(6, 4)

    assert (t.context, t.event_dim) == (4, 1)
    torch.testing.assert_close(t(x, c), inner(x, net(c)), rtol=0, atol=0)
    torch.testing.assert_close(t.inverse(x, c), inner.inverse(x, net(c)), rtol=0, atol=0)


def test_gradients_reach_the_net():
    t = Embed(moved(Coupling(2, mlp((8,)), Affine(), context=2)), moved(nn.Linear(4, 2)), 4)
    t(torch.randn(6, 2), torch.randn(6, 4))[1].sum().backward()

    assert t.net.weight.grad.abs().sum() > 0


def test_calibrate_reaches_the_transform():
    norm = ActNorm(2)
    t = Embed(Compose(norm, Coupling(2, mlp((8,)), Affine(), context=2)), nn.Linear(4, 2), 4)
    t.calibrate(5 + torch.randn(200, 2), torch.randn(200, 4))

    assert norm.calibrated
    assert norm.loc.mean() > 4


def test_a_wide_context_does_not_widen_the_result():
    scaler = Standard(2)
    scaler.calibrate(1e9 + torch.randn(50, 2, dtype=torch.float64))
    t = Embed(moved(Coupling(2, mlp((8,)), Affine(), context=2)), scaler, 2)
    z, ladj = t(torch.randn(6, 2), 1e9 + torch.randn(6, 2, dtype=torch.float64))

    assert z.dtype == ladj.dtype == torch.float32
    assert torch.isfinite(z).all()


def test_a_context_left_out_is_a_clear_error():
    t = Embed(Coupling(2, mlp(), Affine(), context=2), nn.Linear(4, 2), 4)

    with pytest.raises(ValueError, match="4 context features"):
        t.inverse(torch.zeros(3, 2))
