"""The estimator of pictures: its likelihood against closed forms, and what is done in its latent space."""

import json
import math
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from sklearn.base import clone

from realnvp import ImageRealNVP, InputError
from realnvp.estimators.pictures.latents import blends
from realnvp.estimators.pictures.painting import painted

ALPHA = 0.05
QUICK = {"max_steps": 0, "layers": 1, "width": 4, "verbose": False, "random_state": 0, "device": "cpu"}
RNG = np.random.default_rng(0)


def blobs(n, side=8, levels=256, seed=0):
    """Soft spots of random place and size: pictures whose pixels depend on one another."""
    rng = np.random.default_rng(seed)
    at, size = rng.uniform(1, side - 2, (2, n, 1, 1)), rng.uniform(1, 2, (n, 1, 1))
    rows, columns = np.arange(side)[:, None], np.arange(side)
    grey = np.exp(-((rows - at[0]) ** 2 + (columns - at[1]) ** 2) / (2 * size**2))
    return (grey * (levels - 1)).astype(np.uint8)


def labels(pictures):
    """Whether the spot is in the upper half."""
    return (pictures[:, :4].sum((1, 2)) > pictures[:, 4:].sum((1, 2))).astype(int)


GREY, COLOUR = blobs(300), np.stack([blobs(60, seed=s) for s in (1, 2, 3)], -1)


@pytest.fixture(scope="module")
def fitted():
    return ImageRealNVP(**QUICK | {"max_steps": 150, "layers": 3, "width": 8}).fit(GREY)


@pytest.fixture(scope="module")
def by_label():
    return ImageRealNVP(**QUICK | {"max_steps": 120, "layers": 2, "width": 8}).fit(GREY, context=labels(GREY))


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_bits_per_dim_of_the_identity_flow_to_a_logistic_base_are_those_of_the_uniform_law(levels):
    """Logit and logistic make alpha + (1 - 2 alpha) x uniform: every picture has log2(levels / (1 - 2 alpha)) bits."""
    pictures = RNG.integers(0, levels, (50, 4, 6), dtype=np.uint8)
    model = ImageRealNVP(architecture="flat", base="logistic", levels=levels, **QUICK).fit(pictures)
    bits = model.bits_per_dim(pictures)

    assert bits.value == pytest.approx(math.log2(levels / (1 - 2 * ALPHA)), abs=1e-5)
    assert bits.error < 1e-6


def test_bits_per_dim_of_the_identity_flow_to_a_normal_base_are_those_of_the_integral():
    def bits(u, k):
        x = (k + u) / 256
        at = ALPHA + (1 - 2 * ALPHA) * x
        log_prob = stats.norm.logpdf(np.log(at / (1 - at))) + np.log((1 - 2 * ALPHA) / (at * (1 - at)))
        return 8 - log_prob / np.log(2)

    pictures = np.repeat(np.array([0, 3, 128, 255], np.uint8), 16).reshape(4, 4, 4)
    model = ImageRealNVP(architecture="flat", **QUICK).fit(pictures)
    exact = [integrate.quad(bits, 0, 1, args=(k,))[0] for k in (0, 3, 128, 255)]

    np.testing.assert_allclose(model.outlier_scores(pictures, draws=400), exact, atol=2e-3)


def test_learnt_noise_gives_a_bound_and_uniform_noise_the_tightest_one_of_a_flat_density():
    pictures = RNG.integers(0, 17, (50, 4, 6), dtype=np.uint8)
    params = QUICK | {"architecture": "flat", "base": "logistic", "levels": 17, "dequantisation": "variational"}
    model, exact = ImageRealNVP(**params).fit(pictures), math.log2(17 / (1 - 2 * ALPHA))
    start = model.bits_per_dim(pictures)
    for p in model.noise_.parameters():
        torch.nn.init.normal_(p, std=0.3)
    moved = model.bits_per_dim(pictures, draws=50)

    assert start.value == pytest.approx(exact, abs=1e-4)
    assert moved.value > exact + 0.01


def test_learnt_noise_tightens_the_bound_and_is_saved(tmp_path):
    binary = (blobs(200) > 100).astype(np.uint8)
    params = QUICK | {"max_steps": 150, "layers": 2, "width": 8, "levels": 2}
    uniform = ImageRealNVP(**params).fit(binary).bits_per_dim(binary)
    model = ImageRealNVP(**params, dequantisation="variational").fit(binary)
    model.save(tmp_path / "run")
    loaded = ImageRealNVP.load(tmp_path / "run")

    assert model.bits_per_dim(binary).value < uniform.value - 0.02
    assert loaded.bits_per_dim(binary) == model.bits_per_dim(binary)
    np.testing.assert_array_equal(loaded.inverse_transform(loaded.transform(binary)), binary)


