"""What the page shows of a flow of pictures: the pictures themselves behind each coupling, and sheets of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from realnvp.report.page.base import Colour, data_uri, packed, rounded, text
from realnvp.report.plots import montage, png_bytes
from realnvp.report.walk import walk

__all__ = ["bits", "picture_explorer", "sheets"]

_BUDGET = 1_100_000
"""Bytes of the pictures in all frames, before they are written as text."""
_DIRECTIONS = 4
_TEMPERATURES = (0.5, 0.7, 0.85, 1.0)


def picture_explorer(
    model: Any,
    images: np.ndarray,
    context: np.ndarray | None,
    given: np.ndarray | None,
    row_names: list[str],
    colours: Sequence[Colour],
    share: float = 1.0,
) -> dict[str, Any]:
    """Follow pictures through the flow: thumbnails in every frame, and where they are along the pictures' directions.

    The directions are those in which the pictures vary most (principal components), the same in every frame. The noise
    of dequantisation is put to 1/2. ``given`` is the flow's context of the labels.
    """
    shape = model.flow_.event_shape
    n, numbers = len(images), int(np.prod(shape))
    first = walk(model.flow_, _rows(images[:1], model.levels), None if given is None else given[:1])
    many = min(n, int(np.clip(_BUDGET // (len(first.names) * numbers), 8, max(8, share * min(n, 140)))))
    rows = np.sort(np.random.default_rng(0).choice(n, many, replace=False))
    steps = walk(model.flow_, _rows(images[rows], model.levels), None if given is None else given[rows])
    flat = [frame.reshape(many, -1) for frame in steps.frames]
    centre = flat[0].mean(0)
    directions = np.linalg.svd(flat[0] - centre, full_matrices=False)[2][:_DIRECTIONS]
    frames = np.stack([(frame - (centre if i == 0 else 0.0)) @ directions.T for i, frame in enumerate(flat)])
    scores = model.outlier_scores(images[rows], **({} if context is None else {"context": context[rows]}))
    thumbs = np.stack([_bytes(frame, i == 0) for i, frame in enumerate(steps.frames)])
    found: dict[str, Any] = {
        "names": list(steps.names),
        "columns": [f"direction {i + 1}" for i in range(len(directions))],
        "latents": [f"direction {i + 1}" for i in range(len(directions))],
        "features": numbers,
        "frames": packed(frames),
        "extents": [[rounded(side) for side in _extent(frame)] for frame in frames],
        "log_prob": rounded(-scores),
        "score": {"name": "bits/dim", "sign": -1},
        "rows": [row_names[i] for i in rows],
        "colours": [colour.described(rows) for colour in colours],
        "about": "Directions are the principal components of the pictures, the same in every frame.",
        "contours": [],
        "grid": None,
        "normal": False,
        "pictures": packed(thumbs),
    }
    found["colours"].append({"name": "bits/dim", "values": rounded(scores), "classes": None, "unit": "bits/dim"})
    return found


def sheets(
    model: Any, images: np.ndarray, context: np.ndarray | None, *, share: float = 1.0, seed: int = 0
) -> list[tuple[str, str, str]]:
    """Return sheets as (title, address, text in place of the picture): pictures, samples, temperatures, paths."""

    def given(part: slice) -> dict[str, Any]:
        return {} if context is None else {"context": context[part]}

    small = int(np.prod(images.shape[1:])) <= 3 * 32 * 32
    n = min(max(4, int(share * (64 if small else 16))), len(images))
    found: list[tuple[str, np.ndarray, int | None, str]] = [
        ("Held-out pictures", images[:n], None, f"{n} pictures that were not trained on"),
        ("Samples", model.sample(n, random_state=seed, **given(slice(n))), None, f"{n} pictures drawn from the flow"),
    ]
    k = min(max(3, int(share * (12 if small else 6))), len(images))
    rows = [model.sample(k, temperature=t, random_state=seed, **given(slice(k))) for t in _TEMPERATURES]
    told = ", ".join(map(str, _TEMPERATURES))
    about = f"Samples from the same noise at the temperatures {told}, a row each"
    found.append((f"Temperatures {told}, from above", np.concatenate(rows), k, about))
    pairs = min(max(1, int(share * (6 if small else 3))), len(images) // 2)
    if pairs:
        ways = [
            model.interpolate(images[2 * i], images[2 * i + 1], 10, **given(slice(2 * i, 2 * i + 2)))
            for i in range(pairs)
        ]
        about = (
            f"{pairs} rows: on the left a held-out picture, on the right another one, between them the way in latents"
        )
        found.append(("Interpolations in latent space", np.concatenate(ways), 10, about))
    return [
        (title, data_uri(png_bytes(montage(sheet, columns, levels=model.levels))), about)
        for title, sheet, columns, about in found
    ]


def bits(model: Any, images: np.ndarray, context: np.ndarray | None) -> tuple[np.ndarray, str]:
    """Return bits per dimension of pictures, and the likeliest and unlikeliest of them as HTML."""
    scores = model.outlier_scores(images, **({} if context is None else {"context": context}))
    order, n = np.argsort(scores), max(1, min(10, len(images) // 2))
    parts = []
    for title, which in (("Likeliest", order[:n]), ("Unlikeliest", order[::-1][:n])):
        address = data_uri(png_bytes(montage(images[which], n, levels=model.levels)))
        low, high = sorted((scores[which[0]], scores[which[-1]]))
        caption = f"{title}: {low:.2f} to {high:.2f} bits/dim"
        parts.append(
            f'<figure><img src="{address}" alt="{text(title)} {n} held-out pictures in a row">'
            f"<figcaption>{text(caption)}</figcaption></figure>"
        )
    return scores, "".join(parts)


def _rows(images: np.ndarray, levels: int) -> np.ndarray:
    found = images[..., None] if images.ndim == 3 else images
    return (np.moveaxis(found, -1, 1).astype(float) + 0.5) / levels


def _bytes(frame: np.ndarray, plain: bool) -> np.ndarray:
    """Return pictures (n, C, H, W) as bytes (n, H, W, C): values in [0, 1], or 2.5 deviations around their middle."""
    values = frame if plain else 0.5 + (frame - frame.mean()) / (5 * max(float(frame.std()), 1e-9))
    found: np.ndarray = np.rint(255 * np.clip(np.moveaxis(values, 1, -1), 0, 1)).astype(np.uint8)
    return found


def _extent(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.quantile(frame, (0.003, 0.997), axis=0)
    wide = np.maximum((high - low) * 0.12, 1e-6)
    return low - wide, high + wide
