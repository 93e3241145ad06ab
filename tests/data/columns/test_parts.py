"""Each part of a column's code against derivatives, sums and closed forms."""

import json

import numpy as np
import pytest
from scipy import stats

from realnvp.data.columns.atoms import Atoms
from realnvp.data.columns.column import Column
from realnvp.data.columns.grid import Grid
from realnvp.data.columns.levels import Levels
from realnvp.data.columns.nodes import nodes
from realnvp.data.columns.warps import Asinh, Log, Log1p, Probit, Softplus

WARPS = {
    "log": (Log(2.0), np.geomspace(1e-3, 1e8, 101) + 2),
    "log below": (Log(3.0, -1.0), 3 - np.geomspace(1e-3, 1e8, 101)),
    "softplus": (Softplus(-1.0, 3.0), np.geomspace(1e-3, 1e6, 101) - 1),
    "softplus below": (Softplus(5.0, 0.1, -1.0), 5 - np.geomspace(1e-3, 1e4, 101)),
    "probit": (Probit(-2.0, 7.0), np.linspace(-1.999, 6.999, 101)),
    "asinh": (Asinh(1.0, 0.2), np.linspace(-1e5, 1e5, 101)),
    "log1p": (Log1p(0.5, 2.0), 0.5 + np.geomspace(1e-3, 1e6, 101)),
}
BENT = Asinh(1.0, 0.05)
CELLS = {
    "levels": (Levels((0.0, 1.0, 4.0), (0.0, 0.2, 0.5, 1.0)), [0.0, 1.0, 4.0]),
    "unordered": (Levels((2.0, 0.0, 1.0), (0.0, 0.2, 0.5, 1.0)), [0.0, 1.0, 2.0]),
    "open": (Levels((3.0, 4.0), (0.01, 0.4, 0.98), 1.0), np.arange(-4.0, 12)),
    "whole": (Grid(0.0, 1.0, 1.0, 0.0), np.arange(-3.0, 4)),
    "tenths": (Grid(0.0, 0.1, 0.0, 0.0), np.round(np.arange(-3, 4) * 0.1, 1)),
    "thirds": (Grid(0.2, 1 / 3, 1.0, 0.0), 0.2 + np.arange(5) / 3),
    "atoms": (Atoms((0.0, 2.0), (0.0, 2.0), (0.5, 3.0)), [-1.3, 0.0, 1e-9, 1.7, 2.0, 2.1]),
    "atoms on a grid": (
        Atoms((-2.0, 1.0), (-2.5, 0.5), (0.7, 2.0), None, Grid(0.0, 1.0, 1.0, 0.0)),
        np.arange(-9.0, 7),
    ),
    "atom on tenths": (
        Atoms((0.0,), (BENT.forward(np.array([-0.05]))[0].item(),), (0.5,), BENT, Grid(0.0, 0.1, 1.0, 0.0)),
        np.round(np.arange(-90, 91) * 0.1, 1),
    ),
    "atom and rest": (Atoms((0.0,), (0.0,), (0.5,), Log1p(0.0, 0.1)), [0.0, 1e-9, 1.7, 2e6]),
}


