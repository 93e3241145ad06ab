"""Every command ends with the next one, which runs as it is written."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest

from realnvp import BoltzmannGenerator, ImageRealNVP, RealNVP
from realnvp.potentials import DoubleWell

QUICK = {"layers": 1, "width": 4, "max_steps": 5, "random_state": 0, "verbose": False}
NEXT = re.compile(r"^next +realnvp (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def models():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
    holed = frame.mask((rng.random(frame.shape) < 0.2) & [True, True, False])
    pictures = rng.integers(0, 256, (60, 4, 4), dtype=np.uint8)
    return {
        "table": RealNVP("affine", members=1, **QUICK).fit(frame),
        "given": RealNVP("affine", members=1, **QUICK).fit(frame[["a", "b"]], context=frame[["c"]]),
        "holed": RealNVP("affine", members=1, missing="marginalise", **QUICK).fit(holed),
        "own": BoltzmannGenerator(n_features=2, particles=64, **QUICK).fit(lambda x: (x**2).sum(-1) / 2),
        "energy": BoltzmannGenerator(particles=64, **QUICK).fit(DoubleWell()),
        "pictures": ImageRealNVP(**QUICK).fit(pictures),
        "labelled": ImageRealNVP(**QUICK).fit(pictures, context=np.arange(60) % 2),
    }


@pytest.fixture
def files(models, tmp_path):
    for name, model in models.items():
        model.save(tmp_path / name)
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(50, 3)), columns=["a", "b", "c"])
    frame.to_csv(tmp_path / "new.csv", index=False)
    frame.mask(rng.random(frame.shape) < 0.2).to_csv(tmp_path / "gaps.csv", index=False)
    np.save(tmp_path / "wells.npy", rng.normal(size=(50, models["energy"].n_features_in_)))
    np.save(tmp_path / "new.npy", rng.integers(0, 256, (20, 4, 4), dtype=np.uint8))


@pytest.mark.filterwarnings("ignore:the weights have too heavy a tail", "ignore:the flow's weights are so uneven")
@pytest.mark.parametrize(
    "line",
    [
        "sample table --out s.csv",
        "sample energy --out s.npy",
        "sample energy --corrected --out s.csv",
        "sample pictures --out s.png",
        "sample pictures --out s.npy",
        "sample labelled --context label=1 --out s.png",
        "sample labelled --context label=1 --out s.npy",
        "score table new.csv --summary",
        "score table new.csv --out o.csv",
        "score table new.csv --summary --out o.csv",
        "score energy wells.npy --summary",
        "score pictures new.npy --summary",
        "score pictures new.npy --out o.csv",
        "impute holed gaps.csv --out whole.csv",
        "info table",
        "info energy",
        "info own",
        "sample own --out s.npy",
        "info pictures",
        "info labelled",
    ],
)
def test_a_command_says_the_next_one_which_runs(realnvp, files, line):
    code, out, err = realnvp(*line.split())
    assert (code, err) == (0, "")
    (told,) = NEXT.findall(out)

    code, _, err = realnvp(*shlex.split(told))
    assert (code, err) == (0, ""), told


@pytest.mark.filterwarnings("ignore:the weights have too heavy a tail", "ignore:the flow's weights are so uneven")
def test_chains_of_an_energy_that_is_in_no_file_are_refused(realnvp, files):
    code, _, err = realnvp("sample", "own", "--corrected", "--out", "s.csv")

    assert code == 2
    assert "own was learnt from a function that is in no file: leave --corrected out, or in Python" in err


def test_where_the_next_one_needs_a_number_it_is_left_open(realnvp, files):
    (told,) = NEXT.findall(realnvp("info", "given")[1])
    code, _, err = realnvp(*shlex.split(told.replace("c0=…", "c0=0.5")))

    assert "c0=…" in told
    assert (code, err) == (0, "")


@pytest.mark.parametrize("line", ["sample table --out s.csv -q", "score table new.csv --out o.csv -q"])
def test_a_quiet_command_says_nothing(realnvp, files, line):
    assert realnvp(*line.split()) == (0, "", "")


def test_an_interrupted_command_says_what_is_left_of_it(realnvp, files, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("realnvp.cli.fit.read_source", interrupted)

    assert "nothing was saved; the same command begins anew" in realnvp("fit", "new.csv")[2]
    assert "says how to go on" in realnvp("fit", "new.csv", "--checkpoint-every", 9)[2]
