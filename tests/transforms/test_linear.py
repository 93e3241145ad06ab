"""Linear maps, against NumPy's linear algebra."""

import numpy as np
import pytest
import torch
from torch import nn

from realnvp.transforms import LULinear, PositiveLinear, Whiten


def moved(t, std=0.4):
    torch.manual_seed(0)
    for p in t.parameters():
        p.data += std * torch.randn(p.shape)
    return t.double()


def test_lu_is_a_matrix_of_positive_determinant_and_a_bias():
    t = moved(LULinear(4))
    x = np.random.default_rng(0).standard_normal((6, 4))
    A, b = t.matrix.detach().numpy(), t.bias.detach().numpy()
    z, ladj = t(torch.tensor(x))

    np.testing.assert_allclose(z.detach(), x @ A.T + b, rtol=1e-10)
    np.testing.assert_allclose(ladj.detach(), np.linalg.slogdet(A).logabsdet, rtol=1e-10)
    np.testing.assert_allclose(t.inverse(torch.tensor(x))[0].detach(), np.linalg.solve(A, (x - b).T).T, rtol=1e-9)
    assert np.linalg.det(A) > 0


def test_lu_starts_at_the_identity():
    assert torch.equal(LULinear(5).matrix, torch.eye(5))


def test_lu_of_channels_is_the_one_by_one_convolution():
    t = moved(LULinear(3, event_dim=3))
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    z, ladj = t(x)

    torch.testing.assert_close(z, nn.functional.conv2d(x, t.matrix[:, :, None, None], t.bias))
    torch.testing.assert_close(ladj, torch.linalg.slogdet(t.matrix).logabsdet.expand(2) * 20)


def test_lu_is_as_expressive_as_its_parameters_say():
    t = LULinear(3)
    t.lower.data.copy_(torch.tensor([[9.0, 9, 9], [2, 9, 9], [3, 4, 9]]))
    t.upper.data.copy_(torch.tensor([[9.0, 5, 6], [9, 9, 7], [9, 9, 9]]))
    t.log_diagonal.data.copy_(torch.tensor([1.0, 2, 4]).log())
    L, U = np.array([[1, 0, 0], [2, 1, 0], [3, 4, 1]]), np.array([[1, 5, 6], [0, 2, 7], [0, 0, 4]])

    np.testing.assert_allclose(t.matrix.detach(), L @ U, rtol=1e-6)


@pytest.mark.parametrize("std", [0.1, 3.0])
def test_positive_has_positive_entries_only(std):
    assert (moved(PositiveLinear(6), std).matrix > 0).all()


def test_positive_samples_by_its_matrix():
    t = moved(PositiveLinear(4))
    z = np.random.default_rng(0).standard_normal((6, 4))
    A, b = t.matrix.detach().numpy(), t.shift.detach().numpy()
    x, ladj = t.inverse(torch.tensor(z))

    np.testing.assert_allclose(x.detach(), z @ A.T + b, rtol=1e-10)
    np.testing.assert_allclose(ladj.detach(), np.linalg.slogdet(A).logabsdet, rtol=1e-9)
    np.testing.assert_allclose(t(torch.tensor(z))[0].detach(), np.linalg.solve(A, (z - b).T).T, rtol=1e-9)
    np.testing.assert_allclose(t(torch.tensor(z))[1].detach(), -np.linalg.slogdet(A).logabsdet, rtol=1e-9)


@pytest.mark.parametrize("make", [LULinear, PositiveLinear])
def test_autocast_around_a_linear_map_does_not_round_it(make):
    t = moved(make(4)).float()
    x = torch.randn(20, 4)
    plain = t(x), t.inverse(x)
    with torch.autocast("cpu", torch.bfloat16):
        inside = t(x), t.inverse(x)

    torch.testing.assert_close(inside, plain, rtol=1e-6, atol=1e-6)


def test_positive_starts_near_the_identity():
    expected = np.full((3, 3), np.exp(-3)) + (1 - np.exp(-3)) * np.eye(3)

    np.testing.assert_allclose(PositiveLinear(3).matrix.detach(), expected, rtol=1e-6)


def test_whitened_data_have_no_mean_and_no_correlation():
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    x = torch.randn(100_000, 4, generator=generator, dtype=torch.float64) @ mix.T * 1e3 + 1e6
    whiten = Whiten(4)
    z = whiten.calibrate(x)

    torch.testing.assert_close(z.mean(0), torch.zeros(4, dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.cov(z.T), torch.eye(4, dtype=torch.float64), atol=5e-3, rtol=0)
    torch.testing.assert_close(whiten.root @ whiten.root.T, torch.cov(x.T), rtol=1e-3, atol=1e3)


@pytest.mark.parametrize("n", [1, 2, 19])
def test_few_data_are_scaled_and_not_mixed(n):
    whiten = Whiten(5)
    whiten.calibrate(torch.randn(n, 5))

    assert torch.equal(whiten.root, whiten.root.diagonal().diag())
    assert (whiten.root.diagonal() > 0).all()
