"""What is done in the latent space of pictures: draws, paths, manifolds, painting."""

import math

import numpy as np
import pytest
import torch
from spots import COLOUR, GREY, QUICK, blobs

from realnvp import ImageRealNVP, InputError
from realnvp.estimators.pictures.latents import blends
from realnvp.estimators.pictures.painting import Painter, painted
from realnvp.flow import Flow

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("architecture", ["glow", "real_nvp", "flat"])
@pytest.mark.parametrize("pictures", [GREY[:60], COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("kernel", ["additive", "affine", "spline"])
def test_pictures_come_back_from_the_latent_space_to_the_bit(architecture, pictures, kernel):
    params = {"max_steps": 30, "lr": 0.01, "layers": 2, "architecture": architecture, "kernel": kernel}
    model = ImageRealNVP(**QUICK | params).fit(pictures)
    Z = model.transform(pictures)

    assert Z.shape == pictures.shape
    np.testing.assert_array_equal(model.inverse_transform(Z), pictures)


def test_draws_have_the_shape_and_range_of_the_pictures(fitted):
    drawn = fitted.sample(30, random_state=1)

    assert (drawn.shape, drawn.dtype) == ((30, 8, 8), np.uint8)
    np.testing.assert_array_equal(drawn, fitted.sample(30, random_state=1))
    assert (drawn != fitted.sample(30, random_state=2)).any()
    np.testing.assert_array_equal(np.concatenate(list(fitted.iter_samples(30, random_state=1))), drawn)


def test_draws_of_a_trained_model_are_about_as_likely_as_the_data(fitted):
    drawn = fitted.bits_per_dim(fitted.sample(300, random_state=0))

    assert abs(drawn.value - fitted.bits_per_dim(blobs(300, seed=6)).value) < 0.6


def test_temperature_scales_the_noise(fitted):
    cold = fitted.sample(50, temperature=0.0, random_state=0)

    assert (cold == cold[0]).all()
    bits = [fitted.bits_per_dim(fitted.sample(200, temperature=t, random_state=0)).value for t in (0.5, 1.0)]
    assert bits[0] < bits[1]


@pytest.mark.parametrize("steps", [2, 5])
def test_an_interpolation_begins_and_ends_with_its_pictures(fitted, steps):
    path = fitted.interpolate(GREY[0], GREY[1], steps)

    assert path.shape == (steps, 8, 8)
    np.testing.assert_array_equal(path[[0, -1]], GREY[:2])


def test_latents_on_the_way_are_as_far_out_as_latents_are(fitted):
    Z = fitted.transform(GREY[:2])
    middle = fitted.inverse_transform((Z[:1] + Z[1:]) * math.sqrt(0.5))[0]

    np.testing.assert_array_equal(fitted.interpolate(GREY[0], GREY[1], 3)[1], middle)


def test_a_manifold_has_its_pictures_in_the_corners(fitted):
    grid = fitted.manifold(GREY[:4], 3)

    assert grid.shape == (3, 3, 8, 8)
    np.testing.assert_array_equal(grid[[0, 0, 2, 2], [0, 2, 0, 2]], GREY[:4])


def test_painting_leaves_the_clamped_pixels_to_the_bit_and_fills_in_likely_ones(fitted):
    fresh, mask = blobs(100, seed=7), np.zeros((8, 8), bool)
    mask[:, 5:] = True
    noise = np.where(mask, RNG.integers(0, 256, fresh.shape, dtype=np.uint8), fresh)
    painted = fitted.inpaint(noise, mask, random_state=0)

    assert painted.dtype == np.uint8
    np.testing.assert_array_equal(painted[:, ~mask], fresh[:, ~mask])
    assert fitted.bits_per_dim(painted).value < fitted.bits_per_dim(fresh).value + 1
    assert fitted.bits_per_dim(painted).value < fitted.bits_per_dim(noise).value - 1
    np.testing.assert_array_equal(painted, fitted.inpaint(noise, mask, random_state=0))


def test_painting_needs_no_gradients_switched_on(fitted):
    mask = np.eye(8, dtype=bool)
    with torch.no_grad():
        still = fitted.inpaint(GREY[:3], mask, steps=3, random_state=0)

    np.testing.assert_array_equal(still, fitted.inpaint(GREY[:3], mask, steps=3, random_state=0))


def test_a_path_needs_two_pictures_of_one_shape(fitted):
    with pytest.raises(InputError, match="two pictures of one shape"):
        fitted.interpolate(GREY[0], GREY[1, :4])


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (1, 8, 8, 3), (60, 8, 8, 3)], ids=str)
def test_a_mask_may_have_the_shape_of_all_of_one_or_of_the_pixels(shape):
    model = ImageRealNVP(**QUICK).fit(COLOUR)
    mask = np.random.default_rng(0).random(shape) < 0.3
    whole = np.broadcast_to(mask[..., None] if shape == (8, 8) else mask, COLOUR.shape)
    painted = model.inpaint(COLOUR, mask, steps=2, random_state=0)

    np.testing.assert_array_equal(painted[~whole], COLOUR[~whole])
    assert (painted[whole] != COLOUR[whole]).mean() > 0.5


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((8, 8)), "a mask is boolean"),
        (np.zeros((7, 8), bool), "does not fit 5 pictures of 8 x 8"),
        (np.zeros((3, 8, 8), bool), "3 masks for 5 pictures"),
        (np.zeros((5, 1, 8, 8), bool), "does not fit 5 pictures"),
    ],
)
def test_a_mask_that_does_not_fit_gets_a_sentence(fitted, mask, words):
    with pytest.raises(InputError, match=words):
        fitted.inpaint(GREY[:5], mask)


