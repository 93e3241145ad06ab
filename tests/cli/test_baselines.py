"""The plainer densities that a run is compared with: of the same rows, in the same units."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from realnvp.cli.figures import measured_rows
from realnvp.report.page import of_density

QUICK = ["--max-steps", "30", "--layers", "2", "--width", "8", "--no-figures"]
ENTROPY = -0.3 * np.log(0.3) - 0.7 * np.log(0.7) + 0.5 * np.log(2 * np.pi * np.e)
"""Of a coin and, beside it, a standard normal."""


def figures(run):
    return json.loads(Path(run, "config.json").read_text())["figures"]


@pytest.mark.parametrize("values", [("no", "yes"), (0, 1), (0, 1000)])
def test_of_values_that_repeat_a_gaussian_has_the_mass_whatever_their_unit(realnvp, values):
    rng = np.random.default_rng(0)
    coin = np.array(values)[(rng.random(4000) < 0.3).astype(int)]
    pd.DataFrame({"coin": coin, "x": rng.normal(size=4000)}).to_csv("coin.csv", index=False)
    code, out, err = realnvp("fit", "coin.csv", *QUICK, "--out", "run")
    found = figures("run")

    assert (code, err) == (0, "")
    assert found["gaussian_nll"] == pytest.approx(ENTROPY, abs=0.1)
    assert found["mixture_nll"] == pytest.approx(ENTROPY, abs=0.12)
    assert found["held_out_nll"] == pytest.approx(found["gaussian_nll"], abs=0.1)
    assert "nats, the line to beat, of the columns in the same code" in out
    assert "in the same code as the flow" in Path("run/report.html").read_text()


def test_given_a_context_it_is_the_conditional_gaussian(realnvp):
    rng = np.random.default_rng(0)
    c = rng.normal(size=4000)
    flag = rng.random(4000) < 0.3
    pd.DataFrame({"flag": flag, "x": c + 0.5 * rng.normal(size=4000), "c": c}).to_csv("given.csv", index=False)
    assert realnvp("fit", "given.csv", *QUICK, "--context", "c", "--out", "run")[::2] == (0, "")

    assert figures("run")["gaussian_nll"] == pytest.approx(ENTROPY + np.log(0.5), abs=0.1)


def test_of_plain_columns_it_is_what_it_was(realnvp, table):
    from realnvp import RealNVP
    from realnvp.measure import gaussian_density, gaussian_nll, mixture_nll

    _, out, _ = realnvp("fit", table, *QUICK, "--out", "run")
    X = pd.read_csv(table).to_numpy()
    order = np.random.default_rng(0).permutation(300)
    train, held_out = X[order[30:]], X[order[:30]]

    assert figures("run")["gaussian_nll"] == pytest.approx(gaussian_nll(train, held_out).value, abs=1e-12)
    assert figures("run")["mixture_nll"] == pytest.approx(mixture_nll(train, held_out)[0].value, abs=1e-12)
    assert "baselines_coded" not in figures("run")
    model = RealNVP.load("run")
    by = model.score_samples(pd.DataFrame(held_out, columns=model.feature_names_in_)) - gaussian_density(train)(
        held_out
    )
    assert figures("run")["gaussian_error"] == pytest.approx(by.std(ddof=1) / np.sqrt(30), abs=1e-12)
    assert "a mixture's NLL" in out


def test_of_rows_with_gaps_the_whole_ones_are_said_to_be_learnt_from(realnvp, table):
    frame = pd.read_csv(table)
    frame.loc[:99, "age"] = np.nan
    frame.to_csv("gaps.csv", index=False)
    _, out, _ = realnvp("fit", "gaps.csv", *QUICK, "--missing", "marginalise", "--out", "run")

    assert figures("run")["baselines_rows"] == 170
    assert "nats, the line to beat, learnt from the 170 whole rows" in out
    page = Path("run/report.html").read_text()
    assert "learnt from the 170 of 270 training rows that have no gaps, the flow from all" in page


def test_without_one_nothing_is_said_of_it():
    found = {"held_out_nll": 1.0, "held_out_nll_error": 0.1, "gaussian_nll": None, "round_trip_error": 1e-12}
    verdict = of_density({"figures": found, "data": {"held_out_rows": 9}}, [], None)

    assert not any("Gaussian" in what for what, *_ in measured_rows(found, 9))
    assert not any("Gaussian" in " ".join(figure) for figure in verdict.figures)
    assert "Gaussian" not in verdict.headline + " ".join(verdict.sentences)


def test_scores_of_rows_with_gaps_are_not_averaged_with_whole_ones(realnvp, table):
    frame = pd.read_csv(table)
    frame.loc[:99, "age"] = np.nan
    frame.to_csv("gaps.csv", index=False)
    realnvp("fit", "gaps.csv", *QUICK, "--missing", "marginalise", "--out", "run")
    _, out, _ = realnvp("score", "run", "gaps.csv", "--out", "scores.npy")
    scores = np.load("scores.npy")[:, 0]

    assert f"mean {scores[100:].mean():.4f} nats per row of the 200 whole rows" in out
    assert f"of the other 100 it is that of what was observed, and with them {scores.mean():.4f}" in out


def test_the_page_says_what_the_model_is_made_of(realnvp, table):
    realnvp("fit", table, "--max-steps", 40, "--no-figures", "--out", "run")
    config, page = json.loads(Path("run/config.json").read_text()), Path("run/report.html").read_text()

    assert len(config["architecture"]["members"]) > 1
    assert f"{len(config['architecture']['members'])} densities mixed: " in page
    assert "none couplings" not in page
    assert "it is the mixture that is tested" in page


@pytest.mark.filterwarnings("error")
def test_two_columns_one_of_which_is_discrete_are_drawn_as_pairs(realnvp):
    rng = np.random.default_rng(0)
    pd.DataFrame({"n": rng.poisson(2, 300), "x": rng.normal(size=300)}).to_csv("two.csv", index=False)
    code, _, err = realnvp("fit", "two.csv", "--max-steps", 20, "--layers", "2", "--width", "8", "--out", "run")
    page = Path("run/report.html").read_text()

    assert (code, err) == (0, "")
    assert 'id="map-corner"' in page
    assert 'id="map-learnt"' not in page
    assert Path("run/figures/corner.png").is_file()
    pd.read_csv("two.csv")[["n"]].to_csv("one.csv", index=False)
    assert realnvp("fit", "one.csv", "--max-steps", 20, "--layers", "2", "--width", "8", "--out", "one")[::2] == (0, "")
