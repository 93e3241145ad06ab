"""What ``realnvp fit`` learns a table from: a file, or draws of a toy set."""

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from realnvp.data.check import check_columns, check_gaps
from realnvp.data.columns import Labels, coded, kinds_of, labels_of
from realnvp.data.images import IMAGE_SETS
from realnvp.data.many import ManyFiles, Survey, survey
from realnvp.data.rows import Frame
from realnvp.data.sources.places import is_many
from realnvp.data.table import read_frame, table_kinds
from realnvp.data.toy import TOYS, Toy
from realnvp.errors import InputError, nearest
from realnvp.estimators.density import RealNVP
from realnvp.train.resume import Checkpoint

__all__ = ["HELD_OUT", "Source", "Streamed", "read_source"]

HELD_OUT = 20_000
"""Fresh rows of a toy set that the figures are measured on."""


@dataclass
class Source:
    """What there is to learn from: training rows, rows to measure on, and what is known of them.

    Texts, booleans and categories are numbers in ``train`` and ``held_out``, which ``labels_of`` says the meaning of.
    """

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
    labels_of: Mapping[int, Labels] = field(default_factory=dict)
    frame: Frame | None = None

    @property
    def rows(self) -> int:
        """How many there are to learn from."""
        return len(self.train)

    @property
    def facts(self) -> dict:
        """What a run keeps of where its rows came from."""
        return {}

    def fit(self, model: RealNVP, checkpoint: Checkpoint | None) -> None:
        """Let a model learn."""
        model.fit(self.learnt, context=self.context, checkpoint=checkpoint)

    @property
    def learnt(self) -> Any:
        """The training rows as an estimator takes them: an array, or columns of several kinds."""
        return self.train if self.frame is None else self.frame.rows(self.at)

    @property
    def met(self) -> Any:
        """The rows held out as an estimator takes them."""
        return self.held_out if self.frame is None else self.frame.rows(self.held_at)

    def some(self, at: np.ndarray) -> Any:
        """Return some of the rows held out."""
        return self.met[at] if isinstance(self.met, np.ndarray) else self.met.rows(at)

    def in_numbers(self, rows: Any) -> np.ndarray:
        """Return rows of an estimator as numbers."""
        found: np.ndarray = coded(rows, dict(self.labels_of)) if self.labels_of else rows
        return found


@dataclass
class Streamed(Source):
    """Many files: ``train`` is a sample of what there is to learn from."""

    survey: Survey | None = None
    train_frame: Frame | None = None
    held_frame: Frame | None = None

    @property
    def files(self) -> Survey:
        """The survey of the files."""
        assert self.survey is not None
        return self.survey

    @property
    def rows(self) -> int:
        """How many there are to learn from."""
        return self.files.count - len(self.files.away)

    @property
    def facts(self) -> dict:
        """How many files there are, and what was wrong with those that were left out."""
        return {"files": len(self.files.files.files), "skipped_files": list(self.files.files.skipped)}

    def fit(self, model: RealNVP, checkpoint: Checkpoint | None) -> None:
        """Let a model learn."""
        model.fit_files(self.files, checkpoint=checkpoint)

    @property
    def learnt(self) -> Any:
        """The sample as an estimator takes it."""
        return self.train_frame if self.labels_of else self.train

    @property
    def met(self) -> Any:
        """The rows held out as an estimator takes them."""
        return self.held_frame if self.labels_of else self.held_out


def read_source(
    data: str,
    columns: list[str],
    context: list[str],
    rows: int | None,
    *,
    seed: int,
    missing: str,
    kinds: object = "auto",
    drop: list[str] | None = None,
    skip_bad_files: bool = False,
) -> Source:
    """Read a table, or draw ``rows`` of a toy set; empty cells are refused, or kept as NaN in the training rows."""
    if skip_bad_files and (data in TOYS or not is_many(data)):
        raise InputError(f"{data} is not many files: leave --skip-bad-files out")
    if data not in TOYS:
        if rows is not None:
            raise InputError(f"--rows counts draws of a toy set, and {data} is none: leave it out")
        holed = missing == "marginalise"
        if is_many(data) and not (holed and Path(data).is_file()):
            if holed:
                raise InputError(f"{data} is read in a stream, which takes no gaps: leave --missing {missing} out")
            found = ManyFiles.open(data, columns, context=context, drop=drop or [], skip_bad_files=skip_bad_files)
            return _streamed(survey(found, seed), seed, kinds)
        return _table(data, columns, context, drop or [], seed, missing, kinds)
    if columns or context or drop:
        raise InputError(f"the toy set {data!r} is learnt whole: leave --columns, --context and --drop out")
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


