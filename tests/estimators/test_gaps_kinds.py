"""Text, few values, edges and point masses in rows with gaps: masses, densities and draws against a known law."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from realnvp import InputError, RealNVP

QUICK = {"max_steps": 1200, "layers": 4, "width": 32, "verbose": False, "random_state": 0, "device": "cpu"}
TOWNS, SHARES, PLACES = ("Bonn", "Kiel", "Ulm"), np.array([0.5, 0.2, 0.3]), np.array([0.0, 3.0, 1.5])
GRID = np.linspace(1e-3, 60, 4001)


def people(n, seed):
    """A town, a positive number with ``log x | town ~ N(place, 0.5^2)``, and ``k | town`` of 0 and 1."""
    rng = np.random.default_rng(seed)
    town = rng.choice(3, n, p=SHARES)
    x = np.exp(rng.normal(PLACES[town], 0.5))
    member = rng.random(n) < 0.2 + 0.3 * town
    return pd.DataFrame({"town": np.array(TOWNS)[town], "x": x, "member": member.astype(float)})


def log_joint(town, x, member):
    """Log density of whole rows; arrays that broadcast."""
    p = 0.2 + 0.3 * town
    return (
        np.log(SHARES[town])
        + stats.lognorm.logpdf(x, 0.5, scale=np.exp(PLACES[town]))
        + np.log(np.where(member == 1, p, 1 - p))
    )


def holed(frame, rate, seed):
    gaps = np.random.default_rng(seed).random(frame.shape) < rate
    gaps[gaps.all(1)] = False
    return frame.astype(object).mask(gaps).astype({"x": float, "member": float})


@pytest.fixture(scope="module")
def fitted():
    return RealNVP(**QUICK, kernel="spline", missing="marginalise").fit(holed(people(8000, 0), 0.25, 1))


def test_columns_are_taken_for_what_they_are(fitted):
    assert [column["kind"] for column in fitted.columns_] == ["categorical", "continuous", "few values"]
    assert fitted.columns_[1]["noticed"]


def test_whole_rows_have_the_density_of_the_law(fitted):
    fresh = people(3000, 2)
    town = np.array([TOWNS.index(t) for t in fresh["town"]])
    gap = log_joint(town, fresh["x"].to_numpy(), fresh["member"].to_numpy()) - fitted.score_samples(fresh)

    assert -0.01 < gap.mean() < 0.06


def test_what_was_observed_has_the_sum_and_the_integral_over_what_was_not(fitted):
    nothing = np.full(3, np.nan)
    alone = np.exp(fitted.score_samples(pd.DataFrame({"town": TOWNS, "x": nothing, "member": nothing})))
    given = pd.DataFrame({"town": [*TOWNS, None], "x": [2.0] * 4, "member": np.full(4, np.nan)})
    beside = np.exp(fitted.score_samples(given))
    law = np.exp(log_joint(np.arange(3)[:, None], 2.0, np.arange(2))).sum(1)

    np.testing.assert_allclose(alone, SHARES, atol=0.03)
    np.testing.assert_allclose(beside[:3], law, atol=0.02)
    assert beside[3] == pytest.approx(law.sum(), abs=0.03)


def test_a_density_by_itself_is_the_integral_of_the_flow(fitted):
    """Against the flow's own whole rows, summed over towns and members on a grid: no law is needed for it."""
    whole = pd.DataFrame({"town": np.repeat(TOWNS, 2), "x": 2.0, "member": np.tile([0.0, 1.0], 3)})
    found = fitted.score_missing(pd.DataFrame({"town": [None], "x": [2.0], "member": [np.nan]}))
    rows = pd.DataFrame({"town": "Kiel", "x": np.tile(GRID, 2), "member": np.repeat([0.0, 1.0], len(GRID))})
    town = fitted.score_missing(pd.DataFrame({"town": ["Kiel"], "x": [np.nan], "member": [np.nan]}))
    over = np.exp(fitted.score_samples(rows)).reshape(2, -1).sum(0)

    total = np.log(np.exp(fitted.score_samples(whole)).sum())
    assert found.log_prob[0] == pytest.approx(total, abs=max(0.03, 4 * found.error[0]))
    assert town.log_prob[0] == pytest.approx(np.log(np.trapezoid(over, GRID)), abs=max(0.03, 4 * town.error[0]))


