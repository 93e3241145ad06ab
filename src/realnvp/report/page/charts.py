"""The charts' data: training, densities, latent coordinates, weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from realnvp.measure import uniformity
from realnvp.report.page.base import packed, rounded
from realnvp.report.plots import densities, grid

__all__ = ["contours", "corner", "density_1d", "density_2d", "histogram", "latent", "normality", "training", "weights"]

_MASSES = (0.5, 0.8, 0.95)
_CELLS = 140
_Score = Callable[[np.ndarray], np.ndarray]


def training(history: Sequence[Mapping[str, Any]], series: Mapping[str, str], unit: str) -> dict[str, Any] | None:
    """Return the records of a training against the step; ``series`` names the figures and says them in words.

    Of several flows, trained one after another, the lines break between them; the record of all together is left out.
    """
    if len(history) < 2:
        return None
    records: list[Mapping[str, Any]] = []
    for record in (r for r in history if r.get("member") != 0):
        if records and record.get("member") != records[-1].get("member"):
            records.append({"step": record["step"], "seconds": record["seconds"], "member": record["member"]})
        records.append(record)
    columns = {key: np.array([_float(record.get(key)) for record in records]) for key in ("step", "seconds", *series)}
    drawn = [
        {"label": words, "values": rounded(columns[key])}
        for key, words in series.items()
        if np.isfinite(columns[key]).any()
    ]
    return {"x": rounded(columns["step"]), "seconds": rounded(columns["seconds"]), "series": drawn, "unit": unit}


def density_2d(
    learnt: _Score, exact: _Score | None, box: tuple[np.ndarray, np.ndarray], cells: int = _CELLS
) -> dict[str, Any]:
    """Return a density of the plane as a picture of bytes, its top, and the contours that hold 50, 80 and 95 %."""
    xs, ys, at = grid(box, cells)
    found = densities(learnt, at).reshape(cells, cells)
    true = None if exact is None else densities(exact, at).reshape(cells, cells)
    tops = [float(np.quantile(values, 0.999)) for values in (found, true) if values is not None]
    top = max(tops) or 1.0
    return {
        "box": [rounded(corner) for corner in box],
        "top": top,
        "masses": list(_MASSES),
        "learnt": {"cells": packed(_bytes(found, top)), "lines": contours(found, xs, ys)},
        "exact": None if true is None else {"cells": packed(_bytes(true, top)), "lines": contours(true, xs, ys)},
    }


def density_1d(learnt: _Score, exact: _Score | None, X: np.ndarray, box: tuple[np.ndarray, np.ndarray]) -> dict:
    """Return the densities of one column on a line of points, and a histogram of the rows."""
    at = np.linspace(float(box[0][0]), float(box[1][0]), 401)
    counts, edges = np.histogram(X[:, 0], 60, (at[0], at[-1]))
    heights = counts / (len(X) * (edges[1] - edges[0]))
    rows = heights[np.clip(np.searchsorted(edges, at, "right") - 1, 0, len(heights) - 1)]
    series = [{"label": "held-out rows", "values": rounded(rows), "fill": True}]
    series.append({"label": "learnt density", "values": rounded(densities(learnt, at[:, None]))})
    if exact is not None:
        series.append({"label": "exact density", "values": rounded(densities(exact, at[:, None])), "dash": True})
    return {"x": rounded(at), "series": series, "unit": "probability density"}


def contours(values: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> list[list[list[float]]]:
    """Return lines around the likeliest cells that hold each share of the mass: for each lists of x, y, x, y …."""
    from contourpy import contour_generator

    falling = np.sort(values.ravel())[::-1]
    held = falling.cumsum() / max(falling.sum(), 1e-300)
    draw = contour_generator(xs, ys, values)
    levels = [float(falling[min(int(np.searchsorted(held, mass)), len(falling) - 1)]) for mass in _MASSES]
    return [[[float(f"{v:.4g}") for v in np.ravel(line)] for line in _drawn(draw, level)] for level in levels]


def latent(U: np.ndarray, Z: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Return histograms of the worst six columns of uniforms, the band of a right fit, and the test in words."""
    from scipy import stats

    found = uniformity(U)
    bins = int(np.clip(round(len(U) ** (1 / 3)), 5, 20))
    low, high = (stats.binom.ppf(q, len(U), 1 / bins) * bins / len(U) for q in (0.025, 0.975))
    worst = np.sort(np.argsort(-found.coordinates.statistic, kind="stable")[:6])
    edges = np.linspace(0, 1, bins + 1)
    heights = [np.histogram(U[:, j], edges)[0] * bins / len(U) for j in worst]
    reach = float(np.clip(np.quantile(np.abs(Z), 0.999), 4, 8))
    at = np.linspace(-reach, reach, 41)
    shown = [np.histogram(Z[:, j], at)[0] / (len(Z) * (at[1] - at[0])) for j in worst]
    return {
        "names": [names[j] for j in worst],
        "edges": rounded(edges),
        "heights": [rounded(h) for h in heights],
        "band": rounded(np.array([low, high])),
        "at": rounded((at[1:] + at[:-1]) / 2),
        "shown": [rounded(h) for h in shown],
        "normal": rounded(np.exp(-(((at[1:] + at[:-1]) / 2) ** 2) / 2) / math.sqrt(2 * math.pi)),
    }


def normality(U: np.ndarray) -> tuple[float, float, float, int]:
    """Return the largest distance of the uniforms from flat, the usual one of a right fit, p, and the rows."""
    found = uniformity(U)
    worst = float(max(found.coordinates.statistic.max(), found.radius.statistic))
    return worst, found.critical(0.05 / (U.shape[1] + 1)), found.p_value, found.rows


def corner(
    X: np.ndarray, samples: np.ndarray, names: Sequence[str], levels: Sequence[Sequence[str] | None] = ()
) -> dict[str, Any]:
    """Return some columns of rows and of samples, for a plot of every pair; ``levels`` are words for 0, 1, …."""
    both = np.concatenate([X, samples])
    low, high = np.quantile(both, (0.003, 0.997), axis=0)
    wide = np.where(high > low, (high - low) * 0.06, 0.5)
    names = [str(name) for name in names]
    return {
        "names": names,
        "levels": list(levels) or [None] * len(names),
        "data": packed(X),
        "samples": packed(samples),
        "low": rounded(low - wide),
        "high": rounded(high + wide),
    }


def histogram(values: np.ndarray, bins: int, what: str) -> dict[str, Any]:
    """Return counts of the finite values."""
    counts, edges = np.histogram(values[np.isfinite(values)], bins)
    return {"edges": rounded(edges), "counts": counts.tolist(), "what": what}


def weights(log_w: np.ndarray) -> dict[str, Any]:
    """Return a histogram of log weights, less the log of their mean: all at 0 where the flow is exact."""
    finite = log_w[np.isfinite(log_w)]
    level = finite.max() + math.log(np.exp(finite - finite.max()).mean())
    shown = finite - level
    low, high = np.quantile(shown, 0.001), shown.max()
    return histogram(shown[(shown >= low) & (shown <= high)], 50, "log weight less the log of the mean weight, nats")


def _drawn(draw: Any, level: float) -> Sequence[Any]:
    found: Sequence[Any] = draw.lines(float(level))
    return found


def _bytes(values: np.ndarray, top: float) -> np.ndarray:
    return np.rint(np.clip(values / top, 0, 1) * 255).astype(np.uint8)


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