def test_nats_bits_and_the_score_are_one_figure(fitted):
    nats = fitted.score_samples(GREY[:20])

    np.testing.assert_allclose(fitted.outlier_scores(GREY[:20]), -nats / (64 * math.log(2)))
    assert fitted.score(GREY[:20]) == nats.mean()
    assert fitted.bits_per_dim(GREY[:20]).value == fitted.outlier_scores(GREY[:20]).mean()


def test_the_error_of_bits_per_dim_is_the_spread_of_means_over_other_pictures(fitted):
    fresh = blobs(2000, seed=9)
    means = [fitted.bits_per_dim(part).value for part in fresh.reshape(40, 50, 8, 8)]
    told = np.mean([fitted.bits_per_dim(part).error for part in fresh.reshape(40, 50, 8, 8)])

    assert told == pytest.approx(np.std(means, ddof=1), rel=0.4)


def test_training_learns_and_random_pictures_need_more_than_eight_bits(fitted):
    before = ImageRealNVP(**QUICK).fit(GREY).bits_per_dim(blobs(200, seed=5)).value

    assert fitted.bits_per_dim(blobs(200, seed=5)).value < before - 1
    assert fitted.bits_per_dim(RNG.integers(0, 256, (200, 8, 8), dtype=np.uint8)).value > 8


def test_history_and_held_out_are_in_bits_per_dim(fitted):
    last = fitted.history_[-1]

    assert abs(last["best"] - fitted.bits_per_dim(blobs(200, seed=5)).value) < 0.5
    assert abs(last["train"] - last["held_out"]) < 0.5


def test_batch_norm_has_one_density_in_training_and_in_evaluation():
    """A published implementation reads 3.81 bits in training and 62,053 in evaluation."""
    model = ImageRealNVP(
        **QUICK | {"architecture": "real_nvp", "kernel": "affine", "max_steps": 80, "precision": "float32"}
    )
    model.fit(GREY)
    x = torch.as_tensor(GREY[:128, None] / 256 + 1 / 512, dtype=torch.float32)
    with torch.no_grad():
        held = -model.flow_.log_prob(x).mean()
        trained = -model.flow_.train().log_prob(x).mean()
        after = -model.flow_.eval().log_prob(x).mean()

    assert abs(float(held - trained)) / (64 * math.log(2)) < 0.1
    torch.testing.assert_close(trained, after)  # what training mode has just reported, evaluation mode repeats


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


def test_a_label_decides_what_is_drawn(by_label):
    drawn = by_label.sample(1000, context=np.repeat([0, 1], 500), random_state=0)

    assert labels(drawn[500:]).mean() > labels(drawn[:500]).mean() + 0.1  # three standard errors
    np.testing.assert_array_equal(by_label.classes_, [0, 1])


def test_the_right_label_makes_a_picture_likelier(by_label):
    fresh = blobs(200, seed=8)
    right, wrong = (by_label.bits_per_dim(fresh, c).value for c in (labels(fresh), 1 - labels(fresh)))

    assert right < wrong - 0.1


def test_contexts_are_wanted_and_known(by_label, fitted):
    with pytest.raises(InputError, match="fitted with 2 context columns"):
        by_label.sample(3)
    with pytest.raises(InputError, match="context 7 is no class the model has seen: 0, 1"):
        by_label.sample(3, context=7)
    with pytest.raises(InputError, match="one label for each of the 5 pictures"):
        by_label.bits_per_dim(GREY[:5], [0, 1])
    with pytest.raises(InputError, match="fitted without context"):
        fitted.sample(3, context=1)
    with pytest.raises(AttributeError, match="not fitted with labels"):
        fitted.classes_  # noqa: B018


@pytest.mark.parametrize("names", [["up", "down"], np.array([b"up", b"down"]), np.array(["up", "down"], object)])
def test_labels_may_be_words(names, tmp_path):
    given = np.asarray(names)[labels(GREY)]
    model = ImageRealNVP(**QUICK).fit(GREY, context=given)
    model.save(tmp_path / "run")

    assert model.classes_.tolist() == ["down", "up"]
    assert ImageRealNVP.load(tmp_path / "run").sample(2, "up", random_state=0).shape == (2, 8, 8)


