"""Trainings on the command line that are interrupted and go on."""

import errno
import json
import os
import shlex
from pathlib import Path

import numpy as np
import pytest

from realnvp import ImageRealNVP, RealNVP
from realnvp.train import Checkpoint

TABLE = ["--layers", "2", "--width", "8", "--no-figures"]
DIGITS = ["--layers", "1", "--width", "4", "--no-figures"]


def plain(run):
    """A run's history without the seconds."""
    records = map(json.loads, (Path(run) / "history.jsonl").read_text().splitlines())
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


@pytest.fixture
def power_cut(monkeypatch):
    """End the next training hard after its third checkpoint, written at every step."""

    def cut(estimator):
        real, count = Checkpoint.write, iter(range(10**6))

        def write(self, tensors, facts):
            real(self, tensors, facts)
            if next(count) == 2:
                raise KeyboardInterrupt

        class Failing(estimator):
            def fit(self, *args, **kwargs):
                try:
                    return super().fit(*args, **kwargs)
                except KeyboardInterrupt:
                    self.stopped_by_ = ""  # as if nothing of the model were left
                    raise

        patch = pytest.MonkeyPatch()
        patch.setattr(Checkpoint, "write", write)
        patch.setattr(f"realnvp.cli.{'pictures' if estimator is ImageRealNVP else 'fit'}.{estimator.__name__}", Failing)
        return patch

    return cut


@pytest.mark.parametrize(("data", "estimator", "quick"), [("moons", RealNVP, TABLE), ("digits", ImageRealNVP, DIGITS)])
def test_a_cut_training_is_told_of_and_goes_on_to_the_bit(realnvp, power_cut, data, estimator, quick):
    words = ("fit", data, *quick, "--max-steps", 12)
    assert realnvp(*words, "--out", "whole")[0] == 0
    patch = power_cut(estimator)
    assert realnvp(*words, "--checkpoint-every", 1e-9, "--out", "cut run")[0] == 2
    patch.undo()
    for command in (("info", "cut run"), ("sample", "cut run", "--out", "a.npy")):
        code, _, err = realnvp(*command)
        assert code == 2
        assert "cut run holds a training that has not ended yet: go on with it by" in err
    told = shlex.split(err.split("go on with it by")[1])
    assert told[:3] == ["realnvp", "fit", data]

    code, out, err = realnvp(*told[1:])
    assert (code, err) == (0, "")
    assert "12 steps" in out
    assert Path("cut run/model.safetensors").read_bytes() == Path("whole/model.safetensors").read_bytes()
    assert plain("cut run") == plain("whole")
    assert "go on     with a longer limit: realnvp fit" in realnvp("info", "cut run")[1]


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(("data", "quick"), [("moons", TABLE), ("digits", DIGITS)])
def test_an_interrupted_training_says_how_it_goes_on(realnvp, monkeypatch, data, quick, kept):
    from realnvp.train import fit

    monkeypatch.setattr("realnvp.session.fit", lambda *args, **kwargs: interrupted(fit(*args, **kwargs)))
    keep = ["--checkpoint-every", "1e-9"] if kept else []
    code, out, _ = realnvp("fit", data, *quick, "--max-steps", 50, *keep)

    assert code == 0
    assert "interrupted, the best model so far is saved" in out
    again = f"realnvp fit {data} {' '.join(quick)} --max-steps 50 --checkpoint-every 1e-9 --out runs/{data} --resume"
    assert (f"go on        {again}" in out) == kept
    assert ("no checkpoint was kept: --checkpoint-every 300 keeps one" in out) != kept
    assert "training  interrupted" in realnvp("info", f"runs/{data}")[1]


def interrupted(steps):
    for i, step in enumerate(steps):
        if i == 5:
            raise KeyboardInterrupt
        yield step


