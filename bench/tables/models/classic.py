"""scikit-learn's densities, and one Gaussian: float64, rows as they come."""

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.covariance import LedoitWolf
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from bench.tables.budget import Budget, Fitted
from bench.tables.rows import Rows

__all__ = ["fit"]

COMPONENTS = (5, 10, 20, 40)
WIDTHS = np.geomspace(0.05, 1.6, 16)
"""Bandwidths tried, in deviations of a column."""


def fit(rows: Rows, budget: Budget, seed: int, *, model: str) -> Fitted:
    """Fit one of ``MODELS``."""
    return MODELS[model](rows, budget, seed)


def gaussian(rows: Rows, budget: Budget, seed: int) -> Fitted:  # noqa: ARG001 - all are called alike
    """The mean and covariance of train and val: there is nothing to choose by val."""
    seen = rows.all()
    return _normal(seen.mean(0), np.cov(seen.T, bias=True).reshape(rows.features, -1))


def shrunk(rows: Rows, budget: Budget, seed: int) -> Fitted:  # noqa: ARG001 - all are called alike
    """The same, its covariance drawn towards a sphere as Ledoit and Wolf say."""
    found = LedoitWolf().fit(rows.all())
    return _normal(found.location_, found.covariance_)


def _normal(mean: np.ndarray, covariance: np.ndarray) -> Fitted:
    root = np.linalg.cholesky(covariance)
    constant = -np.log(np.diag(root)).sum() - 0.5 * len(mean) * math.log(2 * math.pi)

    def log_prob(x: np.ndarray) -> np.ndarray:
        z = solve_triangular(root, (x - mean).T, lower=True)
        return constant - 0.5 * (z**2).sum(0)

    return Fitted(log_prob)


def mixture(rows: Rows, budget: Budget, seed: int) -> Fitted:
    """5, 10, 20 and 40 components with full covariances, one after the other while there is time; best on val.

    Of few rows 1, 2 and 3 come before them.
    """
    best, kept, note, begins = -math.inf, None, "", 0.0
    for components in COMPONENTS if len(rows.train) >= 1000 else (1, 2, 3, *COMPONENTS):
        if components > len(rows.train):
            break
        if kept is not None and budget.left() < 3 * begins:  # a start of twice as many takes twice as long
            break
        began = budget.spent()
        model = GaussianMixture(components, reg_covar=1e-4, random_state=seed, warm_start=True, max_iter=1)
        model.fit(rows.train)
        begins, done = budget.spent() - began, 1
        while not model.converged_ and done < 200:
            began, wanted = budget.spent(), model.max_iter
            model.fit(rows.train)  # goes on from where it was
            done += wanted
            pace = (budget.spent() - began) / wanted
            if budget.left() < 2 * pace:
                break
            model.max_iter = max(1, min(5, int(budget.left() / pace / 2)))
        found = float(model.score(rows.val))
        if found > best:
            best, kept = found, model
            note = f"{components} components, {'converged' if model.converged_ else 'not converged'}"
        if budget.left() <= 0:
            break
    return Fitted(kept.score_samples, note)


def kernel(rows: Rows, budget: Budget, seed: int) -> Fitted:  # noqa: ARG001 - all are called alike
    """A Gaussian kernel on each row of train; its bandwidth is best on as many rows of val as there is time for."""

    def score(width: float, count: int) -> float:
        return KernelDensity(bandwidth=width).fit(rows.train).score(rows.val[:count]) / count

    began = budget.spent()
    tree = KernelDensity(bandwidth=float(WIDTHS[len(WIDTHS) // 2])).fit(rows.train)
    grown = budget.spent()
    tree.score(rows.val[: (pilot := min(20, len(rows.val)))])
    plant, each = grown - began, (budget.spent() - grown) / pilot
    turn = 0.8 * budget.left() / len(WIDTHS) - plant  # seconds for the rows of val at each width
    count = max(pilot, min(len(rows.val), int(turn / each)))
    found: dict[float, float] = {}
    for width in map(float, WIDTHS):
        found[width] = score(width, count)
        if found[width] < max(found.values()) - 1 or budget.left() < 2 * (plant + count * each):  # past the top, late
            break
    width = max(found, key=found.__getitem__)
    note = f"bandwidth {width:.2f} by {count:,} rows of val"
    return Fitted(KernelDensity(bandwidth=width).fit(rows.train).score_samples, note)


MODELS: dict[str, Callable[[Rows, Budget, int], Fitted]] = {
    "gaussian": gaussian,
    "mixture": mixture,
    "kernel": kernel,
    "shrunk": shrunk,
}
