"""What a density given a context says of each row of context: quantiles and intervals of every column."""

from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from realnvp.data.collinear import Laws
from realnvp.data.columns import Codec
from realnvp.errors import InputError
from realnvp.estimators.parts.base import CHUNK, Seed, count_of, seed_of
from realnvp.estimators.parts.rows import context_rows, plain_array, tensor

__all__ = ["Conditional"]


class Conditional:
    """Quantiles of ``p(x | c)``, from draws; a mixin of an estimator with ``flow_``."""

    _exact: Any
    codec_: Codec
    laws_: Laws

    def quantiles(
        self, context: ArrayLike, levels: ArrayLike, *, n_samples: int = 1000, random_state: Seed = None
    ) -> np.ndarray:
        """Quantiles of each column given each row of ``context``: (n, C) and L levels to (n, D, L).

        ``F(x_q | c) = q`` for each column alone, of ``n_samples`` draws of ``p(x | c)`` for each row. The standard
        error of a quantile is ``sqrt(q (1 - q) / n_samples) / p(x_q | c)``. A context of shape (C,) is one row.

        References:
            Sample Quantiles in Statistical Packages (Hyndman, Fan, 1996), https://doi.org/10.2307/2684934: the
            median-unbiased definition 8
        """
        wanted = np.atleast_1d(plain_array(levels, "levels"))
        if wanted.ndim != 1 or wanted.dtype.kind not in "if" or not ((wanted > 0) & (wanted < 1)).all():
            raise InputError(f"levels are probabilities above 0 and below 1, got {levels!r}")
        flow, many = self._exact(), count_of(n_samples)
        if not flow.context:
            raise InputError("this model was fitted without context: take np.quantile of what sample gives")
        rows = np.atleast_2d(plain_array(context, "context"))
        if text := [c.name for c in self.codec_.columns if c.labels]:
            raise InputError(f"column {text[0]!r} holds no numbers and has no quantiles: fit without such columns")
        C = context_rows(rows, len(rows), flow.context)
        device = next(flow.buffers()).device
        generator = torch.Generator(device).manual_seed(seed_of(random_state))
        found, at_once = [], max(1, CHUNK // many)  # as many rows of context as make a chunk of draws
        for start in range(0, len(rows), at_once):
            part = tensor(np.repeat(C[start : start + at_once], many, axis=0)).to(device)  # type: ignore[index]
            y = flow.sample(len(part), part, generator=generator).cpu().numpy()
            drawn = self.laws_.whole(self.codec_.inverse(y))
            by_row = drawn.reshape(-1, many, drawn.shape[1])
            found.append(np.quantile(by_row, wanted, axis=1, method="median_unbiased"))
        return np.moveaxis(np.concatenate(found, axis=1), 0, -1)

    def interval(
        self, context: ArrayLike, level: float = 0.9, *, n_samples: int = 1000, random_state: Seed = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ``low`` and ``high``, each (n, D): each column by itself is between them with probability ``level``.

        They are the quantiles at ``(1 - level) / 2`` and ``(1 + level) / 2``.
        """
        if isinstance(level, bool) or not isinstance(level, Real) or not 0 < float(level) < 1:
            raise InputError(f"level is the probability of the interval, above 0 and below 1, got {level!r}")
        ends = [(1 - float(level)) / 2, (1 + float(level)) / 2]
        found = self.quantiles(context, ends, n_samples=n_samples, random_state=random_state)
        return found[..., 0], found[..., 1]
