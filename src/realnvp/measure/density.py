"""How far a fitted density is from the data and from the truth, in nats."""

import warnings
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from realnvp.measure.base import Estimate

__all__ = [
    "LogDensity",
    "gaussian_density",
    "gaussian_nll",
    "mean_nll",
    "mixture_density",
    "mixture_nll",
    "pixelwise_bits",
    "truth_gap",
]

LogDensity: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Log densities in nats of rows, (n, D) to (n,)."""


def mean_nll(log_prob: np.ndarray) -> Estimate:
    """Mean negative log likelihood ``-E[log q(x)]`` over held-out rows, in nats, with its standard error."""
    return Estimate.of(-np.asarray(log_prob, dtype=float))


def truth_gap(truth: np.ndarray, log_prob: np.ndarray) -> Estimate:
    """Estimate ``KL(p || q) = E_p[log p(x) - log q(x)]`` in nats from the two log densities at draws of ``p``.

    Row by row the two are alike, so this is far sharper than the difference of two means.
    """
    return Estimate.of(np.asarray(truth, dtype=float) - np.asarray(log_prob, dtype=float))


def gaussian_density(train: np.ndarray) -> LogDensity:
    """Return the log density, (n, D) to (n,), of the normal fitted to ``train``."""
    mean, scale = train.mean(0), train.std(0)
    root = np.linalg.cholesky(np.atleast_2d(np.cov((train - mean) / scale, rowvar=False)) + 1e-9 * np.eye(len(scale)))
    volume = np.log(np.diag(root)).sum() + np.log(scale).sum() + 0.5 * len(scale) * np.log(2 * np.pi)

    def log_prob(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = -0.5 * (np.linalg.solve(root, ((x - mean) / scale).T) ** 2).sum(0) - volume
        return found

    return log_prob


def gaussian_nll(train: np.ndarray, held_out: np.ndarray) -> Estimate:
    """Mean negative log likelihood of ``held_out`` under the normal fitted to ``train``, in nats: the line to beat."""
    return mean_nll(gaussian_density(train)(held_out))


def mixture_density(train: np.ndarray, *, parts: int = 8, rows: int = 10_000) -> tuple[LogDensity, int]:
    """Return the log density of a mixture of normals fitted to ``train``, and its parts.

    The mixture has full covariances, ``parts`` of them or one for each 50 rows and for each D + 1 rows, whichever are
    fewest; columns are standardised first, and of many rows ``rows`` are learnt from, fewer of more than 44 columns.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    rng, rows = np.random.default_rng(0), min(rows, max(1000, 20_000_000 // train.shape[1] ** 2))
    some = train if len(train) <= rows else train[rng.choice(len(train), rows, replace=False)]
    parts = max(1, min(parts, len(some) // 50, len(some) // (some.shape[1] + 1)))
    mean, scale = some.mean(0), some.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a line to beat need not have converged
        found = GaussianMixture(parts, reg_covar=1e-6, random_state=0).fit((some - mean) / scale)
    return lambda x: found.score_samples((x - mean) / scale) - np.log(scale).sum(), parts


def mixture_nll(train: np.ndarray, held_out: np.ndarray, *, parts: int = 8, rows: int = 10_000) -> tuple[Estimate, int]:
    """Mean negative log likelihood of ``held_out`` under ``mixture_density`` of ``train``, and its parts."""
    log_prob, parts = mixture_density(train, parts=parts, rows=rows)
    return mean_nll(log_prob(held_out)), parts


def pixelwise_bits(train: np.ndarray, held_out: np.ndarray, levels: int) -> Estimate:
    """Bits per dimension of pictures whose pixels are independent, each with its own histogram: the line to beat.

    Each histogram of the training pictures' values, 0 to ``levels - 1``, has a share of a count added to every value:
    the share of 1, 0.3, 0.1, 0.03 and 0.01 that tells each training pixel best from all others.
    """
    seen, met = train.reshape(len(train), -1), held_out.reshape(len(held_out), -1)
    at = np.arange(seen.shape[1])
    counts = np.zeros((seen.shape[1], levels))
    np.add.at(counts, (at, seen), 1)
    n = len(train)

    def left_out(share: float) -> float:
        """Mean bits of a training pixel under the histogram of the others."""
        others = np.log2(np.maximum(counts - 1, 0) + share) - np.log2(n - 1 + share * levels)
        return float(-(counts * others).sum() / counts.sum())

    share = min((1.0, 0.3, 0.1, 0.03, 0.01), key=left_out)
    bits = np.log2(n + share * levels) - np.log2(counts + share)
    return Estimate.of(bits[at, met].mean(1))
