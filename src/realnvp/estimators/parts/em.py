"""Mixtures of normals fitted to rows with gaps, by expectation and maximisation in closed form."""

import warnings

import numpy as np

from realnvp.chance import own
from realnvp.estimators.parts.gaussians import Gaussians, log_sum

__all__ = ["filled", "fit_gaussians", "patterns"]

_ROWS = 2500
"""Rows that a mixture is fitted to: more would make it better than a start or a proposal needs to be."""
_FLOOR = 1e-6


def fit_gaussians(x: np.ndarray, seed: int, *, weights: np.ndarray | None = None, most: int = 16) -> Gaussians:
    """Fit a mixture to rows (n, D), NaN where nothing was observed, of missing at random.

    A single normal comes first, by EM: ``E[x_m | x_o]`` and ``Cov[x_m | x_o]`` under the last normal in the place of
    what is missing. Rows filled in by draws of it start a mixture of ``n / (10 (D + 3))`` components, at most
    ``most``, which goes on by EM with the same two moments for each component.

    References:
        Maximum Likelihood from Incomplete Data via the EM Algorithm (Dempster, Laird, Rubin, 1977)
        Supervised Learning from Incomplete Data via an EM Approach (Ghahramani, Jordan, 1994)
    """
    rng = own([seed, len(x)])
    at = rng.choice(len(x), min(len(x), _ROWS if np.isnan(x).any() else 4 * _ROWS), replace=False)
    w = np.ones(len(at)) if weights is None else weights[at] / weights[at].mean()
    rows = x[at]
    loc, scale = np.nanmean(x, 0), np.nanstd(x, 0)  # of all: a column may be observed in none of those picked
    scale = np.where(scale > 0, scale, 1.0)
    z = (rows - loc) / scale
    d = z.shape[1]
    found = Gaussians(np.ones(1), np.zeros((1, d)), np.eye(d)[None])
    found = _climb(found, z, w, 50)
    components = int(np.clip(len(z) // (10 * (d + 3)), 1, most))
    if components > 1:
        found = _start(filled(found, z, rng), w, components, rng)
        if np.isnan(z).any():
            found = _climb(found, z, w, 30)
    spread = scale[:, None] * scale
    return Gaussians(found.weights, found.means * scale + loc, found.covariances * spread)


def filled(mixture: Gaussians, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return rows whose gaps are draws of the mixture given what was observed."""
    found = x.copy()
    for at, seen in patterns(x):
        if not seen.all():
            u, e = rng.random((len(at), 1)), rng.normal(size=(len(at), 1, int((~seen).sum())))
            found[np.ix_(at, ~seen)] = mixture.given(x[at], seen)[0].draw(u, e)[:, 0]
    return found


def patterns(x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Group rows by which of their columns were observed: row numbers, and the mask (D,)."""
    masks, which = np.unique(~np.isnan(x), axis=0, return_inverse=True)
    order = np.argsort(which, kind="stable")
    ends = np.cumsum(np.bincount(which.ravel(), minlength=len(masks)))[:-1]
    return list(zip(np.split(order, ends), masks, strict=True))


def _start(z: np.ndarray, w: np.ndarray, components: int, rng: np.random.Generator) -> Gaussians:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    share = w / w.sum()
    rows = z if np.ptp(w) == 0 else z[rng.choice(len(z), len(z), p=share)]
    seed = int(rng.integers(2**31))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a start need not have converged
        made = GaussianMixture(components, reg_covar=_FLOOR, max_iter=60, random_state=seed).fit(rows)
    return Gaussians(made.weights_, made.means_, made.covariances_)


def _climb(mixture: Gaussians, z: np.ndarray, w: np.ndarray, steps: int) -> Gaussians:
    """Climb the likelihood of what was observed until a step gains less than 1e-4 nats per row."""
    groups = patterns(z)
    before = -np.inf
    for _ in range(steps):
        mixture, log_prob = _step(mixture, z, w, groups)
        if log_prob - before < 1e-4:
            break
        before = log_prob
    return mixture


def _step(
    mixture: Gaussians, z: np.ndarray, w: np.ndarray, groups: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[Gaussians, float]:
    """One step of EM, and the mean log density of what was observed before it."""
    (n, d), parts = z.shape, len(mixture.weights)
    share, hat = np.empty((n, parts)), np.repeat(z[:, None], parts, axis=1)
    within, total = np.zeros((parts, d, d)), 0.0
    for at, seen in groups:
        posterior, log_joint = mixture.given(z[at], seen)
        log_prob = log_sum(log_joint, 1)
        share[at] = np.exp(log_joint - log_prob[:, None]) * w[at, None]
        total += float((w[at] * log_prob).sum())
        m = np.flatnonzero(~seen)
        if len(m):
            hat[np.ix_(at, np.arange(parts), m)] = posterior.means
            cov = posterior.roots @ posterior.roots.swapaxes(1, 2)
            within[:, m[:, None], m] += share[at].sum(0)[:, None, None] * cov
    mass = share.sum(0) + 1e-12
    means = np.einsum("nk,nkd->kd", share, hat) / mass[:, None]
    away = hat - means
    cov = _scatter(share, away)
    cov = (cov + within) / mass[:, None, None] + _FLOOR * np.eye(d)
    return Gaussians(mass / mass.sum(), means, cov), total / float(w.sum())


def _scatter(share: np.ndarray, away: np.ndarray) -> np.ndarray:
    """``sum_n share_nk away_nk away_nk^T`` for each component: (K, D, D)."""
    return np.stack([(share[:, k, None] * away[:, k]).T @ away[:, k] for k in range(share.shape[1])])
