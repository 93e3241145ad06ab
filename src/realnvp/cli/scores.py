"""Log densities of tables, a piece at a time, and where they are written."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from realnvp.cli.base import counted, say
from realnvp.cli.engines import ENGINES, Scored
from realnvp.cli.pieces import Labels, Tally, gaps, parted, unknown_rows, unseen
from realnvp.cli.summary import Summary
from realnvp.data.folders import FolderWriter
from realnvp.data.many import Group, ManyFiles
from realnvp.data.write import TableWriter
from realnvp.errors import InputError
from realnvp.measure.base import plain_arrays

__all__ = ["Scorer", "score_files", "score_pieces"]

_COLUMN = ["log_prob"]


@dataclass(frozen=True)
class Scorer:
    """A run's model: log densities of pieces whose first ``columns`` it learnt, and of whose others, if any, given."""

    model: Any
    columns: int
    given: bool
    labels: Labels

    def __call__(self, data: str, piece: Any, before: int) -> Scored:
        """Score rows of ``data``, which so many came before."""
        X, C = parted(piece, self.columns)
        known = ~unknown_rows(piece, self.labels)
        log_prob = np.full(len(piece), -np.inf)
        if known.any():
            context = {"context": C[known]} if self.given else {}
            with plain_arrays():  # the columns were chosen by name
                log_prob[known] = self.model.score_samples(X.rows(known) if self.labels else X[known], **context)
        told = ""
        if not known.all():
            then = "such rows have the density zero, log_prob -inf"
            told = str(unseen(data, piece, self.labels, before, then))
        return Scored(log_prob, np.any(gaps(X, self.labels), axis=1), known, told)


def score_pieces(
    scorer: Scorer, data: str, read: Iterable[Any], out: Path | None, *, force: bool, quiet: bool
) -> Summary:
    """Score a table that is read in pieces, into one file if ``out`` names it; return what they are together."""

    def scored() -> Iterator[Scored]:
        before = 0
        for piece in read:
            yield scorer(data, piece, before)
            before += len(piece)

    tally = _Teller()
    writer = None if out is None else TableWriter(out, _COLUMN, force=force)
    with writer or nullcontext():
        for part in counted(scored(), None, "scoring", quiet=quiet):
            tally.into(writer, part)
    if out is not None:
        say(f"{tally.sums.rows:,} log densities in {out}: {tally.sums.told()}", quiet=quiet)
    return tally.summary


def score_files(
    scorer: Scorer,
    files: ManyFiles,
    out: Path | None,
    *,
    engine: str,
    missing: str,
    advice: str,
    force: bool,
    quiet: bool,
) -> Summary:
    """Score many files into one, in their order, or, where ``out`` has no ending, each into a file in that folder.

    Without ``out`` they are written nowhere. What they are together is returned.
    """
    own = next((file.path for file in files.files if out is not None and _within(str(file.path), out)), None)
    if own is not None and out is not None and out.is_dir():
        raise InputError(f"{out} holds {own}, which is to be scored: choose another folder with --out")
    if own is not None:
        raise InputError(f"{out} is itself to be scored, and would be lost: choose another --out")
    groups, tally = files.groups, _Teller()
    work = _GroupWork(scorer, files, groups, missing, advice)
    done = ENGINES[engine](work, [group.rows for group in groups])
    parts = counted((_Part(groups[job].file, scored) for job, scored in done), files.rows, "scoring", quiet=quiet)
    with ExitStack() as stack:
        if out is None or out.suffix:
            writer = None if out is None else stack.enter_context(TableWriter(out, _COLUMN, force=force))
            for part in parts:
                tally.into(writer, part.scored)
        else:
            _into_folder(stack.enter_context(FolderWriter(out, _COLUMN, force=force)), files, parts, tally)
    left = f" ({len(files.skipped)} left out)" if files.skipped else ""
    many = f"{len(files.files):,} files{left}"
    if out is not None:
        say(f"{tally.sums.rows:,} log densities of {many} in {out}: {tally.sums.told()}", quiet=quiet)
    return tally.summary


@dataclass(frozen=True)
class _Part:
    """Rows of one file."""

    file: int
    scored: Scored

    def __len__(self) -> int:
        return len(self.scored)


@dataclass(frozen=True)
class _GroupWork:
    """Scores a row group; it is sent to other processes."""

    scorer: Scorer
    files: ManyFiles
    groups: list[Group]
    missing: str
    advice: str

    def __call__(self, job: int) -> Iterator[Scored]:
        group = self.groups[job]
        file = self.files.files[group.file]
        first = group.start - sum(file.sizes[: group.number])
        for start, frame in self.files.pieces(group, missing=self.missing, advice=self.advice):
            piece = frame if self.scorer.labels else np.stack(frame.parts, axis=1)
            yield self.scorer(str(file.path), piece, start - first)


class _Teller:
    """Counts what was scored, and says of the first value that a fit did not see."""

    def __init__(self) -> None:
        self.sums, self.summary, self.silent = Tally(), Summary(), False

    def into(self, writer: TableWriter | None, part: Scored) -> None:
        """Count a part, and write its log densities if there is a writer."""
        if part.told and not self.silent:
            warnings.warn(part.told, stacklevel=2)
            self.silent = True
        self.sums.add(part.log_prob, part.holed, part.known)
        self.summary.add(part.log_prob, part.holed)
        if writer is not None:
            writer.write(part.log_prob[:, None])


def _within(file: str, folder: Path) -> bool:
    """Whether a file of this machine lies in a folder."""
    return "://" not in file and Path(file).resolve().is_relative_to(folder.resolve())


def _into_folder(folder: FolderWriter, files: ManyFiles, parts: Iterable[_Part], tally: _Teller) -> None:
    """Write a file for each that was read, also for those without rows."""
    parts = iter(parts)
    part = next(parts, None)
    for i, file in enumerate(files.files):
        with folder.table(file.within) as writer:
            while part is not None and part.file == i:
                tally.into(writer, part.scored)
                part = next(parts, None)
    if part is not None:
        raise RuntimeError("scores came in another order than the files: nothing is written")
