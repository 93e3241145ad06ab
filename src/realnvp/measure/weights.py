"""What importance weights tell: effective sample size, the normaliser, expectations, and whether to trust them.

``log_w = -U(x) - log q(x)`` for draws ``x`` of ``q``.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realnvp.measure.base import Estimate

__all__ = [
    "TRUSTED",
    "autocorrelation_time",
    "ess",
    "log_normalizer",
    "metropolis",
    "pareto_k",
    "weighted_mean",
]

_Array = NDArray[np.float64]
TRUSTED = 0.7
"""Above this Pareto k the weights have so heavy a tail that their means cannot be trusted (Vehtari et al., 2024)."""


def ess(log_w: ArrayLike) -> float:
    """Effective sample size as a fraction of n: ``(mean w)^2 / mean w^2``, Kish's."""
    w = _weights(log_w)
    return float(w.mean() ** 2 / (w**2).mean()) if w.any() else 0.0


def log_normalizer(log_w: ArrayLike) -> Estimate:
    """``log Z = log mean w`` in nats, and its standard error ``sqrt((1 / ESS - 1) / n)``."""
    log_w = np.asarray(log_w, dtype=float)
    top = log_w.max()
    if top == -np.inf:
        return Estimate(-np.inf, np.inf)
    value = top + np.log(np.exp(log_w - top).mean())
    return Estimate(float(value), float(np.sqrt(max(1 / ess(log_w) - 1, 0) / len(log_w))))


def weighted_mean(values: ArrayLike, log_w: ArrayLike) -> tuple[_Array, _Array]:
    """Self-normalised mean of ``values``, (n,) or (n, K), and its standard error ``sqrt(sum w^2 (f - mean)^2)``."""
    values = np.asarray(values, dtype=float)
    w = _weights(log_w)
    w = (w / w.sum()).reshape(-1, *(1,) * (values.ndim - 1))
    values = np.where(w > 0, values, 0.0)  # what has no weight may be infinite
    mean = (w * values).sum(0)
    return mean, np.sqrt((w**2 * (values - mean) ** 2).sum(0))


def pareto_k(log_w: ArrayLike) -> float:
    """Shape of the generalised Pareto law of the largest weights; above ``TRUSTED`` their means cannot be trusted.

    References:
        Pareto Smoothed Importance Sampling (Vehtari et al., 2024), https://arxiv.org/abs/1507.02646
    """
    logs: _Array = np.asarray(log_w, dtype=float)
    logs = logs[np.isfinite(logs)]
    if len(logs) < 25 or np.ptp(logs) < 1e-9:
        return float("nan") if len(logs) < 25 else -np.inf
    with np.errstate(all="ignore"):  # it divides by zero where many weights are alike, and copes
        try:
            from arviz_stats.base import array_stats
        except ImportError:  # on Python 3.10 the older package, which takes the weights themselves
            import arviz

            return float(arviz.psislw(logs - logs.max())[1])
        return float(array_stats.psislw(logs.max() - logs)[1])


def metropolis(log_w: ArrayLike, rng: np.random.Generator) -> tuple[NDArray[np.int64], float]:
    """Run independence Metropolis chains over proposals: ``log_w`` (steps, chains) to the index of the state at each.

    A chain at ``i`` moves on to its proposal ``t`` with probability ``min(1, w_t / w_i)``; else it stays. The first
    proposal is where it starts. Returns indices (steps, chains) into the steps, and the share of moves accepted.
    """
    log_w = np.asarray(log_w, dtype=float)
    steps, chains = log_w.shape
    log_u = np.log(rng.random((max(steps - 1, 0), chains)))
    at = np.zeros(chains, dtype=np.int64)
    state = log_w[0].copy()
    path, accepted = np.zeros((steps, chains), dtype=np.int64), 0
    for t in range(1, steps):
        moves = log_u[t - 1] < log_w[t] - state
        at, state = np.where(moves, t, at), np.where(moves, log_w[t], state)
        path[t], accepted = at, accepted + int(moves.sum())
    return path, accepted / max((steps - 1) * chains, 1)


def autocorrelation_time(series: ArrayLike) -> float:
    """Integrated autocorrelation time of chains (steps, chains), in steps: draws per independent draw, at least 1."""
    series = np.asarray(series, dtype=float)
    if len(series) < 4 or np.ptp(series) == 0:  # nothing can be told: as if all were one draw
        return float(max(series.size, 1))
    try:
        from arviz_stats.base import array_stats

        size = array_stats.ess
    except ImportError:  # on Python 3.10 the older package
        import arviz

        size = arviz.ess
    found = float(size(series.T, method="mean"))
    return max(1.0, series.size / found) if np.isfinite(found) and found > 0 else float(series.size)


def _weights(log_w: ArrayLike) -> _Array:
    """Weights whose largest is 1; all zero where none is finite."""
    logs: _Array = np.asarray(log_w, dtype=float)
    top = logs.max(initial=-np.inf)
    w: _Array = np.exp(logs - top) if np.isfinite(top) else np.zeros(len(logs))
    return w
