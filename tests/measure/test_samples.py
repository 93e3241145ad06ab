"""The classifier two-sample test."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from realnvp import InputError, RealNVP
from realnvp.data import toy
from realnvp.measure import c2st

MOONS = toy("moons")


def test_the_same_law_is_not_told_apart():
    found = [c2st(MOONS.sample(300, 2 * i), MOONS.sample(300, 2 * i + 1), random_state=i) for i in range(50)]
    values, errors, p_values = np.array(found).T

    assert values.mean() == pytest.approx(0.5, abs=4 * errors[0] / np.sqrt(50))
    assert 0.4 * errors.mean() < values.std() < 1.2 * errors.mean()
    assert (p_values < 0.05).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 50)


@pytest.mark.parametrize(
    "change",
    [lambda x: x + 0.3, lambda x: 1.3 * x, lambda x: x[:, ::-1] + [0.25, -0.25]],
    ids=["moved", "wide", "turned"],
)
def test_another_law_is_told_apart(change):
    found = c2st(MOONS.sample(2000, 0), change(MOONS.sample(2000, 1)))

    assert found.value > 0.5 + 10 * found.error
    assert found.p_value < 1e-9


def test_correlated_normals_are_told_apart_though_their_columns_are_alike():
    rng = np.random.default_rng(0)
    a, b = (rng.multivariate_normal(np.zeros(2), [[1, r], [r, 1]], 2000) for r in (0.0, 0.5))

    assert c2st(a, b).value > 0.55


def test_a_sheet_in_space_is_told_from_a_thicker_one():
    """Only across it do the two differ, and no column lies across it."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    a, b = (rng.normal(size=(2000, 5)) * [thick, 5, 5, 5, 5] @ turn for thick in (0.2, 0.3))
    found = c2st(a, b)

    assert found.value > 0.5 + 4 * found.error


def test_no_classifier_beats_bayes_and_this_one_comes_near():
    """Of N(0, 1) and N(m, 1) the best accuracy is Phi(m / 2)."""
    rng = np.random.default_rng(0)
    best = stats.norm.cdf(0.5)
    found = c2st(rng.normal(size=(5000, 1)), rng.normal(1, 1, (5000, 1)))

    assert best - 0.03 < found.value < best + 3 * found.error
    assert found.error == pytest.approx(1.5 * np.sqrt(best * (1 - best) / 10_000), rel=0.05)


def test_draws_of_a_good_flow_pass_and_those_of_a_bad_one_do_not():
    params = {"width": 32, "kernel": "spline", "verbose": False, "random_state": 0, "device": "cpu"}
    rows, fresh = MOONS.sample(10_000, 0), MOONS.sample(2000, 1)
    good = RealNVP(**params, max_steps=600).fit(rows).sample(2000, random_state=0)
    bad = RealNVP(**params, max_steps=0).fit(rows).sample(2000, random_state=0)

    assert c2st(fresh, good).value < 0.55
    assert c2st(fresh, bad).value > 0.75


def test_the_larger_table_is_cut_and_frames_are_taken():
    rng = np.random.default_rng(0)
    a, b = pd.DataFrame(rng.normal(size=(3000, 2))), rng.normal(size=(300, 2))
    found = c2st(a, b)

    assert found.error == pytest.approx(1.5 * np.sqrt(0.25 / 600), rel=0.05)
    assert found == c2st(a, b)
    assert found != c2st(a, b, random_state=1)


@pytest.mark.parametrize(
    ("a", "b", "options", "sentence"),
    [
        (np.ones((20, 2)), np.ones((20, 3)), {}, "a has 2 columns and b 3"),
        (np.ones(20), np.ones((20, 1)), {}, r"a has shape \(20,\): give a table"),
        (np.ones((20, 1)), np.full((20, 1), np.nan), {}, "b has shape .* finite numbers"),
        (np.ones((20, 1)), pd.DataFrame({"side": ["left"] * 20}), {}, "b holds other things than numbers .*'left'"),
        (np.ones((20, 1)), np.ones((4, 1)), {}, "b has 4 rows for 5 folds"),
        (np.ones((20, 1)), np.ones((20, 1)), {"folds": 1}, "20 rows for 1 folds"),
    ],
)
def test_bad_tables_get_a_sentence(a, b, options, sentence):
    with pytest.raises(InputError, match=sentence):
        c2st(a, b, **options)
