"""Tables of counts and bounded numbers at the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from realnvp import RealNVP
from realnvp.data.table import read_table

QUICK = ["--max-steps", "20", "--layers", "2", "--width", "8", "--no-figures"]


@pytest.fixture
def counts(tmp_path):
    rng = np.random.default_rng(0)
    rows = zip(rng.poisson(3, 400), *rng.normal(size=(2, 400)).tolist(), strict=True)
    path = tmp_path / "counts.csv"
    path.write_text("visits,score,wait\n" + "\n".join(f"{k},{x!r},{abs(t)!r}" for k, x, t in rows) + "\n")
    return path


def test_what_was_noticed_is_said_and_kept(realnvp, counts):
    code, out, err = realnvp("fit", counts, *QUICK, "--out", "run")
    kinds = json.loads((counts.parent / "run" / "config.json").read_text())["kinds"]

    assert (code, err) == (0, "")
    assert "column visits: " in out
    assert "column score" not in out
    assert [(c["name"], c["kind"]) for c in kinds] == [
        ("visits", "discrete"),
        ("score", "continuous"),
        ("wait", "continuous"),
    ]
    assert "column visits: " in realnvp("info", "run")[1]


def test_samples_are_of_the_columns_kinds_and_scores_finite(realnvp, counts):
    realnvp("fit", counts, *QUICK, "--out", "run", "--bounds", "wait=0:", "--quiet")
    assert realnvp("sample", "run", "-n", 500, "--out", "new.csv")[0] == 0
    drawn = read_table("new.csv").values
    assert realnvp("score", "run", "new.csv", "--out", "scores.csv")[0] == 0

    assert (drawn[:, 0] == np.round(drawn[:, 0])).all()
    assert drawn[:, [0, 2]].min() >= 0
    assert np.isfinite(read_table("scores.csv").values).all()


def test_columns_are_what_the_user_says(realnvp, counts):
    realnvp("fit", counts, *QUICK, "--out", "run", "--kinds", "visits=continuous")

    assert json.loads((counts.parent / "run" / "config.json").read_text())["kinds"] is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--kinds", "visits=text"], "realnvp: kinds says 'text'"),
        (["--bounds", "visits=3"], "realnvp: --bounds takes low:high, such as 0:1, 0: or name=0:, not '3'"),
        (["--bounds", "size=0:"], "realnvp: bounds names a column 'size' that the table does not have"),
        (["--bounds", "score=0:"], "realnvp: column 'score' holds"),
    ],
)
def test_kinds_and_bounds_that_make_no_sense_get_a_sentence(realnvp, counts, options, sentence):
    code, _, err = realnvp("fit", counts, *QUICK, *options)

    assert code == 2
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_bounds_are_not_for_pictures(realnvp):
    code, _, err = realnvp("fit", "digits", "--bounds", "0:1")

    assert code == 2
    assert "is for tables: leave it out" in err


def test_a_run_with_a_code_is_exported_with_it(realnvp, counts):
    runtime = pytest.importorskip("onnxruntime")
    realnvp("fit", counts, *QUICK, "--out", "run")
    code, _, err = realnvp("export", "run", "--onnx")
    model, rows = RealNVP.load("run"), np.loadtxt(counts, delimiter=",", skiprows=1)[:50]

    assert (code, err) == (0, "")
    assert not model.codec_.is_plain
    found = runtime.InferenceSession("run/onnx/log_prob.onnx").run(None, {"x": rows})[0]
    frame = pd.DataFrame(rows, columns=model.feature_names_in_)
    np.testing.assert_allclose(found, model.score_samples(frame), atol=1e-5)
