"""Pictures of data, flows and trainings, drawn without pyplot: matplotlib is imported when the first is drawn."""

from realnvp.report.base import Model, Truth
from realnvp.report.figures import draw_energy, draw_run, hero
from realnvp.report.plots import (
    bent_grid,
    bound_curve,
    corner,
    density,
    difference,
    ess_curve,
    extent_of,
    grid,
    histogram_1d,
    latent,
    latent_histogram,
    radius_quantiles,
    scatter,
    training_curve,
    weight_histogram,
)

__all__ = [
    "Model",
    "Truth",
    "bent_grid",
    "bound_curve",
    "corner",
    "density",
    "difference",
    "draw_energy",
    "draw_run",
    "ess_curve",
    "extent_of",
    "grid",
    "hero",
    "histogram_1d",
    "latent",
    "latent_histogram",
    "radius_quantiles",
    "scatter",
    "training_curve",
    "weight_histogram",
]
