"""Sentences about columns of texts, categories and booleans."""

import numpy as np
import pandas as pd
import pytest

from realnvp import InputError, RealNVP

QUICK = {"max_steps": 5, "layers": 2, "width": 8, "verbose": False, "random_state": 0, "device": "cpu"}


def frame(**columns):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"size": rng.normal(size=100), "town": rng.choice(["Oslo", "Bergen"], 100)} | columns)


@pytest.mark.parametrize("place", ["town", "size"])
def test_gaps_beside_texts_are_refused_unless_they_are_to_be_learnt_from(place):
    X = frame()
    X.loc[7, place] = None
    with pytest.raises(InputError, match=rf"1 of 2 columns \('{place}'\): .* as they are by missing='marginalise'"):
        RealNVP(**QUICK).fit(X)

    assert RealNVP(**QUICK, missing="marginalise").fit(X).impute(X, random_state=0).notna().all(axis=None)


@pytest.mark.parametrize(
    ("values", "shown"), [("here", "'here'"), (True, "True"), (pd.Categorical(["b"] * 100, ["a", "b"]), "'b'")]
)
def test_a_constant_column_is_shown_as_what_it_holds(values, shown):
    with pytest.raises(InputError, match=rf"column 'c' is constant \({shown}\): leave it out"):
        RealNVP(**QUICK).fit(frame(c=values))


def test_ids_are_refused_unless_they_are_said_to_be_categories():
    X = frame(id=[f"row {i}" for i in range(40)] + [f"row {i // 2}" for i in range(60)])
    with pytest.raises(InputError, match="'id' holds 48 different texts in 48 rows"):
        RealNVP(**QUICK).fit(frame(id=[f"row {i}" for i in range(100)]).iloc[:48])
    with pytest.raises(InputError, match="'id' holds 100 different texts in 100 rows, such as 'row 0'"):
        RealNVP(**QUICK).fit(frame(id=[f"row {i}" for i in range(100)]))

    assert RealNVP(**QUICK).fit(X).columns_[2]["kind"] == "categorical"
    assert RealNVP(**QUICK, kinds={"id": "categorical"}).fit(frame(id=[f"row {i}" for i in range(100)]))
