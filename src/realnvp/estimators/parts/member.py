"""One flow among those of a table, and how much each of them counts."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from realnvp.flow import Flow

__all__ = ["Member", "believed", "one_after_another", "shares"]

_DOUBT = 3
"""Rows for which what was believed before counts."""


@dataclass(eq=False)
class Member:
    """One flow of a table, and how it was trained.

    ``core`` is it in standardised units, ``flow`` in those of the data; ``kind`` is its place among the kinds of flow.
    ``again`` fits what no flow trains to other rows, and their context.
    """

    shape: dict
    core: Flow
    flow: Flow
    kind: int = -1
    history: list[dict] = field(default_factory=list)
    stopped_by: str = ""
    again: Callable[..., Flow] | None = None

    @property
    def spent(self) -> tuple[int, float]:
        """Steps and seconds of its training."""
        last = self.history[-1] if self.history else {"step": 0, "seconds": 0.0}
        return int(last["step"]), float(last["seconds"])

    @property
    def best(self) -> float:
        """The lowest held-out figure of its training."""
        return min((r["best"] for r in self.history), default=math.inf)


def one_after_another(trained: Sequence[Member]) -> tuple[list[dict], int, float]:
    """Return the records of trainings as those of a single one, and its steps and seconds."""
    found, steps, seconds = [], 0, 0.0
    for i, m in enumerate(trained):
        moved = [{**r, "step": r["step"] + steps, "seconds": r["seconds"] + seconds} for r in m.history]
        found += [r | {"member": i + 1} for r in moved]
        steps, seconds = steps + m.spent[0], seconds + m.spent[1]
    return found, steps, seconds


def believed(members: Sequence[Member]) -> np.ndarray:
    """How much each counts before any row is looked at: half for the flows, half for the plain ones beside them."""
    plain = np.array([m.shape["kernel"] == "none" for m in members])
    counts = np.where(plain, plain.sum(), (~plain).sum())
    return 1 / (counts * len(set(plain.tolist())))


def shares(
    each: np.ndarray, before: np.ndarray, row_weights: np.ndarray | None = None, rounds: int = 200
) -> np.ndarray:
    """The likeliest weights of a mixture of the densities (members, rows), by EM.

    ``w_k = (sum_i r_ik + a b_k) / (n + a)``, with ``r_ik`` the share of member k in row i: as if ``a = 3`` rows more
    had gone to each by what was believed ``before`` (a Dirichlet prior). A few rows held out do not then leave all to
    one flow, which may be far off where they do not lie.
    """
    weights, n = before, each.shape[1]
    for _ in range(rounds):
        both = each + np.log(np.maximum(weights, 1e-300))[:, None]
        claims = np.exp(both - np.logaddexp.reduce(both, axis=0))
        weights = (n * np.average(claims, axis=1, weights=row_weights) + _DOUBT * before) / (n + _DOUBT)
    return weights
