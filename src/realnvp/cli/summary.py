"""The log densities of a file in a few numbers: mean, standard error, quantiles."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from realnvp.cli.base import figures, say

__all__ = ["Summary"]

_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_MOST = 1_000_000


@dataclass
class Summary:
    """Numbers in a stream: means of all that are finite, quantiles of all, or of a million of them drawn at random."""

    what: str = "log density"
    unit: str = "nats"
    of: str = "rows"
    most: int = _MOST
    n: int = 0
    zero_density: int = 0
    with_gaps: int = 0
    mean: float = 0.0
    squares: float = 0.0
    kept: np.ndarray = field(default_factory=lambda: np.empty((2, 0)))

    def __post_init__(self) -> None:
        self.generator = np.random.default_rng(0)

    def add(self, log_prob: np.ndarray, holed: np.ndarray | None = None) -> None:
        """Count a piece; ``holed`` says which rows have gaps."""
        values = log_prob[np.isfinite(log_prob)].astype(float)
        before, self.n = self.n - self.zero_density, self.n + len(log_prob)
        self.zero_density += len(log_prob) - len(values)
        self.with_gaps += 0 if holed is None else int(np.count_nonzero(holed))
        if not len(values):
            return
        mean, now = float(values.mean()), self.n - self.zero_density  # means and squares of both parts together
        away, self.mean = mean - self.mean, self.mean + (mean - self.mean) * len(values) / now
        self.squares += float(np.square(values - mean).sum()) + away**2 * before * len(values) / now
        kept = np.concatenate((self.kept, [values, self.generator.random(len(values))]), axis=1)
        if kept.shape[1] > self.most:  # those of the smallest of random keys are a sample without preference
            kept = kept[:, np.argpartition(kept[1], self.most)[: self.most]]
        self.kept = kept

    def found(self) -> dict[str, Any]:
        """Return the numbers; what no row had is ``None``."""
        known = self.n - self.zero_density
        quantiles: list[Any] = [None] * len(_LEVELS)
        if known:
            quantiles = np.quantile(self.kept[0], _LEVELS, method="median_unbiased").tolist()
        return {
            "unit": self.unit,
            "n": self.n,
            "zero_density": self.zero_density,
            "with_gaps": self.with_gaps,
            "mean": self.mean if known else None,
            "standard_error": math.sqrt(self.squares / (known - 1) / known) if known > 1 else None,
            "quantiles": {f"{level:g}": value for level, value in zip(_LEVELS, quantiles, strict=True)},
        }

    def tell(self, run: Path, data: object, *, as_json: bool, **more: Any) -> None:
        """Print the numbers: in words, or as one JSON object with ``more`` in it."""
        found = self.found()
        if as_json:
            say(json.dumps({"run": str(run), "data": str(data), **found, **more}))
            return
        say(f"{self.what} of {self.n:,} {self.of} of {data} under {run}")
        if self.zero_density:
            say(f"{self.zero_density:,} of them have the density zero, and are left out below")
        if self.with_gaps:
            say(f"{self.with_gaps:,} of them have gaps: theirs is the density of what was observed")
        told = {"mean": found["mean"], "standard error": found["standard_error"]}
        told |= {f"{100 * float(level):g} % below": value for level, value in found["quantiles"].items()}
        figures([(what, "none" if v is None else f"{v:.4f}", self.unit) for what, v in told.items()])
