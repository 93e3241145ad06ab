"""Sheets for one column, and the course of the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realnvp.report import plots
from realnvp.report.base import Model
from realnvp.report.sheets.base import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["before_after", "density", "latent", "training"]


def density(run: Run) -> Figure:
    """Histograms of data and samples under the densities."""
    figure, axes = plots.fresh_figure(6.0, 3.8)
    _histogram(run, run.model, axes[0, 0], "Data, samples and density")
    return figure


def before_after(run: Run) -> Figure:
    """The same before and after training."""
    figure, (axes,) = plots.fresh_figure(10.0, 3.8, 1, 2, sharey=True)
    for ax, model, title in zip(axes, (run.before, run.model), ("Before training", "After training"), strict=True):
        if model is not None:
            _histogram(run, model, ax, title, key=ax is axes[-1])
    plots.share_labels(axes[None])
    return figure


def latent(run: Run) -> Figure:
    """The latents of the data against the base."""
    figure, axes = plots.fresh_figure(6.0, 3.8)
    plots.latent_histogram(run.model.transform(run.X), reference=run.reference, ax=axes[0, 0])
    return figure


def training(run: Run) -> Figure:
    """The negative log likelihoods, with the entropy where it is known."""
    figure, axes = plots.fresh_figure(6.4, 3.8)
    plots.training_curve(run.model.history_, entropy=getattr(run.truth, "entropy", None), ax=axes[0, 0])
    return figure


def _histogram(run: Run, model: Model, ax: Axes, title: str, key: bool = True) -> None:
    plots.histogram_1d(
        run.X,
        run.sample(model),
        log_prob=model.score_samples,
        exact=None if run.truth is None else run.truth.log_prob,
        ax=ax,
        title=title,
        key=key,
        name=run.names[0] if run.names else None,
    )
