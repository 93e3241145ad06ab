"""What the sheets share: the run they show, prepared from a model and its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from realnvp.errors import InputError
from realnvp.report import plots
from realnvp.report.base import Conditioned, Model, Truth

__all__ = ["Run", "prepare"]

_ROWS = 20_000  # more rows change no picture


@dataclass(frozen=True)
class Run:
    """A model, the finite rows of its data, and what else is known; no model in here needs a context."""

    model: Model
    X: np.ndarray
    labels: np.ndarray | None = None
    truth: Truth | None = None
    before: Model | None = None
    names: Sequence[str] | None = None
    reference: np.ndarray | None = None
    seed: int = 0

    @property
    def box(self) -> plots.Box:
        """The box of nearly all of the data."""
        return plots.extent_of(self.X)

    def sample(self, model: Model) -> np.ndarray:
        """As many points as there are data, and 5,000 at least."""
        return model.sample(max(5000, len(self.X)), random_state=self.seed)

    def paired(self, model: Model) -> np.ndarray:
        """Exactly as many points as there are data: two clouds compare at a glance only if equally dense."""
        return self.sample(model)[: len(self.X)]

    def top(self, box: plots.Box) -> float | None:
        """Where the colours of a density end: above nearly all of the exact one, with room to show too much.

        Without the truth, above nearly all of the learnt one; None where that is zero.
        """
        score, room = (self.model.score_samples, 1.0) if self.truth is None else (self.truth.log_prob, 1.1)
        return room * float(np.quantile(plots.densities(score, plots.grid(box)[2]), 0.999)) or None


def prepare(
    model: Model,
    X: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    context: ArrayLike | None = None,
    before: Model | None = None,
    reference: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    truth: Truth | None = None,
    seed: int = 0,
) -> Run:
    """Keep the finite rows, at most 20,000 of them, with their labels; bind their contexts to the models."""
    table = np.asarray(X, dtype=float)
    table = table[:, None] if table.ndim == 1 else table
    for what, given in (("labels", labels), ("context", context)):
        if given is not None and len(np.asarray(given)) != len(table):
            raise InputError(f"{what} has {len(np.asarray(given))} rows but the data {len(table)}: give one for each")
    rows = np.flatnonzero(np.isfinite(table).all(axis=1))
    if not len(rows):
        raise InputError("there are no finite rows to draw: give at least one")
    rows = rows[plots.thin(len(rows), _ROWS)]
    fitted = getattr(model, "feature_names_in_", None) if names is None else names
    called = None if fitted is None else [str(name) for name in fitted]
    if context is not None:
        kept = np.asarray(context)[rows]
        model = Conditioned(model, kept, seed)
        before = None if before is None else Conditioned(before, kept, seed)
    marks = None if labels is None else np.asarray(labels)[rows]
    base = None if reference is None else np.asarray(reference, dtype=float)
    return Run(model, table[rows], marks, truth, before, called, base, seed)
