"""Mixtures of normals with full covariances, and what they say of the missing part of a row given the rest."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["Gaussians", "Posterior", "log_sum"]

_WIDE = ((0.8, 1.1), (0.2, 2.5))
_SPARE = 0.05


@dataclass(frozen=True, eq=False)
class Posterior:
    """``g(x_m) = sum_k r_k sum_s a_s N(x_m; m_k, s^2 C_k)``: the missing part of n rows of one pattern.

    ``log_share`` ``log r_k``, (n, K); ``means`` (n, K, m); ``roots`` ``L_k`` with ``C_k = L_k L_k^T``, (K, m, m);
    ``tails`` the pairs ``(a_s, s)``.
    """

    log_share: np.ndarray
    means: np.ndarray
    roots: np.ndarray
    tails: tuple[tuple[float, float], ...]

    @cached_property
    def _inverse(self) -> np.ndarray:
        return np.linalg.inv(self.roots).swapaxes(1, 2)

    def draw(self, u: np.ndarray, e: np.ndarray) -> np.ndarray:
        """Turn uniforms (n, S) and standard normals (n, S, m) into draws (n, S, m)."""
        levels = np.exp(self.log_share).cumsum(1)
        levels /= levels[:, -1:]
        k = (u[..., None] > levels[:, None]).sum(-1)
        below = np.concatenate([np.zeros((len(levels), 1)), levels], 1)
        low, high = (np.take_along_axis(below, k + i, 1) for i in (0, 1))
        v = (u - low) / np.maximum(high - low, 1e-300)  # what is left of the uniform chooses the width
        shares = np.cumsum([a for a, _ in self.tails])[:-1]
        width = np.array([s for _, s in self.tails])[np.searchsorted(shares, v)]
        found = np.empty_like(e)
        for c in range(self.roots.shape[0]):
            i, j = np.nonzero(k == c)
            found[i, j] = self.means[i, c] + width[i, j, None] * (e[i, j] @ self.roots[c].T)
        return found

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Log density of points (n, S, m): (n, S)."""
        size = x.shape[-1]
        logs = []
        for c in range(self.roots.shape[0]):
            square = (((x - self.means[:, None, c]) @ self._inverse[c]) ** 2).sum(-1)
            volume = np.log(np.diag(self.roots[c])).sum() + 0.5 * size * np.log(2 * np.pi)
            parts = [np.log(a) - 0.5 * square / s**2 - size * np.log(s) for a, s in self.tails]
            logs.append(self.log_share[:, c, None] - volume + log_sum(np.stack(parts), 0))
        return log_sum(np.stack(logs), 0)

    def shift(self, e: np.ndarray) -> np.ndarray:
        """Turn standard normals (n, S, m) into steps as wide as the likeliest component of each row."""
        best = self.log_share.argmax(1)
        found = np.empty_like(e)
        for c in np.unique(best):
            found[best == c] = e[best == c] @ self.roots[c].T
        return found


@dataclass(frozen=True, eq=False)
class Gaussians:
    """``g(x) = sum_k w_k N(x; m_k, S_k)``: weights (K,), means (K, D), covariances (K, D, D), in units of the data."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    tails: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    spare: float = 0.0

    def widened(self) -> "Gaussians":
        """Return a mixture to propose from: a fifth of each component two and a half times as wide.

        A twentieth of what is drawn does not believe the observed part in its choice of a component. Weights of a
        density that is not quite the mixture then stay bounded where it is (a defensive mixture).

        References:
            Weighted Average Importance Sampling and Defensive Mixture Distributions (Hesterberg, 1995),
            https://doi.org/10.1080/00401706.1995.10484303
        """
        return replace(self, tails=_WIDE, spare=_SPARE)

    def mapped(self, A: np.ndarray, b: np.ndarray) -> "Gaussians":
        """Return the mixture of ``y = A x + b``; columns behind those of ``A`` (a context) stay as they are."""
        size, more = len(A), self.means.shape[1] - len(A)
        full, shift = np.eye(size + more), np.r_[b, np.zeros(more)]
        full[:size, :size] = A
        return replace(self, means=self.means @ full.T + shift, covariances=full @ self.covariances @ full.T)

    def given(self, x: np.ndarray, seen: np.ndarray) -> tuple[Posterior, np.ndarray]:
        """Condition n rows (n, D) on the columns ``seen``, a mask (D,); also return ``log w_k N(x_o)``, (n, K).

        ``m_k = m_m + S_mo S_oo^-1 (x_o - m_o)``,  ``C_k = S_mm - S_mo S_oo^-1 S_om``,  ``r_k ~ w_k N(x_o; m_o, S_oo)``.
        """
        o, m = np.flatnonzero(seen), np.flatnonzero(~seen)
        with np.errstate(divide="ignore"):
            log_joint = np.broadcast_to(np.log(self.weights), (len(x), len(self.weights))).copy()
        away = x[:, None, o] - self.means[None, :, o]
        mean = np.broadcast_to(self.means[None, :, m], (len(x), len(self.weights), len(m)))
        cov = self.covariances[:, m[:, None], m]
        if len(o):
            root = np.linalg.cholesky(self.covariances[:, o[:, None], o])
            e = np.linalg.solve(root, np.moveaxis(away, 0, -1))  # (K, o, n)
            volume = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(1) + 0.5 * len(o) * np.log(2 * np.pi)
            log_joint -= 0.5 * (e**2).sum(1).T + volume
            gain = np.linalg.solve(root, self.covariances[:, o[:, None], m])  # (K, o, m)
            mean = mean + np.einsum("kom,kon->nkm", gain, e)
            cov = cov - gain.swapaxes(1, 2) @ gain
        share = log_joint - log_sum(log_joint, 1)[:, None]
        if self.spare:
            share = np.log((1 - self.spare) * np.exp(share) + self.spare * self.weights)
        return Posterior(share, mean, _root(cov), self.tails), log_joint

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Log density of rows (n, D) without their tails: (n,)."""
        return log_sum(self.given(x, np.ones(x.shape[1], dtype=bool))[1], 1)

    def plain(self) -> dict[str, Any]:
        """Return plain data (JSON)."""
        return {name: getattr(self, name).tolist() for name in ("weights", "means", "covariances")}

    @classmethod
    def of(cls, plain: dict[str, Sequence] | None) -> "Gaussians | None":
        """Take what ``plain`` returned."""
        if plain is None:
            return None
        weights, means, covariances = (np.array(plain[n], dtype=float) for n in ("weights", "means", "covariances"))
        return cls(weights, means, covariances)


def log_sum(logs: np.ndarray, axis: int) -> np.ndarray:
    """``log sum exp`` along an axis; of nothing but ``-inf`` it is that."""
    top = logs.max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        found: np.ndarray = np.log(np.exp(logs - top).sum(axis)) + top.squeeze(axis)
    return found


def _root(cov: np.ndarray) -> np.ndarray:
    """Cholesky factors of (K, m, m), with as little added to the diagonal as they need."""
    size = np.diagonal(cov, axis1=1, axis2=2)
    scale = np.sqrt(np.where(size > 0, size, 1e-300))
    correlation = cov / (scale[:, :, None] * scale[:, None, :])
    for floor in (1e-12, 1e-8, 1e-4, 1.0):
        with contextlib.suppress(np.linalg.LinAlgError):
            return scale[:, :, None] * np.linalg.cholesky(correlation + floor * np.eye(cov.shape[1]))
    return scale[:, :, None] * np.eye(cov.shape[1])
