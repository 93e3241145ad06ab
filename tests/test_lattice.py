"""The flow of a lattice: its symmetries, exactly, and what it learns of the field."""

import pytest
import torch

from realnvp import lattice_flow
from realnvp.errors import InputError
from realnvp.kernels import Odd, Spline
from realnvp.nets import checkerboard
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


def test_an_odd_kernel_is_odd():
    kernel = Odd(Spline(6, 2.0))
    theta = torch.randn(50, kernel.size, dtype=torch.float64)
    x = 3 * torch.randn(50, dtype=torch.float64)
    (up, slope), (down, other) = kernel.forward(x, theta), kernel.forward(-x, theta)

    torch.testing.assert_close(up, -down)
    torch.testing.assert_close(slope, other)
    assert kernel.size == 9


def test_an_odd_kernel_wants_an_even_number_of_bins():
    with pytest.raises(InputError, match="even number of bins"):
        Odd(Spline(5))


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
