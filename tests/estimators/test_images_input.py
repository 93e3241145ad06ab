"""What pictures and parameters an estimator of pictures takes, and what it says of others."""

import math

import numpy as np
import pytest
from spots import GREY, QUICK

from realnvp import ImageRealNVP, InputError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (GREY[0], r"shape \(n, H, W\) or \(n, H, W, C\)"),
        (GREY / 255, "whole numbers from 0 to 255, dtype uint8; got dtype float64"),
        (GREY[:1], "1 pictures are too few"),
        (GREY.astype(int) - 1, "reach from -1 to"),
        (GREY.astype(int) + 200, "but levels=256 means 0 to 255"),
        (GREY[:, :7], "7 x 8 do not halve evenly: pad or crop them, or take architecture='real_nvp'"),
    ],
)
def test_what_cannot_be_learnt_gets_a_sentence(images, words):
    with pytest.raises(InputError, match=words):
        ImageRealNVP(**QUICK).fit(images)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"architecture": "pixel_cnn"}, "unknown architecture 'pixel_cnn'"),
        ({"kernel": "splines"}, "did you mean 'spline'"),
        ({"base": "mixture"}, "unknown base"),
        ({"precision": "float16"}, "unknown precision"),
        ({"scales": 9}, "8 x 8 take 1 to 3 scales"),
        ({"levels": 1}, "levels must be a whole number from 2 to 256"),
        ({"width": 0}, "width must be a whole number"),
        ({"blocks": -1}, "blocks must be a whole number"),
    ],
)
def test_senseless_parameters_get_a_sentence(params, words):
    with pytest.raises(InputError, match=words):
        ImageRealNVP(**QUICK | params).fit(GREY)


def test_pictures_of_another_size_are_refused_with_both_sizes(fitted):
    with pytest.raises(InputError, match="learnt pictures of 8 x 8 with 1 channel, these are of 6 x 8 with 1 channel"):
        fitted.bits_per_dim(GREY[:, :6])


@pytest.mark.parametrize("shape", [(7, 9), (28, 28), (1, 1), (3, 5, 3)], ids=str)
def test_the_published_flow_takes_pictures_of_any_size(shape):
    pictures = RNG.integers(0, 256, (12, *shape), dtype=np.uint8)
    model = ImageRealNVP(**QUICK | {"architecture": "real_nvp", "max_steps": 1}).fit(pictures)

    assert np.isfinite(model.score_samples(pictures)).all()
    np.testing.assert_array_equal(model.inverse_transform(model.transform(pictures)), pictures)


def test_pictures_that_may_not_be_written_to_are_read(fitted):
    fixed = GREY[:5].copy()
    fixed.flags.writeable = False

    np.testing.assert_array_equal(fitted.score_samples(fixed), fitted.score_samples(GREY[:5]))


def test_no_pictures_have_no_scores(fitted):
    assert fitted.score_samples(GREY[:0]).shape == (0,)
    assert fitted.transform(GREY[:0]).shape == (0, 8, 8)
    assert math.isnan(fitted.bits_per_dim(GREY[:0]).value)


def test_black_and_white_pictures_of_constant_pixels_stay_finite():
    pictures = np.zeros((40, 4, 4), np.uint8)
    pictures[:, 1, 1] = np.arange(40) % 2 * 255
    model = ImageRealNVP(**QUICK | {"max_steps": 20}).fit(pictures)

    assert np.isfinite(model.score_samples(255 - pictures)).all()
    assert np.isfinite(model.score_samples(pictures)).all()