def test_contexts_go_on_straight_lines_and_a_shared_one_stays():
    one = torch.tensor([[0.0, 1.0]])

    assert torch.equal(blends(one.expand(2, 2), 5), one.expand(5, 2))
    assert torch.equal(blends(one.expand(4, 2), 5), one.expand(5, 5, 2))
    four = blends(torch.eye(4), 3)
    torch.testing.assert_close(four[1, 1], torch.full((4,), 0.25))
    torch.testing.assert_close(four[[0, 0, 2, 2], [0, 2, 0, 2]], torch.eye(4))


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_painting_draws_from_the_density_of_the_hidden_given_the_others(scale):
    """A normal pair of correlation 0.6, the second of deviation ``scale``: mean and spread given the first."""
    n, rho = 4000, 0.6
    generator = torch.Generator().manual_seed(0)
    seen = torch.randn(n, 1, generator=generator)

    def log_prob(y):
        return -0.5 * ((y[:, 1] / scale - rho * y[:, 0]) ** 2 / (1 - rho**2) + y[:, 0] ** 2)

    start = torch.cat((seen, scale * torch.randn(n, 1, generator=generator)), 1)
    square, hidden = torch.full_like(start, 1 / (scale**2 * (1 - rho**2))), torch.tensor([False, True])
    found = painted(log_prob, start, square, hidden, steps=500, step=50.0, delay=100.0, generator=generator)
    rest = found[:, 1] / scale - rho * seen[:, 0]

    assert torch.equal(found[:, :1], seen)
    assert abs(rest.mean()) < 0.06
    assert rest.std() == pytest.approx(math.sqrt(1 - rho**2), rel=0.12)


def test_painting_gives_the_seen_pixels_the_noise_that_the_model_has_learnt():
    """Under learnt noise that always lies in the lowest tenth, the seen logits are those of that tenth."""

    class Low(torch.nn.Module):
        def push(self, e, k):
            return 0.1 * e.sigmoid(), torch.zeros(len(e))

    model = ImageRealNVP(**QUICK, levels=256).fit(GREY)
    hidden = torch.zeros(8, 1, 8, 8, dtype=torch.bool)
    hidden[..., 4:] = True
    k, seen = torch.as_tensor(GREY[:8, None]), []
    logit, log_prob = model.flow_.transform[0], Flow.log_prob

    def watched(self, y, context=None):
        seen.append(logit.inverse(y.detach())[0] * 256)
        return log_prob(self, y, context)

    for noise, highest in ((None, 1.0), (Low(), 0.1)):
        seen.clear()
        painter = Painter(model.flow_, noise, 256, torch.Generator().manual_seed(0))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Flow, "log_prob", watched)
            found = painter.fill(k, hidden, None, bool, steps=3, step=50.0, delay=100.0)
        left = (seen[-1] - k)[~hidden]

        assert left.min() > -0.01
        assert highest * 0.8 < left.max() < highest + 0.01
        torch.testing.assert_close(found[~hidden], k[~hidden])


def test_painting_by_a_model_of_learnt_noise_fills_in_likely_pixels():
    binary = (blobs(200) > 100).astype(np.uint8)
    params = QUICK | {"max_steps": 150, "layers": 2, "width": 8, "levels": 2, "dequantisation": "variational"}
    model, mask = ImageRealNVP(**params).fit(binary), np.zeros((8, 8), bool)
    mask[:, 5:] = True
    fresh = (blobs(100, seed=7) > 100).astype(np.uint8)
    noise = np.where(mask, RNG.integers(0, 2, fresh.shape, dtype=np.uint8), fresh)
    painted = model.inpaint(noise, mask, random_state=0)

    np.testing.assert_array_equal(painted[:, ~mask], fresh[:, ~mask])
    assert model.bits_per_dim(painted).value < model.bits_per_dim(noise).value - 0.2
