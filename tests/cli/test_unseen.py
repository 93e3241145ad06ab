"""What only the measuring meets: the training is safe by then, and nothing is asked of values that never came."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from realnvp import RealNVP

QUICK = ["--max-steps", "10", "--layers", "2", "--width", "8", "--members", "1", "--no-figures"]


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    values = rng.normal(size=150) * 7.1
    frame = pd.DataFrame({"a": rng.normal(size=300), "d": rng.choice(values, 300), "id": np.arange(300) * 3 + 1.5})
    frame.to_csv("t.csv", index=False)
    return "t.csv"


@pytest.mark.filterwarnings("default:1 rows hold values that did not come")
def test_values_that_never_came_in_the_training_are_no_end_of_it(realnvp, table):
    code, out, err = realnvp("fit", table, "--drop", "id", "--kinds", "d=discrete", *QUICK, "--out", "run")
    figures = json.loads(Path("run/config.json").read_text())["figures"]

    assert code == 0
    assert "count for all such values together" in err
    assert np.isfinite([figures["held_out_nll"], figures["round_trip_error"]]).all()
    assert Path("run/report.html").is_file()
    assert "report       run/report.html" in out


def test_what_is_like_an_id_is_refused_before_the_training(realnvp, table):
    code, out, err = realnvp("fit", table, "--drop", "d", "--kinds", "id=categorical", *QUICK, "--out", "run")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "of column 'id' hardly a value comes twice, as of names or ids: leave it out (--drop id)" in err
    assert not Path("run").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_measuring_that_fails_leaves_the_model(realnvp, table, monkeypatch, error):
    def fails(*_):
        raise error

    monkeypatch.setattr("realnvp.cli.fit.mean_nll", fails)
    code, out, _ = realnvp("fit", table, "--columns", "a", *QUICK, "--out", "run")

    assert code == (0 if error is KeyboardInterrupt else 2)
    assert ("the model is safe in run" in out) == (code == 0)
    assert np.isfinite(RealNVP.load("run").score_samples(pd.read_csv(table)[["a"]])).all()


@pytest.mark.filterwarnings("default:.*report.html was not written")
def test_a_page_that_could_not_be_written_is_not_told_of(realnvp, table, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("realnvp.cli.report.write_atomically", full)
    code, out, err = realnvp("fit", table, "--columns", "a", *QUICK, "--out", "run")

    assert code == 0
    assert "report.html was not written" in err
    assert "report  " not in out