@pytest.mark.parametrize("case", WARPS)
def test_a_warp_comes_back_and_counts_its_slope(case):
    warp, x = WARPS[case]
    y, log_slope = warp.forward(x)
    step = 1e-6 * np.maximum(1e-3, np.abs(x - getattr(warp, "edge", 0.0)))
    ahead, behind = warp.forward(x + step)[0], warp.forward(x - step)[0]

    np.testing.assert_allclose(warp.inverse(y), x, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose((ahead - behind) / (2 * step), np.exp(log_slope), rtol=1e-4)
    assert (np.diff(y) * np.sign(np.diff(x)) > 0).all()
    assert warp.holds(x).all()


@pytest.mark.parametrize("case", WARPS)
def test_a_warp_gives_finite_numbers_within_its_bounds_whatever_comes(case):
    warp = WARPS[case][0]
    x = warp.inverse(np.array([-1e308, -1e5, -800, -40, 0, 40, 800, 1e5, 1e308]))

    assert np.isfinite(x).all()
    assert warp.holds(x).all()


@pytest.mark.parametrize("warp", [Log(0.0, 1.0, 1e-3), Softplus(0.0, 1.0, 1.0, 1e-3), Probit(0.0, 1.0, 1e-3)])
def test_a_row_on_the_edge_has_a_finite_code(warp):
    y, log_slope = warp.forward(np.array([0.0]))

    assert np.isfinite([y, log_slope]).all()


def test_what_is_uniform_becomes_standard_normal():
    warp, u = Probit(0.0, 2.0), np.linspace(0.001, 1.999, 999)
    y, log_slope = warp.forward(u)

    np.testing.assert_allclose(stats.norm.logpdf(y) + log_slope, np.log(0.5), atol=1e-9)


@pytest.mark.parametrize("case", CELLS)
@pytest.mark.parametrize("u", [1e-6, 0.3, 0.5, 1 - 1e-6])
def test_a_value_comes_back_from_anywhere_in_its_cell(case, u):
    cells, values = CELLS[case]
    x = np.asarray(values)
    z, log_m, can = cells.forward(x, np.full(len(x), u))
    back = cells.inverse(z)

    assert can.all()
    assert np.isfinite(log_m).all()
    if case == "atom and rest":
        np.testing.assert_allclose(back, x, rtol=1e-6)
    else:
        np.testing.assert_allclose(back, x, rtol=1e-12, atol=1e-12)
    if case in ("whole", "tenths", "levels", "open"):
        assert np.array_equal(back, x)


@pytest.mark.parametrize(
    "case", ["levels", "unordered", "open", "whole", "thirds", "tenths", "atoms on a grid", "atom on tenths"]
)
def test_the_cells_are_apart_and_fill_the_line(case):
    cells, values = CELLS[case]
    x = np.asarray(values)
    low, high = (cells.forward(x, np.full(len(x), u))[0] for u in (1e-12, 1 - 1e-12))
    order = np.argsort(low)

    np.testing.assert_allclose(high[order][:-1], low[order][1:], atol=1e-6)


def test_what_the_cells_leave_is_the_mass_of_every_other_value_and_is_never_drawn():
    cells, law = Levels((1.0, 5.0), (0.0, 0.7, 0.9)), stats.norm(0.4, 0.8)
    points, weights = nodes(1)
    x = np.array([1.0, 5.0, 3.0, 6.0, -1.0])
    mass = np.zeros(5)
    for u, w in zip(points[:, 0], weights, strict=True):
        z, log_m, can = cells.forward(x, np.full(5, u))
        mass += w * law.pdf(z) * np.exp(log_m)
    edges = stats.norm.ppf([0, 0.7, 0.9, 1])

    assert can.tolist() == [True, True, False, False, False]
    np.testing.assert_allclose(mass[:3], np.diff(law.cdf(edges)), atol=2e-3)
    np.testing.assert_array_equal(mass[3:], mass[2])
    assert set(cells.inverse(np.linspace(-9, 9, 999))) == {1.0, 5.0}


@pytest.mark.parametrize("case", ["levels", "open", "whole", "atoms on a grid"])
def test_the_mass_of_a_cell_is_that_of_the_law_on_it(case):
    cells, values = CELLS[case]
    x = np.asarray(values)
    law = stats.norm(0.4, 0.8)
    points, weights = nodes(1)
    mass = np.zeros(len(x))
    for u, w in zip(points[:, 0], weights, strict=True):
        z, log_m, _ = cells.forward(x, np.full(len(x), u))
        mass += w * law.pdf(z) * np.exp(log_m)
    low, high = (cells.forward(x, np.full(len(x), u))[0] for u in (1e-13, 1 - 1e-13))

    np.testing.assert_allclose(mass, law.cdf(high) - law.cdf(low), rtol=1e-3, atol=1e-9)


def test_masses_of_an_open_end_add_up_to_all():
    cells = CELLS["open"][0]
    x = np.arange(-60.0, 70)
    points, weights = nodes(1)
    mass = sum(
        w * stats.norm.pdf(cells.forward(x, np.full(len(x), u))[0]) * np.exp(cells.forward(x, np.full(len(x), u))[1])
        for u, w in zip(points[:, 0], weights, strict=True)
    )

    assert mass.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("case", ["atoms on a grid", "atom on tenths"])
def test_masses_on_a_grid_with_atoms_add_up_to_all(case):
    cells, x = CELLS[case]
    u = (np.arange(2000) + 0.5) / 2000
    mass = np.zeros(len(x))
    for noise in u:
        z, log_m, _ = cells.forward(x, np.full(len(x), noise))
        mass += stats.norm.pdf(z, 1.0, 1.5) * np.exp(log_m) / len(u)

    assert mass.sum() == pytest.approx(1, abs=1e-3)


def test_values_that_cannot_be_are_told():
    levels, grid = CELLS["levels"][0], CELLS["whole"][0]

    assert levels.forward(np.array([0.5, 5.0, -1.0]), np.full(3, 0.5))[2].tolist() == [False] * 3
    assert grid.forward(np.array([0.5, 5.0]), np.full(2, 0.5))[2].tolist() == [False, True]


@pytest.mark.parametrize("columns", [1, 2, 3, 7])
def test_nodes_integrate_a_smooth_function(columns):
    points, weights = nodes(columns)
    slopes = np.linspace(0.3, 1, columns)
    exact = np.prod((np.exp(slopes) - 1) / slopes)

    assert weights.sum() == pytest.approx(1)
    assert ((points > 0) & (points < 1)).all()
    assert weights @ np.exp(points @ slopes) == pytest.approx(exact, rel=1e-12 if columns < 3 else 0.02)


@pytest.mark.parametrize("part", [*(w for w, _ in WARPS.values()), *(c for c, _ in CELLS.values())])
def test_a_column_comes_back_from_plain_data(part):
    is_warp = hasattr(part, "holds")
    column = Column("a", "continuous", "so", None if is_warp else part, part if is_warp else None)

    assert Column.from_plain(json.loads(json.dumps(column.to_plain()))) == column
