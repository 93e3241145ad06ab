"""Pieces of a file as a run's model takes them, and what is said of them together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from realnvp.data.collinear import Laws
from realnvp.data.columns import coded
from realnvp.data.rows import Frame
from realnvp.data.table import iter_frames
from realnvp.errors import InputError

__all__ = ["Labels", "Tally", "gaps", "held_by", "parted", "pieces", "read_as", "unknown_rows", "unseen"]

Labels = Mapping[int, tuple]


def held_by(config: Mapping[str, Any]) -> dict[int, tuple]:
    """Return the texts, categories or booleans that columns of a run hold, by place."""
    if not (kinds := config.get("kinds")):
        return {}
    return {j: tuple(k["labels"]) for j, k in Laws.of(config.get("laws")).numbered(kinds) if k.get("labels")}


def pieces(
    data: Path, names: Sequence[str], labels: Labels, *, missing: str, advice: str = ""
) -> Iterator[Frame | np.ndarray]:
    """Read a file piece by piece: arrays, or columns of several kinds where a run's are."""
    for frame in iter_frames(data, names, read_as(names, labels), missing=missing, advice=advice):
        yield frame if labels else np.stack(frame.parts, axis=1)


def read_as(names: Sequence[str], labels: Labels) -> dict[str, str]:
    """Return the kinds that columns are read as, where they are no numbers."""
    return {names[j]: _kind(held) for j, held in labels.items()}


def _kind(held: tuple) -> str:
    if all(isinstance(value, bool) for value in held):
        return "boolean"
    return "text" if all(isinstance(value, str) for value in held) else "number"


def parted(piece: Any, columns: int) -> tuple[Any, np.ndarray]:
    """Part what a model learnt from what it was conditioned on."""
    if isinstance(piece, Frame):
        context = [np.asarray(part, dtype=float) for part in piece.parts[columns:]]
        return piece.first(columns), np.stack(context, axis=1) if context else np.empty((len(piece), 0))
    X, C = np.split(piece, [columns], axis=1)
    return X, C


def gaps(X: Any, labels: Labels) -> np.ndarray:
    """Where rows of what a model learnt are empty: (n, D)."""
    found: np.ndarray = np.isnan(coded(X, dict(labels)) if labels else np.asarray(X))
    return found


def unknown_rows(piece: Any, labels: Labels) -> np.ndarray:
    """Where rows hold a text or a category that the fit did not see."""
    found = np.zeros(len(piece), bool)
    for j, held in labels.items():
        found |= _unknown(piece, j, held)
    return found


def _unknown(piece: Frame, j: int, held: tuple) -> np.ndarray:
    at: np.ndarray = coded(Frame(("x0",), (piece.parts[j],)), {0: held})[:, 0] == -1
    return at


def unseen(data: Path | str, piece: Frame, labels: Labels, before: int, then: str = "drop such rows") -> InputError:
    """Return the sentence for the first value of a piece that the fit did not see."""
    strange = {j: _unknown(piece, j, held) for j, held in labels.items()}
    row, j = min((int(at.argmax()), j) for j, at in strange.items() if at.any())
    value = np.asarray(piece.parts[j], dtype=object)[row]
    held = f"{data}: column {piece.columns[j]!r} holds {value!r} in row {before + row + 1}"
    return InputError(f"{held}, which the fit did not see: {then}")


@dataclass
class Tally:
    """Sums of log densities: of all rows, of those without gaps, and of those whose values the fit had seen."""

    rows: int = 0
    total: float = 0.0
    whole: int = 0
    of_whole: float = 0.0
    strange: int = 0

    def add(self, log_prob: np.ndarray, holed: np.ndarray, known: np.ndarray) -> None:
        """Count a piece."""
        self.rows, self.strange = self.rows + len(log_prob), self.strange + int(np.count_nonzero(~known))
        self.total += float(log_prob[known].sum())
        self.whole += int(np.count_nonzero(~holed & known))
        self.of_whole += float(log_prob[~holed & known].sum())

    def told(self) -> str:
        """Say the means, each of which rows."""
        known = self.rows - self.strange
        if not known:
            return "every row holds a value that the fit did not see"
        mean = f"mean {self.total / known:.4f} nats per row"
        if self.strange:
            mean += f" of the {known:,} whose values the fit had seen"
        if self.whole == known:
            return mean
        if not self.whole:
            return f"{mean}, each of what was observed: no row is whole"
        return (
            f"mean {self.of_whole / self.whole:.4f} nats per row of the {self.whole:,} whole rows; of the other "
            f"{known - self.whole:,} it is that of what was observed, and with them {self.total / known:.4f}"
        )
