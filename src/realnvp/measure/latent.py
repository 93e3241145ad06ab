"""Whether the latent coordinates of held-out rows have the law of the base: uniforms, and a test of them."""

import copy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from realnvp.bases import Normal
from realnvp.chance import own
from realnvp.ensemble import Ensemble
from realnvp.errors import InputError

__all__ = ["Distance", "Normality", "latent_normality", "pit", "radius_ranks", "uniformity"]

_Array = NDArray[np.float64]


class Distance(NamedTuple):
    """The Kolmogorov–Smirnov distance ``sup |F_n - F|``, and how likely one so large is where ``F`` is right."""

    statistic: Any
    p_value: Any


class Normality(NamedTuple):
    """A test of each latent coordinate, arrays (D,), and one of the radius, numbers, over so many rows."""

    coordinates: Distance
    radius: Distance
    rows: int

    @property
    def p_value(self) -> float:
        """The smallest of all p-values times their number (Bonferroni), at most 1."""
        every = np.append(self.coordinates.p_value, self.radius.p_value)
        return float(min(1.0, len(every) * every.min()))

    def critical(self, level: float = 0.05) -> float:
        """Return the distance that a right fit exceeds with probability ``level``."""
        from scipy import stats

        return float(stats.kstwo.isf(level, self.rows))


@torch.no_grad()
def pit(model: Any, X: ArrayLike, *, context: ArrayLike | None = None) -> _Array:
    """Probability integral transform of rows (n, D): ``u_i = P(Z_i <= z_i | z_1, ..., z_{i-1})`` for ``z = f(x)``.

    Under the model the ``u_i``, (n, D), are independent and uniform on [0, 1]; of held-out rows they are where the fit
    is right. The law of ``Z`` is the base of ``model.flow_``; a model without one counts as of a standard normal.

    Of a mixture ``q = sum_k w_k q_k`` each row is transformed by one flow, drawn with ``P(k | x) = w_k q_k(x) / q(x)``:
    then too they are uniform, and it is the mixture that is tested. Values with cells get noise in these.

    References:
        Remarks on a Multivariate Transformation (Rosenblatt, 1952), https://doi.org/10.1214/aoms/1177729394
    """
    found = model.transform(X) if context is None else model.transform(X, context=context)
    Z = torch.as_tensor(np.array(found, dtype=np.float64))
    if Z.isnan().any():
        raise InputError("rows with gaps (NaN) have no latent coordinates: leave them out, or complete them by impute")
    flow, codec = getattr(model, "flow_", None), getattr(model, "codec_", None)
    flow = None if flow is None else copy.deepcopy(flow).double().cpu()
    noisy = flow is not None and codec is not None and any(column.coarse for column in codec.columns)
    if not (noisy or isinstance(flow, Ensemble)):
        base = Normal(Z.shape[1]).double() if flow is None else flow.base
        u: _Array = base.cdf(Z).numpy()
        return u
    rng = own()
    known = getattr(model, "context", None) if context is None else context
    given = None if known is None else torch.as_tensor(np.array(known, dtype=np.float64))
    y = flow.inverse(Z, given)[0]  # type: ignore[union-attr]
    if codec is not None and noisy:
        y = torch.as_tensor(codec.again(y.numpy(), rng.random(tuple(y.shape)).clip(1e-9, 1 - 1e-9)))
    return _of_members(flow, y, given, rng)


def _of_members(flow: Any, y: torch.Tensor, given: torch.Tensor | None, rng: np.random.Generator) -> _Array:
    """Uniforms of rows under one of the flows each, drawn by how likely the row is under it."""
    several = isinstance(flow, Ensemble)
    members = flow.members if several else [flow]
    log_w = flow.log_weights if several else torch.zeros(1)
    log_p = torch.stack([m.log_prob(y, given) for m in members], 1) + log_w
    picked = torch.argmax(log_p + torch.as_tensor(rng.gumbel(size=tuple(log_p.shape))), 1)
    u = torch.empty_like(y)
    for k, member in enumerate(members):
        at = picked == k
        u[at] = member.base.cdf(member(y[at], None if given is None else given[at])[0])
    found: _Array = u.numpy()
    return found


def latent_normality(model: Any, X: ArrayLike, *, context: ArrayLike | None = None) -> Normality:
    """Test whether held-out rows are standard normal in latent space: ``uniformity(pit(model, X))``.

    Of a base that is not normal, the normal scores ``Phi^-1(u)`` of its ``pit`` are tested. The statistics say how
    far off the fit is; with many rows the p-values are small for any fit that is not perfect.
    """
    return uniformity(pit(model, X, context=context))


def uniformity(U: ArrayLike) -> Normality:
    """Test uniforms (n, D), column by column and by their radius.

    The radius ``r^2 = sum_i Phi^-1(u_i)^2`` is compared with chi-square of D degrees of freedom: it sees what the
    columns one by one do not.
    """
    from scipy import stats

    u = np.asarray(U, dtype=float)
    if u.ndim != 2 or not len(u) or not ((u >= 0) & (u <= 1)).all():
        raise InputError(f"uniforms are a table of numbers in [0, 1], got shape {u.shape}: pass what pit gave")
    columns = [stats.kstest(column, "uniform") for column in u.T]
    radius = stats.kstest(radius_ranks(u), "uniform")
    return Normality(
        Distance(np.array([c.statistic for c in columns]), np.array([c.pvalue for c in columns])),
        Distance(float(radius.statistic), float(radius.pvalue)),
        len(u),
    )


def radius_ranks(U: _Array) -> _Array:
    """Return ``P(R^2 <= r^2)`` of the normal scores' radius, (n, D) to (n,): uniform where ``U`` are."""
    from scipy import special

    ranks: _Array = special.gammainc(U.shape[1] / 2, (special.ndtri(U) ** 2).sum(1) / 2)  # chi-square of D
    return ranks
