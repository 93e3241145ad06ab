"""Pictures of the line: histograms with their densities, quantiles, and the course of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from realnvp.report.plots.base import (
    DATA,
    INK,
    MODEL,
    LogProb,
    densities,
    extent_of,
    fresh_axes,
    histogram,
    label_axes,
    legend,
    points,
    shorten,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["histogram_1d", "latent_histogram", "radius_quantiles", "training_curve"]


def histogram_1d(
    X: ArrayLike,
    samples: ArrayLike,
    *,
    log_prob: LogProb | None = None,
    exact: LogProb | None = None,
    ax: Axes | None = None,
    title: str | None = "Data and samples",
    name: str | None = None,
    key: bool = True,
) -> Axes:
    """Histograms of one column of data and of samples, and the densities learnt and exact, where they are given."""
    ax = ax or fresh_axes(6.0, 3.8)
    data = points(X)
    low, high = (float(corner[0]) for corner in extent_of(data, (0.001, 0.999), 0.08))
    edges = _bins(len(data), low, high)
    histogram(ax, data[:, 0], edges, color=DATA, alpha=0.3, label="data")
    histogram(ax, points(samples)[:, 0], edges, histtype="step", color=MODEL, linewidth=1, label="samples")
    at = np.linspace(low, high, 801)
    if log_prob is not None:
        ax.plot(at, densities(log_prob, at[:, None]), color=MODEL, linewidth=1.8, label="learnt density")
    if exact is not None:
        ax.plot(at, densities(exact, at[:, None]), color=INK, linewidth=1.2, linestyle="--", label="exact density")
    ax.set(xlim=(low, high), ylim=(0, None))
    if key:
        legend(ax)
    label_axes(ax, title, "$x$", "probability density")
    if name is not None:
        ax.xaxis.label.set(text=shorten(name, 60), parse_math=False)
    return ax


def latent_histogram(
    z: ArrayLike,
    *,
    reference: ArrayLike | None = None,
    ax: Axes | None = None,
    title: str | None = "Data in latent space",
    name: str = "$z$",
    key: bool = True,
) -> Axes:
    """One latent column of the data against the standard normal, or against draws of the base, ``reference``."""
    ax = ax or fresh_axes(6.0, 3.8)
    z = points(z)[:, 0]
    against = None if reference is None else points(reference)[:, 0]
    reach = 4.0 if against is None else max(4.0, float(np.quantile(abs(against), 0.999)))
    edges = _bins(len(z), -reach, reach)
    histogram(ax, z, edges, color=DATA, alpha=0.35, label="data")
    if against is None:
        at = np.linspace(-reach, reach, 401)
        ax.plot(at, np.exp(-(at**2) / 2) / math.sqrt(2 * math.pi), color=INK, linewidth=1.2, label="standard normal")
    else:
        histogram(ax, against, edges, histtype="step", color=INK, linewidth=1.2, label="base")
    ax.set_xlim(-reach, reach)
    if key:
        legend(ax)
    return label_axes(ax, title, name, "probability density")


def radius_quantiles(
    Z: ArrayLike, *, reference: ArrayLike | None = None, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Quantiles of |z|² of the data against those of χ² with D degrees of freedom (or of draws of the base).

    On the diagonal the latents have the right radii; above it the data lie further out than the model expects.
    """
    ax = ax or fresh_axes()
    squares = (points(Z) ** 2).sum(axis=1)
    levels = (np.arange(min(len(squares), 500)) + 0.5) / min(len(squares), 500)
    if reference is None:
        from scipy.special import gammaincinv  # half a χ² is a gamma variable

        expected, what = 2 * gammaincinv(points(Z).shape[1] / 2, levels), f"$\\chi^2$ with {points(Z).shape[1]} d.o.f."
    else:
        expected, what = np.quantile((points(reference) ** 2).sum(axis=1), levels), "base"
    found = np.quantile(squares, levels)
    top = max(expected[-1], min(found[-1], 3 * expected[-1])) * 1.05
    ax.axline((0, 0), slope=1, color=INK, linewidth=1)
    ax.scatter(expected, found, s=7, color=DATA, linewidths=0, zorder=3)
    ax.set(xlim=(0, top), ylim=(0, top))
    ax.set_box_aspect(1)
    return label_axes(ax, "Squared radii" if title is None else title, f"quantiles of {what}", "quantiles of $|z|^2$")


def training_curve(
    history: Sequence[dict[str, Any]],
    *,
    entropy: float | None = None,
    ax: Axes | None = None,
    title: str | None = "Training",
    unit: str = "negative log likelihood (nats)",
) -> Axes:
    """Negative log likelihoods against the step, of training and of the rows that choose the weights (validation).

    No model is expected below the entropy.

    The axis shows the course after the first plunge: what lies far above most of the records is cut off.
    """
    ax = ax or fresh_axes(6.4, 3.8)
    step, train, held_out = (_column(history, key) for key in ("step", "train", "held_out"))
    ax.plot(step, train, color=DATA, linewidth=1, alpha=0.7, label="train")
    ax.plot(step, held_out, color=MODEL, linewidth=1.6, label="validation")
    if np.isfinite(held_out).any():
        best = int(np.nanargmin(np.where(np.isfinite(held_out), held_out, np.nan)))
        text = f"best: {held_out[best]:.3f} at step {step[best]:,.0f}"
        ax.plot(step[best], held_out[best], "o", color=MODEL, markersize=6, markeredgecolor="white", label=text)
    if entropy is not None:
        ax.axhline(entropy, color=INK, linewidth=1, linestyle="--", label="entropy (exact)")
    limits = _course(np.concatenate((train, held_out)), entropy)
    if limits:
        ax.set_ylim(*limits)
    legend(ax, loc="upper right")
    return label_axes(ax, title, "step", unit)


def _bins(n: int, low: float, high: float) -> np.ndarray:
    """Edges from ``low`` to ``high``: 3 n^(1/3) bins, but 20 to 90; finer than the rules for one hump of Gaussian."""
    return np.linspace(low, high, 1 + int(np.clip(3 * n ** (1 / 3), 20, 90)))


def _column(history: Sequence[dict[str, Any]], key: str) -> np.ndarray:
    return np.array([math.nan if record.get(key) is None else record[key] for record in history], dtype=float)


def _course(values: np.ndarray, entropy: float | None) -> tuple[float, float] | None:
    """Limits around the lower 85 % of the values and as much again above them."""
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    floor = values.min() if entropy is None else min(values.min(), entropy)
    usual = float(np.quantile(values, 0.85)) - floor
    top = min(float(values.max()), floor + 2 * usual)
    room = 0.05 * (top - floor) or 0.5
    return floor - room, top + room
