"""Rows with missing values under a fitted density, against integrals of that density over a grid."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

from realnvp import InputError, RealNVP
from realnvp.data import toy
from realnvp.estimators.parts import filling

QUICK = {"layers": 4, "width": 32, "verbose": False, "random_state": 0, "device": "cpu"}
GRID = np.linspace(-3, 3, 1201)
STEP = GRID[1] - GRID[0]


@pytest.fixture(scope="module")
def moons():
    """The two moons, learnt of whole rows, and asked for rows with gaps."""
    return RealNVP(**QUICK | {"kernel": "spline", "max_steps": 400}).fit(toy("moons").sample(4000, 0))


@pytest.fixture(scope="module")
def marginal(moons):
    return copy.copy(moons).set_params(missing="marginalise")


def given(moons, value, column):
    """The density of the other column on the grid, where this one has the value, and its integral."""
    rows = np.full((len(GRID), 2), value)
    rows[:, 1 - column] = GRID
    density = np.exp(moons.score_samples(rows))
    return density, density.sum() * STEP


@pytest.mark.parametrize("column", [0, 1])
def test_densities_of_what_was_observed_are_integrals_of_the_flow(moons, column):
    values = np.linspace(-0.4, 1.0, 12)
    rows = np.full((12, 2), np.nan)
    rows[:, column] = values
    exact = np.log([given(moons, v, column)[1] for v in values])
    found = moons.score_missing(rows)
    z = (found.log_prob - exact) / found.error

    assert found.error.max() < 0.15
    assert found.ess.min() > 0.01
    assert np.abs(z).max() < 4.5
    assert not np.array_equal(moons.score_missing(rows, random_state=1).log_prob, found.log_prob)


def test_whole_rows_are_exact_and_empty_ones_certain(marginal, moons):
    X = toy("moons").sample(50, 1)
    holed = np.vstack([X, [[np.nan, np.nan]], [[0.5, np.nan]]])
    found = marginal.score_missing(holed)

    np.testing.assert_allclose(found.log_prob[:50], moons.score_samples(X), rtol=1e-12)
    assert (found.error[:51] == 0).all()
    assert (found.ess[:51] == 1).all()
    assert found.log_prob[50] == 0
    assert found.error[51] > 0
    assert np.array_equal(marginal.score_samples(holed), found.log_prob)


def test_the_rows_beside_it_do_not_matter_to_a_row(marginal, monkeypatch):
    X = toy("moons").sample(60, 1)
    X[np.arange(60), np.arange(60) % 2] = np.nan
    whole = marginal.score_samples(X)
    monkeypatch.setattr(filling, "CHUNK", 512)
    pieces = np.concatenate([marginal.score_samples(part) for part in np.array_split(X[::-1], 7)])[::-1]

    np.testing.assert_allclose(pieces, whole, rtol=1e-9)


def test_gaps_are_filled_from_both_moons(moons):
    """At x = 0.5 both arms are likely, at heights that are far from one another."""
    X = np.tile([0.5, np.nan], (4000, 1))
    filled = moons.impute(X, random_state=0)
    density, mass = given(moons, 0.5, 0)
    law = np.cumsum(density) * STEP / mass
    drawn = np.searchsorted(np.sort(filled[:, 1]), GRID, side="right") / 4000

    assert (filled[:, 0] == 0.5).all()
    assert np.abs(drawn - law).max() < 1.95 / np.sqrt(4000)  # Kolmogorov's, at one in a thousand
    assert 0.2 < (filled[:, 1] > 0.25).mean() < 0.8
    assert ((filled[:, 1] > 0.05) & (filled[:, 1] < 0.35)).mean() < 0.1


def test_a_seed_fills_alike_and_rows_that_are_whole_stay(moons):
    X = toy("moons").sample(40, 1)
    X[:9, 0] = np.nan
    X[9, :] = np.nan
    one, two = moons.impute(X, random_state=1), moons.impute(X, random_state=1)

    assert np.array_equal(one, two)
    assert np.array_equal(one[~np.isnan(X)], X[~np.isnan(X)])
    assert np.isfinite(one).all()
    assert not np.array_equal(one, moons.impute(X, random_state=2))


def test_a_frame_comes_back_as_a_frame_with_its_index(moons):
    X = toy("moons").sample(1000, 0)
    frame = pd.DataFrame(X, columns=["east", "north"], index=np.arange(1000) + 7)
    model = RealNVP(**QUICK | {"max_steps": 5}).fit(frame).set_output(transform="pandas")
    filled = model.impute(frame.mask(frame > 1.5)[:20], random_state=0)

    assert list(filled.columns) == ["east", "north"]
    assert list(filled.index) == list(frame.index[:20])


def test_a_column_that_others_decide_is_used_and_filled_by_its_law():
    a, b = np.random.default_rng(0).normal(size=(2, 500))
    X = np.column_stack([a, b, a - b])
    with pytest.warns(UserWarning, match="follows from others"):
        model = RealNVP(**QUICK | {"max_steps": 5, "missing": "marginalise"}).fit(X)
    holed = X[:30].copy()
    holed[:10, 0], holed[10:20, 2], holed[20:, :2] = np.nan, np.nan, np.nan
    filled = model.impute(holed, random_state=0)

    np.testing.assert_allclose(filled[:20], X[:20], atol=1e-8)
    np.testing.assert_allclose(model.score_samples(holed[:20]), model.score_samples(X[:20]), atol=1e-8)


def test_given_a_context_the_law_of_the_gaps_follows_it(tmp_path):
    rng = np.random.default_rng(0)
    c = rng.uniform(-2, 2, (3000, 1))
    X = np.hstack([c, -2 * c]) + 0.3 * rng.normal(size=(3000, 2)) @ [[1.0, 0.8], [0.0, 0.6]]
    model = RealNVP(**QUICK | {"max_steps": 1000, "missing": "marginalise"}).fit(X, context=c)
    filled = model.impute(np.tile([1.3, np.nan], (3000, 1)), context=np.full((3000, 1), 1.0), random_state=0)
    loaded = RealNVP.load(model.save(tmp_path / "run"))
    holed = np.array([[1.3, np.nan]])

    assert filled[:, 1].mean() == pytest.approx(-2 + 0.8 * 0.3, abs=0.08)
    assert filled[:, 1].std() == pytest.approx(0.18, abs=0.04)
    assert np.array_equal(loaded.score_samples(holed, context=[[1.0]]), model.score_samples(holed, context=[[1.0]]))
    refusing = RealNVP(**QUICK | {"max_steps": 5}).fit(X, context=c)
    with pytest.raises(InputError, match="given a context with missing='refuse'"):
        refusing.impute(holed, context=[[1.0]])


def test_a_pickled_model_knows_its_proposals(marginal):
    X = np.array([[0.5, np.nan]])

    assert np.array_equal(pickle.loads(pickle.dumps(marginal)).score_samples(X), marginal.score_samples(X))


def test_gaps_get_a_sentence(moons, marginal):
    X = np.array([[0.5, np.nan], [1.0, 0.0]])

    with pytest.raises(InputError, match=r"\(NaN\) in 1 of 2 rows and 1 of 2 columns \('x1'\).*marginalise"):
        moons.score_samples(X)
    with pytest.raises(InputError, match="complete them by impute"):
        moons.transform(X)
    with pytest.raises(InputError, match="thresholds are of whole rows"):
        marginal.predict_outliers(X)
    with pytest.raises(ValueError, match="infinity"):
        marginal.score_samples([[np.inf, 0.0]])


def test_latent_coordinates_of_rows_with_gaps_are_unknown(marginal, moons):
    X = np.array([[0.5, np.nan], [1.0, 0.0]])
    Z = marginal.transform(X)

    assert np.isnan(Z[0]).all()
    np.testing.assert_allclose(Z[1], moons.transform(X[1:])[0], rtol=1e-12)
    assert np.isnan(marginal.transform(X[:1])).all()


def test_densities_that_rest_on_few_draws_are_spoken_of(marginal, monkeypatch):
    monkeypatch.setattr("realnvp.estimators.parts.missing._TRUSTED", 10**6)

    with pytest.warns(UserWarning, match="of 1 of 1 rows rest on fewer than 1000000 effective draws"):
        marginal.score_samples([[0.5, np.nan]])
