"""Pictures of data, flows and trainings, drawn without pyplot: matplotlib is imported when the first is drawn."""

from realnvp.report.base import Model, Truth, in_numbers
from realnvp.report.figures import draw_energy, draw_images, draw_run, hero
from realnvp.report.kept import Kept, read_kept, write_kept
from realnvp.report.pages import energy_page, picture_page, table_page
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
    normality_bars,
    pit_difference,
    pit_histogram,
    png_bytes,
    radius_quantiles,
    scatter,
    training_curve,
    weight_histogram,
)
from realnvp.report.render import waiting, watched
from realnvp.report.sheets import IMAGE_FILES
from realnvp.report.walk import Walk, walk

__all__ = [
    "IMAGE_FILES",
    "Kept",
    "Model",
    "Truth",
    "Walk",
    "bent_grid",
    "bound_curve",
    "corner",
    "density",
    "difference",
    "draw_energy",
    "draw_images",
    "draw_run",
    "energy_page",
    "ess_curve",
    "extent_of",
    "gif_bytes",
    "grid",
    "hero",
    "histogram_1d",
    "in_numbers",
    "latent",
    "latent_histogram",
    "montage",
    "normality_bars",
    "picture_page",
    "pit_difference",
    "pit_histogram",
    "png_bytes",
    "radius_quantiles",
    "read_kept",
    "scatter",
    "table_page",
    "training_curve",
    "waiting",
    "walk",
    "watched",
    "weight_histogram",
    "write_kept",
]
