"""Sheets: whole figures about a run, one per file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from realnvp.report.sheets import latent, line, many, plane
from realnvp.report.sheets.base import Run, prepare
from realnvp.report.sheets.energy import EnergyModel, EnergyRun, energy_sheets
from realnvp.report.sheets.pictures import IMAGE_FILES, ImageModel, ImageRun, image_sheets

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "IMAGE_FILES",
    "EnergyModel",
    "EnergyRun",
    "ImageModel",
    "ImageRun",
    "Run",
    "energy_sheets",
    "image_sheets",
    "prepare",
    "sheets",
    "strip",
]

strip = plane.strip


def sheets(run: Run) -> dict[str, Callable[[Run], Figure]]:
    """File names, and what draws each of them."""
    found: dict[str, Callable[[Run], Figure]]
    codec = getattr(run.model, "codec_", None)
    cells = codec is not None and any(column.cells is not None for column in codec.columns)
    features = 3 if cells else run.X.shape[1]  # between the values of a discrete column there is no density to draw
    if features == 1:
        found = {"density.png": line.density, "latent.png": line.latent}
    elif features == 2:
        found = {"samples.png": plane.samples, "density.png": plane.density}
        found |= {"latent.png": plane.latent, "grid.png": plane.grid}
    else:
        found = {"corner.png": many.corner, "latent.png": many.latent}
    if run.before is not None and features < 3:
        found["before_after.png"] = line.before_after if features == 1 else plane.before_after
    if run.reference is None or getattr(run.model, "flow_", None) is not None:
        found["pit.png"] = latent.ranks
    if getattr(run.model, "history_", None):
        found["training.png"] = line.training
    return found
