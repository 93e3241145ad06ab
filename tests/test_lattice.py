"""The flow of a lattice: its symmetries, exactly, and what it learns of the field."""

import pytest
import torch

from realnvp import lattice_flow
from realnvp.errors import InputError
from realnvp.kernels import Odd
from realnvp.nets import checkerboard, sublattice
from realnvp.potentials import Phi4
from realnvp.transforms import FreeField


def ready(side=4, **options):
    torch.manual_seed(0)
    flow = lattice_flow(side, **options).double()
    for p in flow.parameters():
        p.data += 0.2 * torch.randn(p.shape, dtype=torch.float64)
    return flow


def fields(side=4, n=5):
    return torch.randn(n, side * side, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def moved(x, side, by):
    return x.unflatten(-1, (side, side)).roll(by, (-2, -1)).flatten(-2)


def test_the_sign_of_the_field_does_not_matter():
    flow, x = ready(), fields()

    torch.testing.assert_close(flow.log_prob(-x), flow.log_prob(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(flow.push(-x)[0], -flow.push(x)[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("by", [(1, 1), (2, 0), (0, 2), (3, 1)])
def test_moves_that_keep_the_checkerboard_do_not_matter(by):
    flow, x = ready(), fields()

    torch.testing.assert_close(flow.log_prob(moved(x, 4, by)), flow.log_prob(x), rtol=1e-12, atol=1e-12)


def test_moves_that_do_not_keep_it_do():
    flow, x = ready(), fields()

    assert not torch.allclose(flow.log_prob(moved(x, 4, (1, 0))), flow.log_prob(x))


def test_the_checkerboard_has_one_colour_first():
    order = checkerboard(4)
    colour = (order // 4 + order % 4) % 2

    assert colour.tolist() == [0] * 8 + [1] * 8
    assert sorted(order.tolist()) == list(range(16))


def test_a_flow_that_need_not_be_odd_is_not():
    flow, x = ready(odd=False), fields()

    assert not torch.allclose(flow.log_prob(-x), flow.log_prob(x))
    torch.testing.assert_close(flow.log_prob(moved(x, 4, (1, 1))), flow.log_prob(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("swap", [False, True])
def test_a_site_sees_its_neighbours_and_no_others(swap):
    side, half = 6, 18
    net = sublattice(side, swap=swap, width=3, reach=1)(half, half).double()
    torch.nn.init.normal_(net.even.weight)
    jac = torch.autograd.functional.jacobian(net, torch.randn(half, dtype=torch.float64))
    order = checkerboard(side)
    seen, moved = (order[half:], order[:half]) if swap else (order[:half], order[half:])

    for row, site in zip(jac, moved.tolist(), strict=True):
        i, j = divmod(site, side)
        beside = {(i + a) % side * side + (j + b) % side for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0))}
        assert set(seen[row != 0].tolist()) == beside


def test_an_odd_kernel_is_odd():
    kernel = Odd(3, 2.0)
    theta = torch.randn(50, kernel.size, dtype=torch.float64)
    x = 3 * torch.randn(50, dtype=torch.float64)
    (up, slope), (down, other) = kernel.forward(x, theta), kernel.forward(-x, theta)

    torch.testing.assert_close(up, -down)
    torch.testing.assert_close(slope, other)
    assert kernel.size == 9


@pytest.mark.parametrize("point", [0.0, -0.0, 1e-30])
def test_an_odd_kernel_has_its_slope_at_zero(point):
    kernel = Odd(3, 2.0)
    theta = torch.randn(1, kernel.size, dtype=torch.float64)
    x = torch.tensor([point], dtype=torch.float64, requires_grad=True)
    y, log_slope = kernel.forward(x, theta)
    (slope,) = torch.autograd.grad(y.sum(), x)

    torch.testing.assert_close(slope.log(), log_slope)


@pytest.mark.parametrize("side", [2, 3, 4])
def test_the_free_field_is_that_of_its_action(side):
    """S = sum k^2 |phi_k|^2 + stiffness phi^2 / 2 is Phi4 without coupling and with mass2 = stiffness / 2."""
    field, action = FreeField(side, stiffness=1.2).double(), Phi4(side, 0.6, 0.0)
    x = fields(side)
    z, ladj = field(x)
    log_prob = -0.5 * z.square().sum(-1) - 0.5 * side**2 * torch.log(torch.tensor(2 * torch.pi)) + ladj

    torch.testing.assert_close(log_prob, -action(x) - action.log_normalizer, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("side", [0, 1, 3])
def test_a_side_without_a_checkerboard_is_refused(side):
    with pytest.raises(InputError, match="even side"):
        lattice_flow(side)
