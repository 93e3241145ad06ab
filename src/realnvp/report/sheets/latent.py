"""The sheet of the latent coordinates' uniforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realnvp.measure import pit, uniformity
from realnvp.report import plots
from realnvp.report.sheets.base import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ranks"]


def ranks(run: Run) -> Figure:
    """Histograms of the data's uniforms, their distance from flat, and the test of it."""
    U = pit(run.model, run.X)
    figure, (axes,) = plots.fresh_figure(13.5, 3.9, 1, 3)
    plots.pit_histogram(U, ax=axes[0])
    plots.pit_difference(U, ax=axes[1])
    plots.normality_bars(uniformity(U), ax=axes[2])
    features = U.shape[1]
    some = f" (coloured: the {plots.COLOURED} of {features} that fit worst)" if features > plots.COLOURED else ""
    text = f"The place u of {len(U):,} rows under the model, by latent coordinate: uniform where the fit is right{some}"
    figure.suptitle(text, fontsize=11, color=plots.INK)
    return figure
