"""Pictures of data, flows and trainings, drawn without pyplot: matplotlib is imported when the first is drawn."""

from realnvp.report.base import Model, Truth
from realnvp.report.figures import draw_run, hero
from realnvp.report.plots import (
    bent_grid,
    corner,
    density,
    difference,
    extent_of,
    grid,
    histogram_1d,
    latent,
    latent_histogram,
    radius_quantiles,
    scatter,
    training_curve,
)

__all__ = [
    "Model",
    "Truth",
    "bent_grid",
    "corner",
    "density",
    "difference",
    "draw_run",
    "extent_of",
    "grid",
    "hero",
    "histogram_1d",
    "latent",
    "latent_histogram",
    "radius_quantiles",
    "scatter",
    "training_curve",
]
