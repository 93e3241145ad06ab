"""``realnvp report``: every kind of run, runs of old, and what it refuses."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from realnvp import RealNVP

RUNS = Path(__file__).parents[1] / "data/runs"
QUICK = ["--max-steps", "10", "--layers", "2", "--width", "8", "--no-figures"]


def test_fit_ends_with_a_report_and_report_writes_the_same_again(realnvp, table):
    code, out, _ = realnvp("fit", table, *QUICK, "--out", "run")
    page = Path("run/report.html").read_bytes()
    Path("run/report.html").unlink()

    assert code == 0
    assert "report       run/report.html" in out
    assert realnvp("report", "run")[0] == 0
    assert Path("run/report.html").read_bytes() == page
    assert b"<code>realnvp sample run -n 1000 --out samples.csv</code>" in page


def test_what_cannot_be_is_drawn_without_a_word_of_it(realnvp):
    """The picture of a positive column begins below zero; its places are no rows."""
    wait = np.random.default_rng(0).exponential(3, 1000)
    np.savetxt("wait.csv", wait, header="wait", comments="")
    code, _, err = realnvp("fit", "wait.csv", *QUICK, "--out", "run")

    assert (code, err) == (0, "")
    assert realnvp("report", "run")[::2] == (0, "")


def test_boltzmann_ends_with_a_report(realnvp):
    code, out, _ = realnvp("boltzmann", "u1", *QUICK, "--out", "run")

    assert (code, Path("run/report.html").is_file()) == (0, True)
    assert "report       run/report.html" in out
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "<code>realnvp sample run -n 1000 --corrected --out samples.csv</code>" in page


def test_an_energy_of_ones_own_needs_not_be_at_hand(realnvp, monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text("def bowl(x):\n    return (x**2).sum(1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert realnvp("boltzmann", "mine:bowl", "--n-features", 2, *QUICK, "--out", "run")[0] == 0
    sys.modules.pop("mine")
    (tmp_path / "mine.py").unlink()

    assert realnvp("report", "run")[0] == 0
    text = Path("run/report.html").read_text(encoding="utf-8")
    assert 'id="chart-weights"' in text
    assert 'id="map-exact"' not in text


@pytest.mark.parametrize("name", sorted(path.name for path in RUNS.iterdir()))
def test_runs_of_old_get_a_report_of_what_they_hold(realnvp, tmp_path, name):
    shutil.copytree(RUNS / name, tmp_path / "run")
    code, _, err = realnvp("report", "run")

    assert (code, err) == (0, "")
    assert Path("run/report.html").stat().st_size > 60_000


def test_another_file_is_written_and_not_written_over(realnvp, tmp_path):
    shutil.copytree(RUNS / "1-spline", tmp_path / "run")

    assert realnvp("report", "run", "--out", "page.html")[0] == 0
    code, _, err = realnvp("report", "run", "--out", "page.html")
    assert code == 2
    assert "--force" in err
    assert realnvp("report", "run", "--out", "page.html", "--force")[0] == 0


def test_what_is_no_run_is_refused(realnvp, tmp_path):
    code, _, err = realnvp("report", "nowhere")

    assert code == 2
    assert "there is no run folder nowhere" in err


def test_damaged_rows_are_told(realnvp, tmp_path):
    shutil.copytree(RUNS / "1-spline", tmp_path / "run")
    (tmp_path / "run/rows.safetensors").write_bytes(b"0")
    code, _, err = realnvp("report", "run")

    assert code == 2
    assert "rows.safetensors is damaged" in err


def test_rows_of_a_run_that_was_replaced_are_not_shown(realnvp, table):
    assert realnvp("fit", table, *QUICK, "--out", "run")[0] == 0
    assert "kept no rows" not in Path("run/report.html").read_text(encoding="utf-8")
    RealNVP.load("run").set_params(max_steps=3).fit(np.random.default_rng(0).normal(size=(50, 2))).save(
        "run", force=True
    )

    assert realnvp("report", "run")[0] == 0
    assert "kept no rows" in Path("run/report.html").read_text(encoding="utf-8")
