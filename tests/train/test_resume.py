"""A training that goes on from its checkpoint ends where one without a break does."""

import numpy as np
import pytest
import torch
from cuts import Cut, stopping

from realnvp import ImageRealNVP, InputError
from realnvp.train import Checkpoint

QUICK = {"layers": 1, "width": 4, "verbose": False, "random_state": 0, "device": "cpu", "flips": True, "batch_size": 16}
PICTURES = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)


def interrupted(folder, at, **params):
    """Train with a checkpoint at every step and end hard at the first evaluation from step ``at`` on."""
    model = ImageRealNVP(**QUICK | params, callbacks=[stopping(at)])
    with pytest.raises(Cut):
        model.fit(PICTURES, checkpoint=Checkpoint(folder, every=1e-9))


def weights(model):
    return torch.cat([t.flatten().double() for t in model.flow_.state_dict().values()])


@pytest.mark.parametrize("at", [1, 7, 12, 20])
@pytest.mark.parametrize("architecture", ["glow", "real_nvp"])
def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(tmp_path, at, architecture):
    params = {"max_steps": 30, "architecture": architecture}
    whole = ImageRealNVP(**QUICK | params).fit(PICTURES)
    interrupted(tmp_path, at, **params)
    resumed = ImageRealNVP(**QUICK | params).fit(PICTURES, checkpoint=Checkpoint(tmp_path, resume=True))

    assert torch.equal(weights(resumed), weights(whole))
    assert [r["step"] for r in resumed.history_] == [r["step"] for r in whole.history_]
    assert [r["held_out"] for r in resumed.history_] == [r["held_out"] for r in whole.history_]
    np.testing.assert_array_equal(resumed.sheets_, whole.sheets_)


def test_the_clock_goes_on(tmp_path, monkeypatch):
    clock = iter(range(0, 10**9, 10))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    interrupted(tmp_path, 5, max_steps=10)
    resumed = ImageRealNVP(**QUICK, max_steps=10).fit(PICTURES, checkpoint=Checkpoint(tmp_path, resume=True))
    seconds = [r["seconds"] for r in resumed.history_]

    assert seconds == sorted(seconds)
    assert seconds[-1] > 400


def test_a_finished_training_goes_on_with_a_longer_limit(tmp_path):
    first = ImageRealNVP(**QUICK, max_steps=6).fit(PICTURES, checkpoint=Checkpoint(tmp_path))
    longer = ImageRealNVP(**QUICK, max_steps=12).fit(PICTURES, checkpoint=Checkpoint(tmp_path, resume=True))

    assert longer.history_[-1]["step"] == 12
    assert longer.history_[: len(first.history_)] == first.history_


@pytest.mark.parametrize(("before", "now", "are"), [(2, 1, "is 1"), (1, 2, "are 2"), (4, 2, "are 2")])
def test_a_training_by_another_number_of_processes_says_how_many_to_start(tmp_path, before, now, are):
    written = Checkpoint(tmp_path)
    written.about = {"shard": [0, before]}
    written.write({}, {})
    asked = Checkpoint(tmp_path, resume=True)
    asked.about = {"shard": [0, now]}

    with pytest.raises(InputError, match=rf"by {before} process(es)?, here {are}: start as many"):
        asked.read()


@pytest.mark.parametrize(
    ("params", "pictures", "words"),
    [
        ({"width": 6}, PICTURES, "of a training with width 4, this one has 6"),
        ({"random_state": 1}, PICTURES, "with seed 0, this one has 1"),
        ({"lr": 0.1}, PICTURES, "with lr 0.003"),
        ({}, 255 - PICTURES, "resume with the same data and options"),
    ],
)
def test_another_training_is_not_gone_on_with(tmp_path, params, pictures, words):
    ImageRealNVP(**QUICK, max_steps=2).fit(PICTURES, checkpoint=Checkpoint(tmp_path))

    with pytest.raises(InputError, match=words):
        ImageRealNVP(**QUICK | params, max_steps=4).fit(pictures, checkpoint=Checkpoint(tmp_path, resume=True))


@pytest.mark.parametrize("harm", ["cut", "flip", "other"])
def test_a_damaged_checkpoint_is_refused(tmp_path, harm):
    ImageRealNVP(**QUICK, max_steps=2).fit(PICTURES, checkpoint=Checkpoint(tmp_path))
    path = tmp_path / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 16
    path.write_bytes({"cut": bytes(content[:-40]), "flip": bytes(content), "other": b"no such file"}[harm])

    with pytest.raises(InputError, match="is damaged: it cannot be resumed"):
        ImageRealNVP(**QUICK, max_steps=4).fit(PICTURES, checkpoint=Checkpoint(tmp_path, resume=True))


def test_nothing_to_resume_and_senseless_intervals_get_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"holds no checkpoint\.safetensors: nothing can be resumed"):
        Checkpoint(tmp_path, resume=True)
    with pytest.raises(InputError, match="a positive number, got 0"):
        Checkpoint(tmp_path, every=0)


def test_it_is_written_only_so_often_and_at_the_end(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(Checkpoint, "write", lambda self, tensors, facts: written.append(facts["step"]))
    ImageRealNVP(**QUICK, max_steps=6).fit(PICTURES, checkpoint=Checkpoint(tmp_path, every=1000))

    assert written == [6]


def test_a_training_that_had_ended_is_not_trained_further(tmp_path):
    first = ImageRealNVP(**QUICK, max_steps=6).fit(PICTURES, checkpoint=Checkpoint(tmp_path))
    again = ImageRealNVP(**QUICK, max_steps=6).fit(PICTURES, checkpoint=Checkpoint(tmp_path, resume=True))

    assert again.history_ == first.history_
    assert again.stopped_by_ == "max_steps"
    assert torch.equal(weights(again), weights(first))
