"""Pictures of many columns: pairs of data and samples, and the marginals of the latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from realnvp.report.plots.base import (
    DATA,
    INK,
    MODEL,
    Box,
    extent_of,
    fresh_figure,
    histogram,
    misfits,
    plane,
    points,
    shorten,
    thin,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = ["corner"]

_SHARES = (0.9, 0.5)  # of the mass, within the contours
_CELLS = 50
_LONGEST_NAME = 16
_WORDS = 4


def corner(
    X: ArrayLike,
    samples: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    words: Sequence[Sequence[str] | None] | None = None,
    labels: tuple[str, str] = ("data", "samples"),
    most: int = 6,
) -> Figure:
    """Data (points and contours) and samples (contours) of every pair of columns, their histograms on the diagonal.

    Contours hold 50 % and 90 % of the mass. Of more than ``most`` columns those are drawn whose marginals differ most,
    by the Kolmogorov–Smirnov distance, which heads every histogram; the title says so. ``labels`` name the
    two; ``words`` are what the numbers 0, 1, … of a column stand for.
    """
    data, drawn = points(X), points(samples)
    features = data.shape[1]
    titles = list(names) if names is not None else [f"x{j + 1}" for j in range(features)]
    distance = misfits(data, drawn)
    kept = np.sort(np.argsort(-distance, kind="stable")[:most])
    data, drawn, count = data[:, kept], drawn[:, kept], len(kept)
    low, high = extent_of(data, (0.002, 0.998), 0.1)
    figure, axes = fresh_figure(1.0 + 1.6 * count, 1.3 + 1.6 * count, count, count)
    for i, j in np.ndindex(count, count):
        ax, pair = axes[i, j], [j, i]
        if j > i:
            ax.remove()
            continue
        if i == j:
            _marginal(ax, data[:, i], drawn[:, i], (low[i], high[i]), f"KS {distance[kept[i]]:.3f}")
        else:
            _pair(ax, data[:, pair], drawn[:, pair], (low[pair], high[pair]))
        _outer(ax, i, j, count, titles[kept[j]], titles[kept[i]])
        if words is not None:
            _worded(ax.xaxis, words[kept[j]])
            if i != j:
                _worded(ax.yaxis, words[kept[i]])
    figure.align_labels()
    _head(figure, count, features, labels)
    return figure


def _marginal(ax: Axes, data: np.ndarray, drawn: np.ndarray, limits: tuple[float, float], text: str) -> None:
    edges = np.linspace(*limits, 41)
    for column, colour in ((data, DATA), (drawn, MODEL)):
        histogram(ax, column, edges, histtype="step", color=colour, linewidth=1.2)
    histogram(ax, data, edges, color=DATA, alpha=0.15)
    ax.title.set(text=text, fontsize=8, color="#666666")
    ax.set_xlim(limits)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def _pair(ax: Axes, data: np.ndarray, drawn: np.ndarray, box: Box) -> None:
    few = data[thin(len(data), 2000)]
    ax.scatter(few[:, 0], few[:, 1], s=2, color=DATA, alpha=0.2, linewidths=0, rasterized=True)
    _contours(ax, data, box, DATA)
    _contours(ax, drawn, box, MODEL)
    ax.set(xlim=(box[0][0], box[1][0]), ylim=(box[0][1], box[1][1]))


def _contours(ax: Axes, X: np.ndarray, box: Box, colour: str) -> None:
    """Lines around the densest cells that hold each share of the mass, on a histogram smoothed a little."""
    from scipy.ndimage import gaussian_filter

    low, high = box
    xs, ys = (np.linspace(a, b, _CELLS + 1) for a, b in zip(low, high, strict=True))
    counts = np.histogram2d(X[:, 0], X[:, 1], bins=(xs, ys))[0]
    mass = gaussian_filter(counts, 1.5)
    if not mass.any():
        return
    falling = np.sort(mass.ravel())[::-1]
    held = np.cumsum(falling) / falling.sum()
    levels = np.unique([falling[np.searchsorted(held, share)] for share in _SHARES])
    levels = levels[(levels > mass.min()) & (levels < mass.max())]
    if len(levels):
        centres = [(edges[1:] + edges[:-1]) / 2 for edges in (xs, ys)]
        ax.contour(*centres, mass.T, levels=levels, colors=colour, linewidths=1.1)


def _outer(ax: Axes, i: int, j: int, count: int, xname: str, yname: str) -> None:
    """Ticks and names at the left and the bottom only."""
    from matplotlib.ticker import MaxNLocator

    title = ax.title.get_text()
    plane(ax, title, [shorten(name, _LONGEST_NAME) for name in (xname, yname)])
    ax.set_aspect("auto")
    ax.xaxis.set_major_locator(MaxNLocator(3))
    if i < count - 1:
        ax.xaxis.label.set_text("")
        ax.tick_params(labelbottom=False)
    if i != j:
        ax.yaxis.set_major_locator(MaxNLocator(3))
    if j > 0 or i == 0:
        ax.yaxis.label.set_text("")
        ax.tick_params(labelleft=False)


def _worded(axis: Axis, words: Sequence[str] | None) -> None:
    """Mark an axis with what its numbers stand for, of many with some."""
    if words:
        at = range(0, len(words), -(-len(words) // _WORDS))
        axis.set_ticks(list(at), [shorten(words[i], 8) for i in at], parse_math=False)


def _head(figure: Figure, count: int, features: int, labels: tuple[str, str]) -> None:
    from matplotlib.lines import Line2D

    title = f"{labels[0].capitalize()} and {labels[1]}"
    if count < features:
        title += f": the {count} of {features} columns whose marginals fit worst (Kolmogorov–Smirnov distance, KS)"
    figure.suptitle(title, fontsize=11, color=INK)
    marks = [Line2D([], [], color=colour, label=label) for colour, label in zip((DATA, MODEL), labels, strict=True)]
    key = figure.legend(
        handles=marks,
        title=f"Contours: 50 % and{' ' if count > 2 else chr(10)}90 % of the mass" if count > 1 else None,
        loc="upper right",
        bbox_to_anchor=(0.98, 0.93),
        frameon=False,
        labelcolor=INK,
    )
    key.get_title().set_color(INK)
