"""Tables with columns that follow from others: what is learnt of them, drawn and saved."""

import json

import numpy as np
import pandas as pd
import pytest

from realnvp import InputError, RealNVP

QUICK = {"max_steps": 30, "layers": 2, "width": 16, "verbose": False, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def rows():
    """Columns a, 2 a + 1, b and a + b."""
    a, b = np.random.default_rng(0).normal(3, 2, (2, 500))
    return np.column_stack([a, 2 * a + 1, b, a + b])


@pytest.fixture(scope="module")
def fitted(rows):
    with pytest.warns(UserWarning, match=r"2 columns follow from others, 'x1' = 2 \* 'x0' \+ 1; 'x3' = 1 \* 'x0' \+"):
        return RealNVP(**QUICK).fit(rows)


def test_the_density_is_that_of_the_independent_columns(rows, fitted):
    plain = RealNVP(**QUICK).fit(rows[:, [0, 2]])

    assert np.array_equal(fitted.score_samples(rows), plain.score_samples(rows[:, [0, 2]]))


def test_rows_come_back_and_draws_obey_the_laws(rows, fitted):
    Z = fitted.transform(rows)
    drawn = fitted.sample(100, random_state=0)

    assert Z.shape == (500, 2)
    np.testing.assert_allclose(fitted.inverse_transform(Z), rows, atol=1e-8)
    np.testing.assert_allclose(drawn[:, 1], 2 * drawn[:, 0] + 1, atol=1e-8)
    np.testing.assert_allclose(drawn[:, 3], drawn[:, 0] + drawn[:, 2], atol=1e-8)


def test_laws_are_saved_with_the_run(rows, fitted, tmp_path):
    loaded = RealNVP.load(fitted.save(tmp_path / "run"))

    assert loaded.laws_ == fitted.laws_
    assert loaded.n_features_in_ == 4
    assert np.array_equal(loaded.score_samples(rows), fitted.score_samples(rows))
    assert np.array_equal(loaded.sample(5, random_state=0), fitted.sample(5, random_state=0))


def test_frames_have_the_names_of_all_columns(rows):
    frame = pd.DataFrame(rows, columns=list("abcd"))
    with pytest.warns(UserWarning, match=r"'b' = 2 \* 'a' \+ 1"):
        model = RealNVP(**QUICK).fit(frame).set_output(transform="pandas")

    assert list(model.sample(3).columns) == list("abcd")
    assert list(model.transform(frame).columns) == ["realnvp0", "realnvp1"]


def test_given_a_context_quantiles_have_all_columns(rows):
    with pytest.warns(UserWarning, match="follow from others"):
        model = RealNVP(**QUICK).fit(rows, context=rows[:, :1] > 3)
    found = model.quantiles([[1.0]], [0.2, 0.8], random_state=0)

    assert found.shape == (1, 4, 2)
    np.testing.assert_allclose(found[0, 1], 2 * found[0, 0] + 1, atol=1e-8)


def test_a_stream_with_laws_is_learnt():
    rng = np.random.default_rng(0)
    with pytest.warns(UserWarning, match="1 column follows from others"):
        model = RealNVP(**QUICK).fit_stream(lambda n: rng.normal(2, 3, (n, 1)) * [1.0, 5.0], held_out=500)

    assert model.sample(5, random_state=0).shape == (5, 2)


def test_the_older_model_forgets_its_laws_when_it_is_fitted_again(rows):
    with pytest.warns(UserWarning, match="follow from others"):
        model = RealNVP(**QUICK).fit(rows)
    model.fit(rows[:, [0, 2]])

    assert not model.laws_.laws
    assert model.sample(2, random_state=0).shape == (2, 2)
    assert json.dumps(model.laws_.plain()) == "[]"


def test_gaps_are_not_filled_through_a_law_of_columns_whose_code_bends_them():
    a, b = np.random.default_rng(0).uniform(0, 1, (2, 500))
    X = np.column_stack([a, b, a + b])
    with pytest.warns(UserWarning, match="follows from others"):
        model = RealNVP(**QUICK, bounds={0: (0.0, None)}).fit(X)
    seen, swapped = np.array([[0.2, np.nan, np.nan]]), np.array([[np.nan, np.nan, 1.1]])

    assert model.impute(seen, random_state=0)[0, 0] == 0.2
    with pytest.raises(
        InputError, match=r"through a law between columns, and column 'x0' .* \(above 0\): fit with kinds"
    ):
        model.impute(swapped)