@pytest.mark.parametrize("wrong", [np.linspace(0, 1, 300), np.array([None] * 300)], ids=["numbers", "nothing"])
def test_what_is_no_label_gets_a_sentence(wrong):
    with pytest.raises(InputError, match="is no list of labels"):
        ImageRealNVP(**QUICK).fit(GREY, context=wrong)


def test_features_are_contexts_too():
    features = labels(GREY)[:, None] + RNG.normal(0, 0.1, (300, 2))
    model = ImageRealNVP(**QUICK | {"max_steps": 2}).fit(GREY, context=features)

    assert model.sample(3, context=[0.5, 0.5], random_state=0).shape == (3, 8, 8)
    assert model.sheets_[0].shape == (64, 8, 8)


def test_a_path_between_labels_goes_between_their_contexts(by_label):
    path = by_label.interpolate(GREY[0], GREY[1], 4, context=labels(GREY[:2]))

    np.testing.assert_array_equal(path[[0, -1]], GREY[:2])


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


def test_sheets_come_from_the_same_noise(fitted):
    assert len(fitted.sheets_) == len(fitted.history_)
    assert {sheet.shape for sheet in fitted.sheets_} == {(64, 8, 8)}
    assert fitted.bits_per_dim(fitted.sheets_[-1]).value < fitted.bits_per_dim(fitted.sheets_[0]).value


def test_same_seed_same_numbers_and_no_global_seed():
    torch.manual_seed(123)
    before = torch.rand(1)
    models = []
    for seed in (0, 0, 1):
        torch.manual_seed(123)
        models.append(ImageRealNVP(**QUICK | {"max_steps": 6, "random_state": seed, "flips": True}).fit(GREY))
        assert torch.rand(1) == before
    scores = [m.score_samples(GREY[:9]) for m in models]

    np.testing.assert_array_equal(scores[0], scores[1])
    assert (scores[0] != scores[2]).all()


def test_flips_turn_half_of_the_batches_left_to_right():
    from realnvp.data.batches import Deck
    from realnvp.estimators.pictures.base import noisy_batches

    left = torch.zeros(40, 1, 2, 2, dtype=torch.uint8)
    left[..., 0] = 200
    batch = next(noisy_batches([left], 256, 40, True, Deck(40, torch.Generator().manual_seed(0))))
    turned = batch[:, 0, 0, 0] < batch[:, 0, 0, 1]

    assert 10 < turned.sum() < 30
    assert ((batch[:, 0, 0] * 256).floor().sum(-1) == 200).all()


def test_a_saved_model_is_the_same_model(by_label, tmp_path):
    by_label.save(tmp_path / "run", note="kept")
    loaded = ImageRealNVP.load(tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())

    np.testing.assert_array_equal(
        loaded.score_samples(GREY[:9], labels(GREY[:9])), by_label.score_samples(GREY[:9], labels(GREY[:9]))
    )
    np.testing.assert_array_equal(loaded.sample(4, 1, random_state=0), by_label.sample(4, 1, random_state=0))
    assert (config["kind"], config["note"]) == ("images", "kept")
    assert loaded.history_ == by_label.history_
    with pytest.raises(InputError, match="holds a run already"):
        by_label.save(tmp_path / "run")


def test_a_run_of_another_kind_or_a_damaged_one_is_refused(fitted, tmp_path):
    fitted.save(tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    for change, words in [({"kind": "density"}, "not of pictures"), ({"architecture": {}}, "it is damaged")]:
        (tmp_path / "run" / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(InputError, match=words):
            ImageRealNVP.load(tmp_path / "run")


def test_it_can_be_cloned_and_pickled(fitted):
    copy = pickle.loads(pickle.dumps(fitted))

    np.testing.assert_array_equal(copy.score_samples(GREY[:3]), fitted.score_samples(GREY[:3]))
    assert clone(fitted).get_params() == fitted.get_params()


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


def test_a_compiled_step_trains_the_same_model(monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    params = QUICK | {"max_steps": 6, "precision": "float32"}
    plain, compiled = (ImageRealNVP(**params, compile=c).fit(GREY[:80]) for c in (False, True))

    np.testing.assert_allclose(compiled.score_samples(GREY[:9]), plain.score_samples(GREY[:9]), rtol=1e-4)


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


def test_an_interrupt_leaves_the_best_model_so_far():
    def stop(record):
        if record.step > 20:
            raise KeyboardInterrupt

    model = ImageRealNVP(**QUICK | {"max_steps": 100, "callbacks": [stop]})
    with pytest.raises(KeyboardInterrupt):
        model.fit(GREY)

    assert model.stopped_by_ == "interrupt"
    assert np.isfinite(model.bits_per_dim(GREY[:10]).value)