def test_a_checkpoint_is_not_passed_over(realnvp):
    realnvp("fit", "moons", *TABLE, "--max-steps", 2, "--checkpoint-every", 100, "--out", "run")
    for name in ("config.json", "model.safetensors", "history.jsonl"):
        Path("run", name).unlink()

    assert "go on from it with --resume, or begin anew with --force" in realnvp("fit", "moons", "--out", "run")[2]
    assert realnvp("fit", "moons", *TABLE, "--max-steps", 2, "--force", "--out", "run")[0] == 0
    assert not Path("run/checkpoint.safetensors").exists()


@pytest.mark.parametrize("data", ["moons", "digits"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--resume"], "--resume needs the run to go on with: name its folder with --out"),
        (
            ["--resume", "--out", "new"],
            "new holds no checkpoint.safetensors: nothing can be resumed, fit without --resume",
        ),
        (["--checkpoint-every", -1], "a positive number, got -1"),
        (["--max-time", -1], "--max-time must be a positive number of seconds, got -1"),
        (["--lr", 0], "--lr must be positive and finite"),
    ],
)
def test_what_cannot_be_resumed_gets_a_sentence(realnvp, data, words, sentence):
    code, _, err = realnvp("fit", data, *words)

    assert code == 2
    assert sentence in err
    assert not list(Path().glob("new*"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS], ids=errno.errorcode.get)
@pytest.mark.parametrize("data", ["moons", "digits", "u1"])
def test_a_disk_that_cannot_be_written_gets_a_sentence_before_the_work(realnvp, monkeypatch, tmp_path, data, code):
    def failing(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("tempfile.TemporaryFile", failing)
    monkeypatch.setattr("realnvp.session.train", None)
    ended, _, err = realnvp("boltzmann" if data == "u1" else "fit", data)

    assert ended == 2
    assert f"runs/{data} cannot be written ({os.strerror(code)}): " in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize("data", ["moons", "digits", "u1"])
def test_a_disk_that_fills_up_before_the_end_gets_a_sentence(realnvp, monkeypatch, tmp_path, data):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    command, quick = ("boltzmann", ["--width", 8]) if data == "u1" else ("fit", DIGITS)
    code, _, err = realnvp(command, data, *quick, "--max-steps", 2)

    assert code == 2
    assert f"runs/{data}/model.safetensors cannot be written (No space left on device): make room" in err
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize("command", [["fit", "moons"], ["fit", "digits"], ["boltzmann", "u1"]], ids=" ".join)
def test_figures_may_be_left_out(realnvp, command):
    quick = ["--layers", 1, "--width", 4, "--max-steps", 2]
    code, out, _ = realnvp(*command, *quick, "--no-figures", "--out", "run")

    assert code == 0
    assert "drawing pictures into" not in out
    assert "\npictures " not in out
    assert not Path("run/figures").exists()


def test_a_table_of_ones_own_goes_on_with_its_columns(realnvp, table):
    words = ("fit", table, *TABLE, "--columns", "width,height", "--context", "age", "--out", "run")
    realnvp(*words, "--max-steps", 4, "--checkpoint-every", 100)
    realnvp(*words, "--max-steps", 8, "--resume")

    assert [r["step"] for r in plain("run")][-1] == 8
    assert np.isfinite([r["held_out"] for r in plain("run")]).all()


def test_another_training_that_was_broken_off_over_a_run_is_told_as_such(realnvp, monkeypatch):
    def broken(*_, **__):
        raise MemoryError("no room")

    short = [*TABLE, "--max-steps", 12, "--rows", 100]
    assert realnvp("fit", "moons", *short, "--out", "run")[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr("realnvp.cli.fit._save", broken)
        assert realnvp("fit", "circles", *short, "--checkpoint-every", "0.001", "--force",
                       "--out", "run")[0] == 2  # fmt: skip
    told = realnvp("info", "run")[1]

    assert "moons" in told
    assert "go on     realnvp fit circles" in told
    assert "another training over this run, which was broken off; what is here is the run before" in told
    assert realnvp("fit", "circles", *short, "--checkpoint-every", "0.001", "--out", "run",
                   "--resume")[0] == 0  # fmt: skip
    assert "another training" not in realnvp("info", "run")[1]
