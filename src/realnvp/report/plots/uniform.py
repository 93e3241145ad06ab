"""Plots of the uniforms of latent coordinates, and of their test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from realnvp.measure.latent import Normality, radius_ranks, uniformity
from realnvp.report.plots.base import CLASSES, INK, fresh_axes, label_axes, legend, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURED", "normality_bars", "pit_difference", "pit_histogram"]

_BAND, _FAINT = "#EDEDED", "#B5B5B5"
_TOLD = 0.05  # of right fits leave the bands
COLOURED = 6
"""How many columns have a colour: those that fit worst."""


def pit_histogram(U: ArrayLike, *, ax: Axes | None = None, title: str | None = "Histograms of u") -> Axes:
    """A histogram of each column of uniforms (n, D): flat at 1 where the fit is right.

    A hump says that the model is too wide there, a cup that it is too narrow, a slope that it is moved. Grey: where
    95 % of the bins of a right fit lie. The six columns furthest from uniform have a colour.
    """
    from scipy import stats

    ax = ax or fresh_axes(5.0, 3.8)
    u = points(U)
    bins = int(np.clip(round(len(u) ** (1 / 3)), 5, 25))
    low, high = (stats.binom.ppf(q, len(u), 1 / bins) * bins / len(u) for q in (_TOLD / 2, 1 - _TOLD / 2))
    ax.axhspan(low, high, color=_BAND, linewidth=0, label="95 % of the bins of a right fit")
    edges = np.linspace(0, 1, bins + 1)
    top = high
    for j, style in _styles(uniformity(u)):
        heights = np.histogram(u[:, j], edges)[0] * bins / len(u)
        ax.stairs(heights, edges, baseline=None, **style)
        top = max(top, float(heights.max()))
    ax.set(xlim=(0, 1), ylim=(0, 1.35 * min(top, 4.0)))  # room for the key above
    legend(ax, loc="upper center", ncols=4, columnspacing=1.2)
    return label_axes(ax, title, "$u$", "probability density")


def pit_difference(
    U: ArrayLike, *, ax: Axes | None = None, title: str | None = "Distribution functions, less u"
) -> Axes:
    """The share of rows below ``u`` less ``u``, for each column of uniforms (n, D) and for the radius.

    Where the fit is right 95 % of the curves stay wholly within the grey band, which is as wide as the test's distance.
    """
    ax = ax or fresh_axes(5.0, 3.8)
    u = points(U)
    found = uniformity(u)
    band = ax.axhspan(-found.critical(_TOLD), found.critical(_TOLD), color=_BAND, linewidth=0)
    band.set_label("95 % of right fits stay inside")
    ax.axhline(0.0, color=INK, linewidth=0.6)
    for j, style in _styles(found):
        _curve(ax, u[:, j], style)
    _curve(ax, radius_ranks(u), {"color": INK, "linestyle": "--", "linewidth": 1.2, "label": "radius"})
    key = [part for part in (band, *ax.lines) if part.get_label() in (band.get_label(), "radius")]
    legend(ax, handles=key, loc="upper right", ncols=2)
    reach = 1.4 * max(found.critical(_TOLD), found.radius.statistic, *found.coordinates.statistic)
    ax.set(xlim=(0, 1), ylim=(-reach, reach))
    return label_axes(ax, title, "$u$", "share of rows below $u$, less $u$")


def normality_bars(found: Normality, *, ax: Axes | None = None, title: str | None = "Distance from uniform") -> Axes:
    """The Kolmogorov–Smirnov distance of the latent coordinates and of the radius, each with its p-value.

    Of more than six columns the six that fit worst. The line is what 5 % of right fits exceed.
    """
    ax = ax or fresh_axes(5.0, 3.8)
    styles = [(j, style["color"]) for j, style in _styles(found) if style["color"] != _FAINT]
    sizes = [float(found.coordinates.statistic[j]) for j, _ in styles] + [found.radius.statistic]
    chances = [float(found.coordinates.p_value[j]) for j, _ in styles] + [found.radius.p_value]
    at = np.arange(len(sizes))
    ax.barh(at, sizes, height=0.55, color=[colour for _, colour in styles] + [INK], alpha=0.85)
    ax.axvline(found.critical(_TOLD), color=INK, linewidth=1, linestyle=":")
    ax.annotate(
        "5 % of right fits\nlie beyond",
        (found.critical(_TOLD), 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
        fontsize=8,
        color=INK,
    )
    for y, size, chance in zip(at, sizes, chances, strict=True):
        paper: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # the line passes behind
        style: dict[str, Any] = {"va": "center", "fontsize": 8, "color": INK, "bbox": paper}
        ax.annotate(_chance(chance), (size, y), xytext=(4, 0), textcoords="offset points", **style)
    ax.set_yticks(at, [*(f"$z_{{{j + 1}}}$" for j, _ in styles), "radius"])
    ax.set(xlim=(0, 1.45 * max(*sizes, found.critical(_TOLD))), ylim=(len(sizes) - 0.4, -1.3))
    ax.tick_params(axis="y", length=0)
    return label_axes(ax, title, "Kolmogorov–Smirnov distance")


def _styles(found: Normality) -> list[tuple[int, dict[str, Any]]]:
    """Columns and how their lines look: the worst in colour, in order, above the others in grey."""
    misfits = found.coordinates.statistic
    worst = np.sort(np.argsort(-misfits, kind="stable")[:COLOURED]).tolist()
    rest = [j for j in range(len(misfits)) if j not in worst]
    styles: list[tuple[int, dict[str, Any]]] = [(j, {"color": _FAINT, "linewidth": 0.7}) for j in rest]
    for j, colour in zip(worst, CLASSES, strict=False):
        styles.append((j, {"color": colour, "linewidth": 1.5, "label": f"$z_{{{j + 1}}}$"}))
    return styles


def _curve(ax: Axes, u: np.ndarray, style: dict[str, Any]) -> None:
    """At 401 levels: more than a picture shows."""
    at = np.linspace(0, 1, 401)
    ax.plot(at, np.searchsorted(np.sort(u), at, "right") / len(u) - at, **style)


def _chance(p: float) -> str:
    return f"p = {p:.2f}" if p >= 0.01 else f"p = {p:.0e}" if p >= 1e-9 else "p < 1e-9"
