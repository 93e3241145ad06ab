"""What training makes small: modules with one signature, ``objective(batch) -> scalar``."""

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from realnvp.flow import Flow

__all__ = ["BothKL", "ForwardKL", "MaxLikelihood", "ReverseKL", "VariationalDequantisation", "WeightedLikelihood"]


class MaxLikelihood(nn.Module):
    """Learn from samples: the mean negative log likelihood ``-E[log q(x)]`` in nats.

    A batch is ``x`` of shape ``(n, *event)``, or ``(x, context)``.
    """

    recordable = True

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, batch: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        """Return the batch's mean negative log likelihood."""
        x, context = (batch, None) if isinstance(batch, Tensor) else batch
        return -self.flow.log_prob(x, context).mean()


class WeightedLikelihood(nn.Module):
    """Learn from weighted samples: ``-E[w log q(x)]`` in nats, the weights of mean 1 over all rows.

    A batch is ``(x, w)`` with ``w`` of shape ``(n,)``, or ``(x, context, w)``.
    """

    recordable = True

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Return the batch's mean weighted negative log likelihood."""
        *given, w = batch
        return -(w * self.flow.log_prob(*given)).mean()


class VariationalDequantisation(nn.Module):
    """Learn from whole numbers ``k`` in [0, levels): a bound, ``-log P(k) <= E_q[log q(u | k) - log p(x)] + const``.

    ``x = (k + u) / levels`` and the noise ``u`` in [0, 1] comes from ``noise``, a flow given ``k / levels - 1/2``; the
    constant is ``D log levels``, left out. A batch is ``(k, e)`` with draws ``e`` of the noise's base, or
    ``(k, e, context)``. With uniform noise it is the bound that plain dequantisation minimises.

    References:
        Flow++ (Ho et al., 2019), section 3.1, https://arxiv.org/abs/1902.00275
    """

    recordable = True

    def __init__(self, flow: Flow, noise: Flow, levels: int) -> None:
        super().__init__()
        self.flow, self.noise, self.levels = flow, noise, levels

    def forward(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Return the batch's mean bound."""
        return self.bound(*batch).mean()

    def bound(self, k: Tensor, e: Tensor, context: Tensor | None = None) -> Tensor:
        """Return the bound of each picture in nats."""
        u, log_q = self.noise.push(e, k / self.levels - 0.5)
        return log_q - self.flow.log_prob((k + u) / self.levels, context)


class ReverseKL(nn.Module):
    """Learn from a potential: ``E_q[log q(x) + U(x)] >= -log Z`` in nats. A batch is base noise, ``(n, *event)``.

    ``temperature`` divides the energy: above 1 the target is flatter. With ``path_gradient`` the gradient takes only
    the way through ``x`` and leaves out that through the density's parameters, whose mean is zero: less noise near
    the optimum, a second pass of the flow for each step. Draws of infinite energy are left out of the mean: a wall does
    not push, so keep the flow inside by bounds. The mode it finds first may be all it finds.

    References:
        Variational Inference with Normalizing Flows (Rezende, Mohamed, 2015), https://arxiv.org/abs/1505.05770
        Sticking the Landing (Roeder, Wu, Duvenaud, 2017), https://arxiv.org/abs/1703.09194
    """

    def __init__(self, flow: Flow, potential: Callable[[Tensor], Tensor], *, path_gradient: bool = False) -> None:
        super().__init__()
        self.flow, self.potential, self.path_gradient = flow, potential, path_gradient
        self.temperature = 1.0

    def forward(self, z: Tensor) -> Tensor:
        """Return the bound on ``-log Z``."""
        if self.path_gradient:
            x, _ = self.flow.inverse(z)
            log_q = self._still(x)
        else:
            x, log_q = self.flow.push(z)
        both = log_q + self.potential(x) / self.temperature
        finite = torch.isfinite(both)
        return torch.where(finite, both, 0.0).sum() / finite.sum()

    def _still(self, x: Tensor) -> Tensor:
        """Log density of ``x`` by parameters that take no gradient."""
        fixed = {f"flow.{name}": p.detach() for name, p in self.flow.named_parameters()}
        density = functional_call(_Density(self.flow), fixed, (x,))
        return cast(Tensor, density)


class _Density(nn.Module):
    """``log_prob`` as a call."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor) -> Tensor:
        return self.flow.log_prob(x)


class ForwardKL(nn.Module):
    """Learn from weighted points of a potential: the gradient of ``KL(p || q) = E_p[log p(x) - log q(x)]``.

    A batch is ``(x, log_w, log_r)``: points drawn from some density ``r``, and ``log_w = -U(x) - log r(x)``. With the
    weights ``w = exp(log_w)`` and ``v = q / r``, each normalised over the batch, the gradient is that of
    ``-sum (w - v) log q``: the term of ``v`` has mean zero and takes the noise away, all of it where ``q = p``. No
    gradient of the potential is asked for. ``v`` is cut at ``most`` before it is normalised, which
    lets in a bias where the flow has gone that far from where the points were drawn. With ``reverse`` that much of the
    gradient of ``KL(q || p)`` joins it, by the same points: ``sum v (log v / w - mean) log q``, the logarithm within
    10 of zero; a place that the target hardly visits is then left sooner. Where ``log_r`` is
    infinite the points count as draws of the target. The value is the batch's estimate of the divergence in nats (for
    draws of the target, whose density is not known, its negative log likelihood).

    References:
        Reweighted Wake-Sleep (Bornschein, Bengio, 2015), https://arxiv.org/abs/1406.2751
        Neural Importance Sampling (Müller et al., 2019), https://arxiv.org/abs/1808.03856
    """

    recordable = True

    def __init__(self, flow: Flow, *, most: float = 3.0, reverse: float = 0.0) -> None:
        super().__init__()
        self.flow, self.most, self.reverse = flow, most, reverse

    def forward(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return a scalar whose gradient is that of the divergence."""
        x, log_w, log_r = batch
        log_q = self.flow.log_prob(x)
        w = log_w.softmax(0)
        v = (log_q.detach() - log_r).exp().clamp(max=self.most)
        v = v / v.sum().clamp_min(torch.finfo(v.dtype).tiny)
        log_p = log_w + log_r - log_w.logsumexp(0) + math.log(max(len(w), 1))  # by the batch's own normaliser
        away = (v.clamp_min(torch.finfo(v.dtype).tiny).log() - log_w.log_softmax(0)).clamp(-10.0, 10.0)
        pull = self.reverse * v * (away - (v * away).sum())
        surrogate = -((w - v - pull) * log_q).sum()
        divergence = (w * (torch.where(torch.isinf(log_r), 0.0, log_p) - log_q)).sum()
        return surrogate + (divergence - surrogate).detach()


class BothKL(nn.Module):
    """``KL(p || q) + KL(q || p)``, each up to a constant: the sum of ``ForwardKL`` and ``ReverseKL``.

    A batch is ``(points, noise)``, what the two take; either may be ``None``. The first keeps every mode that the
    points have, the second uses the potential's gradient.

    References:
        Boltzmann Generators (Noé et al., 2019), https://arxiv.org/abs/1812.01729
    """

    def __init__(self, flow: Flow, potential: Callable[[Tensor], Tensor], *, path_gradient: bool = False) -> None:
        super().__init__()
        self.flow = flow
        self.forward_kl = ForwardKL(flow)
        self.reverse_kl = ReverseKL(flow, potential, path_gradient=path_gradient)

    def forward(self, batch: tuple[tuple[Tensor, Tensor, Tensor] | None, Tensor | None]) -> Tensor:
        """Return the sum of the two, in nats."""
        points, noise = batch
        parts = [] if points is None else [self.forward_kl(points)]
        parts += [] if noise is None else [self.reverse_kl(noise)]
        return torch.stack(parts).sum()
