"""Pictures of flows: each function draws on the axes it is given, or on those of a new figure, and returns them."""

from realnvp.report.plots.base import (
    DATA,
    INK,
    MODEL,
    Box,
    aspect,
    densities,
    extent_of,
    fresh_figure,
    grid,
    misfits,
    points,
    share_labels,
    stretched,
    thin,
)
from realnvp.report.plots.line import histogram_1d, latent_histogram, radius_quantiles, training_curve
from realnvp.report.plots.many import corner
from realnvp.report.plots.pictures import gif_bytes, montage, png_bytes
from realnvp.report.plots.plane import bent_grid, density, difference, latent, scatter
from realnvp.report.plots.uniform import COLOURED, normality_bars, pit_difference, pit_histogram
from realnvp.report.plots.weights import bound_curve, ess_curve, weight_histogram

__all__ = [
    "COLOURED",
    "DATA",
    "INK",
    "MODEL",
    "Box",
    "aspect",
    "bent_grid",
    "bound_curve",
    "corner",
    "densities",
    "density",
    "difference",
    "ess_curve",
    "extent_of",
    "fresh_figure",
    "gif_bytes",
    "grid",
    "histogram_1d",
    "latent",
    "latent_histogram",
    "misfits",
    "montage",
    "normality_bars",
    "pit_difference",
    "pit_histogram",
    "png_bytes",
    "points",
    "radius_quantiles",
    "scatter",
    "share_labels",
    "stretched",
    "thin",
    "training_curve",
    "weight_histogram",
]
