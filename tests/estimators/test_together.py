"""Columns that follow from others, kinds of column and gaps, each where the others are too."""

import numpy as np
import pandas as pd
import pytest
from holes import bent, holed

from realnvp import InputError, RealNVP

QUICK = {"layers": 2, "width": 16, "max_steps": 60, "verbose": False, "random_state": 0, "device": "cpu"}
follows = pytest.mark.filterwarnings("ignore:.* from others")


def mixed(n=600, seed=0):
    """Two numbers, twice the first, counts, times, and what counts and times come to."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    count, time = rng.poisson(3, n).astype(float), rng.gamma(2, size=n)
    columns = {"a": a, "twice": 2 * a, "b": b + a, "count": count, "time": time, "sum": count + time}
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def tabled():
    with pytest.warns(UserWarning, match="2 columns follow from others"):
        return RealNVP(**QUICK, bounds={"time": (0, None)}, kinds={"b": "continuous"}).fit(mixed())


def test_what_is_said_of_columns_keeps_to_their_names_behind_one_that_follows(tabled):
    kinds = {column["name"]: column["kind"] for column in tabled.columns_}

    assert list(kinds) == ["a", "b", "count", "time"]
    assert kinds["count"] == "discrete"
    assert tabled.columns_[3]["warp"] is not None
    assert tabled.flow_.event_shape == (4,)


def test_draws_are_of_their_kinds_and_obey_the_laws(tabled):
    drawn = pd.DataFrame(tabled.sample(500, random_state=0), columns=mixed().columns)

    assert (drawn["count"] == np.round(drawn["count"])).all()
    assert (drawn["time"] > 0).all()
    np.testing.assert_allclose(drawn["twice"], 2 * drawn["a"], atol=1e-8)
    np.testing.assert_allclose(drawn["sum"], drawn["count"] + drawn["time"], atol=1e-8)


def test_the_density_is_that_of_a_table_of_the_other_columns(tabled):
    others = ["a", "b", "count", "time"]
    alone = RealNVP(**QUICK, bounds={"time": (0, None)}, kinds={"b": "continuous"}).fit(mixed()[others])
    fresh = mixed(100, 1)

    assert np.array_equal(tabled.score_samples(fresh), alone.score_samples(fresh[others]))
    Z = tabled.transform(fresh)
    assert Z.shape == (100, 4)
    np.testing.assert_allclose(tabled.inverse_transform(Z), fresh, atol=1e-5)


def test_laws_and_kinds_are_read_again(tabled, tmp_path):
    loaded = RealNVP.load(tabled.save(tmp_path / "run"))
    fresh = mixed(100, 1)

    assert loaded.columns_ == tabled.columns_
    assert loaded.laws_ == tabled.laws_
    assert np.array_equal(loaded.score_samples(fresh), tabled.score_samples(fresh))
    assert np.array_equal(loaded.sample(9, random_state=0), tabled.sample(9, random_state=0))


def test_a_plain_run_is_read_again_under_its_names(tmp_path):
    frame = mixed()[["a", "twice", "b"]]
    with pytest.warns(UserWarning, match="'twice' = 2 \\* 'a'"):
        model = RealNVP(**QUICK, kinds="continuous").fit(frame)

    assert [c["name"] for c in RealNVP.load(model.save(tmp_path / "run")).columns_] == ["a", "b"]


@follows
def test_beside_text_and_categories_laws_are_looked_for_among_the_numbers():
    frame = mixed(200)[["a", "twice"]].assign(text=list("xy") * 100)
    model = RealNVP(**QUICK | {"max_steps": 5}).fit(frame)

    assert [law.column for law in model.laws_.laws] == [1]
    assert list(model.sample(3, random_state=0).columns) == ["a", "twice", "text"]
    said = RealNVP(**QUICK | {"max_steps": 5}, kinds={2: "categorical"}).fit(frame.assign(text=[0, 1] * 100).to_numpy())
    assert said.laws_ == model.laws_


def test_a_frame_with_text_comes_back_under_set_output_too():
    frame = mixed(200)[["a"]].assign(text=list("xy") * 100)
    model = RealNVP(**QUICK | {"max_steps": 5}).fit(frame)
    drawn = model.set_output(transform="pandas").sample(20, random_state=0)

    assert list(drawn.columns) == ["a", "text"]
    assert set(drawn["text"]) <= {"x", "y"}


@follows
def test_a_stream_obeys_laws_and_kinds():
    seeds = iter(range(10**6))
    model = RealNVP(**QUICK).fit_stream(lambda n: mixed(n, next(seeds)).to_numpy())

    assert [column["name"] for column in model.columns_] == ["x0", "x2", "x3", "x4"]
    assert model.sample(5, random_state=0).shape == (5, 6)


def gapped(X):
    gap = np.random.default_rng(0).random(X.shape) < 0.2
    return X[~gap.all(1)].mask(gap[~gap.all(1)])


def test_beside_gaps_columns_are_taken_for_what_they_are():
    X = gapped(mixed()[["a", "b", "count"]].assign(share=np.random.default_rng(1).beta(0.5, 0.5, len(mixed()))))
    model = RealNVP(**QUICK, missing="marginalise", bounds={"share": (0, 1)}).fit(X)
    filled = model.impute(X, random_state=0)

    assert [column["kind"] for column in model.columns_] == ["continuous", "continuous", "discrete", "continuous"]
    assert model.columns_[3]["warp"]["is"] == "Probit"
    assert np.isfinite(model.score_samples(X)).all()
    assert np.array_equal(filled[:, 2], filled[:, 2].round())
    assert filled[:, 2].min() >= 0
    assert ((filled[:, 3] >= 0) & (filled[:, 3] <= 1)).all()
    assert np.array_equal(model.sample(50, random_state=0)[:, 2] % 1, np.zeros(50))


def test_beside_gaps_and_laws_what_more_was_noticed_is_warned_of():
    X = gapped(mixed()[["a", "twice", "count"]].assign(share=np.random.default_rng(1).beta(0.5, 0.5, len(mixed()))))
    with pytest.warns(UserWarning, match=r"follows from others|numbers on a grid.*'share': between 0 and 1$") as said:
        model = RealNVP(**QUICK, missing="marginalise", bounds={"share": (0, 1)}).fit(X)

    assert len(said) == 2
    assert [column["kind"] for column in model.columns_] == ["continuous", "discrete", "continuous"]
    assert np.isfinite(model.score_samples(X)).all()
    assert np.array_equal(model.impute(X, random_state=0)[:, 2] % 1, np.zeros(len(X)))


def test_rows_with_gaps_and_nothing_to_tell_apart_get_no_warning():
    params = QUICK | {"max_steps": 5, "missing": "marginalise"}
    RealNVP(**params).fit(holed(bent(200, 0)))
    RealNVP(**params, kinds="continuous").fit(holed(mixed(200)[["b", "count"]].to_numpy()))


@pytest.fixture(scope="module")
def asking(tabled):
    """The same fit, that may be asked of rows with gaps."""
    with pytest.warns(UserWarning, match="follow from others"):
        return RealNVP(**tabled.get_params() | {"missing": "marginalise"}).fit(mixed())


def test_a_code_has_a_density_of_rows_with_gaps(tabled, asking):
    fresh = mixed(50, 1)
    gap = fresh.copy()
    gap.loc[:9, "b"], gap.loc[10:19, ["time", "sum"]] = np.nan, np.nan
    found = asking.score_missing(gap)
    filled = asking.impute(gap, random_state=0)

    np.testing.assert_allclose(asking.score_samples(fresh), tabled.score_samples(fresh), rtol=1e-12)
    np.testing.assert_allclose(asking.transform(fresh), tabled.transform(fresh), rtol=1e-12)
    assert (found.ess[:20] < 1).all()
    assert np.isfinite(found.log_prob).all()
    assert np.isnan(asking.transform(gap)[:20]).all()
    assert filled[:, 4].min() > 0
    np.testing.assert_allclose(filled[:, 5], filled[:, 3] + filled[:, 4], atol=1e-8)
    with pytest.raises(InputError, match=r"through a law .*, and column 'count' was learnt in a code that bends it"):
        asking.impute(fresh.assign(count=np.nan, time=np.nan))


def test_what_a_law_gives_away_is_worked_out_under_a_code(tabled, asking):
    whole = mixed(50, 1)
    gap = whole.copy()
    gap.loc[:9, "twice"], gap.loc[10:19, "a"], gap.loc[20:29, "sum"] = np.nan, np.nan, np.nan

    np.testing.assert_allclose(asking.impute(gap, random_state=0), whole, atol=1e-8)
    np.testing.assert_allclose(asking.score_samples(gap), asking.score_samples(whole), atol=1e-8)
    with pytest.raises(InputError, match="in 30 of 50 rows"):
        tabled.score_samples(gap)


def test_quantiles_are_of_the_columns_kinds_and_none_of_text():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"count": rng.poisson(3, 300).astype(float), "b": rng.normal(size=300)})
    c = rng.normal(size=(300, 1))
    found = RealNVP(**QUICK).fit(frame, context=c).quantiles([[0.0]], [0.5], n_samples=501, random_state=0)

    assert found[0, 0, 0] == np.round(found[0, 0, 0])
    with pytest.raises(InputError, match="column 'text' holds no numbers and has no quantiles"):
        RealNVP(**QUICK | {"max_steps": 5}).fit(frame.assign(text=list("xyz") * 100), context=c).quantiles(c, [0.5])


def test_more_flows_than_steps_are_as_many_as_there_are_steps():
    X = np.random.default_rng(0).normal(size=(200, 2))
    model = RealNVP(members=5, max_steps=2, layers=2, width=8, verbose=False, random_state=0, device="cpu").fit(X)

    assert len(model.history_) >= 2
    assert np.isfinite(model.score(X))


def test_very_many_flows_that_nothing_weighed_all_count():
    X = np.random.default_rng(0).normal(size=(60, 2))
    few = {"layers": 1, "width": 4, "max_steps": 60, "validation_fraction": 0.0, "early_stopping": False}
    model = RealNVP(members=60, verbose=False, random_state=0, device="cpu", **few).fit(X)

    assert len(model.flow_.members) >= 60
    assert np.isfinite(model.score(X))
