"""Couplings and their splits."""

import copy
import math

import pytest
import torch
from torch import nn

from realnvp.kernels import Additive, Affine, Spline
from realnvp.nets import Constant, mlp
from realnvp.transforms import Coupling, EvenOdd, Halves, RandomHalves

SPLITS = {
    "halves": lambda n, swap: Halves(swap),
    "even odd": lambda n, swap: EvenOdd(swap),
    "random": lambda n, swap: RandomHalves(n, 4, swap),
}
every = pytest.mark.parametrize("make", SPLITS.values(), ids=SPLITS)


def moved(coupling):
    torch.manual_seed(0)
    for p in coupling.parameters():
        nn.init.normal_(p, std=0.5)
    return coupling


@every
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("features", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("dim", [-1, -3])
def test_merge_undoes_split(make, swap, features, dim):
    split = make(features, swap)
    x = torch.randn(2, features, 4, 5) if dim == -3 else torch.randn(2, 4, features)
    kept, moving = split.split(x, dim)

    assert (kept.shape[dim], moving.shape[dim]) == split.sizes(features)
    assert kept.shape[dim] + moving.shape[dim] == features
    assert torch.equal(split.merge(kept, moving, dim), x)


@every
def test_the_two_settings_of_swap_keep_the_opposite_parts(make):
    x = torch.arange(7.0)
    kept, moving = make(7, False).split(x, -1)
    other_kept, other_moving = make(7, True).split(x, -1)

    assert torch.equal(kept, other_moving)
    assert torch.equal(moving, other_kept)
    assert len(kept) == 3


@every
@pytest.mark.parametrize("swap", [False, True])
def test_a_single_feature_is_moved(make, swap):
    assert make(1, swap).sizes(1) == (0, 1)


def test_halves_and_even_odd_keep_what_they_say():
    x = torch.arange(5)

    assert [v.tolist() for v in Halves().split(x, -1)] == [[0, 1], [2, 3, 4]]
    assert [v.tolist() for v in EvenOdd().split(x, -1)] == [[1, 3], [0, 2, 4]]


def test_random_halves_are_drawn_from_the_seed_and_kept_in_the_state():
    orders = [tuple(RandomHalves(20, seed).order.tolist()) for seed in (0, 0, 1)]
    twin = RandomHalves(20, 9)
    twin.load_state_dict(RandomHalves(20, 0).state_dict())

    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(20))
    assert torch.equal(twin.split(torch.arange(20), -1)[0], RandomHalves(20, 0).split(torch.arange(20), -1)[0])


@every
@pytest.mark.parametrize("swap", [False, True])
def test_the_kept_half_is_left_bit_for_bit(make, swap):
    split = make(6, swap)
    t = moved(Coupling(6, mlp((8,)), Affine(), split=split))
    x = torch.randn(9, 6)
    z, _ = t(x)

    assert torch.equal(split.split(z, -1)[0], split.split(x, -1)[0])
    assert (split.split(z, -1)[1] != split.split(x, -1)[1]).any(0).all()


def test_affine_coupling_is_its_closed_form():
    t = moved(Coupling(3, mlp((8,)), Affine(1.3)))
    x = torch.randn(5, 3)
    theta = t.net(x[:, :1]).reshape(5, 2, 2)
    s = 1.3 * torch.tanh(theta[..., 1] / 1.3)
    z, ladj = t(x)

    torch.testing.assert_close(z, torch.cat((x[:, :1], x[:, 1:] * s.exp() + theta[..., 0]), 1))
    torch.testing.assert_close(ladj, s.sum(1))


def test_the_net_sees_the_kept_features_and_then_the_context():
    seen = []

    class Spy(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.sizes = inputs, outputs

        def forward(self, x):
            seen.append(x)
            return x.new_zeros(*x.shape[:-1], self.sizes[1])

    t = Coupling(5, Spy, Spline(4), context=2)
    x, c = torch.randn(3, 5), torch.randn(3, 2)
    t(x, c)

    assert t.net.sizes == (4, 3 * 11)
    assert torch.equal(seen[0], torch.cat((x[:, :2], c), 1))


def test_every_pixel_sees_the_context():
    t = Coupling(2, lambda i, o: nn.Conv2d(i, o, 1), Affine(), context=3, event_dim=3)
    spread = t._spread(torch.tensor([1.0, 2.0, 3.0]), torch.zeros(4, 1, 2, 5))

    assert spread.shape == (4, 3, 2, 5)
    assert (spread == torch.tensor([1.0, 2.0, 3.0])[:, None, None]).all()


def test_one_feature_without_context_has_learnt_constants():
    t = Coupling(1, mlp(), Affine())

    assert isinstance(t.net, Constant)

    t.net.values.data.copy_(torch.tensor([3.0, 0.5]))
    z, _ = t(torch.tensor([[2.0]]))

    assert z.item() == pytest.approx(2 * math.exp(2 * math.tanh(0.25)) + 3)


def test_a_context_left_out_is_a_clear_error():
    t = Coupling(2, mlp(), Additive(), context=4)

    with pytest.raises(ValueError, match="4 context features"):
        t(torch.zeros(3, 2))


@pytest.mark.parametrize("kernel", [Additive(), Affine(), Spline()], ids=["additive", "affine", "spline"])
def test_a_net_in_half_precision_leaves_an_exact_inverse_and_a_wide_ladj(kernel):
    t = moved(Coupling(4, mlp((16,)), kernel))
    t.compute = torch.bfloat16
    x = torch.randn(50, 4)
    z, down = t(x)
    back, up = t.inverse(z)
    exact, _ = Coupling.forward(_full(t), x)

    assert z.dtype == down.dtype == torch.float32
    torch.testing.assert_close(back, x, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(up, -down, rtol=1e-4, atol=1e-4)
    assert (z - exact).abs().max().item() > 1e-6  # it was computed in half precision


def _full(t):
    twin = copy.deepcopy(t)
    twin.compute = None
    return twin


def test_half_precision_is_for_training_and_leaves_the_density_alone():
    t, x = moved(Coupling(4, mlp((16,)), Affine())).eval(), torch.randn(50, 4)
    full = t(x)
    t.compute = torch.bfloat16

    torch.testing.assert_close(t(x), full, rtol=0, atol=0)


def test_autocast_around_a_coupling_leaves_its_kernel_wide():
    t = moved(Coupling(4, mlp((16,)), Affine()))
    x = torch.randn(50, 4)
    with torch.autocast("cpu", torch.bfloat16):
        z, down = t(x)
        back, up = t.inverse(z)

    assert z.dtype == down.dtype == torch.float32
    torch.testing.assert_close(back, x, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(up, -down, rtol=0, atol=0)


def test_a_context_of_another_dtype_is_taken():
    t = moved(Coupling(2, mlp(), Affine(), context=1))
    x = torch.randn(3, 2)

    torch.testing.assert_close(t(x, torch.ones(3, 1, dtype=torch.float64)), t(x, torch.ones(3, 1)))
