"""What columns are taken for, and that plain ones are left alone."""

import numpy as np
import pytest

from realnvp import InputError
from realnvp.data.columns.edges import Edges
from realnvp.data.columns.notice import notice

RNG = np.random.default_rng(0)
N = 2000
PLAIN = {
    "normal": RNG.normal(size=N),
    "normal, all positive": RNG.normal(5, 1, N),
    "normal that nearly touches zero": np.abs(RNG.normal(2.7, 1, N)),
    "mixture": np.where(RNG.random(N) < 0.5, RNG.normal(-3, 1, N), RNG.normal(3, 0.1, N)),
    "t3": RNG.standard_t(3, N),
    "laplace": RNG.laplace(size=N),
    "uniform far from zero": RNG.uniform(3, 5, N),
    "single precision": RNG.normal(size=N).astype(np.float32).astype(float),
    "large": RNG.normal(size=N) * 1e30,
    "small": RNG.normal(size=N) * 1e-30,
    "all rows twice": np.repeat(RNG.normal(size=N // 2), 2),
    "few whole numbers": np.arange(20.0),
    "beta": RNG.beta(2, 5, N),
    "gamma": RNG.gamma(3, 1, N),
    "many rows": RNG.normal(size=50_000),
}
NOTICED = {
    "whole": (RNG.poisson(3, N).astype(float), "discrete", "Levels", None),
    "many whole": (np.round(RNG.normal(0, 300, N)), "discrete", "Grid", None),
    "counts over decades": (np.floor(RNG.lognormal(4, 2, N)), "discrete", "Grid", "Log"),
    "0 and 1": (RNG.integers(0, 2, N).astype(float), "few values", "Levels", None),
    "a code for nothing": (
        np.where(RNG.random(N) < 0.3, -9999, RNG.normal(size=N)),
        "point mass",
        "Atoms",
        "Softplus Log",
    ),
    "coins": (RNG.choice([1.0, 2, 5, 10, 20, 50, 100, 200], N), "few values", "Levels", None),
    "odd values": (RNG.choice([0.31, 1.7, np.pi], N), "few values", "Levels", None),
    "tenths of few values": (np.round(RNG.normal(size=N), 1), "rounded", "Grid", None),
    "halves": (RNG.integers(2, 9, N) / 2, "discrete", "Levels", None),
    "rounded": (np.round(RNG.normal(size=N), 2), "rounded", "Grid", None),
    "rounded inches": (np.round(RNG.normal(70, 4, N) * 4) * 0.635, "rounded", "Grid", None),
    "many rows, rounded": (np.round(RNG.normal(size=50_000), 2), "rounded", "Grid", None),
    "many rows, zeros": (np.where(RNG.random(50_000) < 0.05, 0, RNG.normal(size=50_000)), "point mass", "Atoms", None),
    "zeros": (np.where(RNG.random(N) < 0.6, 0, RNG.lognormal(0, 2, N)), "point mass", "Atoms", "Softplus Log"),
    "nines": (np.where(RNG.random(N) < 0.3, -9.0, RNG.normal(size=N)), "point mass", "Atoms", "Softplus Log"),
    "clipped": (RNG.normal(0.5, 0.4, N).clip(0, 1), "point mass", "Atoms", "Probit"),
    "a spike inside": (np.where(RNG.random(N) < 0.3, 0.0, RNG.normal(size=N)), "point mass", "Atoms", None),
    "decades": (RNG.lognormal(0, 2, N), "continuous", None, "Log"),
    "exponential": (RNG.exponential(3, N), "continuous", None, "Softplus Log"),
    "uniform": (RNG.random(N), "continuous", None, "Probit"),
    "cauchy": (RNG.standard_cauchy(N), "continuous", None, "Asinh"),
    "outliers": (np.concatenate((RNG.normal(size=N), [1e6, -1e5])), "continuous", None, "Asinh"),
}


@pytest.mark.parametrize("case", PLAIN)
def test_a_plain_column_is_left_alone(case):
    assert notice(PLAIN[case], "a").is_plain


@pytest.mark.parametrize("case", NOTICED)
def test_what_is_not_plain_is_noticed_and_comes_back(case):
    x, kind, cells, warps = NOTICED[case]
    column = notice(x, "a")
    y, log_m, can = column.forward(x, np.random.default_rng(1).random(len(x)))

    assert (column.kind, column.cells and type(column.cells).__name__) == (kind, cells)
    assert (column.warp and type(column.warp).__name__) in (warps.split() if warps else [None])
    assert can.all()
    assert np.isfinite([y, log_m]).all()
    assert column.noticed
    if cells:
        exact = x if kind != "point mass" else x[np.isin(x, [-9999, -9, 0, 1])]
        back = column.inverse(y) if kind != "point mass" else column.inverse(y)[np.isin(x, [-9999, -9, 0, 1])]
        np.testing.assert_allclose(back, exact, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(column.inverse(y), x, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("case", [c for c in NOTICED if NOTICED[c][1] == "discrete" and c != "many whole"])
def test_whole_numbers_are_given_back_exactly(case):
    x = NOTICED[case][0]
    column = notice(x, "a")

    assert np.array_equal(column.inverse(column.forward(x, np.full(len(x), 0.3))[0]), x)


def test_a_scale_of_one_to_five_ends_there_and_counts_go_on():
    stars, counts = (notice(x, "a").cells for x in (RNG.integers(1, 6, N).astype(float), NOTICED["whole"][0]))
    far = np.array([6.0, 12.0])

    assert not stars.forward(far, np.full(2, 0.5))[2].any()
    assert counts.forward(far + 20, np.full(2, 0.5))[2].all()
    assert not counts.forward(np.array([-1.0]), np.full(1, 0.5))[2].any()


@pytest.mark.parametrize(
    ("edges", "warp"), [((0, None), "Softplus Log"), ((None, 30), "Softplus Log"), ((0, 30), "Probit")]
)
def test_bounds_are_kept_to(edges, warp):
    x = RNG.gamma(4, 1, N)
    column = notice(x, "a", edges=Edges(*edges))
    drawn = column.inverse(RNG.normal(0, 50, 10_000))

    assert type(column.warp).__name__ in warp.split()
    assert drawn.min() >= (edges[0] if edges[0] is not None else -np.inf)
    assert drawn.max() <= (edges[1] if edges[1] is not None else np.inf)


def test_few_values_go_to_their_bounds_and_no_further():
    column = notice(RNG.integers(2, 6, N).astype(float), "a", edges=Edges(1, 8))
    drawn = column.inverse(RNG.normal(0, 50, 10_000))

    assert column.forward(np.arange(10.0), np.full(10, 0.5))[2].tolist() == [False, *[True] * 8, False]
    assert (drawn.min(), drawn.max()) == (1, 8)


@pytest.mark.parametrize("edges", [(-1.0, 1.0), (-1.005, 1.005), (-1.005, None)])
def test_rounded_numbers_keep_to_their_bounds(edges):
    column = notice(np.round(RNG.uniform(-1, 1, N), 2), "a", edges=Edges(*edges))
    drawn = column.inverse(RNG.normal(0, 5, 10_000))

    assert column.kind == "rounded"
    assert drawn.min() == -1
    assert drawn.max() == 1 or edges[1] is None
    assert column.forward(np.array([-1.0]), np.array([0.5]))[2].all()


@pytest.mark.parametrize("decimals", [0, 2, 3])
def test_rounded_numbers_keep_to_where_they_are_piled_up(decimals):
    x = np.round(RNG.normal(0.5, 0.4, N).clip(0, 1), decimals + 2) * 10**decimals
    column = notice(x, "a")
    drawn = column.inverse(np.linspace(-50, 50, 10_001))

    assert "between 0 and 1" in column.noticed
    assert (drawn.min(), drawn.max()) == (0, 10**decimals)


def test_rounded_numbers_go_on_where_an_end_is_no_pile():
    x = np.append(np.round(RNG.normal(size=N), 2), [4.0, 4.0])

    assert notice(x, "a").inverse(np.array([-9.0, 9.0])).tolist() == [-9, 9]


def test_a_code_far_away_leaves_the_rest_its_spread():
    x = NOTICED["a code for nothing"][0]
    y = notice(x, "a").forward(x, RNG.random(N))[0]

    assert y[x > -9999].std() > 0.1 * y.std()


def test_rows_outside_a_bound_are_refused():
    with pytest.raises(InputError, match=r"column 'a' holds -1 in row 1 \(from 0\), outside its bound 0"):
        notice(np.array([3.0, -1, 2]), "a", edges=Edges(0.0))


def test_what_is_said_to_be_continuous_is_left_alone():
    assert all(notice(x, "a", "continuous").is_plain for x, *_ in NOTICED.values())


@pytest.mark.parametrize(("decimals", "code"), [(2, -9999.0), (0, 9999.0), (1, 0.5)])
def test_a_value_that_comes_often_among_rounded_numbers_has_a_cell_of_its_own(decimals, code):
    rest = np.round(RNG.normal(0, 1 if decimals else 300, 10 * N), decimals)
    x = np.where(RNG.random(10 * N) < 0.3, code, rest)
    column = notice(x, "a")
    y = column.forward(x, RNG.random(10 * N))[0]
    law = np.random.default_rng(2).choice(y, 10 * N) + RNG.normal(0, 0.01, 10 * N)

    assert f", {code:g} in 3" in column.noticed
    assert y[x != code].std() > 0.1 * y.std()
    assert (column.inverse(law) == code).mean() == pytest.approx((x == code).mean(), abs=0.02)
    assert np.ptp(y[x == code]) > 0.1 * np.ptp(np.quantile(y[x != code], [0.01, 0.99]))


def test_small_counts_are_no_atoms_however_many_they_are():
    assert type(notice(np.floor(RNG.lognormal(4, 2, N)), "a").cells).__name__ == "Grid"


@pytest.mark.parametrize("first", [0, 1, 5000])
def test_what_may_be_the_numbers_of_the_rows_is_told(first):
    said = "as in row numbers: leave the column out"
    rows = RNG.permutation(N)[: N * 9 // 10].astype(float) + first

    assert said in notice(rows, "a").noticed
    assert said not in notice(RNG.integers(0, N, N).astype(float), "a").noticed
    assert said not in notice(np.round(RNG.normal(0, 1e7, N)), "a").noticed
