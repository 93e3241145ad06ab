"""Gaussian mixtures by EM: where a flow begins, and what it has to be better than."""

import math
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from realnvp.bases import Mixture
from realnvp.flow import Flow
from realnvp.transforms import Compose, Regress, SinhArcsinh

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

__all__ = ["Fit", "bending", "best_mixture", "mixture_base", "plainer", "shrunk_normal"]

Fit = Callable[..., Flow]
"""Fits a density to rows, and to their context if there is one."""
_ROWS = 20_000
_TRIAL, _TRIED = 4000, 30
"""Rows on which it is tried whether bending the columns pays, and rounds of EM."""
_FLOOR = 1e-4
"""Added to the variances of a normal, in standardised units."""
_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


def mixture_base(z: Tensor, components: int, seed: int) -> Mixture:
    """Fit a Gaussian mixture to ``z``: a flow that starts at the identity then starts as good as the mixture."""
    return Mixture.from_sklearn(_fitted(z[:_ROWS], components, seed))


def best_mixture(
    z: Tensor, held: Tensor, seed: int, seconds: float | None = None, weights: np.ndarray | None = None
) -> Mixture:
    """Fit mixtures of ever more components until the held-out rows have not gained twice; return the best.

    ``weights`` are those of the rows held out. After ``seconds`` no larger mixture is begun.
    """
    started = time.monotonic()
    rows, best, value, missed = held.double().cpu().numpy(), None, -math.inf, 0
    for components in _SIZES:
        late = seconds is not None and time.monotonic() - started > seconds
        if best is not None and (missed == 2 or late or components * z.shape[1] > len(z)):
            break
        found = _fitted(z[:_ROWS], components, seed)
        score = float(np.average(found.score_samples(rows), weights=weights))
        missed = 0 if score > value else missed + 1
        best, value = (found, score) if score > value else (best, value)
    return Mixture.from_sklearn(best)


def plainer(
    rows: Sequence[Tensor],
    held: Tensor | None,
    seed: int,
    seconds: float | None = None,
    weights: np.ndarray | None = None,
) -> list[tuple[Flow, Fit]]:
    """Fit what few rows are enough for: the best mixture, if there are rows held out, and a shrunk normal.

    Given a context there is the normal alone. With each comes what fits it again to other rows; the arguments are
    those of ``best_mixture``.
    """
    found: list[tuple[Flow, Fit]] = [(shrunk_normal(*rows), shrunk_normal)]
    if held is not None and len(rows) == 1:
        best = best_mixture(rows[0], held, seed, seconds, weights)
        found.insert(0, (Flow(Compose(), best), partial(_mixture, components=len(best.logits), seed=seed)))
    return found


def _mixture(z: Tensor, components: int, seed: int) -> Flow:
    return Flow(Compose(), mixture_base(z, components, seed))


@torch.no_grad()
def shrunk_normal(z: Tensor, context: Tensor | None = None) -> Flow:
    """Fit one normal to ``z``, its covariance drawn towards a sphere by as much as the rows are few.

    Given a context, the law of ``z`` under such a normal of both: ``N(m + W (c - m_c), S - W S_cz)`` with
    ``W = S_zc S_cc^-1``, a linear regression.

    References:
        Shrinkage algorithms for MMSE covariance estimation (Chen, Wiesel, Eldar, Hero, 2010),
        https://arxiv.org/abs/0907.4698
    """
    from sklearn import config_context
    from sklearn.covariance import OAS

    d = z.shape[1]
    both = z if context is None else torch.cat((z, context), 1)
    with config_context(array_api_dispatch=False):
        found = OAS(store_precision=False).fit(both[:_ROWS].double().cpu().numpy())
    mean, covariance = found.location_, found.covariance_ + _FLOOR * np.eye(both.shape[1])
    if context is None:
        return Flow(Compose(), Mixture.of(np.ones(1), mean[None], covariance[None]))
    slope = np.linalg.solve(covariance[d:, d:], covariance[d:, :d]).T
    line = Regress(d, both.shape[1] - d)
    line.weight.copy_(torch.from_numpy(slope))
    left = covariance[:d, :d] - slope @ covariance[d:, :d]
    return Flow(Compose(line), Mixture.of(np.ones(1), (mean[:d] - slope @ mean[d:])[None], left[None]))


@torch.no_grad()
def bending(x: Tensor, wanted: bool | str, seed: int) -> SinhArcsinh | None:
    """Return the curves that bend each column of ``x``, or none; ``"auto"`` is where they pay.

    That is where a mixture of four normals explains fresh rows better once each column is bent: both are fitted to two
    thirds of at most 4,000 rows and scored on the rest, the Jacobian counted, and the gain must be twice its standard
    error. A normal of as many columns as rows says nothing, and they are left straight. Where the law is elliptical, as
    that of natural pictures is, bending spoils it.
    """
    bend = SinhArcsinh(x.shape[1]).to(x)
    if wanted == "auto":
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:_TRIAL].to(x.device)
        seen, fresh = x[order].split([cut := 2 * len(order) // 3, len(order) - cut])
        if cut <= max(19, x.shape[1]) or not _pays(bend, seen, fresh, seed):
            return None
    elif not wanted:
        return None
    if wanted != "auto" or len(x) <= _TRIAL:  # else there are rows enough in what was tried
        bend.calibrate(x)
    return bend


def _pays(bend: SinhArcsinh, seen: Tensor, fresh: Tensor, seed: int) -> bool:
    bend.calibrate(seen)
    components = max(1, min(4, len(seen) // (5 * seen.shape[1])))
    plain = _fitted(seen, components, seed, _TRIED).score_samples(fresh.double().cpu().numpy())
    z, ladj = bend(fresh)
    bent = _fitted(bend(seen)[0], components, seed, _TRIED).score_samples(z.double().cpu().numpy())
    gain = torch.from_numpy(bent - plain) + ladj.double().cpu()
    return bool(gain.mean() > 2 * gain.std() / len(gain) ** 0.5)


def _fitted(z: Tensor, components: int, seed: int, rounds: int = 100) -> "GaussianMixture":
    from sklearn import config_context
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings(), config_context(array_api_dispatch=False):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a start need not have converged
        return GaussianMixture(components, reg_covar=_FLOOR, max_iter=rounds, random_state=seed % 2**32).fit(
            z.double().cpu().numpy()
        )
