"""Squeezing, and transforms of some of the channels."""

import pytest
import torch
from torch import nn

from realnvp.errors import InputError
from realnvp.kernels import Affine
from realnvp.nets import mlp, residual_conv
from realnvp.transforms import ActNorm, CheckerboardCoupling, Coupling, Flat, Part, Squeeze, Whiten


@pytest.mark.parametrize("batch", [(), (0,), (1,), (5,), (2, 3)])
@pytest.mark.parametrize("shape", [(1, 2, 2), (3, 4, 6)])
def test_a_picture_goes_and_comes(batch, shape):
    x = torch.randn(*batch, *shape)
    z, ladj = Squeeze()(x)
    back, _ = Squeeze().inverse(z)

    assert z.shape == (*batch, 4 * shape[0], shape[1] // 2, shape[2] // 2)
    assert torch.equal(back, x)
    assert torch.equal(ladj, torch.zeros(batch))


def test_a_block_becomes_four_channels():
    x = torch.arange(16.0).reshape(1, 4, 4)

    assert Squeeze()(x)[0][:, 0, 0].tolist() == [0, 5, 1, 4]
    assert Squeeze()(x)[0][:, 1, 0].tolist() == [8, 13, 9, 12]


def test_the_halves_of_the_channels_are_the_colours_of_the_checkerboard_for_every_channel():
    colour = (torch.arange(4)[:, None] + torch.arange(6)) % 2
    z, _ = Squeeze()(torch.stack((colour, 2 + colour, 4 + colour)).float())

    assert torch.equal(z[:6], torch.tensor([0.0, 2, 4, 0, 2, 4])[:, None, None].expand(6, 2, 3))
    assert torch.equal(z[6:], torch.tensor([1.0, 3, 5, 1, 3, 5])[:, None, None].expand(6, 2, 3))


def test_plain_squeezing_puts_the_pixels_in_reading_order():
    x = torch.arange(16.0).reshape(1, 4, 4)
    z, _ = Squeeze(plain=True)(x)

    assert z[:, 0, 0].tolist() == [0, 1, 4, 5]
    assert torch.equal(Squeeze(plain=True).inverse(z)[0], x)


@pytest.mark.parametrize("shape", [(1, 3, 4), (2, 4, 7)])
def test_pictures_that_do_not_halve_get_a_sentence(shape):
    with pytest.raises(InputError, match="do not halve evenly"):
        Squeeze()(torch.randn(shape))


def test_channels_that_are_not_in_fours_get_a_sentence():
    with pytest.raises(InputError, match="in fours"):
        Squeeze().inverse(torch.randn(6, 2, 2))


def test_a_part_leaves_the_rest_alone():
    torch.manual_seed(0)
    part = Part(Coupling(4, mlp((8,)), Affine()), 4)
    for p in part.parameters():
        nn.init.normal_(p)
    x = torch.randn(7, 6)
    z, ladj = part(x)

    assert torch.equal(z[:, 4:], x[:, 4:])
    torch.testing.assert_close(z[:, :4], part.transform(x[:, :4])[0])
    torch.testing.assert_close(ladj, part.transform(x[:, :4])[1])


def test_a_part_is_calibrated_on_its_own_features():
    x = 3 + 2 * torch.randn(500, 5)
    z = Part(ActNorm(2), 2).calibrate(x)

    torch.testing.assert_close(z[:, :2].mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    assert torch.equal(z[:, 2:], x[:, 2:])


@pytest.mark.parametrize("swap", [False, True])
def test_the_pixels_of_one_colour_stay_to_the_bit_and_decide_the_others(swap):
    torch.manual_seed(0)
    coupling = CheckerboardCoupling(2, residual_conv(4, 1), Affine(), swap=swap)
    for p in coupling.parameters():
        nn.init.normal_(p, std=0.5)
    x = torch.randn(3, 2, 4, 5)
    z, _ = coupling(x)
    colour = (torch.arange(4)[:, None] + torch.arange(5)) % 2 == int(swap)

    assert torch.equal(z[..., colour], x[..., colour])
    assert (z[..., ~colour] != x[..., ~colour]).all()
    moved = torch.where(colour, x, x + 1)
    torch.testing.assert_close(coupling(moved)[1], coupling(x)[1])


def test_the_inverse_of_a_whitening_is_not_calibrated():
    with pytest.raises(TypeError, match="call calibrate of the transform itself"):
        Whiten(3).inv.calibrate(torch.randn(50, 3))


def test_a_flat_picture_goes_through_the_transform_of_vectors():
    inner = Coupling(12, mlp((4,)), Affine())
    for p in inner.parameters():
        nn.init.normal_(p)
    x = torch.randn(5, 3, 2, 2)
    z, ladj = Flat(inner)(x)
    rows, expected = inner(x.reshape(5, 12))

    torch.testing.assert_close(z.reshape(5, 12), rows)
    torch.testing.assert_close(ladj, expected)
