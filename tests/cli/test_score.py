"""``realnvp score --summary`` and ``--json``, ``info --json``: numbers for people and for programmes."""

import json

import numpy as np
import pandas as pd
import pytest

from realnvp import BoltzmannGenerator, ImageRealNVP, RealNVP, potentials
from realnvp.cli.summary import Summary
from realnvp.measure.base import plain_arrays

QUICK = {"layers": 2, "width": 8, "max_steps": 20, "members": 1, "random_state": 0, "verbose": False}


def strict(text):
    """One JSON object without what only Python reads: NaN and infinities."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def log_densities(run, data):
    with plain_arrays():
        return RealNVP.load(run).score_samples(np.loadtxt(data, delimiter=",", skiprows=1))


@pytest.fixture(scope="module")
def fitted():
    X = np.random.default_rng(1).normal(size=(300, 3))
    return RealNVP("affine", **QUICK).fit(pd.DataFrame(X, columns=["height", "width", "age"]))


@pytest.fixture
def run(fitted, tmp_path):
    fitted.save(tmp_path / "run")
    return "run"


def test_the_summary_as_json_is_one_object_with_the_numbers_of_the_rows(realnvp, run, table):
    code, out, err = realnvp("score", run, table, "--json")
    found, expected = strict(out), log_densities(run, table)

    assert (code, err, out.count("\n")) == (0, "", 1)
    assert {name: found[name] for name in ("run", "unit", "n", "zero_density", "with_gaps")} == {
        "run": "run",
        "unit": "nats",
        "n": 300,
        "zero_density": 0,
        "with_gaps": 0,
    }
    assert found["mean"] == pytest.approx(expected.mean())
    assert found["standard_error"] == pytest.approx(expected.std(ddof=1) / 300**0.5)
    for level, value in found["quantiles"].items():
        assert value == pytest.approx(np.quantile(expected, float(level), method="median_unbiased"))


def test_the_summary_says_them_in_words_and_needs_no_file(realnvp, run, table, tmp_path):
    before = set(tmp_path.iterdir())
    code, out, err = realnvp("score", run, table, "--summary")
    expected = log_densities(run, table)

    assert (code, err) == (0, "")
    for word in ("300 rows", "mean", f"{expected.mean():.4f}", "standard error", "50 % below", "nats", "table.csv"):
        assert word in out
    assert set(tmp_path.iterdir()) == before


def test_with_a_file_both_are_made_and_json_is_all_that_is_printed(realnvp, run, table, tmp_path):
    _, out, _ = realnvp("score", run, table, "--json", "--out", "scores.csv")

    assert strict(out)["n"] == 300
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 301


def test_without_a_file_and_without_a_summary_it_says_what_to_give(realnvp, run, table):
    code, out, err = realnvp("score", run, table)

    assert (code, out) == (2, "")
    assert "--out FILE" in err
    assert "--summary" in err


@pytest.mark.filterwarnings("default:.*which the fit did not see")
def test_rows_of_density_zero_are_counted_and_json_stays_json(realnvp, tmp_path):
    x = np.random.default_rng(0).normal(size=200)
    RealNVP("affine", **QUICK).fit(pd.DataFrame({"group": ["a", "b"] * 100, "x": x})).save(tmp_path / "run")
    (tmp_path / "new.csv").write_text("group,x\na,3.5\nc,2.0\nb,1.5\n")
    found = strict(realnvp("score", "run", "new.csv", "--json")[1])

    assert (found["n"], found["zero_density"]) == (3, 1)
    assert np.isfinite(found["mean"])
    assert "1 of them have the density zero" in realnvp("score", "run", "new.csv", "--summary")[1]


def test_of_pictures_it_is_in_nats_and_in_bits_per_dimension(realnvp, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    np.save(tmp_path / "p.npy", pictures)
    ImageRealNVP(layers=1, width=4, max_steps=2, random_state=0, verbose=False).fit(pictures).save(tmp_path / "run")
    found = strict(realnvp("score", "run", "p.npy", "--json")[1])

    assert found["n"] == found["bits_per_dim"]["n"] == 60
    assert found["bits_per_dim"]["mean"] == pytest.approx(-found["mean"] / 16 / np.log(2))
    assert "bits per dimension of 60 pictures" in realnvp("score", "run", "p.npy", "--summary")[1]


@pytest.mark.filterwarnings("ignore:the weights have too heavy a tail")  # 2 steps are few for it
def test_info_as_json_is_one_object(realnvp, run, tmp_path):
    quick = {"layers": 1, "width": 8, "max_steps": 2, "random_state": 0, "verbose": False, "particles": 100}
    BoltzmannGenerator(**quick).fit(potentials.DoubleWell()).save(tmp_path / "u1")

    for name, kind in ((run, "density"), ("u1", "boltzmann")):
        code, out, err = realnvp("info", name, "--json")
        assert (code, err, strict(out)["kind"]) == (0, "", kind)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_numbers_do_not_depend_on_the_pieces(size):
    values = np.random.default_rng(0).normal(1e6, 1.0, 1000)
    whole = Summary()
    for start in range(0, 1000, size):
        whole.add(values[start : start + size])

    assert whole.found()["mean"] == pytest.approx(values.mean(), abs=1e-6)
    assert whole.found()["standard_error"] == pytest.approx(values.std(ddof=1) / 1000**0.5, rel=1e-9)
    assert whole.found()["quantiles"]["0.5"] == pytest.approx(np.median(values))


def test_of_many_rows_the_quantiles_are_those_of_some_drawn_without_preference():
    ramp, some = np.arange(100_000.0), Summary(most=4000)
    for piece in np.split(ramp, 50):
        some.add(piece)

    assert some.kept.shape == (2, 4000)
    for level, value in some.found()["quantiles"].items():
        assert abs(value / 1e5 - float(level)) < 4 * (float(level) * (1 - float(level)) / 4000) ** 0.5


def test_of_no_rows_there_are_no_numbers():
    none = Summary()
    none.add(np.array([-np.inf]))

    assert none.found()["mean"] is None
    assert set(none.found()["quantiles"].values()) == {None}
