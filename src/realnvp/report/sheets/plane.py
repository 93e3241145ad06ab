"""Sheets for two columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from realnvp.errors import InputError
from realnvp.report import plots
from realnvp.report.base import Conditioned
from realnvp.report.sheets.base import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["before_after", "density", "grid", "latent", "samples", "strip"]

_FAINT = "#8C8C8C"


def samples(run: Run) -> Figure:
    """Data beside as many samples."""
    figure, axes = _figure(run.box, 1, 2)
    style: dict[str, Any] = {"names": run.names, "extent": run.box}
    plots.scatter(run.X, labels=run.labels, ax=axes[0, 0], title="Data", **style)
    plots.scatter(run.paired(run.model), ax=axes[0, 1], title="Samples", colour=plots.MODEL, **style)
    plots.share_labels(axes)
    return figure


def density(run: Run) -> Figure:
    """The density learnt; where the truth is known, the exact one at the same colours, and the difference."""
    if run.truth is None:
        figure, axes = _figure(run.box, 1, 1, extra=0.9)
        plots.density(run.model.score_samples, run.box, ax=axes[0, 0], title="Learnt density", names=run.names)
        return figure
    figure, axes = _figure(run.box, 1, 3, extra=1.8)
    learnt, exact = run.model.score_samples, run.truth.log_prob
    style: dict[str, Any] = {"names": run.names, "vmax": run.top(run.box)}
    plots.density(exact, run.box, ax=axes[0, 0], title="Exact density", colorbar=False, **style)
    plots.density(learnt, run.box, ax=axes[0, 1], title="Learnt density", **style)
    plots.difference(learnt, exact, run.box, ax=axes[0, 2], names=run.names)
    plots.share_labels(axes)
    return figure


def latent(run: Run) -> Figure:
    """The data in latent space."""
    figure, axes = plots.fresh_figure(5.2 if run.labels is not None else 4.4, 4.4)
    plots.latent(run.model.transform(run.X), labels=run.labels, ax=axes[0, 0])
    return figure


def grid(run: Run) -> Figure:
    """The bent grid over the data."""
    figure, axes = _figure(run.box, 1, 1, panel=4.6)
    plots.scatter(run.X, ax=axes[0, 0], extent=run.box, colour=_FAINT)
    plots.bent_grid(run.model.inverse_transform, ax=axes[0, 0], names=run.names, box=run.box)
    if isinstance(run.model, Conditioned):
        axes[0, 0].title.set_text("Latent grid in data space, at the middle context")
    return figure


def before_after(run: Run) -> Figure:
    """Samples above densities, before and after training; then the data, and the exact density where it is known."""
    figure, axes = _figure(run.box, 2, 3)
    style: dict[str, Any] = {"names": run.names, "extent": run.box}
    colours: dict[str, Any] = {**style, "title": None, "vmax": run.top(run.box), "colorbar": False}
    for column, model, title in zip(axes.T, (run.before, run.model), ("Before", "After"), strict=False):
        if model is not None:
            plots.scatter(run.paired(model), ax=column[0], title=f"{title} training", colour=plots.MODEL, **style)
            plots.density(model.score_samples, ax=column[1], **colours)
    title = "Data" if run.truth is None else "Data and exact density"
    plots.scatter(run.X, ax=axes[0, 2], title=title, **style)
    if run.truth is not None:
        plots.density(run.truth.log_prob, ax=axes[1, 2], **colours)
    plots.share_labels(axes)
    if run.truth is None:  # the data are the foot of their column
        axes[1, 2].remove()
        axes[0, 2].tick_params(labelbottom=True)
        axes[0, 2].xaxis.label.set(text=axes[1, 0].get_xlabel(), parse_math=run.names is None)
    return figure


def strip(run: Run) -> Figure:
    """Data, density learnt, samples, latents and the bent grid in one row, without ticks."""
    if run.X.shape[1] != 2:
        raise InputError(f"this strip is for data with 2 columns, not {run.X.shape[1]}: use draw_run")
    box = _stocky(run.box)
    wide = 1 / plots.aspect(box)
    figure, axes = plots.fresh_figure(15, 0.35 + 14.6 / (1 + 4 * wide), 1, 5, width_ratios=[wide] * 3 + [1, wide])
    data, learnt, drawn, latents, bent = axes[0]
    plots.scatter(run.X, labels=run.labels, ax=data, title="Data", extent=box)
    plots.density(run.model.score_samples, box, ax=learnt, title="Learnt density", vmax=run.top(box), colorbar=False)
    plots.scatter(run.paired(run.model), ax=drawn, title="Samples", extent=box, colour=plots.MODEL)
    plots.latent(run.model.transform(run.X), labels=run.labels, ax=latents, key=False)
    plots.scatter(run.X, ax=bent, extent=box, colour=_FAINT)
    plots.bent_grid(run.model.inverse_transform, ax=bent, box=box)
    for ax in axes[0]:
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        ax.spines[:].set_visible(True)
    return figure


def _figure(box: plots.Box, rows: int, columns: int, *, panel: float = 3.6, extra: float = 0.0) -> tuple[Figure, Any]:
    """Panels as high as the box wants them, with room for texts and ``extra`` inches for colour bars."""
    height = panel * plots.aspect(box)
    return plots.fresh_figure(0.6 + columns * (panel + 0.1) + extra, 0.6 + rows * (height + 0.3), rows, columns)


def _stocky(box: plots.Box) -> plots.Box:
    """The box widened to 4 : 3 at most, unless its axes have scales of their own."""
    low, high = box
    sides = high - low
    if plots.stretched(box):
        return box
    centre, sides = (low + high) / 2, np.maximum(sides, sides.max() * 3 / 4)
    return centre - sides / 2, centre + sides / 2
