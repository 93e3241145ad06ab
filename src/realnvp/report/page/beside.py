"""How a density stands beside plainer ones: better, level with them, or worse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from realnvp.report.page.base import number

__all__ = ["Beside", "beside", "in_a_line"]


@dataclass(frozen=True)
class Beside:
    """By how many nats per row the learnt density is better than another, and the standard error of that."""

    name: str
    nll: float
    by: float
    error: float
    parts: int = 1

    @property
    def stands(self) -> str:
        """``better``, ``level`` (within two standard errors), or ``worse``."""
        return "level" if abs(self.by) <= 2 * self.error else "better" if self.by > 0 else "worse"

    @property
    def figure(self) -> tuple[str, str, str]:
        """What, how much, and in which unit."""
        error = f" ± {number(self.error, 3)}" if self.error else ""
        told = f"its NLL is {number(self.nll)}" if self.parts == 1 else f"{self.parts} normals have {number(self.nll)}"
        word = {"better": "better", "worse": "worse", "level": f"{'better' if self.by >= 0 else 'worse'}, within error"}
        of = "a Gaussian" if self.parts == 1 else "a mixture"
        return f"Against {of}", f"{number(abs(self.by), 3)}{error}", f"nats {word[self.stands]}; {told}"


def beside(found: Mapping[str, Any]) -> list[Beside]:
    """Return how a run stands beside the Gaussian and the mixture that it was compared with, if with any.

    The error is that of the mean of the rows' differences; of runs that did not keep it, that of the NLL.
    """
    others = []
    for name, key, parts in (("a Gaussian", "gaussian", 1), ("a mixture of normals", "mixture", 2)):
        if (nll := found.get(f"{key}_nll")) is not None:
            error = found.get(f"{key}_error", found.get("held_out_nll_error"))
            error = float(error) if error is not None and math.isfinite(error) else 0.0
            many = max(parts, found.get("mixture_parts", parts)) if parts > 1 else 1
            others.append(Beside(name, nll, nll - found["held_out_nll"], error, many))
    return others


def in_a_line(others: list[Beside]) -> tuple[str, str]:
    """Say in one line how a density stands beside the others, and how good that is (good, fair, poor)."""
    if not others:
        return "Learnt; there is no plainer density to compare it with", "fair"
    at = {way: [other for other in others if other.stands == way] for way in ("better", "level", "worse")}
    if at["worse"] and at["worse"][0].parts == 1:
        return f"Worse than a plain Gaussian, by {_nats(at['worse'][0].by)} nats per row", "poor"
    names = {way: " and ".join(other.name for other in found) for way, found in at.items()}
    if not at["better"]:
        if not at["worse"]:
            return f"No better than {names['level'].replace(' and ', ' or ')}, within the error", "fair"
        return f"Level with {names['level']}, and worse than {names['worse']}", "fair"
    least = min(other.by for other in at["better"])
    if at["worse"]:
        return f"Better than {names['better']} by {_nats(least)} nats, but not than {names['worse']}", "fair"
    if at["level"]:
        return f"Better than {names['better']} by {_nats(least)} nats per row, level with {names['level']}", "fair"
    return f"Better than {names['better']}, by {_nats(least)} nats per row or more", "good"


def _nats(by: float) -> str:
    """Write a difference with two decimals, or as many as show it."""
    by = abs(by)
    return number(by, 2 if by >= 0.095 else 3 if by >= 0.0095 else 4)
