"""Tables as they come: masses and densities against known laws, values of their columns' kinds."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from realnvp import InputError, RealNVP
from realnvp.data import toy
from realnvp.data.columns import Edges, learn
from realnvp.estimators.parts.columns import in_code

QUICK = {"max_steps": 400, "layers": 4, "width": 24, "verbose": False, "random_state": 0, "device": "cpu"}


def counts(n, seed):
    """``k ~ Poisson(2.5)``, ``x | k ~ N(k / 2, 0.7^2)``."""
    rng = np.random.default_rng(seed)
    k = rng.poisson(2.5, n)
    return np.stack([k, rng.normal(k / 2, 0.7)], 1)


def counts_density(X):
    return stats.poisson.logpmf(X[:, 0], 2.5) + stats.norm.logpdf(X[:, 1], X[:, 0] / 2, 0.7)


def frame(n, seed):
    rng = np.random.default_rng(seed)
    colour = rng.choice(["blue", "green", "", "rød"], n, p=[0.5, 0.3, 0.15, 0.05])
    size = rng.normal(np.where(colour == "blue", 2.0, -1.0), 1)
    made = {"size": size, "colour": colour, "big": size > 0, "count": rng.poisson(3, n)}
    return pd.DataFrame(made | {"grade": pd.Categorical(rng.choice(["c", "a", "b"], n), ["c", "b", "a"])})


@pytest.fixture(scope="module")
def counted():
    return RealNVP(**QUICK).fit(counts(4000, 0))


@pytest.fixture(scope="module")
def framed():
    return RealNVP(**QUICK).fit(frame(2000, 0))


def test_the_mass_of_a_count_beside_a_normal_is_that_of_the_law(counted):
    fresh = counts(5000, 1)
    gap = counts_density(fresh) - counted.score_samples(fresh)

    assert counted.columns_[0]["kind"] == "discrete"
    assert 0 < gap.mean() < 0.02


def test_masses_and_densities_together_are_one(counted):
    xs = np.linspace(-8, 20, 1401)
    rows = np.stack([np.repeat(np.arange(40.0), len(xs)), np.tile(xs, 40)], 1)
    mass = np.exp(counted.score_samples(rows)).reshape(40, -1).sum(1) * (xs[1] - xs[0])

    assert mass.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(mass, stats.poisson.pmf(np.arange(40), 2.5), atol=0.02)


def test_the_mass_is_what_draws_have(counted):
    drawn = counted.sample(20_000, random_state=0)
    xs = np.linspace(-8, 20, 1401)
    mass = np.exp(counted.score_samples(np.stack([np.full(len(xs), 2.0), xs], 1))).sum() * (xs[1] - xs[0])

    assert (drawn[:, 0] == 2).mean() == pytest.approx(mass, abs=4 * np.sqrt(mass / 20_000))
    assert (drawn[:, 0] == np.round(drawn[:, 0])).all()
    assert drawn[:, 0].min() >= 0


@pytest.mark.parametrize("kind", ["integers", "rounded"])
def test_numbers_on_a_grid_have_the_mass_or_the_density_of_their_cell(kind):
    step = 1.0 if kind == "integers" else 0.1
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(0, 30, (3000, 1)) * step) if step == 1 else np.round(rng.normal(0, 3, (3000, 1)), 1)
    model = RealNVP(**QUICK | {"kernel": "spline"}).fit(X)
    grid = np.arange(-300, 301) * step
    found = np.exp(model.score_samples(np.round(grid, 1)[:, None]))

    assert model.columns_[0]["kind"] == ("discrete" if step == 1 else "rounded")
    assert found.sum() * (1 if step == 1 else step) == pytest.approx(1, abs=1e-3)
    assert found[300] == pytest.approx(stats.norm(0, 30 * step).pdf(0) * (step if step == 1 else 1), rel=0.12)
    if step != 1:
        assert np.array_equal(np.round(drawn := model.sample(500, random_state=0), 1), drawn)


def test_many_zeros_are_a_mass_and_the_rest_a_density():
    rng = np.random.default_rng(0)
    zero, other = rng.random(4000) < 0.6, rng.normal(size=4000)
    X = np.stack([np.where(zero, 0.0, np.exp(other)), other + rng.normal(size=4000)], 1)
    model = RealNVP(**QUICK | {"kernel": "spline"}).fit(X)
    xs = np.concatenate(([0.0], np.geomspace(1e-4, 1e4, 401)))
    ys = np.linspace(-7, 7, 71)
    rows = np.stack(np.meshgrid(xs, ys, indexing="ij"), -1).reshape(-1, 2)
    density = np.exp(model.score_samples(rows)).reshape(len(xs), -1).sum(1) * (ys[1] - ys[0])
    rest = np.trapezoid(density[1:], xs[1:])

    assert density[0] == pytest.approx(0.6, abs=0.03)
    assert density[0] + rest == pytest.approx(1, abs=0.01)
    assert (model.sample(4000, random_state=0)[:, 0] == 0).mean() == pytest.approx(0.6, abs=0.04)


def test_categories_and_booleans_have_the_mass_of_the_law():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, 4000)
    b = rng.random(4000) < np.array([0.1, 0.5, 0.8])[a]
    X = pd.DataFrame({"a": np.array(["x", "y", "z"])[a], "b": b})
    model = RealNVP(**QUICK | {"kernel": "spline", "max_steps": 1500, "width": 64}).fit(X)
    cells = pd.DataFrame({"a": list("xyzxyz"), "b": [True] * 3 + [False] * 3})
    mass = np.exp(model.score_samples(cells))

    assert [c["kind"] for c in model.columns_] == ["categorical", "boolean"]
    assert mass.sum() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(mass * 3, [0.1, 0.5, 0.8, 0.9, 0.5, 0.2], atol=0.07)


def test_a_frame_comes_back_as_it_went_in(framed):
    X, drawn = frame(2000, 0), framed.sample(500, random_state=1)

    assert drawn.dtypes.to_dict() == X.dtypes.to_dict()
    assert all(set(drawn[name]) <= set(X[name]) for name in ("colour", "big", "grade"))
    assert list(drawn["grade"].cat.categories) == ["c", "b", "a"]
    pd.testing.assert_frame_equal(framed.inverse_transform(framed.transform(X)), X)
    assert np.isfinite(framed.score_samples(X)).all()
    assert (
        drawn.loc[drawn["colour"] == "blue", "size"].mean() > drawn.loc[drawn["colour"] == "green", "size"].mean() + 2
    )


def test_a_value_that_was_not_seen_has_no_mass(framed):
    X = frame(3, 1)
    X.loc[1, "colour"] = "mauve"
    with pytest.warns(UserWarning, match=r"1 rows hold values .* row 1, column 'colour', a value that fit did not see"):
        score = framed.score_samples(X)

    assert np.isfinite(score).tolist() == [True, False, True]
    with pytest.raises(InputError, match="column 'colour' holds a value that fit did not see in row 1 "):
        framed.transform(X)


@pytest.mark.parametrize("bounds", [(-2.5, 40), {0: (-2.5, 40), "x1": (-2.5, np.inf)}])
def test_bounds_are_kept_and_their_jacobian_counted(bounds):
    X = stats.truncnorm(-2, 3).rvs((2000, 2), random_state=0)
    model = RealNVP(**QUICK | {"bounds": bounds, "kinds": {1: "continuous"}}).fit(X)
    xs = np.linspace(-2.5, 40, 2001)[1:-1]
    grid = np.stack(np.meshgrid(xs[:400], xs[:400]), -1).reshape(-1, 2)
    mass = np.exp(model.score_samples(grid)).sum() * (xs[1] - xs[0]) ** 2

    assert mass == pytest.approx(1, abs=0.01)
    assert model.sample(5000, random_state=0).min() >= -2.5


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"bounds": (1, 0)}, "low below high"),
        ({"bounds": {"a": (0, 1)}}, "bounds names a column 'a' that the table does not have"),
        ({"bounds": {5: (0, 1)}}, "bounds names column 5, and the table has 2"),
        ({"bounds": 3}, "bounds is a dict by column"),
        ({"bounds": {0: 3}}, "bounds are pairs"),
        ({"bounds": {0: (0, None)}}, "column 'x0' holds .* outside its bound 0"),
        ({"kinds": "text"}, "kinds says 'text'"),
        ({"kinds": {"x0": "real"}}, "kinds says 'real'"),
        ({"kinds": 4}, "kinds is a dict by column"),
        ({"kinds": {0: "categorical"}}, "column 'x0' has 2,000 categories"),
    ],
)
def test_kinds_and_bounds_that_make_no_sense_are_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        RealNVP(**QUICK | given).fit(np.random.default_rng(0).normal(size=(2000, 2)))


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (pd.date_range("2020-01-01", periods=300), "column 'a' holds dates or times"),
        ([f"name {i}" for i in range(300)], "column 'a' holds 300 different texts in 300 rows"),
        ([f"name {i % 60}" for i in range(300)], "column 'a' holds text of 60 different values"),
        (["one"] * 300, r"column 'a' is constant \('one'\)"),
    ],
)
def test_columns_without_a_density_are_refused_by_name(column, sentence):
    with pytest.raises(InputError, match=sentence):
        RealNVP(**QUICK).fit(pd.DataFrame({"a": column, "b": np.random.default_rng(0).normal(size=300)}))


def test_a_cauchy_column_is_learnt():
    rng = np.random.default_rng(0)
    X = np.stack([rng.standard_cauchy(4000), rng.normal(size=4000)], 1)
    fresh = np.stack([rng.standard_cauchy(4000), rng.normal(size=4000)], 1)
    model = RealNVP(**QUICK | {"kernel": "spline"}).fit(X)
    drawn = model.sample(20_000, random_state=0)[:, 0]
    truth = (stats.cauchy.logpdf(fresh[:, 0]) + stats.norm.logpdf(fresh[:, 1])).mean()

    assert np.isfinite(drawn).all()
    assert (np.abs(drawn) > 20).mean() == pytest.approx(2 * stats.cauchy.sf(20), abs=0.01)
    assert truth - model.score(fresh) < 0.05


def test_integer_codes_are_categories_where_the_user_says_so():
    rng = np.random.default_rng(0)
    k = rng.choice([3, 7, 12], 1000)
    X = np.stack([k, rng.normal(k == 7, 1)], 1)
    model = RealNVP(**QUICK | {"max_steps": 50, "kinds": {0: "categorical"}}).fit(X)

    assert model.columns_[0]["kind"] == "categorical"
    assert set(model.sample(1000, random_state=0)[:, 0]) == {3, 7, 12}


def test_scores_do_not_depend_on_the_rows_beside(counted, framed):
    X, F = counts(300, 3), frame(300, 3)

    np.testing.assert_allclose(counted.score_samples(X[10:20]), counted.score_samples(X)[10:20], rtol=1e-12)
    np.testing.assert_allclose(framed.score_samples(F[10:20]), framed.score_samples(F)[10:20], rtol=1e-12)


def test_64_points_in_the_cells_are_enough(framed, monkeypatch):
    few = framed.score_samples(frame(500, 3))
    u = np.random.default_rng(0).random((2048, 4))
    monkeypatch.setattr("realnvp.data.columns.codec.nodes", lambda columns: (u, np.full(2048, 1 / 2048)))
    many = framed.score_samples(frame(500, 3))

    assert np.sqrt(np.mean((few - many) ** 2)) < 0.1
    assert few.mean() == pytest.approx(many.mean(), abs=0.02)


def test_a_run_keeps_the_code(counted, framed, tmp_path):
    counted.save(tmp_path / "a"), framed.save(tmp_path / "b")
    again, frames = RealNVP.load(tmp_path / "a", device="cpu"), RealNVP.load(tmp_path / "b", device="cpu")

    assert again.columns_ == counted.columns_
    assert np.array_equal(again.score_samples(counts(50, 4)), counted.score_samples(counts(50, 4)))
    assert np.array_equal(frames.score_samples(frame(50, 4)), framed.score_samples(frame(50, 4)))
    pd.testing.assert_frame_equal(frames.sample(9, random_state=0), framed.sample(9, random_state=0))
    assert json.loads((tmp_path / "b" / "config.json").read_text())["kinds"][1]["labels"]


@pytest.mark.parametrize("bounds", [(-9, np.inf), {0: (-9, None), "x1": (-np.inf, 9)}])
def test_a_run_keeps_the_bounds_and_is_fitted_again(bounds, tmp_path):
    X = np.random.default_rng(0).normal(size=(300, 2))
    RealNVP(**QUICK | {"max_steps": 5, "bounds": bounds, "kinds": {1: "auto"}}).fit(X).save(tmp_path / "a")
    again = RealNVP.load(tmp_path / "a", device="cpu")
    told = [column["noticed"] for column in again.columns_]

    assert told[0] == "above -9"
    assert [column["noticed"] for column in again.fit(X).columns_] == told


def test_a_plain_table_is_learnt_to_the_bit_as_without_a_code():
    X = toy("moons").sample(1000, 0)
    short = QUICK | {"max_steps": 30}
    noticed, told = RealNVP(**short).fit(X), RealNVP(**short, kinds="continuous").fit(X)

    assert noticed.codec_.is_plain
    assert noticed.codec_.forward(X)[0] is X
    assert noticed.codec_.inverse(X) is X
    assert noticed.codec_.repeats == 1
    assert np.array_equal(noticed.score_samples(X), told.score_samples(X))
    assert noticed.history_[-1]["best"] == told.history_[-1]["best"]


def test_outliers_are_told_by_the_mass(counted):
    flagged = counted.predict_outliers(counts(4000, 5), rate=0.1) == -1

    assert flagged.mean() == pytest.approx(0.1, abs=0.04)


def test_the_history_is_in_the_units_of_the_table():
    X = np.random.default_rng(0).lognormal(8, 2, (3000, 2))
    model = RealNVP(**QUICK | {"max_steps": 100}).fit(X)

    assert model.history_[-1]["held_out"] == pytest.approx(-model.score(X), abs=0.5)


def test_a_stream_of_counts_is_learnt():
    seeds = iter(range(10**6))
    model = RealNVP(**QUICK | {"max_steps": 200}).fit_stream(lambda n: counts(n, next(seeds)))

    assert (counts_density(T := counts(2000, 10**7)) - model.score_samples(T)).mean() < 0.05


def test_noise_in_cells_is_none_that_a_users_own_seed_gives():
    """Values made of ``default_rng(0).random`` would meet the same numbers again: each cell would be filled in part."""
    X = (np.random.default_rng(0).random((3000, 2)) < [0.3, 0.6]).astype(float)
    codec = learn(X, ["a", "b"], ["auto"] * 2, [Edges()] * 2, {})
    y = in_code(codec, X, 0)[0]

    assert stats.kstest(y[:, 0], "norm").pvalue > 1e-3
    assert stats.kstest(y[:, 1], "norm").pvalue > 1e-3
