"""The pictures of a run as PNG files, and the one for the top of a page."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from realnvp.files import check_folder, write_atomically
from realnvp.measure.base import plain_arrays
from realnvp.report.base import Model, Truth
from realnvp.report.plots import gif_bytes, montage
from realnvp.report.sheets import (
    IMAGE_FILES,
    EnergyModel,
    EnergyRun,
    ImageModel,
    ImageRun,
    energy_sheets,
    image_sheets,
    prepare,
    sheets,
    strip,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_energy", "draw_images", "draw_run", "hero"]


def draw_run(
    folder: str | Path,
    model: Model,
    X: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    truth: Truth | None = None,
    before: Model | None = None,
    names: Sequence[str] | None = None,
    context: ArrayLike | None = None,
    reference: ArrayLike | None = None,
    seed: int = 0,
) -> list[Path]:
    """Write the pictures of a fitted model and its (held-out) data X (n, D) into a folder, made if need be.

    D = 1: density, latent. D = 2: samples, density, latent, grid. D > 2: corner, latent. Also pit (the latent
    coordinates as probabilities) where the law of the base is known, training where the model has a history, and
    before_after (D < 3) where ``before``, the model before training, is given. Each is a
    PNG file; nothing is written unless all can be drawn.

    Args:
        folder: Where to write.
        model: The model.
        X: Rows to compare it with, best ones it was not trained on.
        labels: A class for each row, to colour the points by.
        truth: The law of the data: adds the exact density and its entropy.
        before: The model before training.
        names: The columns' names, by default those the model was fitted with.
        context: A context for each row, (n, C), for a conditional model.
        reference: Draws of the model's base, (m, D), if that is not the standard normal.
        seed: Of the samples.
    """
    run = prepare(
        model,
        X,
        labels=labels,
        context=context,
        before=before,
        reference=reference,
        seed=seed,
        truth=truth,
        names=names,
    )
    with plain_arrays():
        images = {name: _png(draw(run)) for name, draw in sheets(run).items()}
    return _write(Path(folder), images)


def draw_energy(
    folder: str | Path,
    model: EnergyModel,
    log_target: Callable[[np.ndarray], np.ndarray],
    *,
    log_z: float | None = None,
    bounds: tuple | None = None,
    n: int = 10_000,
    seed: int = 0,
) -> list[Path]:
    """Write the pictures of a flow that learnt an energy: weights, training, and what its dimension allows.

    D = 2: density beside the target, samples before and after correction. D > 2: a corner plot of both.

    Args:
        folder: Where to write.
        model: The model.
        log_target: ``-U`` of rows (n, D), as (n,).
        log_z: The exact log normaliser, if it is known; else the model's own is taken.
        bounds: Corners of the box that the target lives on, if there is one.
        n: How many draws.
        seed: Of the draws.
    """
    level = model.log_normalizer_ if log_z is None else log_z
    x, log_w = model.log_weights(n, random_state=seed)
    corrected = model.sample(n, corrected=True, random_state=seed)
    corners = None if bounds is None else (np.asarray(bounds[0]), np.asarray(bounds[1]))
    run = EnergyRun(model, lambda x: log_target(x) - level, level, log_z is not None, x, log_w, corrected, corners)
    return _write(Path(folder), {name: _png(draw(run)) for name, draw in energy_sheets(run).items()})


def draw_images(
    folder: str | Path,
    model: ImageModel,
    images: np.ndarray,
    *,
    context: np.ndarray | None = None,
    seed: int = 0,
    max_time: float = 120.0,
) -> list[Path]:
    """Write the pictures of a flow of pictures: samples, temperatures, paths, manifold, painting, outliers, training.

    Where the model has sheets of its training they become ``training.gif``. Large pictures and large flows get
    smaller sheets, and those there is no time for are left out.

    Args:
        folder: Where to write.
        model: The model.
        images: Held-out pictures, (n, H, W) or (n, H, W, C).
        context: A label for each of them, where the model was given labels.
        seed: Of the samples.
        max_time: About how many seconds the drawing may take; of small pictures it takes a few.
    """
    run = ImageRun(model, np.asarray(images), context, seed).within(max_time)
    drawn = {name: _png(draw(run)) for name, draw in image_sheets(run).items()}
    if len(model.sheets_):
        drawn["training.gif"] = gif_bytes([montage(sheet, levels=model.levels) for sheet in model.sheets_])
    for name in IMAGE_FILES - drawn.keys():  # of a run that this one replaces
        (Path(folder) / name).unlink(missing_ok=True)
    return _write(Path(folder), drawn)


def hero(
    model: Model, X: ArrayLike, *, labels: ArrayLike | None = None, truth: Truth | None = None, seed: int = 0
) -> Figure:
    """A strip of five panels for 2-D data: data, density learnt, samples, latent space and the bent grid.

    Where the truth is known, the colours of the density run to the top of the exact one.
    """
    with plain_arrays():
        return strip(prepare(model, X, labels=labels, truth=truth, seed=seed))


def _png(figure: Figure) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=120)
    return target.getvalue()


def _write(folder: Path, images: Mapping[str, bytes]) -> list[Path]:
    """Whole pictures or none."""
    check_folder(folder)
    return [write_atomically(folder / name, content) for name, content in images.items()]
