"""A training of a table that goes on from its checkpoint ends where one without a break does."""

import contextlib
import errno
import os
import shutil

import numpy as np
import pytest
import torch
from cuts import Cut, stopping

from realnvp import InputError, RealNVP
from realnvp.train import Checkpoint
from realnvp.train.resume import read_note

QUICK = {"layers": 2, "width": 8, "verbose": False, "random_state": 0, "device": "cpu", "batch_size": 32}
QUICK["early_stopping"] = False
X = np.random.default_rng(0).normal(size=(200, 3)) @ [[1, 0.5, 0], [0, 1, 2], [0, 0, 1]]
C = X[:, :1] + np.random.default_rng(1).normal(size=(200, 1))


def weights(model):
    return torch.cat([t.flatten().double() for t in model.flow_.state_dict().values()])


def plain(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


@pytest.mark.parametrize("at", [2, 9, 30])
@pytest.mark.parametrize(
    "params", [{}, {"kernel": "spline"}, {"base": "mixture"}, {"base": "logistic", "kernel": "additive"}], ids=str
)
@pytest.mark.parametrize("context", [None, C], ids=["plain", "given"])
def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(tmp_path, at, params, context):
    params = QUICK | {"max_steps": 40} | params
    whole = RealNVP(**params).fit(X, context=context)
    with pytest.raises(Cut):
        RealNVP(**params, callbacks=[stopping(at)]).fit(X, context=context, checkpoint=Checkpoint(tmp_path, every=1e-9))
    resumed = RealNVP(**params).fit(X, context=context, checkpoint=Checkpoint(tmp_path, resume=True))

    assert torch.equal(weights(resumed), weights(whole))
    assert plain(resumed.history_) == plain(whole.history_)
    assert resumed.stopped_by_ == whole.stopped_by_


@pytest.mark.parametrize("members", [1, 2])
def test_a_training_that_stopped_early_has_no_more_steps_for_being_gone_on_with(tmp_path, members):
    params = QUICK | {"early_stopping": True, "max_steps": 2000, "members": members}
    whole = RealNVP(**params).fit(X[:60], checkpoint=Checkpoint(tmp_path))
    for _ in range(2):
        again = RealNVP(**params).fit(X[:60], checkpoint=Checkpoint(tmp_path, resume=True))

        assert again.stopped_by_ == whole.stopped_by_ == "early_stopping"
        assert torch.equal(weights(again), weights(whole))
        assert plain(again.history_) == plain(whole.history_)


@pytest.mark.parametrize("at", [2, 9])
def test_a_resumed_training_draws_the_noise_of_an_unbroken_one(tmp_path, at):
    counts = np.column_stack((np.random.default_rng(0).poisson(3, 200), X[:, 0]))
    params = QUICK | {"max_steps": 20}
    whole = RealNVP(**params).fit(counts)
    with pytest.raises(Cut):
        RealNVP(**params, callbacks=[stopping(at)]).fit(counts, checkpoint=Checkpoint(tmp_path, every=1e-9))
    resumed = RealNVP(**params).fit(counts, checkpoint=Checkpoint(tmp_path, resume=True))

    assert whole.columns_[0]["kind"] == "discrete"
    assert torch.equal(weights(resumed), weights(whole))


def test_a_checkpoint_changes_nothing_in_the_training(tmp_path):
    plainly = RealNVP(**QUICK, max_steps=20).fit(X)
    kept = RealNVP(**QUICK, max_steps=20).fit(X, checkpoint=Checkpoint(tmp_path, every=1e-9))

    assert torch.equal(weights(kept), weights(plainly))


@pytest.mark.parametrize(
    ("params", "rows", "words"),
    [
        ({"width": 6}, X, "of a training with width 8, this one has 6"),
        ({"random_state": 1}, X, "with seed 0, this one has 1"),
        ({"batch_size": 16}, X, "with batch_size 32"),
        ({}, X + 1e-3 * X**2, "with data"),
    ],
)
def test_another_training_is_not_gone_on_with(tmp_path, params, rows, words):
    RealNVP(**QUICK, max_steps=2).fit(X, checkpoint=Checkpoint(tmp_path))

    with pytest.raises(InputError, match=words):
        RealNVP(**QUICK | params, max_steps=4).fit(rows, checkpoint=Checkpoint(tmp_path, resume=True))


def test_a_disk_that_is_full_for_a_while_does_not_end_the_training(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="make room.*goes on without this checkpoint"):
        model = RealNVP(**QUICK, max_steps=20).fit(X, checkpoint=Checkpoint(tmp_path))

    assert model.history_[-1]["step"] == 20
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_carries_a_note(tmp_path):
    RealNVP(**QUICK, max_steps=2).fit(X, checkpoint=Checkpoint(tmp_path, note="go on like this"))

    assert read_note(tmp_path) == "go on like this"
    (tmp_path / "checkpoint.safetensors").write_bytes(b"junk")
    assert read_note(tmp_path) == ""
    assert read_note(tmp_path / "none") == ""


@pytest.mark.parametrize("replaced", [False, True], ids=["gone", "a file in its place"])
def test_a_folder_that_vanishes_in_training_does_not_end_it(tmp_path, replaced):
    folder = tmp_path / "run"

    def vanish(record):
        if 5 <= record.step < 10 and folder.is_dir():
            shutil.rmtree(folder)
            if replaced:
                folder.write_text("mine")

    model = RealNVP(**QUICK, max_steps=20, callbacks=[vanish])
    with pytest.warns(UserWarning, match="is a file.*goes on without") if replaced else contextlib.nullcontext():
        model.fit(X, checkpoint=Checkpoint(folder, every=1e-9))

    assert model.history_[-1]["step"] == 20
    if replaced:
        assert folder.read_text() == "mine"
    else:
        longer = RealNVP(**QUICK, max_steps=24).fit(X, checkpoint=Checkpoint(folder, resume=True))
        assert longer.history_[-1]["step"] == 24
