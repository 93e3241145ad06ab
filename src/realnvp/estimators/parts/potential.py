"""A user's potential: tried on a few points before any work is done, and given the gradient the user has."""

import dataclasses
import math
import warnings
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from torch import Tensor

from realnvp.errors import InputError
from realnvp.estimators.parts.base import chosen
from realnvp.mcmc import Energy
from realnvp.potentials import POTENTIALS, Potential
from realnvp.transforms import Transform

__all__ = [
    "check_again",
    "check_grows",
    "check_potential",
    "checked",
    "described",
    "features_of",
    "has_gradient",
    "known_points",
    "recalled",
    "trial_points",
    "with_gradient",
]

_MOST = 1_000_000
"""Features beyond which a few points alone would fill the memory."""


class _Given(torch.autograd.Function):
    """A function with a gradient of the user's own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Energy, gradient: Energy) -> Tensor:
        with torch.no_grad():
            if ctx.needs_input_grad[0]:
                ctx.save_for_backward(gradient(x))
            return function(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (slope,) = ctx.saved_tensors
        return grads[0][..., None] * slope, None, None


def checked(potential: Energy) -> Energy:
    """Return the potential that says in one sentence what is wrong with what it gives, each time it is asked."""
    return lambda x: _called(potential, x, f"points of shape {tuple(x.shape)}")


def with_gradient(potential: Energy, gradient: Energy | None) -> Energy:
    """Return the potential with ``gradient(x) -> (n, D)`` in place of autograd's, if one is given."""
    if gradient is None:
        return potential
    return lambda x: _Given.apply(x, potential, gradient)


def has_gradient(potential: Energy, x: np.ndarray, device: torch.device) -> bool:
    """Whether autograd finds a way through the potential."""
    with torch.inference_mode(False), torch.enable_grad():
        return potential(torch.tensor(x, device=device, requires_grad=True)).requires_grad


def features_of(potential: object, n_features: int | None) -> int:
    """Return the dimension: what the user says, or what the potential says of itself."""
    own = getattr(potential, "features", None)
    found = n_features if n_features is not None else own
    if found is None:
        raise InputError("n_features must be given: the potential does not say how many features it takes")
    if isinstance(found, bool) or not isinstance(found, Integral) or found < 1:
        raise InputError(f"n_features must be a whole number of at least 1, got {found!r}")
    if int(found) > _MOST:
        raise InputError(f"n_features must be a whole number of at most {_MOST:,}, got {found}")
    if own is not None and own != found:
        raise InputError(f"n_features is {found}, and the potential takes {own}: leave n_features out")
    return int(found)


def check_potential(potential: Energy, x: Tensor, gradient: Energy | None = None) -> bool:
    """Try the potential on a few points (n, D), and say in one sentence what is wrong with what it gives.

    Returns whether it has a gradient.
    """
    at = f"points of shape {tuple(x.shape)}"
    if gradient is not None and (shape := tuple(gradient(x.detach().clone()).shape)) != tuple(x.shape):
        raise InputError(f"the gradient has shape {shape} for {at}: return (n, D)")
    potential = with_gradient(potential, gradient)
    x = x.detach().clone().requires_grad_()
    u = _called(potential, x, at)
    if not torch.isfinite(u).any():
        raise InputError(
            f"the potential is not finite at any of {at}, such as x = {_shown(x[0])}: give bounds, or look"
        )
    _check_values(u, x)
    _check_rows(potential, x, u)
    if not u.requires_grad:
        warnings.warn(
            "the potential has no gradient (it left torch, or detached): its chains walk at random, which is slow in "
            "many dimensions; write it with torch functions, or pass gradient=",
            stacklevel=5,
        )
        return False
    (slope,) = torch.autograd.grad(u[torch.isfinite(u)].sum(), x, allow_unused=True)
    if slope is not None and not torch.isfinite(slope[torch.isfinite(u)]).all():
        row = int((~torch.isfinite(slope).all(1)).nonzero()[0])
        raise InputError(
            f"the gradient of the potential is not finite at x = {_shown(x[row])}: look for a root, a logarithm or a "
            "division at zero there"
        )
    return True


@torch.no_grad()
def check_again(potential: Energy, x: Tensor) -> None:
    """Try a potential that is given to a fitted flow on draws ``x`` (n, D) of it, as ``check_potential`` does.

    All of them may be infinite: of a poor flow only a few draws lie where there is a density.
    """
    u = checked(potential)(x)
    _check_values(u, x)
    if torch.isfinite(u).any():
        _check_rows(potential, x, u)


