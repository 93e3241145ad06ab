"""The elementwise bijections, against closed forms and a slow spline written from the paper."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from realnvp.kernels import Additive, Affine, Chain, Odd, Spline, TanhAffine

KERNELS = {
    "additive": Additive(),
    "affine": Affine(),
    "affine of small bound": Affine(0.3),
    "tanh affine": TanhAffine(),
    "tanh affine without a learnt gain": TanhAffine(1.0),
    "spline": Spline(),
    "spline of two bins": Spline(2, 1.5),
    "spline of many bins": Spline(20, 3.0, floor=0.01, slope=5.0),
    "odd": Odd(3, 2.0),
    "chain": Chain((Affine(), Spline(4, 3.0))),
    "chain of three": Chain((Additive(), Spline(3, 2.0), Affine(1.0))),
}
every = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
quick = settings(max_examples=80, deadline=None, derandomize=True)


def parameters(kernel, *shape, scale=1.0, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, kernel.size, generator=generator, dtype=dtype)


def knots(kernel, theta):
    """Corners (x, y) and slopes of a spline from its parameters, in plain NumPy."""
    theta, K = np.asarray(theta, dtype=float), kernel.bins

    def corners(raw):
        share = np.exp(raw - raw.max())
        sizes = kernel.floor / K + (1 - kernel.floor) * share / share.sum()
        return -kernel.bound + 2 * kernel.bound * np.concatenate(([0.0], np.cumsum(sizes)))

    inner = np.exp(kernel.slope * np.tanh(theta[2 * K :] / kernel.slope))
    return corners(theta[:K]), corners(theta[K : 2 * K]), np.concatenate(([1.0], inner, [1.0]))


def slow_spline(kernel, x, theta):
    """Value and derivative of the spline at one number: equations 4 and 5 of Durkan et al. (2019)."""
    if abs(x) >= kernel.bound:
        return x, 1.0
    xs, ys, slopes = knots(kernel, theta)
    k = int(np.searchsorted(xs[1:-1], x, side="right"))
    width, height = xs[k + 1] - xs[k], ys[k + 1] - ys[k]
    s, xi = height / width, (x - xs[k]) / width
    denominator = s + (slopes[k + 1] + slopes[k] - 2 * s) * xi * (1 - xi)
    y = ys[k] + height * (s * xi**2 + slopes[k] * xi * (1 - xi)) / denominator
    up = slopes[k + 1] * xi**2 + 2 * s * xi * (1 - xi) + slopes[k] * (1 - xi) ** 2
    return y, s**2 * up / denominator**2


@every
@BOTH
def test_zero_parameters_are_the_identity(kernel, dtype):
    x = torch.linspace(-7, 7, 301, dtype=dtype)
    theta = torch.zeros(301, kernel.size, dtype=dtype)
    for move in (kernel.forward, kernel.inverse):
        y, ladj = move(x, theta)

        torch.testing.assert_close(y, x, rtol=1e-6, atol=2e-6)
        torch.testing.assert_close(ladj, torch.zeros_like(x), rtol=0, atol=4e-6)
        assert y.dtype == ladj.dtype == dtype


@every
def test_gradients_in_value_and_parameters_are_right_in_both_directions(kernel):
    x = torch.linspace(-2.9, 2.7, 7, dtype=torch.float64).requires_grad_()
    theta = parameters(kernel, 7).requires_grad_()

    assert torch.autograd.gradcheck(kernel.forward, (x, theta))
    assert torch.autograd.gradcheck(kernel.inverse, (x, theta))


@every
def test_ladj_is_the_log_of_the_derivative(kernel):
    x = torch.linspace(-6, 6, 200, dtype=torch.float64).requires_grad_()
    theta = parameters(kernel, 200, scale=2.0)
    for move in (kernel.forward, kernel.inverse):
        y, ladj = move(x, theta)
        (slope,) = torch.autograd.grad(y.sum(), x)

        assert (slope > 0).all()
        torch.testing.assert_close(ladj, slope.log(), rtol=1e-9, atol=1e-9)


@every
@BOTH
@quick
@given(st.data())
def test_the_two_directions_undo_each_other(kernel, dtype, data):
    scale = data.draw(st.sampled_from([0.1, 1.0, 3.0]))
    theta = parameters(kernel, 1, scale=scale, seed=data.draw(st.integers(0, 10**6)), dtype=dtype)
    x = torch.tensor([data.draw(st.floats(-8, 8, width=32))], dtype=dtype)
    y, down = kernel.forward(x, theta)
    back, up = kernel.inverse(y, theta)
    rounding = 8 * torch.finfo(dtype).eps * float(1 + x.abs() + y.abs())
    steepest = math.exp(max(0.0, -float(down)))  # the inverse stretches what y lost to rounding

    assert float((back - x).abs()) <= 20 * rounding * steepest
    assert float((up + down).abs()) <= 2e4 * rounding * steepest


@every
@BOTH
@quick
@given(st.data())
def test_extreme_numbers_stay_finite(kernel, dtype, data):
    bound = getattr(kernel, "bound", 1.0)
    edge = torch.tensor(bound, dtype=dtype)
    near = [float(torch.nextafter(edge, torch.tensor(v, dtype=dtype))) for v in (0.0, math.inf)]
    corner = [bound * (2 * i / 20 - 1) for i in range(21)]  # with zero parameters the bins' edges
    special = st.sampled_from([0.0, -0.0, 5e-324, 1e-45, 1e-39, bound, -bound, *near, *corner, 1e6, -1e6])
    number = st.one_of(special, st.floats(-1e6, 1e6))
    x = torch.tensor([data.draw(number) for _ in range(4)], dtype=dtype)
    size = data.draw(st.sampled_from([0.0, 1.0, 30.0, 1e4]))
    theta = parameters(kernel, 4, scale=size, seed=data.draw(st.integers(0, 10**6)), dtype=dtype)
    for move in (kernel.forward, kernel.inverse):
        y, ladj = move(x, theta)

        assert torch.isfinite(y).all()
        assert torch.isfinite(ladj).all()


@every
def test_shapes_and_the_empty_batch(kernel):
    for shape in ((), (0,), (3,), (2, 0, 4), (2, 3, 4)):
        x, theta = torch.zeros(shape), torch.zeros(*shape, kernel.size)
        for move in (kernel.forward, kernel.inverse):
            assert [v.shape for v in move(x, theta)] == [shape, shape]


@every
def test_kernels_are_plain_values(kernel):
    assert kernel == type(kernel)(**vars(kernel))
    assert len({kernel, type(kernel)(**vars(kernel))}) == 1


def test_additive_adds_its_parameter():
    x, theta = torch.tensor([1.0, -2.0]), torch.tensor([[0.5], [3.0]])

    assert Additive().forward(x, theta)[0].tolist() == [1.5, 1.0]
    assert Additive().inverse(x, theta)[0].tolist() == [0.5, -5.0]
    assert Additive().forward(x, theta)[1].tolist() == [0, 0]


def test_tanh_affine_is_its_closed_form():
    kernel, x, theta = TanhAffine(3.0), np.linspace(-3, 3, 11), parameters(TanhAffine(), 11, scale=3.0)
    y, ladj = kernel.forward(torch.tensor(x), theta)
    shift, raw, gain = theta.numpy().T
    s = 3 ** np.tanh(gain) * np.tanh(raw)

    np.testing.assert_allclose(y, x * np.exp(s) + shift, rtol=1e-12)
    np.testing.assert_allclose(ladj, s, rtol=1e-12)


def test_affine_is_its_closed_form():
    kernel, x, theta = Affine(1.5), np.linspace(-3, 3, 11), parameters(Affine(), 11, scale=3.0)
    t, s = theta[:, 0].numpy(), 1.5 * np.tanh(theta[:, 1].numpy() / 1.5)
    y, ladj = kernel.forward(torch.tensor(x), theta)
    back, up = kernel.inverse(torch.tensor(x), theta)

    np.testing.assert_allclose(y, x * np.exp(s) + t, rtol=1e-12)
    np.testing.assert_allclose(ladj, s, rtol=1e-12)
    np.testing.assert_allclose(back, (x - t) / np.exp(s), rtol=1e-12)
    np.testing.assert_allclose(up, -s, rtol=1e-12)


def test_chain_applies_its_kernels_first_to_last_each_with_its_part_of_the_parameters():
    x, theta = torch.linspace(-2, 2, 5, dtype=torch.float64), parameters(Chain((Additive(), Affine())), 5)
    shift, t, s = theta[:, 0], theta[:, 1], 2 * torch.tanh(theta[:, 2] / 2)
    y, ladj = Chain((Additive(), Affine())).forward(x, theta)

    torch.testing.assert_close(y, (x + shift) * s.exp() + t)
    torch.testing.assert_close(ladj, s)


@BOTH
@pytest.mark.parametrize("bound", [0.1, 2.0, 7.0])
def test_affine_bounds_its_log_scale_both_ways(bound, dtype):
    raw = torch.tensor([-1e30, -1e6, -9.0, -1.0, 0.0, 1.0, 9.0, 1e6, 1e30], dtype=dtype)
    theta = torch.stack((torch.zeros_like(raw), raw), -1)
    for move in (Affine(bound).forward, Affine(bound).inverse):
        _, s = move(torch.ones_like(raw), theta)

        assert (s.abs() <= bound * (1 + torch.finfo(dtype).eps)).all()
        assert s.abs()[0] == pytest.approx(bound)


@pytest.mark.parametrize("name", [n for n in KERNELS if n.startswith("spline")])
def test_spline_is_the_slow_one_of_the_paper(name):
    kernel, rng = KERNELS[name], np.random.default_rng(0)
    theta = 2 * rng.standard_normal((60, kernel.size))
    x = rng.uniform(-1.2, 1.2, 60) * kernel.bound
    expected = np.array([slow_spline(kernel, *row) for row in zip(x, theta, strict=True)])
    y, ladj = kernel.forward(torch.tensor(x), torch.tensor(theta))

    np.testing.assert_allclose(y, expected[:, 0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ladj, np.log(expected[:, 1]), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", [n for n in KERNELS if n.startswith("spline")])
def test_inverse_spline_is_the_root_of_the_slow_one(name):
    kernel, rng = KERNELS[name], np.random.default_rng(1)
    theta, y = 2 * rng.standard_normal((25, kernel.size)), rng.uniform(-0.99, 0.99, 25) * kernel.bound
    rows = zip(theta, y, strict=True)
    roots = [
        brentq(lambda x, t=t, v=v: slow_spline(kernel, x, t)[0] - v, -kernel.bound, kernel.bound, xtol=1e-13)
        for t, v in rows
    ]
    x, ladj = kernel.inverse(torch.tensor(y), torch.tensor(theta))
    slopes = [slow_spline(kernel, *row)[1] for row in zip(roots, theta, strict=True)]

    np.testing.assert_allclose(x, roots, rtol=0, atol=1e-10)
    np.testing.assert_allclose(ladj, -np.log(slopes), rtol=0, atol=1e-6)


def test_spline_of_known_parameters_has_the_known_values():
    """Two bins of equal widths, heights 3 to 1, slope 2 between, worked out by hand at u = 1/2."""
    kernel = Spline(2, 1.0, floor=0.5)
    share = math.log(5 / 1)  # heights 0.25 + 0.5 * (5/6, 1/6) = (2/3, 1/3) of the box
    inner = kernel.slope * math.atanh(math.log(2) / kernel.slope)
    theta = torch.tensor([[0.0, 0.0, share, 0.0, inner]], dtype=torch.float64)
    y, ladj = kernel.forward(torch.tensor([-0.5], dtype=torch.float64), theta)
    s, left, right = 4 / 3, 1.0, 2.0
    bottom = s + (left + right - 2 * s) / 4

    assert float(y) == pytest.approx(-1 + 4 / 3 * (s / 4 + left / 4) / bottom, abs=1e-12)
    assert float(ladj) == pytest.approx(math.log(s**2 * (right / 4 + s / 2 + left / 4) / bottom**2), abs=1e-12)


@pytest.mark.parametrize("name", [n for n in KERNELS if n.startswith("spline")])
def test_spline_rises_and_is_smooth_at_the_knots_and_at_the_bound(name):
    kernel, theta = KERNELS[name], parameters(KERNELS[name], scale=1.5)
    xs, ys, slopes = (torch.tensor(v) for v in knots(kernel, theta))
    for side in (-1e-9, 1e-9):
        y, ladj = kernel.forward(xs + side, theta.expand(len(xs), -1))

        torch.testing.assert_close(y, ys, rtol=0, atol=1e-6)
        torch.testing.assert_close(ladj, slopes.log(), rtol=0, atol=1e-4)
    grid = torch.linspace(-1.1 * kernel.bound, 1.1 * kernel.bound, 5001, dtype=torch.float64)

    assert (kernel.forward(grid, theta.expand(5001, -1))[0].diff() > 0).all()
    assert slopes[0] == slopes[-1] == 1


@pytest.mark.parametrize("name", [n for n in KERNELS if n.startswith("spline")])
@BOTH
def test_spline_is_the_identity_at_and_beyond_the_bound(name, dtype):
    kernel = KERNELS[name]
    x = kernel.bound * torch.tensor([-1e5, -2.0, -1.0, 1.0, 1.5, 1e6], dtype=dtype)
    theta = parameters(kernel, 6, scale=5.0, dtype=dtype)
    for move in (kernel.forward, kernel.inverse):
        y, ladj = move(x, theta)

        assert torch.equal(y, x)
        assert (ladj == 0).all()


def test_spline_keeps_its_floors_whatever_the_parameters():
    kernel = Spline(6, 2.0)
    theta = parameters(kernel, 40, scale=1e3)
    for row in theta:
        xs, ys, slopes = knots(kernel, row)
        middles = torch.tensor((xs[1:] + xs[:-1]) / 2)
        y, _ = kernel.forward(torch.tensor(xs), row.expand(7, -1))

        np.testing.assert_allclose(y, ys, atol=1e-9)
        assert np.diff(ys).min() >= 4.0 * 0.05 / 6 * (1 - 1e-9)
        assert math.exp(-3) * (1 - 1e-9) <= slopes.min() <= slopes.max() <= math.exp(3) * (1 + 1e-9)
        assert torch.isfinite(kernel.forward(middles, row.expand(6, -1))[1]).all()
