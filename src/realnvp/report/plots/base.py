"""What the plots share: the style, fresh axes, boxes and grids, and tidy rows of points."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from realnvp.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "CLASSES",
    "DATA",
    "INK",
    "MODEL",
    "Box",
    "LogProb",
    "aspect",
    "class_colours",
    "densities",
    "extent_of",
    "fresh_axes",
    "fresh_figure",
    "grid",
    "histogram",
    "label_axes",
    "legend",
    "misfits",
    "plane",
    "points",
    "share_labels",
    "shorten",
    "stretched",
    "thin",
]

Box: TypeAlias = tuple[np.ndarray, np.ndarray]
"""The corners ``(low, high)`` of a box, each (D,)."""
LogProb: TypeAlias = Callable[[np.ndarray], np.ndarray]

# the palette of Okabe and Ito, told apart in every common kind of colour blindness
DATA, MODEL, INK = "#0072B2", "#D55E00", "#333333"
CLASSES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B8A800")

_MOST_POINTS = 5000
_MOST_STRETCH = 5.0  # boxes more stretched than this are drawn square, each axis at its own scale
_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlepad": 7,
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#888888",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": "#666666",
    "ytick.color": "#666666",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
}


def fresh_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A figure of that size in inches and its (rows, columns) array of axes, in the house style.

    The style is read while axes are made, so nothing global stays changed. The figure belongs to no window.
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, compress=True)
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout=engine, facecolor="white")
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def fresh_axes(width: float = 4.6, height: float = 4.2) -> Axes:
    """The axes of a new figure with nothing else in it."""
    return fresh_figure(width, height)[1][0, 0]


def label_axes(ax: Axes, title: str | None, xlabel: str = "", ylabel: str = "") -> Axes:
    """Set the three texts in the font the axes were made with."""
    if title is not None:
        ax.title.set_text(title)
    for axis, text in ((ax.xaxis, xlabel), (ax.yaxis, ylabel)):
        axis.label.set_text(text)
    return ax


def legend(ax: Axes, **options: Any) -> None:
    """A legend without a frame."""
    drawn = ax.legend(**{"frameon": False, "fontsize": 8, "handlelength": 1.6, "labelcolor": INK, **options})
    drawn.get_title().set_color(INK)


def plane(ax: Axes, title: str | None, names: Sequence[str] | None = None, box: Box | None = None) -> Axes:
    """Make axes a plane: names on both, equal aspect, and the box as its limits.

    A box stretched more than fivefold (its columns have different units) is drawn square instead.
    """
    label_axes(ax, title, "$x_1$", "$x_2$")
    for axis, name in zip((ax.xaxis, ax.yaxis), names or (), strict=False):
        axis.label.set(text=shorten(name), parse_math=False)  # a dollar sign in a column's name is a dollar sign
    if box is None:
        ax.set_aspect("equal", adjustable="datalim")
        return ax
    low, high = box
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    if stretched(box):
        ax.set_aspect("auto")
        ax.set_box_aspect(1)
    else:
        ax.set_aspect("equal")
    return ax


def shorten(name: str, most: int = 24) -> str:
    """The name, or its beginning and an ellipsis if it has more than ``most`` letters."""
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def stretched(box: Box) -> bool:
    """Whether one side is more than five times the other."""
    sides = box[1] - box[0]
    return bool(max(sides) > _MOST_STRETCH * min(sides))


def aspect(box: Box) -> float:
    """Height over width of the axes of a plane limited to the box."""
    width, height = box[1] - box[0]
    return 1.0 if stretched(box) else float(height / width)


def share_labels(axes: np.ndarray) -> None:
    """Keep names and ticks' numbers only at the left and the bottom of (rows, columns) of axes with equal limits."""
    for ax in axes[:, 1:].flat:
        ax.yaxis.label.set_text("")
        ax.tick_params(labelleft=False)
    for ax in axes[:-1].flat:
        ax.xaxis.label.set_text("")
        ax.tick_params(labelbottom=False)


def grid(extent: Box, n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The centres of n × n equal cells of a box of the plane: xs (n,), ys (n,), and points (n², 2), x fastest.

    A density summed over them times the cells' area is its mass in the box.
    """
    low, high = (np.asarray(corner, dtype=float) for corner in extent)
    xs, ys = ((a + (np.arange(n) + 0.5) * (b - a) / n) for a, b in zip(low, high, strict=True))
    return xs, ys, np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)


def densities(log_prob: LogProb, at: np.ndarray) -> np.ndarray:
    """exp(log_prob), and zero wherever it is not a number: places of a picture may be such as no row can be."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* rows hold values that their columns cannot", UserWarning)
        logs = np.asarray(log_prob(at), dtype=float)
    return np.exp(np.nan_to_num(np.minimum(logs, 700.0), nan=-np.inf, neginf=-np.inf))


def extent_of(X: ArrayLike, quantiles: tuple[float, float] = (0.001, 0.999), margin: float = 0.12) -> Box:
    """Corners between two quantiles of each column, widened by ``margin`` of their distance on either side.

    A constant column gets a width of its own size, or of 1.
    """
    low, high = np.quantile(points(X), quantiles, axis=0)
    width = np.where(high > low, (high - low) * margin, np.maximum(np.abs(low), 1.0) / 2)
    return low - width, high + width


def points(X: ArrayLike) -> np.ndarray:
    """The finite rows as a table (n, D), of which there must be some; one number per row is one column."""
    table = np.asarray(X, dtype=float)
    table = table[:, None] if table.ndim == 1 else table
    table = table[np.isfinite(table).all(axis=1)]
    if not len(table):
        raise InputError("there is nothing to draw: not one row is finite")
    return table


def histogram(ax: Axes, x: np.ndarray, edges: np.ndarray, **style: Any) -> None:
    """A histogram of density, the values beyond the edges counted in: so it compares with a density curve."""
    weights = np.full(len(x), 1 / (len(x) * (edges[1] - edges[0])))
    ax.hist(x, edges.tolist(), weights=weights, **style)


def thin(n: int, most: int = _MOST_POINTS) -> np.ndarray:
    """Indices of at most ``most`` of n rows, in order and without favour: all where they are few."""
    return np.arange(n) if n <= most else np.sort(np.random.default_rng(0).choice(n, most, replace=False))


def class_colours(labels: ArrayLike) -> tuple[list[Any], list[str]]:
    """A colour for every row, and the names of the classes in palette order.

    More classes than the palette has colours (or numbers) take viridis, in order, and no names.
    """
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) <= len(CLASSES):
        return [CLASSES[code] for code in codes], [str(name) for name in names]
    import matplotlib

    return list(matplotlib.colormaps["viridis"](codes / (len(names) - 1))), []


def misfits(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """The Kolmogorov–Smirnov distance sup |F_X − F_Y| of each column, in [0, 1]."""
    return np.array([_distance(np.sort(a), np.sort(b)) for a, b in zip(X.T, Y.T, strict=True)])


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    at = np.concatenate((a, b))
    return float(abs(np.searchsorted(a, at, "right") / len(a) - np.searchsorted(b, at, "right") / len(b)).max())
