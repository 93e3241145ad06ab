"""What the pictures ask of a model and of a known truth, and how a conditional model becomes a plain one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from realnvp.data.collinear import Laws
from realnvp.data.columns import coded

__all__ = ["Conditioned", "Model", "Seen", "Truth", "in_numbers"]

_MOST_CONTEXTS = 12  # a density averages over at most so many contexts: each costs a pass over the whole grid


class Model(Protocol):
    """A fitted flow, numpy in and numpy out; ``context`` is passed only where there is one, a row for each row."""

    history_: list[dict[str, Any]]  # records of step, seconds, train, held_out and best, in nats

    def score_samples(self, X: np.ndarray, /, *, context: np.ndarray | None = None) -> np.ndarray:
        """Log densities in nats, (n, D) → (n,)."""

    def sample(self, n: int, /, *, random_state: int, context: np.ndarray | None = None) -> np.ndarray:
        """Draw points, (n, D)."""

    def transform(self, X: np.ndarray, /, *, context: np.ndarray | None = None) -> np.ndarray:
        """Data to latent, (n, D) → (n, D)."""

    def inverse_transform(self, Z: np.ndarray, /, *, context: np.ndarray | None = None) -> np.ndarray:
        """Latent to data, (n, D) → (n, D)."""


class Truth(Protocol):
    """The law the data came from."""

    @property
    def entropy(self) -> float:
        """Differential entropy in nats."""

    def log_prob(self, x: np.ndarray, /) -> np.ndarray:
        """Log densities in nats, (n, D) → (n,)."""


@dataclass
class Conditioned:
    """A conditional model seen through the contexts (n, C) of its data: the marginal p(x) = mean over c of p(x | c).

    The mean takes in every distinct context with its weight, or ``most`` random rows where there are more.
    ``transform`` pairs the rows of the data with their contexts; ``inverse_transform`` takes the context of the row
    that is nearest to the middle (the medians).
    """

    model: Model
    context: np.ndarray
    seed: int = 0
    most: int = _MOST_CONTEXTS

    def __post_init__(self) -> None:
        self.history_ = getattr(self.model, "history_", [])
        self.flow_ = getattr(self.model, "flow_", None)
        self.codec_ = getattr(self.model, "codec_", None)
        self._distinct, self._counts = np.unique(self.context, axis=0, return_counts=True)

    def score_samples(self, X: np.ndarray, /, *, context: np.ndarray | None = None) -> np.ndarray:
        """The log of the mean density over the contexts; a density that is not a number counts as zero."""
        rows, weights = self._distinct, self._counts / self._counts.sum()
        if len(rows) > self.most:
            rng = np.random.default_rng(self.seed)
            rows = self.context[rng.choice(len(self.context), self.most, replace=False)]
            weights = np.full(self.most, 1 / self.most)
        total = np.full(len(X), -np.inf)
        for row, weight in zip(rows, weights, strict=True):
            logs = self.model.score_samples(X, context=_repeat(row, len(X)))
            total = np.logaddexp(total, np.nan_to_num(logs, nan=-np.inf, neginf=-np.inf) + np.log(weight))
        return total

    def sample(self, n: int, /, *, random_state: int, context: np.ndarray | None = None) -> np.ndarray:
        """Draw one point for each of n contexts drawn from the data's."""
        picked = np.random.default_rng(random_state).integers(len(self.context), size=n)
        return self.model.sample(n, random_state=random_state, context=self.context[picked])

    def transform(self, X: np.ndarray, /, *, context: np.ndarray | None = None) -> np.ndarray:
        """The latents of the data's own rows."""
        return self.model.transform(X, context=self.context)

    def inverse_transform(self, Z: np.ndarray, /, *, context: np.ndarray | None = None) -> np.ndarray:
        """The points of latents under the middle context."""
        away = (self.context - np.median(self.context, axis=0)) / (self.context.std(axis=0) + 1e-300)
        return self.model.inverse_transform(Z, context=_repeat(self.context[(away**2).sum(1).argmin()], len(Z)))


@dataclass
class Seen:
    """A model of a table, seen through other numbers for its rows: ``meant`` turns those into rows, ``seen`` back."""

    model: Any
    meant: Callable[[np.ndarray], np.ndarray]
    seen: Callable[[Any], np.ndarray]

    def __post_init__(self) -> None:
        self.codec_, self.history_, self.flow_ = self.model.codec_, self.model.history_, self.model.flow_

    def score_samples(self, X: np.ndarray, /, *, context: np.ndarray | None = None) -> np.ndarray:
        """Log densities in nats, (n, d) → (n,)."""
        found: np.ndarray = self.model.score_samples(self.meant(X), context=context)
        return found

    def sample(self, n: int, /, *, random_state: int, context: np.ndarray | None = None) -> np.ndarray:
        """Draw points, (n, d)."""
        return self.seen(self.model.sample(n, random_state=random_state, context=context))

    def transform(self, X: np.ndarray, /, *, context: np.ndarray | None = None) -> np.ndarray:
        """Data to latent, (n, d) → (n, d)."""
        found: np.ndarray = self.model.transform(self.meant(X), context=context)
        return found

    def inverse_transform(self, Z: np.ndarray, /, *, context: np.ndarray | None = None) -> np.ndarray:
        """Latent to data, (n, d) → (n, d)."""
        return self.seen(self.model.inverse_transform(Z, context=context))


def in_numbers(model: Any) -> Any:
    """Return the model of the columns that do not follow from others, texts as numbers: itself where all are plain."""
    laws, codec = getattr(model, "laws_", None), getattr(model, "codec_", None)
    laws = Laws() if laws is None else laws
    if codec is None or not codec.labelled:
        return Seen(model, laws.whole, laws.independent) if laws.laws else model
    held = {j: column.labels for j, column in laws.numbered(codec.columns) if column.labels}
    return Seen(model, lambda X: _meant(held, laws.whole(X)), lambda rows: laws.independent(coded(rows, held)))


def _meant(held: dict[int, tuple], X: np.ndarray) -> np.ndarray:
    """Return what numbers stand for, an array of objects."""
    found = X.astype(object)
    for j, words in held.items():
        known = np.array([*words, None], dtype=object)
        at = np.where((X[:, j] >= 0) & (X[:, j] < len(words)) & (X[:, j] == np.round(X[:, j])), X[:, j], -1)
        found[:, j] = known[at.astype(int)]
    return found


def _repeat(row: np.ndarray, n: int) -> np.ndarray:
    return np.repeat(row[None], n, axis=0)
