"""Columns that follow from others are found and named, and nothing else is."""

import warnings

import numpy as np
import pytest

from realnvp.data.collinear import Law, Laws, _dependent, _one_by_one, _triangle, find_laws, linear_laws

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(3, 2, 500), RNG.exponential(5, 500), RNG.normal(-1e3, 0.1, 500)


@pytest.mark.parametrize(
    ("columns", "laws"),
    [
        ([A, 2 * A + 1], ["'b' = 2 * 'a' + 1"]),
        ([A, A], ["'b' = 1 * 'a'"]),
        ([A, B, A], ["'c' = 1 * 'a'"]),
        ([A, B, C, 0.5 * A - 3 * B + 7], ["'d' = 0.5 * 'a' - 3 * 'b' + 7"]),
        ([A, -A, B, A + B], ["'b' = -1 * 'a'", "'d' = 1 * 'a' + 1 * 'c'"]),
        ([A, 1e-9 * A, B], ["'b' = 1e-09 * 'a'"]),
        ([A, (2 * A + 1).astype(np.float32), B], ["'b' = 2 * 'a' + 1"]),
    ],
)
def test_exact_laws_are_found_and_told(columns, laws):
    names = list("abcd")

    assert [law.told(names) for law in linear_laws(np.column_stack(columns).astype(float))] == laws


def test_a_law_of_many_rows_must_hold_in_all_of_them():
    x = np.random.default_rng(1).normal(size=(50_000, 2))
    x[:, 1] = x[:, 0]
    assert len(linear_laws(x)) == 1
    x[1, 1] += 0.5  # no row of those that are looked at first

    assert linear_laws(x) == []


@pytest.mark.parametrize("rows", [45, 60, 1000, 20_000])
def test_genuine_tables_of_43_columns_raise_no_alarm(rows):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        mixed = rng.normal(size=(rows, 43)) @ rng.normal(size=(43, 43)) * np.logspace(-6, 6, 43) + rng.normal(size=43)
        heavy = np.exp(2 * rng.normal(size=(rows, 43)))

        assert linear_laws(mixed) == []
        assert linear_laws(heavy) == []