def _table(
    data: str, columns: list[str], context: list[str], drop: list[str], seed: int, missing: str, kinds: object
) -> Source:
    path = Path(data)
    if not path.suffix and not path.exists():
        raise InputError(f"no file and no known set is called {data!r}{nearest(data, [*TOYS, *IMAGE_SETS])}")
    if path.is_dir():
        raise InputError(f"{data} is a folder: name one file in it (.csv, .parquet, .npy or .npz)")
    if both := [name for name in columns if name in context]:
        raise InputError(f"column {both[0]!r} is named both in --columns and in --context: name it once")
    held = table_kinds(path)
    names = _named(data, held, columns, context, drop)
    told = kinds_of(kinds, names)
    frame = _read(path, names, context, held, missing, dict(zip(names, told, strict=True)))
    labels = labels_of(frame.first(len(names)), told)
    values = coded(frame, labels)
    if len(values) < 10:
        raise InputError(f"{data} has {len(values)} rows: give at least 10, so that some can be held out")
    split = len(names)
    if len(gaps := np.flatnonzero(np.isnan(values[:, split:]).any(0))):
        raise InputError(
            f"context column {context[gaps[0]]!r} has empty cells: a context is whole, fill in or drop such rows"
        )
    check_gaps(values[:, :split], names, missing)
    categories = [j for j in range(split) if j in labels or told[j] == "categorical"]
    test, train = _split(data, values, [(j, names[j]) for j in categories], seed)
    check_columns(values[train, :split], names, {j: found.values for j, found in labels.items()})
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
        labels_of=labels,
        frame=frame.first(split).numbered() if labels else None,
    )


def _streamed(found: Survey, seed: int, kinds: object) -> Streamed:
    """Hold out rows of the sample, and learn from all others."""
    files, drawn = found.files, found.sample
    if found.count < 20:
        raise InputError(f"{files.data} has {found.count} rows: give at least 20, so that some can be held out")
    split = len(files.columns) - files.given
    columns, given = list(files.columns[:split]), list(files.columns[split:])
    seen = Frame.joined([drawn, found.rare]).first(split)
    labels = labels_of(seen, kinds_of(kinds, columns))
    values = coded(drawn.first(split), labels)
    order = np.random.default_rng([seed, 1]).permutation(len(drawn))
    test, train = np.split(order, [min(len(drawn) // 10, HELD_OUT)])
    train.sort()
    context = np.stack(drawn.parts[split:], axis=1) if given else None
    return Streamed(
        _stem(files.data),
        columns,
        values[train],
        values[test],
        context=None if context is None else context[train],
        held_context=None if context is None else context[test],
        context_columns=tuple(given),
        at=found.at[train],
        held_at=found.at[test],
        labels_of=labels,
        survey=found.without(test),
        train_frame=drawn.first(split).rows(train).numbered(),
        held_frame=drawn.first(split).rows(test).numbered(),
    )


def _stem(data: str) -> str:
    """Return what the last part of a name that is no pattern is called."""
    parts = [part for part in re.split(r"[/\\]", data) if part not in ("", ".", "..") and not glob.has_magic(part)]
    names = [part for part in parts if not part.endswith(":")]
    return Path(names[-1]).stem if names else "table"


def _named(data: str, held: Mapping[str, str], columns: list[str], context: list[str], drop: list[str]) -> list[str]:
    """Return the columns to learn."""
    if both := [name for name in drop if name in (*columns, *context)]:
        raise InputError(f"column {both[0]!r} is named in --drop and elsewhere: name it once")
    if unknown := [name for name in drop if name not in held]:
        raise InputError(f"{data} has no column {unknown[0]!r} to --drop{nearest(unknown[0], list(held))}")
    names = columns or [name for name in held if name not in (*context, *drop)]
    if not names:
        raise InputError("every column is in --context or --drop: leave at least one to learn")
    return names


def _read(
    path: Path, names: list[str], context: list[str], held: Mapping[str, str], missing: str, told: Mapping[str, str]
) -> Frame:
    """Read the columns, those to learn as what they hold, or as what the user ``told`` of them."""
    if dates := [name for name in names if held.get(name) == "time"]:
        raise InputError(
            f"{path}: column {dates[0]!r} holds dates or times: turn them into numbers, such as days since the first, "
            "or leave it out"
        )
    kinds = {name: held[name] for name in names if held.get(name) in ("text", "boolean", "category")}
    kinds = {name: kind for name, kind in kinds.items() if told[name] not in ("continuous", "discrete")}
    sure = [name for name in names if told[name] == "categorical"]
    advice = ", or learn from them as they are by missing='marginalise'"
    return read_frame(path, [*names, *context], kinds, sure=sure, missing=missing, advice=advice)


def _split(
    data: str, values: np.ndarray, categories: list[tuple[int, str]], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to measure on, without gaps, and those to learn from, in which every category comes."""
    order = np.random.default_rng(seed).permutation(len(values))
    order = order[np.isnan(values[order]).any(1).argsort(kind="stable")]  # measured on rows without gaps
    whole = len(values) - int(np.isnan(values).any(1).sum())
    if whole < min(20, len(values)):
        raise InputError(f"{data} has {whole} rows without empty cells: give at least 20, so that some can be held out")
    test, train = np.split(order, [min(len(values) // 10, whole // 2, HELD_OUT)])
    known = np.ones(len(test), bool)
    for j, name in categories:
        known &= (seen := np.isin(values[test, j], values[train, j]))
        if len(test) and not seen.any():
            raise InputError(f"{data}: of column {name!r} hardly a value comes twice, as of names or ids: leave it out")
    return test[known], np.concatenate([train, test[~known]])
