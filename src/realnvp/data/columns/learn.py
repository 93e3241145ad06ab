"""A table's code, learnt from its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from realnvp.data.columns.atoms import Atoms
from realnvp.data.columns.codec import Codec
from realnvp.data.columns.column import Column
from realnvp.data.columns.edges import Edges
from realnvp.data.columns.frame import Labels
from realnvp.data.columns.grid import Grid
from realnvp.data.columns.levels import Levels
from realnvp.data.columns.notice import KINDS, categorical, notice
from realnvp.errors import InputError, nearest

__all__ = ["edges_of", "kinds_of", "learn", "learn_holed"]


def learn(
    values: np.ndarray, names: Sequence[str], kinds: Sequence[str], edges: Sequence[Edges], labels: Mapping[int, Labels]
) -> Codec:
    """Return the code of a table of numbers and codes (n, D), each column of what is not missing (NaN) in it."""
    numbers = [j for j in range(values.shape[1]) if j not in labels and kinds[j] != "categorical"]
    unordered = labels or "categorical" in kinds
    score = _direction(values[:, numbers]) if unordered else None
    columns = []
    for j, name in enumerate(names):
        seen = ~np.isnan(values[:, j])
        x = values[seen, j]
        if j in labels or kinds[j] == "categorical":
            columns.append(_categories(x, name, labels.get(j), None if score is None else score[seen]))
        else:
            columns.append(notice(x, name, kinds[j], edges[j]))
    return Codec(tuple(columns))


def learn_holed(
    values: np.ndarray, names: Sequence[str], kinds: Sequence[str], edges: Sequence[Edges], labels: Mapping[int, Labels]
) -> tuple[Codec, list[Column]]:
    """Return the code of a table with gaps (NaN) of which some columns follow from others, and what it says less of.

    A law fills gaps in through what is linear between the columns, so that the code may shift each by noise alone:
    values on a grid have that, the other numbers stay as they are. Of those more was noticed. Categories and texts
    obey no law.
    """
    found = learn(values, names, kinds, edges, labels).columns
    free = [j in labels or kind == "categorical" for j, kind in enumerate(kinds)]
    kept = [column if is_free else _on_grid(column) for column, is_free in zip(found, free, strict=True)]
    return Codec(tuple(kept)), [was for was, now in zip(found, kept, strict=True) if now.is_plain and not was.is_plain]


def _on_grid(column: Column) -> Column:
    """Keep of a column's code that it lies on a grid."""
    cells = column.cells
    if isinstance(cells, Levels) and cells.step is not None:
        low, high = cells.values[0], cells.values[-1]
        opened = cells.edges[0] > 0, cells.edges[-1] < 1
        cells = Grid(low, cells.step, 1.0, 0.0, None if opened[0] else low, None if opened[1] else high)
    if isinstance(cells, Atoms):
        cells = cells.grid
    if not isinstance(cells, Grid):
        return Column(column.name)
    return replace(column, cells=cells, warp=None)


def _categories(x: np.ndarray, name: str, labels: Labels | None, score: np.ndarray | None) -> Column:
    """Order categories by where their rows lie along the first direction of the numbers, else by how many they are."""
    held, counts = np.unique(x, return_counts=True)
    if labels is not None and labels.ordered:
        order = np.arange(len(held))
    elif score is None:
        order = np.argsort(-counts, kind="stable")
    else:
        order = np.argsort([np.mean(score[x == v]) for v in held], kind="stable")
    made = categorical(held[order], counts[order], name)
    if labels is None:
        return made
    kind, said = (
        ("boolean", "true or false: its figure is a log mass")
        if labels.dtype == "bool"
        else ("categorical", made.noticed)
    )
    return Column(name, kind, said, made.cells, labels=labels.values, dtype=labels.dtype)


def _direction(values: np.ndarray) -> np.ndarray | None:
    """Return the rows' places along the first principal direction of the columns' ranks; a gap is in the middle."""
    if values.shape[1] == 0 or len(values) < 3:
        return None
    ranks, seen = np.empty(values.shape), ~np.isnan(values)
    ranks[values.argsort(axis=0, kind="stable"), np.arange(values.shape[1])] = np.arange(len(values))[:, None]
    ranks = np.where(seen, ranks - (seen.sum(0) - 1) / 2, 0.0)  # gaps come last
    _, vectors = np.linalg.eigh(ranks.T @ ranks)
    found: np.ndarray = ranks @ vectors[:, -1]
    return found


def kinds_of(kinds: object, names: Sequence[str]) -> list[str]:
    """Return each column's kind, as the user said it: one word for all, or by name or number."""
    if isinstance(kinds, str):
        return [_kind(kinds)] * len(names)
    found = dict.fromkeys(range(len(names)), "auto")
    found |= {j: _kind(kind) for j, kind in _by_place(kinds, names, "kinds").items()}
    return list(found.values())


def _kind(kind: object) -> str:
    if kind not in KINDS:
        raise InputError(f"kinds says {kind!r}{nearest(str(kind), KINDS)}")
    return str(kind)


def edges_of(bounds: object, names: Sequence[str]) -> list[Edges]:
    """Return where each column ends, as the user said it: a pair for all, or pairs by name or number."""
    if isinstance(bounds, tuple | list):
        return [_pair(bounds)] * len(names)
    found = dict.fromkeys(range(len(names)), Edges())
    found |= {j: _pair(pair) for j, pair in _by_place(bounds, names, "bounds").items()}
    return list(found.values())


def _pair(pair: object) -> Edges:
    """Return two numbers, the first below the second; ``None`` and infinities are open ends."""
    try:
        low, high = (None if v is None or np.isinf(float(v)) else float(v) for v in pair)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise InputError(f"bounds are pairs (low, high) of numbers or None, got {pair!r}") from None
    if any(v is not None and np.isnan(v) for v in (low, high)) or (
        low is not None and high is not None and low >= high
    ):
        raise InputError(f"bounds are pairs (low, high) with low below high, got {pair!r}")
    return Edges(low, high)


def _by_place(given: Any, names: Sequence[str], what: str) -> dict[int, Any]:
    """Return what a dict says, by the numbers of the columns."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"{what} is a dict by column, or one value for all, got {given!r}")
    places = {}
    for key, value in given.items():
        number = int(key) if str(key).isdigit() and str(key) not in names else None
        if number is None and str(key) not in names:
            raise InputError(f"{what} names a column {key!r} that the table does not have{nearest(str(key), names)}")
        if number is not None and number >= len(names):
            raise InputError(f"{what} names column {number}, and the table has {len(names)}")
        places[list(names).index(str(key)) if number is None else number] = value
    return places