def test_a_column_that_is_nearly_a_copy_is_only_spoken_of():
    near = A + 1e-3 * B

    with pytest.warns(UserWarning, match="'a' and 'b' are nearly copies"):
        find_laws(np.column_stack([A, near]), ["a", "b"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find_laws(np.column_stack([A, A + 0.05 * B]), ["a", "b"])


def test_as_few_rows_as_columns_are_no_law():
    assert linear_laws(np.random.default_rng(0).normal(size=(6, 5))) == []


def test_dependent_columns_are_left_out_and_put_in_again():
    x = np.column_stack([A, -A, B, A + B])
    with pytest.warns(UserWarning, match=r"2 columns follow from others, 'b' = -1 \* 'a'; 'd' = 1 \* 'a' \+ 1 \* 'c':"):
        laws = find_laws(x, list("abcd"))

    assert np.array_equal(laws.independent(x), x[:, [0, 2]])
    np.testing.assert_allclose(laws.whole(x[:, [0, 2]]), x, atol=1e-9)
    assert Laws.of(laws.plain()) == laws


def test_a_gap_is_read_off_a_law_backwards():
    x = np.column_stack([A, B, 2 * A - 3 * B + 1])
    laws = Laws(tuple(linear_laws(x)))
    holed = x.copy()
    holed[0, 0] = holed[1, 1] = holed[2, 2] = np.nan
    holed[3, :2] = np.nan

    np.testing.assert_allclose(laws.independent(holed)[:3], x[:3, :2], atol=1e-9)
    assert np.isnan(laws.independent(holed)[3]).all()


@pytest.mark.parametrize(
    ("slopes", "seen", "free"),
    [
        ([[1, 1], [2, 2]], [2, 3], 1),  # both say the same of what is missing
        ([[1, 1], [1, -1]], [2, 3], 0),
        ([[1, 1], [1, 1 + 1e-3], [3, 1]], [2, 3, 4], 0),
        ([[1, 0], [1, 1]], [3], 1),
    ],
)
def test_swapped_coordinates_can_be_solved_for_the_columns(slopes, seen, free):
    x = np.column_stack([A, B, *(p * A + q * B for p, q in slopes)])
    laws = Laws(tuple(Law(2 + i, (0, 1), tuple(map(float, pair)), 0.0) for i, pair in enumerate(slopes)))
    whole = np.where(np.isin(np.arange(x.shape[1]), seen), x, np.nan)
    ((at, y, M, b),) = laws.swaps(whole, laws.independent(whole))

    assert len(at) == len(x)
    assert np.isnan(y).sum(1).tolist() == [free] * len(x)
    assert np.linalg.cond(M) < 1e4
    expected = np.where(np.isnan(y), np.nan, x[:, :2] @ M.T + b)
    np.testing.assert_allclose(y, expected, atol=1e-9)


def test_sums_of_whole_numbers_come_back_whole():
    rng = np.random.default_rng(0)
    a, b = rng.poisson(3, 1000).astype(float), rng.poisson(300, 1000).astype(float)
    X = np.column_stack([a, b, a + b, 3 * a - b + 7, a / 3])
    laws = Laws(tuple(linear_laws(X)))

    assert laws.dependent == [2, 3, 4]
    assert np.array_equal(laws.whole(laws.independent(X))[:, :4], X[:, :4])
    assert laws.laws[2].slopes[0] == pytest.approx(1 / 3, rel=1e-14)


def test_a_law_of_the_complete_rows_alone_is_none():
    rng = np.random.default_rng(0)
    a, b, broken = rng.normal(size=400), rng.normal(size=400), rng.random(400) < 0.5
    X = np.stack((a, np.where(broken, np.nan, b), np.where(broken, rng.normal(size=400), 2 * a)), 1)
    flag = np.stack((a, np.where(broken, np.nan, b), broken), 1)  # constant where nothing is missing

    assert not find_laws(X, ["a", "b", "c"]).laws
    assert not find_laws(flag, ["a", "b", "f"]).laws


def test_a_law_that_all_seen_rows_keep_is_found_beside_gaps():
    a, b = np.random.default_rng(0).normal(size=(2, 400))
    X = np.stack((a, np.where(b > 1, np.nan, b), 2 * a), 1)

    with pytest.warns(UserWarning, match="1 column follows"):
        assert [law.column for law in find_laws(X, ["a", "b", "c"]).laws] == [2]


@pytest.mark.parametrize("kind", ["normal", "sparse", "whole", "nearly"])
@pytest.mark.parametrize("seed", range(5))
def test_all_at_once_the_columns_are_those_found_one_by_one(kind, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 12))
    if kind == "sparse":
        X = (rng.random((60, 12)) < 0.03).astype(float)  # columns of a single one, and of none
    if kind == "whole":
        X = rng.integers(-1, 2, (60, 12)).astype(float)
    for j in np.sort(rng.choice(np.arange(2, 12), 4, replace=False)):
        X[:, j] = X[:, :j] @ rng.integers(-1, 2, j) + (kind == "nearly") * 10.0 ** rng.uniform(-8, -4) * rng.normal(
            size=60
        )
    triangle = _triangle(X)[2]

    assert _dependent(triangle) == _one_by_one(triangle)
    assert len(_dependent(triangle)[0]) >= 4 or kind == "nearly"


def test_where_the_diagonal_misleads_the_columns_are_taken_one_by_one():
    """The second column is a copy; the third lies along what rounding left of it."""
    triangle = np.array([[1.0, 1.0, 0.0], [0.0, 1e-9, 1.0], [0.0, 0.0, 1e-9]])

    assert _dependent(triangle) == _one_by_one(triangle) == ([1], [0, 2])
