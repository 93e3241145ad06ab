"""Columns of numbers that follow from others, beside columns of texts."""

import numpy as np
import pandas as pd
import pytest

from realnvp import RealNVP

QUICK = {"max_steps": 30, "layers": 2, "width": 16, "verbose": False, "random_state": 0, "device": "cpu"}


def _frame(n=500):
    """Columns sum, side (text), a, twice, b and count: sum = a + b, twice = 2 count + 3."""
    rng = np.random.default_rng(0)
    a, b, count = rng.normal(3, 2, n), rng.normal(0, 1, n), rng.integers(0, 40, n)
    side = rng.choice(["left", "right"], n)
    return pd.DataFrame({"a": a, "side": side, "sum": a + b, "b": b, "count": count, "twice": 2 * count + 3})


@pytest.fixture(scope="module")
def fitted():
    with pytest.warns(UserWarning, match=r"2 columns follow from others, 'b' = -1 \* 'a' \+ 1 \* 'sum'; 'twice' = 2"):
        return RealNVP(**QUICK).fit(_frame())


def test_beside_text_laws_are_found_and_the_density_is_that_of_the_others(fitted):
    X = _frame()
    plain = RealNVP(**QUICK).fit(X.drop(columns=["b", "twice"]))

    assert [law.column for law in fitted.laws_.laws] == [3, 5]
    assert [c["name"] for c in fitted.columns_] == ["a", "side", "sum", "count"]
    assert np.array_equal(fitted.score_samples(X), plain.score_samples(X.drop(columns=["b", "twice"])))


def test_draws_have_texts_and_obey_the_laws(fitted):
    drawn = fitted.sample(200, random_state=0)

    assert list(drawn.columns) == list(_frame().columns)
    assert set(drawn["side"]) == {"left", "right"}
    assert drawn["twice"].dtype == drawn["count"].dtype == np.int64  # what is whole stays whole
    assert (drawn["twice"] == 2 * drawn["count"] + 3).all()
    np.testing.assert_allclose(drawn["sum"], drawn["a"] + drawn["b"], atol=1e-8)
    np.testing.assert_allclose(fitted.score_samples(drawn), fitted.score_samples(drawn.astype(object)))


def test_the_latents_go_there_and_back(fitted):
    X = _frame().head(20)
    again = fitted.inverse_transform(fitted.transform(X))

    assert list(again["side"]) == list(X["side"])
    np.testing.assert_allclose(again["b"], X["b"], atol=1e-8)


def test_a_saved_run_knows_both(fitted, tmp_path):
    X = _frame().head(20)
    loaded = RealNVP.load(fitted.save(tmp_path / "run"))

    assert np.array_equal(loaded.score_samples(X), fitted.score_samples(X))
    pd.testing.assert_frame_equal(loaded.sample(5, random_state=0), fitted.sample(5, random_state=0))


def test_gaps_beside_text_are_filled_by_the_laws():
    X = _frame()
    rng = np.random.default_rng(1)
    for name in ("a", "sum", "b", "side"):
        X.loc[rng.random(len(X)) < 0.2, name] = None
    with pytest.warns(UserWarning, match="follow from others"):
        model = RealNVP(**QUICK, missing="marginalise").fit(X)
    done = model.impute(X, random_state=0)

    np.testing.assert_allclose(done["sum"], done["a"] + done["b"], atol=1e-6)
    assert set(done["side"]) == {"left", "right"}
    for name in X.columns:
        seen = X[name].notna()
        assert (done[name][seen] == X[name][seen]).all()


def test_numbers_said_to_be_categories_obey_no_law():
    X = _frame().drop(columns="side").to_numpy()
    with pytest.warns(UserWarning, match="1 column follows from others, 'x2'"):
        model = RealNVP(**QUICK, kinds={3: "categorical"}).fit(X)

    assert [law.column for law in model.laws_.laws] == [2]
    assert set(model.sample(50, random_state=0)[:, 3]) <= set(X[:, 3])
