"""What plainer densities make of the same held-out rows: the lines to beat."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from realnvp.estimators.parts.columns import in_code
from realnvp.measure import gaussian_density, mixture_density

__all__ = ["baselines"]

_LogDensity = Callable[[np.ndarray], np.ndarray]


def baselines(
    model: Any, train: np.ndarray, held_out: np.ndarray, context: np.ndarray | None, held_context: np.ndarray | None
) -> dict:
    """Return the NLL of a normal and of a mixture of normals, in nats, that learn and are asked what the model was.

    They learn the code of the rows (n, d), with noise in its cells, and the density of a row is found from theirs of
    its code as the model's is: ``log mean_u q(y(x, u)) m(x, u)``. Of rows with gaps those without learn.
    """
    whole = ~np.isnan(train).any(axis=1)
    y = in_code(model.codec_, train[whole], 0)[0]
    found: dict = {"gaussian_nll": _nll(model, held_out, _gaussian(y, context, held_context, whole))}
    if context is None:
        log_q, parts = mixture_density(y)
        found |= {"mixture_nll": _nll(model, held_out, log_q), "mixture_parts": parts}
    if not model.codec_.is_plain:
        found["baselines_coded"] = True
    return found if whole.all() else found | {"baselines_rows": int(whole.sum())}


def _nll(model: Any, held_out: np.ndarray, log_q: _LogDensity) -> float | None:
    """Return the mean over the rows; nothing where it is no number."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", ".* rows hold values that their columns cannot", UserWarning)
        value = -float(model.codec_.log_density(held_out, log_q).mean())
    return value if np.isfinite(value) else None


def _gaussian(
    y: np.ndarray, context: np.ndarray | None, held_context: np.ndarray | None, whole: np.ndarray
) -> _LogDensity:
    """Log density of the normal of the columns; given others, that of the joint normal less that of the others."""
    if context is None or held_context is None:
        return gaussian_density(y)
    joint, others = gaussian_density(np.hstack([y, context[whole]])), gaussian_density(context[whole])(held_context)
    return lambda v: joint(np.hstack([v, held_context])) - others
