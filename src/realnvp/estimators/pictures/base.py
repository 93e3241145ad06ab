"""Pictures as tensors: checked, dequantised, measured, drawn."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from realnvp.data.batches import Deck, shuffled
from realnvp.errors import InputError
from realnvp.estimators.parts.rows import plain_array, tensor
from realnvp.flow import Flow
from realnvp.objectives import VariationalDequantisation

__all__ = [
    "decoded",
    "dequantised",
    "log_probs",
    "noisy_batches",
    "picture_array",
    "picture_tensor",
    "piece_of",
    "sheet_of",
    "whole_numbers",
    "with_noise",
]

_PIECE, _SHEET = 256, 64
_NUMBERS = 3 * 32 * 32
"""Pictures of at most so many numbers are small; of larger ones fewer are worked on at a time, and fewer shown."""


def piece_of(event: Sequence[int]) -> int:
    """Pictures of this shape worked on at a time outside training."""
    return max(1, min(_PIECE, _PIECE * _NUMBERS // max(1, math.prod(event))))


def sheet_of(event: Sequence[int]) -> int:
    """Pictures of this shape on a sheet of the training."""
    return max(4, min(_SHEET, 4 * _SHEET * _NUMBERS // max(1, math.prod(event))))


def picture_tensor(images: ArrayLike, levels: int, like: Sequence[int] | None = None) -> Tensor:
    """Check pictures, whole numbers (n, H, W) or (n, H, W, C), and return them as uint8 (n, C, H, W).

    ``like`` is the shape (C, H, W) of the pictures a model was fitted to.
    """
    if not isinstance(levels, int | np.integer) or not 2 <= levels <= 256:
        raise InputError(f"levels must be a whole number from 2 to 256, got {levels!r}")
    found = plain_array(images, "pictures")
    if found.ndim not in (3, 4) or 0 in found.shape[1:]:
        raise InputError(f"pictures have shape (n, H, W) or (n, H, W, C), got {found.shape}")
    if found.dtype.kind not in "bui":
        raise InputError(f"pictures are whole numbers from 0 to {levels - 1}, dtype uint8; got dtype {found.dtype}")
    found = found[..., None] if found.ndim == 3 else found
    event = (found.shape[3], found.shape[1], found.shape[2])
    if like is not None and event != tuple(like):
        raise InputError(f"the model learnt pictures {_words(like)}, these are {_words(event)}")
    if found.size and not 0 <= int(found.min()) <= int(found.max()) < levels:
        raise InputError(
            f"pictures reach from {found.min()} to {found.max()}, but levels={levels} means 0 to {levels - 1}"
        )
    return tensor(found.astype(np.uint8, copy=False).transpose(0, 3, 1, 2))


def picture_array(x: Tensor, grey: bool) -> np.ndarray:
    """Return a tensor (n, C, H, W) as an array (n, H, W, C), or (n, H, W) where ``grey``."""
    found: np.ndarray = x.movedim(-3, -1).cpu().numpy()
    return np.ascontiguousarray(found[..., 0] if grey else found)


def _words(shape: Sequence[int]) -> str:
    channels, high, wide = shape
    return f"of {high} x {wide} with {channels} channel{'s' * (channels > 1)}"


def dequantised(k: Tensor, levels: int, generator: torch.Generator | None = None) -> Tensor:
    """Return ``(k + u) / levels``, ``u`` uniform on [0, 1); without a generator 1/2, the middle."""
    u = 0.5 if generator is None else torch.rand(k.shape, generator=generator).to(k.device)
    return (k + u) / levels


def decoded(flow: Flow, z: Tensor, levels: int, context: Tensor | None = None) -> Tensor:
    """Return the pictures, uint8, of latents; where a flow in training makes no numbers of them, black."""
    return whole_numbers(flow.inverse(z, context)[0].nan_to_num(), levels)


def whole_numbers(x: Tensor, levels: int) -> Tensor:
    """Return the pictures, uint8, of values in [0, 1]."""
    return (x * levels).floor().clamp(0, levels - 1).to(torch.uint8)


def noisy_batches(
    arrays: Sequence[Tensor], levels: int, size: int, flips: bool, deck: Deck, noise: Flow | None = None
) -> Iterator[Tensor | tuple[Tensor, ...]]:
    """Yield random batches of dequantised pictures for ever, ``flips`` turning half of them left to right.

    With a flow of noise the pictures are left as they are and draws of its base go with them. Rows, noise and turns
    all come from the generator of ``deck``.
    """
    for batch in shuffled(arrays, size, deck):
        k, *given = (batch,) if isinstance(batch, Tensor) else batch
        if flips:
            turned = torch.rand(len(k), generator=deck.generator) < 0.5
            k = torch.where(turned.to(k.device)[:, None, None, None], k.flip(-1), k)
        made = with_noise(k, levels, deck.generator, noise)
        yield (*made, *given) if len(made) + len(given) > 1 else made[0]


def with_noise(k: Tensor, levels: int, generator: torch.Generator, noise: Flow | None) -> tuple[Tensor, ...]:
    """Return what an objective takes of pictures: ``(x,)``, dequantised, or ``(k, e)`` for a flow of noise."""
    if noise is None:
        return (dequantised(k, levels, generator),)
    u = torch.rand(k.shape, generator=generator).clamp(1e-6, 1 - 1e-6).to(k.device)
    return k.float(), u.logit()  # draws of the logistic base


@torch.no_grad()
def log_probs(
    flow: Flow,
    k: Tensor,
    context: Tensor | None,
    levels: int,
    draws: int,
    generator: torch.Generator,
    noise: Flow | None = None,
) -> np.ndarray:
    """Log probability of each picture in nats, the mean over ``draws`` of the noise: (n,) float64.

    By Jensen's inequality this is a lower bound of the exact log probability, the log of a mean.
    """
    device = next(flow.buffers()).device
    found = np.zeros(len(k))
    size = piece_of(flow.event_shape)
    for start in range(0, len(k), size):
        piece = k[start : start + size].to(device)
        given = () if context is None else (context[start : start + size].to(device),)
        for _ in range(draws):
            made = with_noise(piece, levels, generator, noise)
            if noise is None:
                log_prob = flow.log_prob(*made, *given)
            else:
                log_prob = -VariationalDequantisation(flow, noise, levels).bound(*made, *given)
            found[start : start + size] += log_prob.cpu().numpy()
    return found / draws - flow.event_shape.numel() * math.log(levels)
