"""Sheets about a flow that learnt an energy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from realnvp.report import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["EnergyModel", "EnergyRun", "corner", "density", "energy_sheets", "samples", "training", "weights"]


class EnergyModel(Protocol):
    """What the sheets ask of a model: numpy in and numpy out."""

    history_: list[dict[str, Any]]
    log_normalizer_: float

    def log_weights(self, n: int, /, *, random_state: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws (n, D) and their log weights (n,)."""

    def sample(self, n: int, /, *, corrected: bool, random_state: int) -> np.ndarray:
        """Draws (n, D)."""

    def score_samples(self, X: np.ndarray, /) -> np.ndarray:
        """Log densities in nats, (n, D) → (n,)."""


@dataclass
class EnergyRun:
    """A model with its draws, before and after correction; ``log_prob`` is the target's, up to an error in log Z."""

    model: EnergyModel
    log_prob: Callable[[np.ndarray], np.ndarray]
    log_z: float
    exact: bool
    x: np.ndarray
    log_w: np.ndarray
    corrected: np.ndarray
    bounds: tuple[np.ndarray, np.ndarray] | None = None

    def box(self) -> plots.Box:
        """The part of the plane to draw: where the samples are, within the bounds."""
        low, high = plots.extent_of(self.corrected)
        if self.bounds is None:
            return low, high
        return np.maximum(low, self.bounds[0]), np.minimum(high, self.bounds[1])


def energy_sheets(run: EnergyRun) -> dict[str, Callable[[EnergyRun], Figure]]:
    """File names, and what draws each of them."""
    found: dict[str, Callable[[EnergyRun], Figure]] = {"weights.png": weights}
    features = run.x.shape[1]
    if features == 2:
        found |= {"density.png": density, "samples.png": samples}
    elif features > 2:
        found["corner.png"] = corner
    if run.model.history_:
        found["training.png"] = training
    return found


def density(run: EnergyRun) -> Figure:
    """The target, the flow, and their difference."""
    box = run.box()
    panel = 3.6 * plots.aspect(box)
    figure, axes = plots.fresh_figure(0.6 + 3 * 3.7 + 1.8, 0.6 + panel + 0.3, 1, 3)
    _, _, at = plots.grid(box)
    top = float(plots.densities(run.log_prob, at).max())
    plots.density(run.log_prob, box, ax=axes[0, 0], title="Target", vmax=top, colorbar=False)
    plots.density(run.model.score_samples, box, ax=axes[0, 1], title="Flow", vmax=top)
    plots.difference(run.model.score_samples, run.log_prob, box, ax=axes[0, 2])
    plots.share_labels(axes)
    return figure


def samples(run: EnergyRun) -> Figure:
    """Draws of the flow, and after correction."""
    box = run.box()
    figure, axes = plots.fresh_figure(0.6 + 2 * 3.7, 0.6 + 3.6 * plots.aspect(box) + 0.3, 1, 2)
    plots.scatter(run.x, ax=axes[0, 0], extent=box, title="Samples of the flow", colour=plots.MODEL)
    plots.scatter(run.corrected, ax=axes[0, 1], extent=box, title="Corrected by Metropolis", colour=plots.DATA)
    plots.share_labels(axes)
    return figure


def corner(run: EnergyRun) -> Figure:
    """Corrected draws under those of the flow, pair by pair."""
    return plots.corner(run.corrected, run.x, labels=("corrected samples", "samples of the flow"))


def weights(run: EnergyRun) -> Figure:
    """The histogram of the weights."""
    figure, axes = plots.fresh_figure(6.0, 3.8)
    plots.weight_histogram(run.log_w, run.log_z, ax=axes[0, 0])
    return figure


def training(run: EnergyRun) -> Figure:
    """The bound with -log Z as a line, and the effective sample size."""
    figure, axes = plots.fresh_figure(10.4, 3.8, 1, 2)
    plots.bound_curve(run.model.history_, run.log_z, exact=run.exact, ax=axes[0, 0])
    plots.ess_curve(run.model.history_, ax=axes[0, 1])
    return figure
