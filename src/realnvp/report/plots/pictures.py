"""Sheets of pictures as arrays, and as PNG and GIF files."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from realnvp.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["gif_bytes", "montage", "png_bytes"]

_PAPER = 255
_LEAST = 48  # a tile is shown at least so many points wide: small pictures are magnified by a whole number


def montage(images: ArrayLike, columns: int | None = None, *, levels: int = 256, gap: int = 2) -> np.ndarray:
    """Put pictures (n, H, W) or (n, H, W, C) side by side, in rows of ``columns``: uint8, (rows, width, 3).

    Values from 0 to ``levels - 1`` are shown from black to white. By default the sheet is about square.
    """
    found = np.asarray(images)
    if found.ndim not in (3, 4) or not len(found) or (found.ndim == 4 and found.shape[3] not in (1, 3)):
        raise InputError(f"a sheet shows pictures (n, H, W) or (n, H, W, 3), got {found.shape}")
    found = np.repeat(found[..., None], 3, 3) if found.ndim == 3 else np.broadcast_to(found, (*found.shape[:3], 3))
    found = np.rint(found * (255 / (levels - 1))).astype(np.uint8)
    n, high, wide, _ = found.shape
    times = max(1, math.ceil(_LEAST / max(high, wide)))
    found = found.repeat(times, 1).repeat(times, 2)
    high, wide = high * times, wide * times
    columns = math.ceil(math.sqrt(n)) if columns is None else columns
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (high + gap) + gap, columns * (wide + gap) + gap, 3), _PAPER, np.uint8)
    for i, picture in enumerate(found):
        top, left = gap + i // columns * (high + gap), gap + i % columns * (wide + gap)
        sheet[top : top + high, left : left + wide] = picture
    return sheet


def png_bytes(sheet: np.ndarray) -> bytes:
    """Encode a sheet as PNG."""
    target = io.BytesIO()
    _image(sheet).save(target, format="PNG")
    return target.getvalue()


def gif_bytes(sheets: Sequence[np.ndarray], *, milliseconds: int = 200, pause: int = 2000) -> bytes:
    """Encode sheets as an endless animation, the last one shown for ``pause``."""
    frames = [_image(sheet).quantize(64) for sheet in sheets]
    times = [milliseconds] * (len(frames) - 1) + [pause]
    target = io.BytesIO()
    frames[0].save(target, format="GIF", save_all=True, append_images=frames[1:], duration=times, loop=0)
    return target.getvalue()


def _image(sheet: np.ndarray) -> Image:
    from PIL import Image

    return Image.fromarray(sheet)
