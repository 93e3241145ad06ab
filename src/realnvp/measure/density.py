"""How far a fitted density is from the data and from the truth, in nats."""

import numpy as np

from realnvp.measure.base import Estimate

__all__ = ["gaussian_nll", "mean_nll", "pixelwise_bits", "truth_gap"]


def mean_nll(log_prob: np.ndarray) -> Estimate:
    """Mean negative log likelihood ``-E[log q(x)]`` over held-out rows, in nats, with its standard error."""
    return Estimate.of(-np.asarray(log_prob, dtype=float))


def truth_gap(truth: np.ndarray, log_prob: np.ndarray) -> Estimate:
    """Estimate ``KL(p || q) = E_p[log p(x) - log q(x)]`` in nats from the two log densities at draws of ``p``.

    Row by row the two are alike, so this is far sharper than the difference of two means.
    """
    return Estimate.of(np.asarray(truth, dtype=float) - np.asarray(log_prob, dtype=float))


def gaussian_nll(train: np.ndarray, held_out: np.ndarray) -> Estimate:
    """Mean negative log likelihood of ``held_out`` under the normal fitted to ``train``, in nats: the line to beat."""
    mean, centred = train.mean(0), held_out - train.mean(0)
    scale = train.std(0)
    root = np.linalg.cholesky(np.atleast_2d(np.cov((train - mean) / scale, rowvar=False)) + 1e-9 * np.eye(len(scale)))
    e = np.linalg.solve(root, (centred / scale).T)
    volume = np.log(np.diag(root)).sum() + np.log(scale).sum()
    return Estimate.of(0.5 * (e**2).sum(0) + volume + 0.5 * len(scale) * np.log(2 * np.pi))


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
