"""What a column of numbers is taken for."""

import numpy as np

from realnvp.chance import own
from realnvp.data.columns.atoms import Atoms
from realnvp.data.columns.base import Cells, Warp
from realnvp.data.columns.column import Column
from realnvp.data.columns.edges import Edges, bounded, check_edges, hard_edge, heavy, spans_decades
from realnvp.data.columns.grid import Grid
from realnvp.data.columns.lattice import lattice
from realnvp.data.columns.levels import Levels
from realnvp.data.columns.warps import Log1p
from realnvp.errors import InputError

__all__ = ["KINDS", "MOST_CATEGORIES", "categorical", "notice"]

KINDS = ("auto", "continuous", "discrete", "categorical")
MOST_CATEGORIES = 1000
_ROWS = 50
"""Rows from which a column's values are looked at: in fewer, repeats and ends are chance."""
_FEW = 50
_FEW_DECIMALS = 12
"""Decimals of more values than this are numbers that were rounded."""
_LOOK = 20_000
"""Rows among which a value must come twice: what only more rows show is finer than noise that could matter."""
_SEED = 0


def notice(x: np.ndarray, name: str, kind: str = "auto", edges: Edges | None = None) -> Column:
    """Return the code of a column of finite numbers ``x`` (n,), by what is ``kind`` and where its ``edges`` are.

    - few values (at most 50, of decimals 12, five rows of each on average): ``Levels``, and their step where they lie
      on a grid;
    - whole numbers, and numbers rounded so that 5 % of the rows are repeats: ``Grid``;
    - values that are 2 % of the rows or more each, in a column continuous else: ``Atoms``;
    - an edge that was given, or is plain to see, or over 50 standard deviations: a warp.
    """
    edges = edges or Edges()
    check_edges(x, name, edges)
    distinct, counts = _values(x, kind)
    if kind == "categorical":
        return categorical(distinct, counts, name)
    given = edges != Edges()
    if kind == "continuous" or (kind == "auto" and len(x) < _ROWS):
        warp = bounded(x, edges)
        return Column(name, warp=warp, noticed=_ends(edges) if given else "")
    found = lattice(distinct) if kind == "discrete" or _repeats(x, distinct) else None
    whole = bool((distinct == np.round(distinct)).all())
    few = len(distinct) <= (_FEW if whole or found is None else _FEW_DECIMALS) and len(x) >= 5 * len(distinct)
    if few or (kind == "discrete" and found is None):
        return _few(distinct, counts, found, name, edges)
    if found is not None:
        return _grid(x, found, name, kind, edges)
    atoms = _atoms(distinct, counts, len(x))
    if len(atoms):
        return _with_atoms(x, atoms, name, edges)
    warp, why = _warp(x, edges)
    return Column(name, warp=warp, noticed=why)


