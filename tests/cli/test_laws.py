"""``realnvp fit`` of columns that follow from others."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from realnvp.data.table import read_table

QUICK = ["--max-steps", "20", "--layers", "2", "--width", "8"]


@pytest.mark.filterwarnings("default")
def test_columns_that_follow_from_others_are_named_and_drawn(realnvp, tmp_path):
    a, b = np.random.default_rng(0).normal(size=(2, 300))
    pd.DataFrame({"a": a, "twice": 2 * a, "b": b}).to_csv("laws.csv", index=False)
    code, _, err = realnvp("fit", "laws.csv", *QUICK, "--out", "run")

    assert code == 0
    assert "1 column follows from others, 'twice' = 2 * 'a': " in err
    assert len(err.splitlines()) == 1
    assert "law       'twice' = 2 * 'a'" in realnvp("info", "run")[1]
    assert (tmp_path / "run/report.html").is_file()
    assert realnvp("sample", "run", "-n", 20, "--out", "new.csv")[0] == 0
    new = read_table("new.csv")
    assert new.columns == ("a", "twice", "b")
    np.testing.assert_allclose(new.values[:, 1], 2 * new.values[:, 0], atol=1e-9)
    assert realnvp("score", "run", "new.csv", "--out", "scores.csv")[0] == 0
    gaussian = json.loads(Path("run/config.json").read_text())["figures"]["gaussian_nll"]
    assert gaussian == pytest.approx(2.84, abs=0.3)


@pytest.mark.filterwarnings("default")
def test_laws_are_found_beside_texts(realnvp, tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300))
    frame = pd.DataFrame({"a": a, "side": rng.choice(["left", "right"], 300), "b": b, "sum": a + b})
    frame.to_csv("laws.csv", index=False)
    code, _, err = realnvp("fit", "laws.csv", *QUICK, "--out", "run")

    assert code == 0
    assert "1 column follows from others, 'sum' = 1 * 'a' + 1 * 'b': " in err
    assert (tmp_path / "run/report.html").is_file()
    assert realnvp("sample", "run", "-n", 20, "--out", "new.csv")[0] == 0
    new = pd.read_csv("new.csv")
    assert list(new.columns) == ["a", "side", "b", "sum"]
    assert set(new["side"]) == {"left", "right"}
    np.testing.assert_allclose(new["sum"], new["a"] + new["b"], atol=1e-9)
    assert realnvp("score", "run", "new.csv", "--out", "scores.csv")[0] == 0