def test_gaps_are_filled_by_their_law_given_the_rest(fitted):
    n = 3000
    rows = pd.DataFrame({"town": [None] * n, "x": np.full(n, 2.0), "member": np.ones(n)})
    filled = fitted.impute(rows, random_state=0)
    own = np.exp(fitted.score_samples(pd.DataFrame({"town": TOWNS, "x": 2.0, "member": 1.0})))
    law = np.exp(log_joint(np.arange(3), 2.0, 1.0))
    other = fitted.impute(rows.assign(town="Kiel", x=np.nan, member=np.nan), random_state=0)

    assert (filled["x"] == 2.0).all()
    np.testing.assert_allclose([(filled["town"] == t).mean() for t in TOWNS], own / own.sum(), atol=0.035)
    np.testing.assert_allclose(own / own.sum(), law / law.sum(), atol=0.12)
    assert (other["town"] == "Kiel").all()
    assert set(other["member"]) == {0.0, 1.0}
    assert other["member"].mean() == pytest.approx(0.5, abs=0.06)
    assert other["x"].min() > 0
    assert np.log(other["x"]).mean() == pytest.approx(3.0, abs=0.1)


def test_a_run_is_read_again_and_gives_the_same(fitted, tmp_path):
    rows = holed(people(30, 5), 0.4, 6)
    loaded = RealNVP.load(fitted.save(tmp_path / "run"))

    assert np.array_equal(loaded.score_samples(rows), fitted.score_samples(rows))
    pd.testing.assert_frame_equal(loaded.impute(rows, random_state=0), fitted.impute(rows, random_state=0))


def test_a_text_that_the_fit_did_not_see_has_no_mass_beside_a_gap(fitted):
    rows = pd.DataFrame({"town": ["Rome", "Ulm"], "x": [np.nan, 1.0], "member": [1.0, np.nan]})
    with pytest.warns(UserWarning, match="1 rows hold values that their columns cannot"):
        found = fitted.score_samples(rows)

    assert found[0] == -np.inf
    assert np.isfinite(found[1])
    with pytest.raises(InputError, match="column 'town' holds a value that fit did not see"):
        fitted.impute(rows)


def test_a_fit_of_whole_rows_fills_gaps_too():
    model = RealNVP(**QUICK | {"max_steps": 300}).fit(people(2000, 0))
    filled = model.impute(holed(people(200, 3), 0.4, 4), random_state=0)

    assert set(filled["town"]) == set(TOWNS)
    assert filled["x"].min() > 0


def test_a_point_mass_and_an_edge_beside_gaps():
    """A third of the rows at zero, the rest uniform in (0, 1), given a column that says which."""
    rng = np.random.default_rng(0)
    at = rng.random(4000) < 1 / 3
    X = np.column_stack([np.where(at, 0.0, rng.random(4000)), rng.normal(2.0 * at)])
    gaps = rng.random(X.shape) < 0.2
    gaps[gaps.all(1)] = False
    model = RealNVP(**QUICK, missing="marginalise", bounds={0: (0.0, 1.0)}).fit(np.where(gaps, np.nan, X))
    alone = model.score_samples([[0.0, np.nan], [0.4, np.nan], [0.8, np.nan]])
    filled = model.impute(np.tile([np.nan, 2.0], (2000, 1)), random_state=0)[:, 0]
    right = np.exp(-0.5 * np.array([4.0, 0.0])) * np.array([2, 1]) / 3

    np.testing.assert_allclose(np.exp(alone), [1 / 3, 2 / 3, 2 / 3], atol=0.07)
    assert filled.min() >= 0
    assert filled.max() <= 1
    assert (filled == 0).mean() == pytest.approx(right[1] / right.sum(), abs=0.07)


def test_without_whole_rows_the_held_out_figure_is_that_of_the_code_of_filled_rows():
    """In units of thousands each coded cell is worth 7 nats: counted in one only, the figure would be 3.5 off."""
    rng = np.random.default_rng(0)
    X, fresh = (np.exp(rng.normal([7.0, 6.0], [2.0, 1.5], (n, 2))) for n in (3000, 4000))
    X[np.arange(3000), np.arange(3000) % 2] = np.nan  # 300 held out: their mean is known to 0.16
    with pytest.warns(UserWarning, match="only 0 rows have no missing value"):
        model = RealNVP(**QUICK | {"max_steps": 300}, kernel="affine", missing="marginalise").fit(X)

    assert model.codec_.columns[0].warp is not None
    assert abs(model.history_[-1]["held_out"] + model.score(fresh)) < 0.7