@torch.no_grad()
def check_grows(potential: Energy, x: Tensor, far: float = 1e9) -> None:
    """Refuse an energy that stays low at ``far`` along an axis or away from zero: its law has no normaliser.

    A density of one dimension that can be normalised falls faster than ``1 / |x|``, so that the energy gains more than
    ``log far``. ``x`` are a few points, in double precision.
    """
    features = x.shape[1]
    axes = torch.eye(features, dtype=x.dtype)[: 4 * len(x)]
    ways = torch.cat((axes, -axes, torch.nn.functional.normalize(x)))
    u, there = potential(x), _called(potential, x[torch.arange(len(ways)) % len(x)] + far * ways, "points far out")
    lowest = u[torch.isfinite(u)].min()
    flat = there - lowest < math.log(far)  # false where it is not a number
    if flat.any():
        raise InputError(
            f"the energy does not grow far out: at x = {_shown((far * ways)[flat][0])} it is {there[flat][0]:.4g}, "
            f"near zero {lowest:.4g}, so that exp(-U) has no normaliser; give bounds, or add a term that holds x"
        )


def _called(potential: Energy, x: Tensor, at: str) -> Tensor:
    try:
        u = potential(x)
    except InputError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the potential failed on {at} ({type(error).__name__}: {reason}): it takes a tensor (n, D), returns (n,)"
        ) from error
    if not isinstance(u, Tensor):
        raise InputError(f"the potential returned {type(u).__name__} for {at}: return a torch tensor of shape (n,)")
    if u.shape != x.shape[:1]:
        hint = "sum over the features, not over the rows" if u.dim() == 0 else "return one energy for each row, (n,)"
        raise InputError(f"the potential returned shape {tuple(u.shape)} for {at}: {hint}")
    if u.dtype != x.dtype:
        raise InputError(f"the potential returned {u.dtype} for {x.dtype} points: make its constants of x's dtype")
    return u


def _check_values(u: Tensor, x: Tensor) -> None:
    if torch.isnan(u).any() or (u == -torch.inf).any():
        row = int((torch.isnan(u) | (u == -torch.inf)).nonzero()[0])
        raise InputError(
            f"the potential is {u[row].item()} at x = {_shown(x[row])}: write it in log space (torch.logsumexp, "
            "torch.logaddexp), and give plus infinity where the density is zero"
        )


def _check_rows(potential: Energy, x: Tensor, u: Tensor) -> None:
    """Each row must have its own energy, whatever rows are beside it."""
    row = int(torch.isfinite(u).nonzero()[-1])
    alone = _called(potential, x[row : row + 1], "a single row")
    if not torch.allclose(alone[0], u[row], rtol=1e-3, atol=1e-3):
        raise InputError(
            f"the potential gives {alone.flatten()[0].item():.6g} for a row alone and {u[row].item():.6g} for it among "
            "others: each row must have its own energy"
        )


def _shown(row: Tensor) -> str:
    values = ", ".join(f"{v:.4g}" for v in row[:6].tolist())
    return f"({values}{', …' if len(row) > 6 else ''})"


def described(potential: object) -> dict | None:
    """Name and parameters of a potential of the library, for a run's config."""
    if isinstance(potential, Potential) and POTENTIALS.get(potential.name) is type(potential):
        return {"name": potential.name, "fields": dataclasses.asdict(potential)}
    return None


def recalled(config: dict | None) -> Potential | None:
    """Make the potential that ``described`` named."""
    if config is None:
        return None
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in config["fields"].items()}
    return chosen("potential", config["name"], POTENTIALS)(**fields)


def known_points(starts: ArrayLike, features: int, outer: Transform) -> Tensor:
    """Return the user's points (m, D) in the coordinates behind ``outer``, in single precision."""
    rows = check_array(starts, dtype=np.float64, input_name="starts")
    if rows.shape[1] != features:
        raise InputError(f"starts has {rows.shape[1]} columns, the potential takes {features}")
    known, ladj = outer(torch.from_numpy(rows))
    if not torch.isfinite(ladj).all():
        raise InputError(f"row {int((~torch.isfinite(ladj)).nonzero()[0])} of starts lies outside the bounds")
    return known.float()


def trial_points(features: int, bounds: tuple[list[float], list[float]] | None, generator: torch.Generator) -> Tensor:
    """A few points to try a potential on: in its box, or about zero."""
    if bounds is None:
        return torch.randn(16, features, generator=generator, dtype=torch.float32)
    low, high = (torch.tensor(b, dtype=torch.float32) for b in bounds)
    return low + (high - low) * (0.01 + 0.98 * torch.rand(16, features, generator=generator, dtype=torch.float32))