def _values(x: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the values and how often each comes; of a long column that is all different at first sight, once each."""
    if kind == "auto" and len(x) > _LOOK and (x != np.round(x)).any():
        some = own(_SEED).choice(x, _LOOK, replace=False)
        if len(np.unique(some)) == _LOOK:
            return x, np.ones(len(x))
    return np.unique(x, return_counts=True)


def categorical(values: np.ndarray, counts: np.ndarray, name: str, **more: object) -> Column:
    """Return the code of unordered values: cells in the order given, as wide as their counts."""
    if len(values) > MOST_CATEGORIES:
        raise InputError(
            f"column {name!r} has {len(values):,} categories: at most {MOST_CATEGORIES:,} are learnt, group them"
        )
    cells = Levels(tuple(map(float, values)), _shares(counts))
    sentence = f"{len(values)} categories: its figure is a log mass"
    return Column(name, "categorical", sentence, cells, **more)  # type: ignore[arg-type]


def _shares(counts: np.ndarray, low: float = 0.0, high: float = 0.0) -> tuple[float, ...]:
    """Return the edges of cells as wide as ``counts``, within ``[low, 1 - high]`` of the unit interval."""
    share = np.concatenate(([0.0], np.cumsum(counts) / counts.sum()))
    edges = low + (1 - low - high) * share
    edges[-1] = 1 - high
    return tuple(edges.tolist())


def _repeats(x: np.ndarray, distinct: np.ndarray) -> bool:
    """Whether a column is worth a grid: 5 % of its rows are repeats, or it holds whole numbers of no great size."""
    whole = np.abs(x).max() < 1e12 and bool((x == np.round(x)).all())
    return whole or len(distinct) <= 0.95 * len(x)


def _few(
    distinct: np.ndarray, counts: np.ndarray, found: tuple[float, float] | None, name: str, edges: Edges
) -> Column:
    """Few values: by themselves, or on a grid that goes on where they thin out."""
    said = f"{len(distinct)} values"
    if found is None or len(distinct) < 3 or np.ptp(distinct) / found[1] > max(4 * len(distinct), 10):
        cells = Levels(tuple(distinct.tolist()), _shares(counts, high=1 / (counts.sum() + 1)))
        return Column(name, "few values", f"{said} and no others: its figure is a log mass", cells)
    step, low, high = found[1], edges.low, edges.high
    if low is None and distinct[0] >= 0:
        low = 0.0  # what is never negative is not taken to be
    values, weights = _filled(distinct, counts, found, low, high)
    below = (low is None or values[0] > low) and _opens(weights[0], weights[1])
    above = (high is None or values[-1] < high) and _opens(weights[-1], weights[-2])
    tails = [1 / (counts.sum() + 1) if opened else 0.0 for opened in (below, above)]
    more = " and ".join(side for side, opened in (("below", below), ("above", above)) if opened)
    sentence = f"{said}, {step:g} apart{more and ', more '}{more}: its figure is a log mass"
    return Column(name, "discrete", sentence, Levels(tuple(values.tolist()), _shares(weights, *tails), step))


def _filled(
    distinct: np.ndarray, counts: np.ndarray, found: tuple[float, float], low: float | None, high: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Put in the places of the grid that no row has, half a row each; and those up to a bound near by."""
    origin, step = found
    k = np.round((distinct - origin) / step).astype(int)
    weights = np.full(k[-1] - k[0] + 1, 0.5)
    weights[k - k[0]] = counts
    beyond = (0.0 if low is None else distinct[0] - low, 0.0 if high is None else high - distinct[-1])
    before, after = (n if n <= _FEW else 0 for n in (int(gap / step + 1e-6) for gap in beyond))
    thinning = 0.5 ** np.arange(1.0, max(before, after) + 1)
    weights = np.concatenate((thinning[:before][::-1], weights, thinning[:after]))
    places = k[0] - before + np.arange(len(weights))
    return Grid(origin, step, 1.0, 0.0).inverse(origin + places * step), weights


def _opens(last: float, before: float) -> bool:
    """Whether values go on beyond an end: not where ten rows of the next would be looked for."""
    return bool(last * min(1.0, last / before) <= 10)


def _grid(x: np.ndarray, found: tuple[float, float], name: str, kind: str, edges: Edges) -> Column:
    """Many values on a grid: whole numbers by their mass, rounded ones by their density."""
    origin, step = found
    whole = bool((x == np.round(x)).all()) or kind == "discrete"
    low, high = np.quantile(x, [0.25, 0.75])
    fine = float((high - low) / 1.349 > 10 * step)
    spread = x + (own(_SEED).random(len(x)) - 0.5) * step
    reach, begins = edges, "" if edges == Edges() else _ends(edges)
    atoms = _alone(*np.unique(x, return_counts=True), len(x))
    if edges == Edges():
        low, high = _piled(x)
        if x.min() >= 0 and x.min() not in atoms and _begins(x, spread, step):
            low = 0.0
            edges = Edges(low)
        if (reach := Edges(low, high)) != Edges():
            begins = "from 0 up" if reach == Edges(0.0) else _ends(reach) + ", where rows are piled up"
    ends = _within(reach, origin, step)
    grid = Grid(origin, step, float(whole), fine, ends.low, ends.high)
    figure = "its figure is a log mass" if whole else "noise as wide is learnt with them"
    if whole and len(np.unique(x)) == len(x) and np.ptp(x) < 2 * len(x) * step:
        figure += "; none comes twice, as in row numbers: leave the column out if that is what it holds"
    cells: Cells = grid
    if len(atoms):
        cells, warp, why = _around(x, atoms, _outer(_within(edges, origin, step), step), grid)
        why = ", ".join(filter(None, (begins, why)))
        figure = figure if whole else "a log mass there, and noise as wide is learnt with the others"
    else:
        warp, why = _warp(spread, _outer(ends, step), found=True)
        why = begins or why
    said = "whole numbers" if whole else "rounded numbers"
    return Column(
        name, "discrete" if whole else "rounded", f"{said}, {step:g} apart{why and ', '}{why}: {figure}", cells, warp
    )


def _within(edges: Edges, origin: float, step: float) -> Edges:
    """Return the first and the last value of a grid within bounds."""
    low, high = (None if e is None else (e - origin) / step for e in (edges.low, edges.high))
    on = Grid(origin, step, 1.0, 0.0).inverse
    return Edges(
        None if low is None else float(on(np.array(origin + np.ceil(low - 1e-6) * step))),
        None if high is None else float(on(np.array(origin + np.floor(high + 1e-6) * step))),
    )


def _outer(ends: Edges, step: float) -> Edges:
    """Return where the noise of the first and the last value of a grid reaches."""
    return Edges(*(None if e is None else e + s * step / 2 for e, s in ((ends.low, -1), (ends.high, 1))))


def _piled(x: np.ndarray) -> tuple[float | None, float | None]:
    """Return the first and the last value where rows are piled up there, as at an end of ``Atoms``, else ``None``."""
    distinct, counts = np.unique(x, return_counts=True)
    least = max(5.0, 0.01 * len(x), 10 * float(np.median(counts)))
    low, high = (float(distinct[at]) if counts[at] >= least else None for at in (0, -1))
    return low, high


def _begins(x: np.ndarray, spread: np.ndarray, step: float) -> bool:
    """Whether numbers on a grid begin at zero: a hundredth of the rows there, the density high there, or decades."""
    distance = spread + step / 2
    return bool((x == 0).mean() >= 0.01) or hard_edge(distance) or spans_decades(distance)


def _atoms(distinct: np.ndarray, counts: np.ndarray, rows: int) -> np.ndarray:
    """Values that come far more often than the others: 2 % of the rows and ten of them, at an end 1 %."""
    least = np.full(len(distinct), max(10, 0.02 * rows))
    least[[0, -1]] = max(5, 0.01 * rows)
    often = counts >= np.maximum(least, 10 * np.median(counts))
    rest = len(distinct) - often.sum()
    return distinct[often] if often.sum() <= 5 and rest >= 20 else distinct[:0]


def _alone(distinct: np.ndarray, counts: np.ndarray, rows: int) -> np.ndarray:
    """Atoms on a grid: the values beside them come a tenth as often at most, small counts are often by themselves."""
    beside = np.maximum(np.append(0, counts[:-1]), np.append(counts[1:], 0))
    often = _atoms(distinct, counts, rows)
    return often[(counts >= 10 * beside)[np.isin(distinct, often)]]


def _with_atoms(x: np.ndarray, atoms: np.ndarray, name: str, edges: Edges) -> Column:
    cells, warp, often = _around(x, atoms, edges)
    return Column(name, "point mass", f"{often}: a log mass there, a log density beside it", cells, warp)


def _around(x: np.ndarray, atoms: np.ndarray, edges: Edges, grid: Grid | None = None) -> tuple[Cells, Warp | None, str]:
    """Cells between the numbers beside them, so wide that the density is as high in them as it is there."""
    half = 0.0 if grid is None else grid.step / 2
    noise = own(_SEED).random(len(x))
    rest = (x + (2 * noise - 1) * half)[~np.isin(x, atoms)]
    first, last = float(atoms[0]) - half, float(atoms[-1]) + half
    at_low = atoms[0] <= x.min() and (edges.low is None or first <= edges.low)
    at_high = atoms[-1] >= x.max() and (edges.high is None or last >= edges.high)
    inner: Warp | None = None
    if at_low and edges.high is None and not at_high and spans_decades(rest - first):
        inner = Log1p(first, float(np.quantile(rest - first, 0.01)))
    elif edges == Edges():
        inner = heavy(rest, atoms)
    r, places = (v if inner is None else inner.forward(v)[0] for v in (rest, atoms - half))
    span = float(np.subtract(*np.quantile(r, [0.95, 0.05])))
    shares = np.array([(x == a).mean() for a in atoms])
    widths = shares / (1 - shares.sum()) * span / 0.9
    at, place, width = (tuple(map(float, v)) for v in (atoms, places, widths))
    cells = Atoms(at, place, width, inner, grid)
    begins, wide = cells.cells
    low = float(begins[0]) if at_low else edges.low
    high = float(begins[-1] + wide[-1]) if at_high else None if edges.high is None else edges.high + float(widths.sum())
    z = cells.forward(x, noise)[0]
    warp = bounded(z, Edges(low, high), scale=float(wide[0] if at_low else wide[-1]) if at_low or at_high else None)
    often = ", ".join(f"{a:g} in {share:.0%}" for a, share in zip(atoms, shares, strict=True))
    return cells, warp, f"{often} of the rows"


def _warp(z: np.ndarray, edges: Edges, *, found: bool = False) -> tuple[Warp | None, str]:
    """Return the warp of what is continuous, and why."""
    if edges != Edges():
        return bounded(z, edges), _ends(edges)
    if not found and z.min() >= 0:
        if spans_decades(z):
            return bounded(z, Edges(0.0)), "positive, over decades"
        low = hard_edge(z)
        if z.max() <= 1 and hard_edge(1 - z) and (low or z.min() > 0):
            return bounded(z, Edges(0.0, 1.0)), "between 0 and 1"
        if low:
            return bounded(z, Edges(0.0)), "above 0, and dense there"
    warp = heavy(z)
    return warp, "" if warp is None else "tails beyond 50 standard deviations, drawn in by asinh"


def _ends(edges: Edges) -> str:
    if edges.low is not None and edges.high is not None:
        return f"between {edges.low:g} and {edges.high:g}"
    return f"above {edges.low:g}" if edges.low is not None else f"below {edges.high:g}"
