"""The parts of a report's page: data for its charts, words for its verdict, text for HTML."""

from realnvp.report.page.base import Colour, data_uri, figure_list, number, packed, paragraphs, rounded, table, text
from realnvp.report.page.charts import corner, density_1d, density_2d, histogram, latent, normality, training, weights
from realnvp.report.page.explore import Points, explorer, shown_axes
from realnvp.report.page.noticed import notices
from realnvp.report.page.pictures import bits, picture_explorer, sheets
from realnvp.report.page.verdict import Verdict, in_training, of_density, of_energy, of_pictures

__all__ = [
    "Colour",
    "Points",
    "Verdict",
    "bits",
    "corner",
    "data_uri",
    "density_1d",
    "density_2d",
    "explorer",
    "figure_list",
    "histogram",
    "in_training",
    "latent",
    "normality",
    "notices",
    "number",
    "of_density",
    "of_energy",
    "of_pictures",
    "packed",
    "paragraphs",
    "picture_explorer",
    "rounded",
    "sheets",
    "shown_axes",
    "table",
    "text",
    "training",
    "weights",
]
