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
from spots import GREY, QUICK, blobs, labels

from realnvp import ImageRealNVP, InputError

ALPHA = 0.05
RNG = np.random.default_rng(0)


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
    del config["config_sha256"]
    for change, words in [({"kind": "density"}, "not of pictures"), ({"architecture": {}}, "it is damaged")]:
        (tmp_path / "run" / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(InputError, match=words):
            ImageRealNVP.load(tmp_path / "run")


def test_it_can_be_cloned_and_pickled(fitted):
    copy = pickle.loads(pickle.dumps(fitted))

    np.testing.assert_array_equal(copy.score_samples(GREY[:3]), fitted.score_samples(GREY[:3]))
    assert clone(fitted).get_params() == fitted.get_params()


def test_a_compiled_step_trains_the_same_model(monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    params = QUICK | {"max_steps": 6, "precision": "float32"}
    plain, compiled = (ImageRealNVP(**params, compile=c).fit(GREY[:80]) for c in (False, True))

    np.testing.assert_allclose(compiled.score_samples(GREY[:9]), plain.score_samples(GREY[:9]), rtol=1e-4)


def test_an_interrupt_leaves_the_best_model_so_far():
    def stop(record):
        if record.step > 20:
            raise KeyboardInterrupt

    model = ImageRealNVP(**QUICK | {"max_steps": 100, "callbacks": [stop]})
    with pytest.raises(KeyboardInterrupt):
        model.fit(GREY)

    assert model.stopped_by_ == "interrupt"
    assert np.isfinite(model.bits_per_dim(GREY[:10]).value)
