"""Pictures of data, flows and trainings, drawn without pyplot: matplotlib is imported when the first is drawn."""

from realnvp.report.base import Model, Truth
from realnvp.report.figures import draw_energy, draw_images, draw_run, hero
from realnvp.report.plots import (
    bent_grid,
    bound_curve,
    corner,
    density,
    difference,
    ess_curve,
    extent_of,
    gif_bytes,
    grid,
    histogram_1d,
    latent,
    latent_histogram,
    montage,
    png_bytes,
    radius_quantiles,
    scatter,
    training_curve,
    weight_histogram,
)
from realnvp.report.sheets import IMAGE_FILES

__all__ = [
    "IMAGE_FILES",
    "Model",
    "Truth",
    "bent_grid",
    "bound_curve",
    "corner",
    "density",
    "difference",
    "draw_energy",
    "draw_images",
    "draw_run",
    "ess_curve",
    "extent_of",
    "gif_bytes",
    "grid",
    "hero",
    "histogram_1d",
    "latent",
    "latent_histogram",
    "montage",
    "png_bytes",
    "radius_quantiles",
    "scatter",
    "training_curve",
    "weight_histogram",
]
