"""A run that is written anew when the process is killed: the old one or the new one is there, whole."""

import subprocess
import sys

import numpy as np
import pytest

import realnvp.files
from realnvp import InputError, RealNVP
from realnvp.train.checkpoint import read_config

X = np.random.default_rng(0).normal(size=(60, 2))
QUICK = {"layers": 1, "width": 4, "max_steps": 2, "members": 1, "verbose": False}
OVERWRITE = """
import os, sys
from realnvp import RealNVP
model, left, replace = RealNVP.load("new"), int(sys.argv[1]), os.replace
def counted(*names):
    global left
    if left == 0:
        os._exit(9)
    left -= 1
    return replace(*names)
os.replace = counted
model.save("run", force=True)
"""


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    old, new = (RealNVP(**QUICK, random_state=seed).fit(X) for seed in (0, 1))
    old.save("run")
    new.save("new")
    return [model.score_samples(X) for model in (old, new)]


@pytest.mark.parametrize("after", range(7))
def test_either_is_there_whole(runs, after, tmp_path, monkeypatch):
    ended = subprocess.run([sys.executable, "-c", OVERWRITE, str(after)], check=False).returncode
    monkeypatch.setattr(realnvp.files, "_AT_WORK", 0.0)
    found = RealNVP.load("run").score_samples(X)

    assert ended == (9 if after < 6 else 0)
    np.testing.assert_array_equal(found, runs[after == 6])
    assert (tmp_path / "run/config.json").is_file()


def test_what_somebody_is_writing_just_now_is_left_alone(runs, tmp_path):
    subprocess.run([sys.executable, "-c", OVERWRITE, "3"], check=False)
    with pytest.raises(InputError, match=r"it has no config\.json"):
        read_config("run")

    assert list((tmp_path / "run").glob(".config.json.*.old"))
