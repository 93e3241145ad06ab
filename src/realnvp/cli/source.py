"""What ``realnvp fit`` learns a table from: a file, or draws of a toy set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realnvp.data.check import check_columns, check_gaps
from realnvp.data.images import IMAGE_SETS
from realnvp.data.table import read_table, table_columns
from realnvp.data.toy import TOYS, Toy
from realnvp.errors import InputError, nearest

__all__ = ["HELD_OUT", "Source", "read_source"]

HELD_OUT = 20_000
"""Fresh rows of a toy set that the figures are measured on."""


@dataclass
class Source:
    """What there is to learn from: training rows, rows to measure on, and what is known of them."""

    name: str
    columns: list[str]
    train: np.ndarray
    held_out: np.ndarray
    context: np.ndarray | None = None
    held_context: np.ndarray | None = None
    context_columns: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    train_labels: np.ndarray | None = None
    at: np.ndarray | None = None
    held_at: np.ndarray | None = None
    truth: Toy | None = None


def read_source(
    data: str, columns: list[str], context: list[str], rows: int | None, *, seed: int, missing: str
) -> Source:
    """Read a table, or draw ``rows`` of a toy set; empty cells are refused, or kept as NaN in the training rows."""
    if data not in TOYS:
        if rows is not None:
            raise InputError(f"--rows counts draws of a toy set, and {data} is none: leave it out")
        return _table(data, columns, context, seed, missing)
    if columns or context:
        raise InputError(f"the toy set {data!r} is learnt whole: leave --columns and --context out")
    return _toy(data, rows or 10_000, seed)


def _toy(name: str, rows: int, seed: int) -> Source:
    law = TOYS[name]
    held_out, labels = law.sample_with_labels(HELD_OUT, seed + 10_000)
    train, train_labels = law.sample_with_labels(rows, seed)
    return Source(
        name,
        [f"x{i}" for i in range(law.features)],
        train,
        held_out,
        labels=labels if law.classes > 1 else None,
        train_labels=train_labels if law.classes > 1 else None,
        truth=law,
    )


def _table(data: str, columns: list[str], context: list[str], seed: int, missing: str) -> Source:
    path = Path(data)
    if not path.suffix and not path.exists():
        raise InputError(f"no file and no known set is called {data!r}{nearest(data, [*TOYS, *IMAGE_SETS])}")
    if path.is_dir():
        raise InputError(f"{data} is a folder: name one file in it (.csv, .parquet, .npy or .npz)")
    if both := [name for name in columns if name in context]:
        raise InputError(f"column {both[0]!r} is named both in --columns and in --context: name it once")
    names = columns or [name for name in table_columns(path) if name not in context]
    if not names:
        raise InputError("every column is in --context: leave at least one to learn")
    values = read_table(path, [*names, *context], missing=missing).values
    if len(values) < 10:
        raise InputError(f"{data} has {len(values)} rows: give at least 10, so that some can be held out")
    split = len(names)
    if len(gaps := np.flatnonzero(np.isnan(values[:, split:]).any(0))):
        raise InputError(
            f"context column {context[gaps[0]]!r} has empty cells: a context is whole, fill in or drop such rows"
        )
    check_gaps(values[:, :split], names, missing)
    order = np.random.default_rng(seed).permutation(len(values))
    order = order[np.isnan(values[order]).any(1).argsort(kind="stable")]  # measured on rows without gaps
    whole = len(values) - int(np.isnan(values).any(1).sum())
    if whole < min(20, len(values)):
        raise InputError(f"{data} has {whole} rows without empty cells: give at least 20, so that some can be held out")
    test, train = np.split(order, [min(len(values) // 10, whole // 2, HELD_OUT)])
    check_columns(values[train, :split], names)
    return Source(
        path.stem,
        names,
        values[train, :split],
        values[test, :split],
        context=values[train, split:] if context else None,
        held_context=values[test, split:] if context else None,
        context_columns=tuple(context),
        at=train,
        held_at=test,
    )
