"""Trainings that are killed, or interrupted by Ctrl-C, and go on: nothing is lost, nothing is counted twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from safetensors import safe_open

from bench.kill import JOBS, Started, disturbed
from realnvp import InputError, RealNVP
from realnvp.train import Checkpoint
from realnvp.train.interrupt import Patience

X = np.random.default_rng(0).normal(size=(200, 2))
QUICK = {"layers": 2, "width": 8, "max_steps": 60, "random_state": 0, "verbose": False, "device": "cpu", "members": 1}
QUICK["early_stopping"] = False


@pytest.mark.parametrize("name", JOBS)
def test_a_killed_training_goes_on_to_the_bit(name):
    tally = disturbed(JOBS[name], 3, 1, Started)

    assert not tally.wrong
    assert tally.early + tally.midst == 3


def weights(model):
    return torch.cat([t.flatten().double() for t in model.flow_.state_dict().values()])


def plain(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


@pytest.fixture(autouse=True)
def heard():
    """Interrupts are heard, also where a shell's background has them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupting(at):
    def callback(record):
        if record.step == at:
            os.kill(os.getpid(), signal.SIGINT)

    return callback


@pytest.mark.parametrize("at", [2, 20, 50])
def test_an_interrupt_writes_where_the_training_stands(tmp_path, at):
    whole = RealNVP(**QUICK).fit(X)
    at = min((r["step"] for r in whole.history_), key=lambda step: abs(step - at))
    model = RealNVP(**QUICK, callbacks=[interrupting(at)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, checkpoint=Checkpoint(tmp_path, every=1e9))
    assert model.stopped_by_ == "interrupt"
    assert model.history_[-1]["step"] == at
    resumed = RealNVP(**QUICK).fit(X, checkpoint=Checkpoint(tmp_path, resume=True))

    assert torch.equal(weights(resumed), weights(whole))
    assert plain(resumed.history_) == plain(whole.history_)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_at_any_moment_loses_no_step(tmp_path):
    """A real interrupt of the command, at whatever it is doing then."""
    words = ["fit", "moons", "--rows", "500", "--layers", "2", "--width", "8", "--max-steps", "100000", "--no-figures"]
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from realnvp.cli import main; main()"
    )
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words, "--threads", "1", "--checkpoint-every", "0.2", "--out", str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not (run / "checkpoint.safetensors").exists() and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "interrupted, the best model so far is saved" in out
    records = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    steps = [r["step"] for r in records if r.get("member", 1)]  # the last record may be of all flows together

    assert steps == sorted(set(steps))
    assert (
        json.loads(safe_metadata(run / "checkpoint.safetensors"))["facts"]["step"] == steps[-1]
    )  # the one of the last checkpoint, and of no earlier one


def test_the_first_interrupt_waits_and_the_second_does_not():
    with Patience() as patience:
        os.kill(os.getpid(), signal.SIGINT)
        assert patience.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_handlers_of_others_are_left_alone():
    heard, before = [], signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        with Patience() as patience:
            os.kill(os.getpid(), signal.SIGINT)
        assert heard == [1]
        assert not patience.asked
    finally:
        signal.signal(signal.SIGINT, before)
    with Patience(False):
        assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_touched():
    found = []

    def work():
        with Patience() as patience:
            found.append(patience.wanted)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert found == [False]


def test_a_flipped_bit_anywhere_in_a_checkpoint_is_noticed(tmp_path):
    params = QUICK | {"layers": 1, "width": 2, "max_steps": 2}
    RealNVP(**params).fit(X, checkpoint=Checkpoint(tmp_path))
    path = tmp_path / "checkpoint.safetensors"
    whole = path.read_bytes()
    kept = Checkpoint(tmp_path, resume=True)
    kept.about = json.loads(safe_metadata(path))["about"]
    tensors, facts = kept.read()
    rng = np.random.default_rng(0)
    told = 0
    for at in [*range(8), *rng.integers(8, len(whole), 400)]:
        content = bytearray(whole)
        content[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        try:
            found, now = kept.read()
        except InputError:
            told += 1
        else:  # the space that a header is filled up with, say
            assert now == facts
            assert all(torch.equal(found[name], value) for name, value in tensors.items())

    assert told > 390


def safe_metadata(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()["realnvp"]
