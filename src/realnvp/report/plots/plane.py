"""Pictures of the plane: points, densities, the latent space and the grid that a flow bends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from realnvp.report.plots.base import (
    CLASSES,
    DATA,
    INK,
    Box,
    LogProb,
    class_colours,
    densities,
    extent_of,
    fresh_axes,
    grid,
    label_axes,
    legend,
    plane,
    thin,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bent_grid", "density", "difference", "latent", "scatter"]

_DENSITY = "magma"


def scatter(
    X: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    ax: Axes | None = None,
    title: str | None = "Samples",
    names: Sequence[str] | None = None,
    extent: Box | None = None,
    colour: str = DATA,
) -> Axes:
    """Points (n, 2), one colour per label; of more than 5,000 a random 5,000 are drawn."""
    ax = ax or fresh_axes()
    _dots(ax, np.asarray(X, dtype=float), labels, colour)
    return plane(ax, title, names, extent)


def density(
    log_prob: LogProb,
    extent: Box,
    *,
    ax: Axes | None = None,
    title: str | None = "Density",
    names: Sequence[str] | None = None,
    n: int = 200,
    vmin: float = 0.0,
    vmax: float | None = None,
    colorbar: bool = True,
) -> Axes:
    """The density exp(log_prob) on n × n cells of a box; zero where the logarithm is −∞ or not a number.

    Colours run from ``vmin`` to ``vmax``, by default the 99.9 % quantile of the cells: one spike must not darken the
    rest. Give both to compare two densities.
    """
    xs, ys, at = grid(extent, n)
    image = densities(log_prob, at).reshape(len(ys), len(xs))
    top = vmax if vmax is not None else float(np.quantile(image, 0.999)) or float(image.max()) or 1.0
    ax = ax or fresh_axes(5.2)
    _image(ax, image, extent, "probability density" if colorbar else None, cmap=_DENSITY, vmin=vmin, vmax=top)
    return plane(ax, title, names, extent)


def difference(
    log_prob: LogProb,
    exact: LogProb,
    extent: Box,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    names: Sequence[str] | None = None,
    n: int = 200,
    vmax: float | None = None,
    colorbar: bool = True,
) -> Axes:
    """The density learnt minus the exact one; the title has the total variation ½ ∫ |p − q| over the box."""
    xs, ys, at = grid(extent, n)
    gap = (densities(log_prob, at) - densities(exact, at)).reshape(len(ys), len(xs))
    variation = abs(gap).mean() * float(np.prod(np.subtract(*extent[::-1]))) / 2
    top = vmax or float(np.quantile(abs(gap), 0.999)) or 1.0
    ax = ax or fresh_axes(5.2)
    _image(ax, gap, extent, "learnt − exact" if colorbar else None, cmap="RdBu_r", vmin=-top, vmax=top)
    return plane(ax, title or f"Learnt − exact (total variation {variation:.3f})", names, extent)


def latent(
    Z: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    ax: Axes | None = None,
    title: str | None = "Data in latent space",
    colour: str = DATA,
    key: bool = True,
) -> Axes:
    """Latent points (n, 2) and the circles of radius 1, 2 and 3: a standard normal has 39, 86 and 99 % within."""
    from matplotlib.patches import Circle

    ax = ax or fresh_axes()
    Z = np.asarray(Z, dtype=float)
    classes = _dots(ax, Z, labels, colour)
    for radius in (1, 2, 3):
        ax.add_patch(Circle((0, 0), radius, fill=False, edgecolor=INK, linewidth=0.7, zorder=3))
        x = radius / math.sqrt(2)
        ax.annotate(
            str(radius),
            (x, x),
            color=INK,
            size=8,
            ha="center",
            va="center",
            zorder=4,
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "none"},
        )
    reach = float(np.clip(np.nanquantile(np.where(np.isfinite(Z), abs(Z), np.nan), 0.999, axis=0).max(), 3.3, 8.0))
    plane(ax, title, None, (np.full(2, -reach - 0.2), np.full(2, reach + 0.2)))
    if key and classes:
        _class_key(ax, classes)
    return label_axes(ax, None, "$z_1$", "$z_2$")


def bent_grid(
    inverse: Callable[[np.ndarray], np.ndarray],
    *,
    extent: float = 3.0,
    lines: int = 21,
    ax: Axes | None = None,
    title: str | None = "Latent grid in data space",
    names: Sequence[str] | None = None,
    box: Box | None = None,
) -> Axes:
    """The regular grid on [−extent, extent]² of the latent plane as ``inverse`` puts it among the data.

    Lines of constant z₁ run from blue to green, those of constant z₂ from purple to orange, from the lowest value to
    the highest; ``box`` limits the axes.
    """
    import matplotlib
    from matplotlib.collections import LineCollection

    ax = ax or fresh_axes()
    levels, along = np.linspace(-extent, extent, lines), np.linspace(-extent, extent, 801)
    still, moving = (a.ravel() for a in np.meshgrid(levels, along, indexing="ij"))
    Z = np.concatenate((np.stack((still, moving), axis=1), np.stack((moving, still), axis=1)))
    X = np.array(inverse(Z), dtype=float)
    X[~np.isfinite(X).all(axis=1)] = np.nan  # a gap in the line
    for bent, name in zip(X.reshape(2, lines, len(along), 2), ("viridis", "plasma"), strict=True):
        colours = matplotlib.colormaps[name](np.linspace(0.3, 0.85, lines))
        ax.add_collection(LineCollection(list(bent), colors=list(colours), linewidths=0.8, capstyle="round"))
    return plane(ax, title, names, box or extent_of(X, (0.005, 0.995), 0.05))


def _dots(ax: Axes, X: np.ndarray, labels: ArrayLike | None, colour: str) -> list[str]:
    """Draw finite rows, small and see-through where many; return the names of the classes."""
    rows = np.flatnonzero(np.isfinite(X).all(axis=1))
    rows = rows[thin(len(rows))]
    colours, classes = ([colour], []) if labels is None else class_colours(labels)
    colours = colours if labels is None else [colours[row] for row in rows]
    size = float(np.clip(3000 / max(len(rows), 1), 2.0, 12.0))
    fade = float(np.clip(1000 / max(len(rows), 1), 0.45, 0.8))
    ax.scatter(X[rows, 0], X[rows, 1], s=size, c=colours, alpha=fade, linewidths=0, rasterized=len(rows) > 1000)
    return classes


def _image(ax: Axes, image: np.ndarray, extent: Box, label: str | None, **colours: Any) -> None:
    """Draw cells, rows upwards, with a colour bar if it has a label: as high as the axes, arrows where values go on."""
    (left, bottom), (right, top) = extent
    drawn = ax.imshow(image, origin="lower", extent=(left, right, bottom, top), interpolation="bilinear", **colours)
    if label is None:
        return
    over, under = image.max() > colours["vmax"], image.min() < colours["vmin"]
    extend = ("neither", "min", "max", "both")[2 * int(over) + int(under)]
    bar = ax.figure.colorbar(drawn, cax=ax.inset_axes((1.03, 0, 0.04, 1)), extend=extend)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, color="#666666", labelcolor="#666666", width=0.7, size=3)
    bar.set_label(label, fontsize=9, color=INK)


def _class_key(ax: Axes, classes: list[str]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="none", marker="o", markersize=4, color=colour, label=name)
        for name, colour in zip(classes, CLASSES, strict=False)
    ]
    legend(ax, handles=marks, title="label", title_fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
