"""Tables with empty cells at the command line."""

import numpy as np
import pandas as pd
import pytest

from realnvp import RealNVP
from realnvp.data.table import read_table
from realnvp.report import read_kept

QUICK = ["--max-steps", "40", "--layers", "2", "--width", "8"]


@pytest.fixture
def holed(tmp_path):
    """A table of two correlated columns and one by itself, a fifth of its cells empty."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) @ [[1.0, 0.9, 0], [0, 0.3, 0], [0, 0, 1]]
    X[rng.random(X.shape) < 0.2] = np.nan
    frame = pd.DataFrame(X[~np.isnan(X).all(1)], columns=["height", "width", "age"])
    frame.to_csv(tmp_path / "holed.csv", index=False)
    frame.to_parquet(tmp_path / "holed.parquet")
    return frame


@pytest.mark.parametrize("file", ["holed.csv", "holed.parquet"])
def test_a_table_with_empty_cells_is_learnt_scored_and_made_whole(realnvp, holed, file):
    options = ["--max-steps", "300", "--layers", "2", "--width", "8", "--no-figures", "--missing", "marginalise"]
    assert realnvp("fit", file, *options, "--out", "run")[0] == 0
    code, out, err = realnvp("impute", "run", file, "--out", "whole.csv", "--seed", 1)
    whole = read_table("whole.csv")

    assert (code, err) == (0, "")
    assert f"{int(holed.isna().to_numpy().sum())} empty cells of {len(holed)} rows filled in whole.csv" in out
    assert whole.columns == ("height", "width", "age")
    seen = holed.notna().to_numpy()
    assert np.array_equal(whole.values[seen], holed.to_numpy()[seen])
    assert (
        np.corrcoef(whole.values[:, :2].T)[0, 1] > 0.85
    )  # 0.95 in truth; 0.6 where gaps were filled regardless of the rest
    assert realnvp("score", "run", file, "--out", "scores.csv")[0] == 0
    scores = read_table("scores.csv").values[:, 0]
    np.testing.assert_allclose(scores, RealNVP.load("run").score_samples(holed), atol=1e-9)


def test_the_figures_are_of_rows_without_empty_cells(realnvp, holed):
    realnvp("fit", "holed.csv", *QUICK, "--missing", "marginalise", "--out", "run")
    code, out, _ = realnvp("info", "run")

    assert code == 0
    assert "held-out NLL" in out
    assert "nan" not in out


def test_given_a_context_empty_cells_are_filled_too(realnvp, holed):
    frame = holed.assign(age=np.arange(len(holed)) / 100)
    frame = frame[frame[["height", "width"]].notna().any(axis=1)]
    frame.to_csv("given.csv", index=False)
    assert realnvp("fit", "given.csv", *QUICK, "--missing", "marginalise", "--context", "age", "--out", "run")[0] == 0
    assert realnvp("impute", "run", "given.csv", "--out", "whole.csv")[0] == 0
    assert read_table("whole.csv").columns == ("height", "width")


def test_seeds_decide(realnvp, holed):
    realnvp("fit", "holed.csv", *QUICK, "--missing", "marginalise", "--out", "run")
    found = []
    for out, seed in (("a.npy", 1), ("b.npy", 1), ("c.npy", 2)):
        realnvp("impute", "run", "holed.csv", "--out", out, "--seed", seed)
        found.append(np.load(out))

    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("fit", "holed.csv"), "has a missing value in row"),
        (("fit", "holed.csv", "--missing", "guess"), "guess"),
        (("fit", "holed.csv", "--missing", "marginalise", "--context", "age"), "context column 'age' has empty cells"),
        (("fit", "empty_row.csv", "--missing", "marginalise"), "row 3 has no values at all"),
        (("fit", "empty_column.csv", "--missing", "marginalise"), "column 'b' has no values at all"),
        (("fit", "few.csv", "--missing", "marginalise"), "has 3 rows without empty cells: give at least 20"),
        (("fit", "digits", "--missing", "marginalise"), "--missing is for tables"),
        (("impute", "none", "holed.csv", "--out", "a.csv"), "there is no run folder none"),
    ],
)
def test_what_cannot_be_done_gets_a_sentence(realnvp, holed, args, sentence):
    X = np.random.default_rng(0).normal(size=(40, 2))
    for name, gap in (
        ("empty_row", (3, slice(None))),
        ("empty_column", (slice(None), 1)),
        ("few", (slice(3, None), 1)),
    ):
        holes = X.copy()
        holes[gap] = np.nan
        pd.DataFrame(holes, columns=["a", "b"]).to_csv(f"{name}.csv", index=False)
    code, _, err = realnvp(*args)

    assert code == 2
    assert sentence in err


def test_a_run_that_refuses_empty_cells_refuses_them_when_it_scores(realnvp, table, holed):
    realnvp("fit", table, *QUICK, "--out", "run")

    assert "has a missing value in row" in realnvp("score", "run", "holed.csv", "--out", "scores.csv")[2]
    assert realnvp("impute", "run", "holed.csv", "--out", "whole.csv")[0] == 0


@pytest.mark.filterwarnings("default")
def test_what_is_not_made_of_columns_beside_gaps_is_warned_of_by_name(realnvp, holed):
    visits, share = np.random.default_rng(0).poisson(2, len(holed)), np.random.default_rng(1).random(len(holed))
    holed.assign(twice=2 * holed["age"], visits=visits, share=share).to_csv("visits.csv", index=False)
    words = ("--bounds", "share=0:1", "--missing", "marginalise", "--out", "run", "--no-figures")
    code, said, err = realnvp("fit", "visits.csv", *QUICK, *words)

    assert code == 0
    assert len(err.splitlines()) == 2
    assert "'twice' = 2 * 'age'" in err
    assert "a table with missing values (NaN) in which columns follow from others is learnt as plain numbers" in err
    assert "'share': " in err
    assert "column visits: " in said
    kinds = {column["name"]: column["kind"] for column in RealNVP.load("run").columns_}
    assert kinds["visits"] == "discrete"
    assert kinds["share"] == "continuous"


@pytest.mark.filterwarnings("default")
def test_what_is_said_of_columns_is_of_their_names_behind_one_that_follows(realnvp, table, tmp_path):
    rng = np.random.default_rng(0)
    a, wait = rng.normal(size=300), rng.gamma(2, size=300)
    pd.DataFrame({"a": a, "twice": 2 * a, "visits": rng.poisson(3, 300), "wait": wait}).to_csv("laws.csv", index=False)
    code, out, err = realnvp("fit", "laws.csv", *QUICK, "--bounds", "wait=0:", "--out", "run")

    assert code == 0
    assert "'twice' = 2 * 'a'" in err
    assert len(err.splitlines()) == 1
    assert "column visits: " in out
    assert "column wait: " in out
    assert [column["name"] for column in RealNVP.load("run").columns_] == ["a", "visits", "wait"]
    assert (tmp_path / "run/report.html").is_file()


def test_the_page_of_a_table_with_gaps_is_of_its_whole_rows(realnvp, holed, tmp_path):
    code, _, err = realnvp("fit", "holed.csv", *QUICK, "--missing", "marginalise", "--out", "run")
    kept = read_kept(tmp_path / "run").arrays

    assert (code, err) == (0, "")
    assert (tmp_path / "run/report.html").is_file()
    assert len(kept["train"]) == len(kept["train_at"]) > 100
    assert not np.isnan(kept["train"]).any()
    np.testing.assert_array_equal(kept["train"], holed.to_numpy()[kept["train_at"]])


def test_the_data_is_not_written_over_even_by_force(realnvp, holed, tmp_path):
    realnvp("fit", "holed.csv", *QUICK, "--no-figures", "--missing", "marginalise", "--out", "run")
    before = (tmp_path / "holed.csv").read_bytes()
    for verb in ("score", "impute"):
        code, _, err = realnvp(verb, "run", "holed.csv", "--out", "holed.csv", "--force")

        assert (code, (tmp_path / "holed.csv").read_bytes()) == (2, before)
        assert "holed.csv is the data itself, which would be lost: choose another --out" in err
