"""Sheets for more columns than two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from realnvp.report import plots
from realnvp.report.base import Model
from realnvp.report.sheets.base import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["corner", "latent"]

_MARGINALS = 7  # and one more panel for the radii: two rows of four


def corner(run: Run) -> Figure:
    """Data and samples, pair by pair."""
    return plots.corner(run.X, run.sample(run.model), names=run.names, words=_words(run.model))


def latent(run: Run) -> Figure:
    """The latent marginals that differ most from the base, in order, and the squared radii."""
    Z = plots.points(run.model.transform(run.X))
    base = run.reference
    against = np.random.default_rng(0).standard_normal((100_000, Z.shape[1])) if base is None else base
    kept = np.sort(np.argsort(-plots.misfits(Z, against), kind="stable")[:_MARGINALS])
    columns = math.ceil((len(kept) + 1) / 2)
    figure, axes = plots.fresh_figure(2.9 * columns, 5.4, 2, columns)
    for ax, j in zip(axes.flat, kept, strict=False):
        part = None if base is None else base[:, j]
        plots.latent_histogram(Z[:, j], reference=part, ax=ax, title=None, name=f"$z_{{{j + 1}}}$", key=False)
    drawn = axes.flat[: len(kept)]
    for ax in drawn:
        ax.set(xlim=_widest([other.get_xlim() for other in drawn]), ylim=_widest([other.get_ylim() for other in drawn]))
    for ax in axes[:, 1:].flat:
        ax.yaxis.label.set_text("")
    plots.radius_quantiles(Z, reference=base, ax=axes.flat[len(kept)], title="")
    for ax in axes.flat[len(kept) + 1 :]:
        ax.remove()
    some = f" (the {len(kept)} of {Z.shape[1]} columns that fit worst)" if len(kept) < Z.shape[1] else ""
    what = "a standard normal" if base is None else "the base"
    figure.suptitle(f"Data in latent space{some}, lines: {what}", fontsize=11, color=plots.INK)
    return figure


def _words(model: Model) -> list[list[str] | None] | None:
    """Return what the numbers of each column stand for, where a model knows."""
    codec = getattr(model, "codec_", None)
    return None if codec is None else [column.words for column in codec.columns]


def _widest(limits: list[tuple[float, float]]) -> tuple[float, float]:
    return min(low for low, _ in limits), max(high for _, high in limits)
