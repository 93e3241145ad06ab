"""What plainer densities make of the same held-out rows: the lines to beat."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from realnvp.estimators.parts.columns import in_code
from realnvp.measure import gaussian_density, mixture_density
from realnvp.measure.base import Estimate

__all__ = ["baselines"]

_LogDensity = Callable[[np.ndarray], np.ndarray]


def baselines(
    model: Any,
    log_prob: np.ndarray,
    train: np.ndarray,
    held_out: np.ndarray,
    context: np.ndarray | None,
    held_context: np.ndarray | None,
) -> dict:
    """Return the NLL of a normal and of a mixture of normals, in nats, that learn and are asked what the model was.

    With each the standard error of its mean difference, row by row, from the model's ``log_prob``.

    They learn the code of the rows (n, d), with noise in its cells, and the density of a row is found from theirs of
    its code as the model's is: ``log mean_u q(y(x, u)) m(x, u)``. Of rows with gaps those without learn.
    """
    whole = ~np.isnan(train).any(axis=1)
    y = in_code(model.codec_, train[whole], 0)[0]
    found = _beside("gaussian", log_prob, _asked(model, held_out, _gaussian(y, context, held_context, whole)))
    if context is None:
        log_q, parts = mixture_density(y)
        found |= _beside("mixture", log_prob, _asked(model, held_out, log_q)) | {"mixture_parts": parts}
    if not model.codec_.is_plain:
        found["baselines_coded"] = True
    return found if whole.all() else found | {"baselines_rows": int(whole.sum())}


def _asked(model: Any, held_out: np.ndarray, log_q: _LogDensity) -> np.ndarray:
    """Return the log densities of the rows."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", ".* rows hold values that", UserWarning)
        values: np.ndarray = model.codec_.log_density(held_out, log_q)
    return values


def _beside(name: str, log_prob: np.ndarray, values: np.ndarray) -> dict:
    """Return the NLL and the error of the difference; nothing where they are no numbers."""
    with np.errstate(invalid="ignore"):  # of densities of zero
        nll, by = -float(values.mean()), Estimate.of(log_prob - values)
    said = {f"{name}_nll": nll, f"{name}_error": by.error}
    return {key: value if np.isfinite(value) else None for key, value in said.items()}


def _gaussian(
    y: np.ndarray, context: np.ndarray | None, held_context: np.ndarray | None, whole: np.ndarray
) -> _LogDensity:
    """Log density of the normal of the columns; given others, that of the joint normal less that of the others."""
    if context is None or held_context is None:
        return gaussian_density(y)
    joint, others = gaussian_density(np.hstack([y, context[whole]])), gaussian_density(context[whole])(held_context)
    return lambda v: joint(np.hstack([v, held_context])) - others
