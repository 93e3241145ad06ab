"""Tables with texts, booleans and categories at the command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from realnvp import RealNVP
from realnvp.data.table import read_table
from realnvp.report import read_kept
from realnvp.train import Checkpoint

QUICK = ["--max-steps", "30", "--layers", "2", "--width", "8", "--quiet"]


def mixed(n=400):
    rng = np.random.default_rng(0)
    city = rng.choice(["Oslo", "Bergen", "Tromsø"], n, p=[0.5, 0.3, 0.2])
    height = rng.normal(size=n) + 2 * (city == "Oslo")
    made = {"height": height, "city": city, "member": rng.random(n) < 0.4, "visits": rng.poisson(3, n)}
    return pd.DataFrame(made)


@pytest.fixture
def people(tmp_path):
    frame = mixed()
    frame.to_csv(tmp_path / "people.csv", index=False)
    kinds = pd.CategoricalDtype(["Oslo", "Tromsø", "Bergen"], ordered=True)
    frame.astype({"city": kinds}).to_parquet(tmp_path / "people.parquet")
    return frame


@pytest.fixture
def fitted(realnvp, people):
    assert realnvp("fit", "people.csv", *QUICK, "--no-figures", "--out", "run")[::2] == (0, "")
    return people


@pytest.mark.parametrize("file", ["people.csv", "people.parquet"])
def test_texts_are_learnt_as_what_they_are(realnvp, people, file, tmp_path):
    code, _, err = realnvp("fit", file, *QUICK, "--out", "run")
    config = json.loads((tmp_path / "run/config.json").read_text())

    assert (code, err) == (0, "")
    assert [c["kind"] for c in config["kinds"]] == ["continuous", "categorical", "boolean", "discrete"]
    assert set(config["kinds"][1]["labels"]) == {"Oslo", "Bergen", "Tromsø"}
    assert (tmp_path / "run/report.html").is_file()
    assert {p.name for p in (tmp_path / "run/figures").iterdir()} == {
        "corner.png",
        "latent.png",
        "pit.png",
        "training.png",
    }


def test_an_ordered_category_keeps_its_order(realnvp, people, tmp_path):
    realnvp("fit", "people.parquet", *QUICK, "--no-figures", "--out", "run")

    assert json.loads((tmp_path / "run/config.json").read_text())["kinds"][1]["labels"] == ["Oslo", "Tromsø", "Bergen"]


@pytest.mark.parametrize("out", ["new.csv", "new.parquet"])
def test_samples_are_of_the_columns_kinds(realnvp, fitted, out):
    assert realnvp("sample", "run", "-n", 50, "--out", out)[0] == 0
    drawn = pd.read_csv(out) if out.endswith("csv") else pd.read_parquet(out)

    assert list(drawn.columns) == ["height", "city", "member", "visits"]
    assert set(drawn["city"]) <= {"Oslo", "Bergen", "Tromsø"}
    assert drawn["member"].dtype == bool
    assert (drawn["visits"] == drawn["visits"].round()).all()


def test_an_array_of_numbers_cannot_hold_texts(realnvp, fitted, tmp_path):
    code, _, err = realnvp("sample", "run", "-n", 5, "--out", "new.npy")

    assert code == 2
    assert err == "realnvp: new.npy can hold numbers only, and some columns hold none: name a .csv or .parquet\n"
    assert not [p for p in tmp_path.iterdir() if "new" in p.name]


@pytest.mark.parametrize("file", ["people.csv", "people.parquet"])
def test_scores_are_those_of_the_estimator(realnvp, fitted, file):
    code, out, err = realnvp("score", "run", file, "--out", "scores.csv")
    exact = RealNVP.load("run").score_samples(fitted)

    assert (code, err) == (0, "")
    np.testing.assert_allclose(read_table("scores.csv").values[:, 0], exact, atol=1e-12)
    assert f"mean {exact.mean():.4f} nats per row\n" in out


@pytest.mark.filterwarnings("default")
def test_a_text_that_the_fit_did_not_see_has_no_mass_and_is_named(realnvp, fitted):
    strange = fitted.copy()
    strange.loc[[2, 7], "city"] = "Roma"
    strange.to_csv("strange.csv", index=False)
    code, out, err = realnvp("score", "run", "strange.csv", "--out", "scores.npy")
    scores = np.load("scores.npy")[:, 0]

    assert code == 0
    assert err == (
        "realnvp: strange.csv: column 'city' holds 'Roma' in row 3, which the fit did not see: such rows have the "
        "density zero, log_prob -inf\n"
    )
    assert np.flatnonzero(np.isneginf(scores)).tolist() == [2, 7]
    known = np.delete(scores, [2, 7])
    assert f"mean {known.mean():.4f} nats per row of the 398 whose values the fit had seen" in out
    code, _, err = realnvp("impute", "run", "strange.csv", "--out", "whole.csv")
    assert code == 2
    assert "column 'city' holds 'Roma' in row 3, which the fit did not see: drop such rows" in err


def test_whole_rows_are_written_as_they_are(realnvp, fitted):
    assert realnvp("impute", "run", "people.csv", "--out", "whole.csv")[0] == 0

    pd.testing.assert_frame_equal(pd.read_csv("whole.csv"), fitted)


def test_info_and_report_of_such_a_run(realnvp, fitted, tmp_path):
    assert "column city: 3 categories" in realnvp("info", "run")[1]
    (tmp_path / "run/report.html").unlink()
    assert realnvp("report", "run")[::2] == (0, "")
    page = (tmp_path / "run/report.html").read_text()

    assert '"levels":[null,["Bergen","Oslo","Troms' in page
    assert "in the same code as the flow" in page
    kept = read_kept(tmp_path / "run").arrays["train"]
    assert set(kept[:, 1]) == {0, 1, 2}


def test_a_run_of_a_frame_saved_in_python_works_at_the_command(realnvp, people):
    quick = {"max_steps": 20, "layers": 2, "width": 8, "verbose": False, "random_state": 0}
    model = RealNVP(**quick).fit(people.astype({"city": "category"}))
    model.save("saved")

    assert realnvp("sample", "saved", "-n", 20, "--out", "new.parquet")[0] == 0
    assert set(pd.read_parquet("new.parquet")["city"]) <= set(people["city"])
    assert realnvp("score", "saved", "people.csv", "--out", "scores.npy")[0] == 0
    np.testing.assert_allclose(np.load("scores.npy")[:, 0], model.score_samples(people), atol=1e-12)
    assert realnvp("report", "saved")[::2] == (0, "")
    assert realnvp("info", "saved")[0] == 0


def test_a_training_with_texts_goes_on_to_the_bit(realnvp, people, monkeypatch):
    """It is ended hard after its third checkpoint."""
    words = ["fit", "people.csv", *QUICK, "--no-figures"]
    realnvp(*words, "--out", "whole")
    real, count = Checkpoint.write, iter(range(10**6))

    def write(self, tensors, facts):
        real(self, tensors, facts)
        if next(count) == 2:
            raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", write)
        assert realnvp(*words, "--checkpoint-every", 1e-9, "--out", "run")[0] == 2
    assert realnvp(*words, "--checkpoint-every", 100, "--out", "run", "--resume")[::2] == (0, "")
    assert Path("run/model.safetensors").read_bytes() == Path("whole/model.safetensors").read_bytes()


def test_a_rare_text_is_learnt_from_not_measured_on(realnvp, people):
    for i in range(40):
        people.loc[i * 10, "city"] = f"town {i}"
    people.to_csv("rare.csv", index=False)
    code, _, err = realnvp("fit", "rare.csv", *QUICK, "--no-figures", "--out", "run")

    assert (code, err) == (0, "")
    assert np.isfinite(json.loads(Path("run/config.json").read_text())["figures"]["held_out_nll"])


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ([f"person {i}" for i in range(400)], "different texts in 400 rows, such as 'person 0'"),
        ([f"person {i}" for i in range(400)], "names and ids say nothing of other rows, leave it out (--drop x)"),
        (
            [f"town {i % 80}" for i in range(400)],
            "group them into 50 or fewer, or say what it is by --kinds x=categorical",
        ),
        (["here"] * 400, "column 'x' is constant ('here'): leave it out (--drop x), it has no density"),
        (
            ["a", None, *["b", "c"] * 199],
            "column 'x' has a missing value in row 2 (1 missing or infinite in all): fill in",
        ),
        (["1.5", "oops", *map(str, range(398))], "column 'x' holds 'oops' in row 2, which is not a real number"),
        (["2020-01-01"] * 400, "column 'x' holds dates or times"),
    ],
)
def test_a_column_of_texts_that_cannot_be_learnt_gets_a_sentence(realnvp, people, column, sentence):
    people.assign(x=column).to_csv("odd.csv", index=False)
    code, _, err = realnvp("fit", "odd.csv", *QUICK)

    assert code == 2
    assert sentence in err
    assert "missing=" not in err
    assert err.count("\n") == 1
    assert realnvp("fit", "odd.csv", *QUICK, "--no-figures", "--drop", "x", "--out", "run")[0] == 0


def test_gaps_beside_texts_get_a_sentence_that_can_be_followed(realnvp, people):
    people.loc[3, "height"] = np.nan
    people.to_csv("gap.csv", index=False)

    err = realnvp("fit", "gap.csv", *QUICK)[2]
    assert "fill in or drop such rows, or learn from them as they are by --missing marginalise\n" in err


def test_columns_to_drop_are_checked(realnvp, people):
    assert "has no column 'town' to --drop" in realnvp("fit", "people.csv", "--drop", "town")[2]
    assert "named in --drop and elsewhere" in realnvp("fit", "people.csv", "--columns", "city", "--drop", "city")[2]
    assert "leave --columns, --context and --drop out" in realnvp("fit", "moons", "--drop", "x0")[2]


def test_texts_and_numbers_with_gaps_are_learnt_scored_and_made_whole(realnvp, people, tmp_path):
    gaps = np.random.default_rng(1).random(people.shape) < 0.15
    gaps[gaps.all(1)] = False
    holed = people.astype(object).mask(gaps)
    holed.to_csv("holed.csv", index=False)
    options = ("--max-steps", "200", "--layers", "2", "--width", "8", "--quiet", "--missing", "marginalise")
    assert realnvp("fit", "holed.csv", *options, "--out", "run")[::2] == (0, "")
    code, out, err = realnvp("impute", "run", "holed.csv", "--out", "whole.csv")
    whole = pd.read_csv("whole.csv")

    assert (code, err) == (0, "")
    assert f"{gaps.sum()} empty cells of 400 rows filled in whole.csv" in out
    assert not whole.isna().any(axis=None)
    assert set(whole["city"]) == set(people["city"])
    assert (whole["city"] == people["city"])[~gaps[:, 1]].all()
    assert whole["height"][whole["city"] == "Oslo"].mean() > whole["height"][whole["city"] != "Oslo"].mean() + 1
    assert f"{gaps.any(1).sum()} of them have gaps" in realnvp("score", "run", "holed.csv", "--summary")[1]
    assert (tmp_path / "run/report.html").is_file()


def test_codes_that_begin_with_a_zero_are_texts_and_stay_whole(realnvp):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"zip": rng.choice(["00501", "10001", "94103"], 200), "x": rng.normal(size=200)})
    frame.to_csv("t.csv", index=False)
    assert realnvp("fit", "t.csv", *QUICK, "--out", "run")[::2] == (0, "")
    assert realnvp("sample", "run", "-n", "50", "--out", "new.csv")[0] == 0

    assert set(pd.read_csv("new.csv", dtype=str)["zip"]) <= {"00501", "10001", "94103"}
    assert "log density of 200 rows" in realnvp("score", "run", "t.csv", "--summary")[1]


def test_codes_are_numbers_where_that_is_said(realnvp):
    frame = pd.DataFrame({"n": [f"{k:03d}" for k in np.random.default_rng(0).poisson(30, 200)]})
    frame.to_csv("t.csv", index=False)
    assert realnvp("fit", "t.csv", "--kinds", "n=discrete", *QUICK, "--out", "run")[::2] == (0, "")
    assert realnvp("sample", "run", "-n", "50", "--out", "new.csv")[0] == 0

    assert pd.read_csv("new.csv")["n"].between(0, 99).all()


@pytest.mark.parametrize("kinds", [[], ["--kinds", "d=categorical"]], ids=["as they are", "said"])
def test_texts_of_a_file_with_types_may_look_like_numbers(realnvp, kinds):
    frame = pd.DataFrame({"d": np.random.default_rng(0).choice(["1", "2", "3"], 200), "x": np.arange(200.0) ** 0.5})
    frame.to_parquet("t.parquet")
    assert realnvp("fit", "t.parquet", *kinds, *QUICK, "--out", "run")[::2] == (0, "")
    assert realnvp("sample", "run", "-n", "50", "--out", "new.parquet")[0] == 0

    assert set(pd.read_parquet("new.parquet")["d"]) <= {"1", "2", "3"}


def test_classes_of_numbers_and_letters_are_learnt_where_they_are_said_to_be_classes(realnvp):
    frame = pd.DataFrame({"d": np.random.default_rng(0).choice(["1", "2", "a"], 200), "x": np.arange(200.0) ** 0.5})
    frame.to_csv("t.csv", index=False)
    code, _, err = realnvp("fit", "t.csv", *QUICK, "--out", "run")

    assert code == 2
    assert "'a'" in err
    assert realnvp("fit", "t.csv", "--kinds", "d=categorical", *QUICK, "--out", "run")[::2] == (0, "")
