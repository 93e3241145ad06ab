"""What pictures and parameters an estimator of pictures takes, and what it says of others."""

import errno
import math
import os
import pickle

import numpy as np
import pytest
import torch
from spots import GREY, QUICK

from realnvp import ImageRealNVP, InputError
from realnvp.estimators.pictures.base import piece_of, sheet_of

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (GREY[0], r"shape \(n, H, W\) or \(n, H, W, C\)"),
        (GREY / 255, "whole numbers from 0 to 255, dtype uint8; got dtype float64"),
        (GREY[:1], "pictures to learn from must be at least 2, got 1"),
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


RAGGED = [[[1, 2], [3, 4]], [[1, 2]]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: ImageRealNVP(**QUICK).fit(RAGGED), "pictures is a list of parts of unlike shapes"),
        (lambda m: m.score_samples(RAGGED), "pictures is a list of parts of unlike shapes"),
        (lambda m: m.interpolate([[1, 2], [3]], GREY[0]), "a picture is a list of parts of unlike shapes"),
        (lambda m: m.inverse_transform([["a"]]), "Z has dtype <U1: pass what transform gave"),
        (lambda m: ImageRealNVP(**QUICK).fit(GREY[:, :0]), r"\(n, H, W\) or \(n, H, W, C\), got \(300, 0, 8\)"),
        (lambda m: m.inverse_transform(RAGGED), "Z is a list of parts of unlike shapes"),
        (lambda m: m.inpaint(GREY[:2], [[True], [True, False]]), "mask is a list of parts of unlike shapes"),
        (lambda m: ImageRealNVP(**QUICK).fit(GREY, context=[[1], [2, 3]]), "context is a list of parts of unlike"),
        (lambda m: ImageRealNVP(**QUICK).fit(GREY, context=3), "context is a single 3: pass one label for each"),
        (lambda m: ImageRealNVP(**QUICK).fit(GREY, context="cat"), "context is a single 'cat': pass one label"),
        (lambda m: ImageRealNVP(**QUICK).fit(GREY, context=[[np.nan]] * 300), "no table of finite numbers"),
        (lambda m: ImageRealNVP(**QUICK).fit(GREY, context=[["a", "b"]] * 300), "no table of finite numbers"),
    ],
)
def test_what_is_no_array_gets_a_sentence(fitted, call, words):
    with pytest.raises(InputError, match=words):
        call(fitted)


@pytest.mark.parametrize("name", ["scales", "blocks"])
def test_a_flat_flow_refuses_what_it_does_not_have(name):
    with pytest.raises(InputError, match=f"architecture='flat' has no {name}: leave {name} out"):
        ImageRealNVP(**QUICK, architecture="flat", **{name: 2}).fit(GREY)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_latents_that_are_no_numbers_are_not_drawn_as_black(fitted, wrong):
    Z = fitted.transform(GREY[:3])
    Z[1, 2, 3] = wrong

    with pytest.raises(InputError, match="Z holds 1 values that are not finite numbers"):
        fitted.inverse_transform(Z)


def test_a_flow_that_makes_no_numbers_says_so_in_place_of_black_pictures(fitted):
    broken = pickle.loads(pickle.dumps(fitted))
    with torch.no_grad():
        next(p for p in broken.flow_.parameters() if p.dim() > 1).fill_(torch.nan)

    with pytest.raises(InputError, match="the flow makes no finite numbers of them"):
        broken.sample(2, random_state=0)


def test_a_place_that_cannot_be_written_gets_a_sentence(fitted, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file is a file"):
        fitted.save(tmp_path / "file")
    with pytest.raises(InputError, match="cannot be written"):
        fitted.save(tmp_path / "file" / "run")

    def shut(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.TemporaryFile", shut)
    with pytest.raises(InputError, match=r"Read-only file system\): choose a folder that you may write into"):
        fitted.save(tmp_path / "run")


def test_of_large_pictures_fewer_are_worked_on_at_a_time_and_the_figures_are_the_same(fitted, monkeypatch):
    at_once = fitted.transform(GREY[:20]), fitted.sample(20, random_state=0)
    monkeypatch.setattr("realnvp.estimators.pictures.base._NUMBERS", 1)  # every picture is a large one

    assert piece_of((1, 8, 8)) == 4
    assert sheet_of((1, 8, 8)) == 4
    assert piece_of((3, 1000, 1000)) == 1
    np.testing.assert_allclose(fitted.transform(GREY[:20]), at_once[0], atol=1e-4)
    assert fitted.sample(20, random_state=0).shape == at_once[1].shape
    assert np.isfinite(fitted.score_samples(GREY[:20])).all()
    assert fitted.inpaint(GREY[:6], np.eye(8, dtype=bool), steps=2, random_state=0).shape == (6, 8, 8)


def test_pictures_of_cifars_size_are_worked_on_as_before():
    assert (piece_of((3, 32, 32)), sheet_of((3, 32, 32))) == (256, 64)
    assert (piece_of((3, 256, 256)), sheet_of((3, 256, 256))) == (4, 4)
