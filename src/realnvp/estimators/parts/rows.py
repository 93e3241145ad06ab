"""Rows of arrays: checked, held out, turned into tensors, worked on a chunk at a time."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from torch import Tensor, nn

from realnvp.data.check import check_scale
from realnvp.errors import InputError
from realnvp.estimators.parts.base import CHUNK, chunk_of
from realnvp.flow import Flow
from realnvp.nets import Standard
from realnvp.train.world import here
from realnvp.transforms import Standardise

__all__ = [
    "context_rows",
    "drawn",
    "fingerprint",
    "hold_out",
    "in_chunks",
    "log_densities",
    "mean_objective",
    "plain_array",
    "scaled",
    "tensor",
]


_FARTHEST = 1e15
"""Standard deviations beyond which a row counts as there: squares of float32 end at 1e19, products before."""


def scaled(scalers: Sequence[Standardise | Standard], arrays: Sequence[np.ndarray]) -> list[Tensor]:
    """Standardise float64 arrays (data, context) in float64, then round: float32 tensors on the scalers' device."""
    found = []
    for scaler, a in zip(scalers, arrays, strict=True):
        value = scaler(tensor(a).to(scaler.loc.device))
        found.append((value if isinstance(value, Tensor) else value[0]).clamp(-_FARTHEST, _FARTHEST).float())
    return found


def tensor(a: np.ndarray) -> Tensor:
    """Return the array as a tensor, without a copy where NumPy allows writing to it."""
    return torch.from_numpy(np.require(a, requirements=["C", "W"]))


def hold_out(rows: int, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Return the indices of the rows held out (at most half, at most 10,000) and of those trained on.

    Below 10 rows, or with a fraction of 0, all rows are trained on and the first 10,000 of them measured on.
    """
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    held = min(max(1, round(fraction * rows)), rows // 2, 10_000) if rows >= 10 and fraction else 0
    return (order[:held], order[held:]) if held else (order[:10_000], order)


def plain_array(given: ArrayLike, name: str) -> np.ndarray:
    """Return what was given as an array; a list of unlike lengths is none."""
    try:
        return np.asarray(given)
    except ValueError:
        raise InputError(f"{name} is a list of parts of unlike shapes: give all of them one shape") from None


def context_rows(
    context: ArrayLike | None, rows: int, wanted: int | None = None, *, shared: bool = False
) -> np.ndarray | None:
    """Check a context and return it as (rows, C) float64; where ``shared``, (C,) stands for all rows and stays so.

    ``wanted`` is the number of columns the model was fitted with; ``None`` takes what comes.
    """
    if context is None:
        if wanted:
            raise InputError(f"this model was fitted with {wanted} context columns: pass context=")
        return None
    if wanted == 0:
        raise InputError("this model was fitted without context: leave context out")
    given = plain_array(context, "context")
    if given.ndim == 0 or (given.ndim == 1 and not shared):
        raise InputError(f"context has shape {given.shape}: pass one row of features for each row, shape ({rows}, C)")
    try:
        C = check_array(given[None] if given.ndim == 1 else given, dtype=np.float64, input_name="context")
    except (ValueError, TypeError) as error:
        if given.dtype.kind in "OSU" and any(isinstance(v, str | bytes) for v in given.ravel()):
            raise InputError(
                "context is no table of finite numbers, it holds text: give a column of 0 and 1 for each category, as "
                "pandas.get_dummies makes them"
            ) from error
        raise InputError(f"context is no table of finite numbers ({str(error).splitlines()[0]})") from error
    if wanted is not None and C.shape[1] != wanted:
        raise InputError(f"context has {C.shape[1]} columns, the model was fitted with {wanted}")
    check_scale(C, [f"c{i}" for i in range(C.shape[1])])
    if len(C) == 1 and shared:
        return C[0]
    if len(C) != rows:
        raise InputError(f"context has {len(C)} rows, the data {rows}: pass one row of context for each row")
    return C


def fingerprint(tensors: Sequence[Tensor]) -> str:
    """Return the start of a hash of data and contexts: a training goes on only with the same ones."""
    return hashlib.sha256(b"".join(a.cpu().numpy().tobytes() for a in tensors)).hexdigest()[:16]


def drawn(draw: Callable[[int], ArrayLike], n: int, features: int) -> np.ndarray:
    """Return a fresh batch of a stream as (n, features) float64."""
    rows = np.asarray(draw(n), dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != features:
        raise InputError(f"draw({n}) gave an array of shape {rows.shape}: give (n, {features}) at every call")
    return rows


@torch.no_grad()
def in_chunks(function: Callable[..., Tensor], arrays: Sequence[np.ndarray | None], flow: Flow) -> np.ndarray:
    """Apply ``function(x, …)`` to float64 rows on the flow's device, a chunk at a time, and return float64."""
    device = next(flow.buffers()).device
    total, rows = len(arrays[0]), chunk_of(flow.event_shape.numel())  # type: ignore[arg-type]
    parts = []
    for start in range(0, max(total, 1), rows):
        pieces = (None if a is None else tensor(a[start : start + rows]).to(device) for a in arrays)
        parts.append(function(*pieces).cpu().numpy())
    return np.concatenate(parts).astype(np.float64, copy=False)


@torch.no_grad()
def mean_objective(objective: nn.Module, rows: Sequence[Tensor], chunk: int = CHUNK) -> float:
    """Mean of ``objective`` over all rows, ``chunk`` at a time, in evaluation mode; each process takes its share."""
    was, world = objective.training, here()
    objective.eval()
    pieces = zip(*(a.split(chunk) for a in map(world.share, rows)), strict=True)
    total = sum(len(p[0]) * float(objective(p[0] if len(p) == 1 else p)) for p in pieces if len(p[0]))
    objective.train(was)
    return world.total(total) / len(rows[0])


@torch.no_grad()
def log_densities(flow: Flow, rows: Sequence[Tensor], chunk: int = CHUNK) -> np.ndarray:
    """Log density of each row in nats, ``chunk`` rows at a time: float64."""
    pieces = zip(*(a.split(chunk) for a in rows), strict=True)
    return torch.cat([flow.log_prob(*p) for p in pieces]).double().cpu().numpy()
