"""``BodyFrame``: what turns, mirrors and names do to its coordinates, and the law of a known ball of particles."""

import math

import pytest
import torch

from realnvp.errors import InputError
from realnvp.transforms import BodyFrame

SIZES = pytest.mark.parametrize(("n", "dim"), [(2, 2), (4, 2), (2, 3), (3, 3), (5, 3)])


def points(n, dim, rows=50, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, n * dim, generator=generator, dtype=torch.float64)


def turned(x, dim, seed=1):
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64))
    q = q * r.diagonal().sign()
    q[:, 0] = q[:, 0] * torch.linalg.det(q).sign()
    return (x.unflatten(-1, (-1, dim)) @ q.T).flatten(-2)


@SIZES
def test_a_turn_and_a_shift_leave_the_shape_alone(n, dim):
    frame, x = BodyFrame(n, dim), points(n, dim)
    x = frame.arrange(x)
    moved = turned(x, dim) + torch.arange(1.0, 1.0 + dim).repeat(n)
    z, after = frame(x)[0], frame(moved)[0]

    torch.testing.assert_close(after[:, : frame.shapes], z[:, : frame.shapes], rtol=1e-9, atol=1e-9)
    assert (after[:, frame.shapes :] - z[:, frame.shapes :]).abs().min() > 1e-6


@SIZES
def test_a_shift_moves_the_centre_by_its_root(n, dim):
    frame, x = BodyFrame(n, dim), points(n, dim)
    step = frame(frame.arrange(x) + 1.0)[0] - frame(frame.arrange(x))[0]
    centre = step[:, frame.shapes : frame.shapes + dim]

    torch.testing.assert_close(centre, torch.full_like(centre, math.sqrt(n)), rtol=1e-9, atol=1e-9)


@SIZES
def test_every_arrangement_of_a_point_is_brought_to_the_same_one_but_for_a_turn(n, dim):
    frame, x = BodyFrame(n, dim), points(n, dim)
    first = frame.views(x)
    again = frame.views(frame.scatter(x, torch.Generator().manual_seed(3)))
    one, two = (frame(v)[0][..., : frame.shapes].sort(0).values for v in (first, again))

    torch.testing.assert_close(one, two, rtol=1e-8, atol=1e-8)


@SIZES
def test_arranging_leaves_the_centre_alone(n, dim):
    frame, x = BodyFrame(n, dim), points(n, dim)
    centre = x.unflatten(-1, (n, dim)).mean(-2)
    for moved in (frame.arrange(x), frame.scatter(x)):
        torch.testing.assert_close(moved.unflatten(-1, (n, dim)).mean(-2), centre, rtol=1e-12, atol=1e-12)


@SIZES
def test_orders_are_counted(n, dim):
    mirrors = 2 if n > dim else 1

    assert math.exp(BodyFrame(n, dim).log_orders) == pytest.approx(math.factorial(n - 1) * mirrors)


def test_where_the_lengths_are_in_no_order_the_density_is_zero():
    frame, x = BodyFrame(4, 2), points(4, 2)
    there = frame.arrange(x)
    swapped = there.unflatten(-1, (4, 2))[:, [0, 2, 1, 3]].flatten(-2)

    assert torch.isfinite(frame(there)[1]).all()
    assert (frame(swapped)[1] == -math.inf).all()


@SIZES
def test_of_normal_particles_centre_and_orientation_are_standard_normals(n, dim):
    frame = BodyFrame(n, dim)
    z = frame(frame.arrange(points(n, dim, 40_000)))[0][:, frame.shapes :]
    moments = torch.stack((z.mean(0), z.var(0) - 1, (z**4).mean(0) - 3))

    assert moments.abs().max() < 0.2  # six errors of the last
    assert (torch.corrcoef(z.T) - torch.eye(len(z.T))).abs().max() < 0.03


@pytest.mark.parametrize("size", [(1, 2), (4, 1), (4, 4), (0, 3)])
def test_sizes_that_cannot_be_are_refused(size):
    with pytest.raises(InputError, match="at least 2 particles in 2 or 3"):
        BodyFrame(*size)


def test_each_row_is_named_and_mirrored_for_itself():
    """Copies of one point with a left and a right hand: all names at every place, both hands, by chance."""
    frame, x = BodyFrame(4, 2), points(4, 2, rows=1).expand(2000, 8)
    p = frame.scatter(x, torch.Generator().manual_seed(0)).unflatten(-1, (4, 2))
    pairs = torch.cdist(p, p)
    home = torch.cdist(*2 * [x[:1].unflatten(-1, (4, 2))])[0].sum(-1)
    names = (pairs.sum(-1)[..., None] - home).abs().argmin(-1)
    back = p.gather(1, names.argsort(-1)[..., None].expand(p.shape))
    a, b = back[:, 1] - back[:, 0], back[:, 2] - back[:, 0]
    hand = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sign()
    bound = 4 * 0.5 / 2000**0.5

    for place in range(4):
        for name in range(4):
            assert abs((names[:, place] == name).double().mean() - 0.25) < bound
    assert abs((hand > 0).double().mean() - 0.5) < bound
    assert abs(torch.corrcoef(torch.stack((hand, (names[:, 0] == 0).double())))[0, 1]) < 2 * bound
