"""Normalising bijections: location and scale set from data."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from realnvp.nets import KeepsDouble
from realnvp.transforms.base import Diagonal

__all__ = ["ActNorm", "BatchNorm", "Standardise"]


class Standardise(KeepsDouble, Diagonal):
    """``z = (x - mean) / std`` with the mean and standard deviation of the data given to ``calibrate``; not trained.

    The two are kept in float64, so that a float64 ``x`` far from zero loses nothing.
    """

    set_from_data = True
    loc: Tensor
    scale: Tensor

    def __init__(self, features: int, *, event_dim: int = 1) -> None:
        super().__init__(features, event_dim=event_dim)
        self.register_buffer("loc", torch.zeros(self.shape, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(self.shape, dtype=torch.float64))

    def read(self) -> tuple[Tensor, Tensor]:
        """Return the data's mean and the log of its standard deviation."""
        return self.loc, self.scale.log()

    @torch.no_grad()
    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Take mean and standard deviation from ``x``."""
        mean, var = self.moments(x.double())
        self.loc.copy_(mean)
        self.scale.copy_(torch.where(var > 0, var.sqrt(), 1.0))
        return self(x)[0]


class ActNorm(Diagonal):
    """A learnt location and scale per feature, set so that the first batch leaves with mean 0 and variance 1.

    ``calibrate(x)`` sets them once; that it has happened is part of the state, so a loaded model is never set again.

    References:
        Glow (Kingma and Dhariwal, 2018), https://arxiv.org/abs/1807.03039
    """

    set_from_data = True
    calibrated: Tensor

    def __init__(self, features: int, *, event_dim: int = 1) -> None:
        super().__init__(features, event_dim=event_dim)
        self.loc = nn.Parameter(torch.zeros(self.shape))
        self.log_scale = nn.Parameter(torch.zeros(self.shape))
        self.register_buffer("calibrated", torch.tensor(False))

    def read(self) -> tuple[Tensor, Tensor]:
        """Return the two parameters."""
        return self.loc, self.log_scale

    @torch.no_grad()
    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Set location and scale from ``x``, unless that has been done before; a constant feature keeps scale 1."""
        if not self.calibrated and x.numel():
            mean, var = self.moments(x)
            self.loc.copy_(mean)
            self.log_scale.copy_(torch.where(var > 0, 0.5 * var.log(), 0.0))
            self.calibrated.fill_(True)
        return self(x)[0]


class BatchNorm(Diagonal):
    """Batch normalisation as a bijection, one density in training and in evaluation.

    Forward   ``z = beta + exp(log_gamma) * (x - mean) / sqrt(var + eps)``

    ``mean`` and ``var`` are the running statistics ``momentum * old + (1 - momentum) * batch``. In training mode
    ``forward`` first moves them, lets the gradient pass through the batch's part, and normalises with what it has just
    stored: evaluation and the inverse read the same numbers, so all of them agree on the density. ``inverse`` never
    moves them; before any ``forward`` they are 0 and 1. Where a batch is shared among processes, ``pooled(mean, var,
    rows)`` makes those of the whole batch of the statistics of so many rows (times pixels).

    References:
        Real NVP (Dinh et al., 2016), section 3.7, https://arxiv.org/abs/1605.08803
    """

    set_from_data = True
    mean: Tensor
    var: Tensor

    def __init__(self, features: int, *, event_dim: int = 1, momentum: float = 0.9, eps: float = 1e-5) -> None:
        super().__init__(features, event_dim=event_dim)
        self.momentum, self.eps = momentum, eps
        self.pooled: Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]] | None = None
        self.log_gamma = nn.Parameter(torch.zeros(self.shape))
        self.beta = nn.Parameter(torch.zeros(self.shape))
        self.register_buffer("mean", torch.zeros(self.shape))
        self.register_buffer("var", torch.ones(self.shape))

    def read(self) -> tuple[Tensor, Tensor]:
        """Return location and log-scale from the running statistics."""
        return self._combine(self.mean, self.var)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``; in training mode move the running statistics first."""
        if self.training and x.numel():
            return self.normalise(x, *self._combine(*self._track(x)))
        return super().forward(x)

    def again(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what ``forward`` has just returned for ``x``, with the same gradients; nothing is moved."""
        if not (self.training and x.numel()):
            return super().forward(x)
        mean, var = (
            old + (1 - self.momentum) * (new - new.detach())
            for new, old in zip(self._seen(x), (self.mean, self.var), strict=True)
        )
        return self.normalise(x, *self._combine(mean, var))

    @torch.no_grad()
    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Start the running statistics at those of ``x``."""
        mean, var = self.moments(x)
        self.mean.copy_(mean)
        self.var.copy_(var)
        return super().forward(x)[0]

    def _combine(self, mean: Tensor, var: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = 0.5 * torch.log(var + self.eps) - self.log_gamma
        return mean - self.beta * log_scale.exp(), log_scale

    def _seen(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the batch, also of what other processes have of it."""
        found = self.moments(x)
        return found if self.pooled is None else self.pooled(*found, x.numel() // self.features)

    def _track(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, var = (
            torch.lerp(new.to(old.dtype), old, self.momentum)
            for new, old in zip(self._seen(x), (self.mean.clone(), self.var.clone()), strict=True)
        )
        with torch.no_grad():
            self.mean.copy_(mean)
            self.var.copy_(var)
        return mean, var
