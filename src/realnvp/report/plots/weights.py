"""Plots of importance weights, and of a training on an energy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from realnvp.report.plots.base import DATA, INK, MODEL, fresh_axes, histogram, label_axes, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bound_curve", "ess_curve", "weight_histogram"]


def weight_histogram(log_w: ArrayLike, log_z: float, *, ax: Axes | None = None, title: str | None = "Weights") -> Axes:
    """Histogram of ``log w - log Z`` in nats: all at zero where the flow is the target itself.

    What lies below the 0.5 % quantile is counted in the first bin.
    """
    ax = ax or fresh_axes(6.0, 3.8)
    values = np.asarray(log_w, dtype=float) - log_z
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, 0.005), values.max()
    edges = np.linspace(min(low, -0.1), max(high, 0.1), 81)
    histogram(ax, np.clip(values, edges[0], edges[-1]), edges, color=MODEL, alpha=0.7)
    ax.axvline(0.0, color=INK, linewidth=1, linestyle="--", label="the target itself")
    legend(ax, loc="upper right")
    return label_axes(ax, title, "log w - log Z (nats)", "density of draws")


def bound_curve(
    history: Sequence[dict[str, Any]],
    log_z: float,
    *,
    exact: bool = False,
    ax: Axes | None = None,
    title: str | None = "Training",
) -> Axes:
    """The bound ``E_q[log q + U]`` against the step, above the line of ``-log Z`` that it cannot cross."""
    ax = ax or fresh_axes(6.4, 3.8)
    step, bound = (_column(history, key) for key in ("step", "bound"))
    ax.plot(step, bound, color=MODEL, linewidth=1.6, label="bound $E_q[\\log q + U]$")
    ax.axhline(-log_z, color=INK, linewidth=1, linestyle="--", label=f"-log Z ({'exact' if exact else 'estimated'})")
    good = bound[np.isfinite(bound)]
    if len(good):
        top = float(np.quantile(good, 0.85))
        room = 0.05 * max(top + log_z, 0.02)
        ax.set_ylim(min(-log_z, good.min()) - room, -log_z + 2 * max(top + log_z, 0.01))
    legend(ax, loc="upper right")
    return label_axes(ax, title, "step", "nats")


def ess_curve(
    history: Sequence[dict[str, Any]], *, ax: Axes | None = None, title: str | None = "Effective sample size"
) -> Axes:
    """The effective sample size of the flow's draws against the step, a fraction from 0 to 1."""
    ax = ax or fresh_axes(6.4, 3.8)
    ax.plot(_column(history, "step"), _column(history, "ess"), color=DATA, linewidth=1.6)
    ax.set_ylim(0, 1.02)
    return label_axes(ax, title, "step", "ESS (fraction of draws)")


def _column(history: Sequence[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([math.nan if record.get(key) is None else record[key] for record in history], dtype=float)
