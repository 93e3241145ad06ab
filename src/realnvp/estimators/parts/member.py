"""One flow among those of a table, and how much each of them counts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from realnvp.flow import Flow

__all__ = ["Member", "one_after_another", "shares"]


@dataclass(eq=False)
class Member:
    """One flow of a table, and how it was trained.

    ``core`` is it in standardised units, ``flow`` in those of the data; ``kind`` is its place among the kinds of flow.
    """

    shape: dict
    core: Flow
    flow: Flow
    kind: int = -1
    history: list[dict] = field(default_factory=list)
    stopped_by: str = ""

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


def shares(each: np.ndarray, row_weights: np.ndarray | None, rounds: int = 200) -> np.ndarray:
    """The weights of the mixture of densities (members, rows) that the rows are likeliest under, by EM."""
    weights = np.full(len(each), 1 / len(each))
    for _ in range(rounds):
        both = each + np.log(np.maximum(weights, 1e-300))[:, None]
        claims = np.exp(both - np.logaddexp.reduce(both, axis=0))
        weights = np.average(claims, axis=1, weights=row_weights)
    return weights
