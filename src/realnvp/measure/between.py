"""How far fitted densities are from one another, in nats."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from realnvp.errors import InputError
from realnvp.measure.base import Estimate, plain_arrays

__all__ = ["Density", "kl", "mutual_information"]


class Density(Protocol):
    """A fitted density, such as ``RealNVP``."""

    def score_samples(self, X: Any, /) -> np.ndarray:
        """Log densities in nats, (n, D) to (n,)."""

    def sample(self, n: int, /, *, random_state: Any) -> np.ndarray:
        """Draw rows, (n, D)."""


def kl(p: Density, q: Density, *, n: int = 10_000, random_state: int | np.random.Generator | None = 0) -> Estimate:
    """Estimate ``KL(p || q) = E_p[log p(x) - log q(x)]`` in nats from ``n`` draws of ``p``, with its standard error.

    It is at least zero, and infinite where ``q`` is zero at a draw; ``kl(q, p)`` is another number.

    References:
        On Information and Sufficiency (Kullback, Leibler, 1951), https://doi.org/10.1214/aoms/1177729694
    """
    x = np.asarray(p.sample(n, random_state=random_state))  # a frame where p's set_output asks for one
    with plain_arrays():
        gap = np.asarray(p.score_samples(x), dtype=float) - np.asarray(q.score_samples(x), dtype=float)
    return Estimate.of(gap) if np.isfinite(gap).all() else Estimate(float(gap.mean()), float("nan"))


def mutual_information(
    joint: Density, first: Density, second: Density, X: ArrayLike, *, columns: Sequence[int] | None = None
) -> Estimate:
    """Estimate ``I(A; B) = E[log p(a, b) - log p(a) - log p(b)]`` in nats over rows, with its standard error.

    ``joint`` was fitted to all columns of ``X``, ``first`` to ``columns`` of them in that order (by default to as many
    as it was fitted with, from the left), ``second`` to the others in their order. Take held-out rows: of these the
    estimate is too low by the joint's ``KL(data || model)`` and too high by those of the two marginals.

    Args:
        joint: The density of all columns.
        first: The density of ``columns``.
        second: The density of the others.
        X: Rows that none of them was fitted to, (n, D).
        columns: Which columns of ``X`` are A, by number.

    References:
        Elements of Information Theory (Cover, Thomas, 2006), chapter 8
    """
    rows = np.asarray(X, dtype=float)
    left = list(range(_features(first)) if columns is None else columns)
    features = rows.shape[1] if rows.ndim == 2 else 0
    if not left or len(set(left)) < len(left) or not set(left) < set(range(features)):
        raise InputError(f"columns must name some of the {features} columns of X by number, once, got {left}")
    right = [j for j in range(features) if j not in left]
    with plain_arrays():
        apart = first.score_samples(rows[:, left]) + second.score_samples(rows[:, right])
        return Estimate.of(joint.score_samples(rows) - apart)


def _features(model: Density) -> int:
    """How many columns a model was fitted to."""
    found = getattr(model, "n_features_in_", None)
    if found is None:
        raise InputError("the first model does not say how many columns it has: name them by columns=")
    return int(found)
