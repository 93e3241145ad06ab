"""The same flow out of operations that every runtime has: matrices inverted beforehand, no triangular solves."""

import copy
import math
from functools import singledispatch

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realnvp.bases import Base, Mixture, Slices
from realnvp.export.normal import distribution, quantile
from realnvp.flow import Flow
from realnvp.nets import KeepsDouble
from realnvp.shapes import sum_event
from realnvp.transforms import Logit, LULinear, PositiveLinear, Probit, Transform, Whiten

__all__ = ["plain"]

_LOG_2PI = math.log(2 * math.pi)


def plain(flow: Flow, dtype: torch.dtype) -> Flow:
    """Return a copy of the flow in evaluation mode that computes in ``dtype``, of plain operations throughout."""
    found = copy.deepcopy(flow).cpu()
    _replace(found)
    return found.eval().to(dtype).requires_grad_(False)


def _replace(module: nn.Module) -> None:
    for name, child in module.named_children():
        simple = _simple(child)
        if simple is child:
            _replace(child)
        else:
            setattr(module, name, simple)


@singledispatch
def _simple(module: nn.Module) -> nn.Module:
    return module


@_simple.register
def _(t: LULinear) -> nn.Module:
    wide = copy.deepcopy(t).double()
    return _Matrix(wide.matrix, wide.bias, wide.log_diagonal.sum(), t.event_dim)


@_simple.register
def _(t: PositiveLinear) -> nn.Module:
    wide = copy.deepcopy(t).double()
    inverse = torch.linalg.inv(wide.matrix)
    return _Matrix(inverse, -inverse @ wide.shift, -torch.linalg.slogdet(wide.matrix).logabsdet, 1)


@_simple.register
def _(t: Whiten) -> nn.Module:
    root = t.root.double()
    inverse = torch.linalg.solve_triangular(root, torch.eye(len(root), dtype=root.dtype), upper=False)
    return _Whiten(t.loc.double(), root, inverse)


@_simple.register
def _(t: Probit) -> nn.Module:
    return _Probit(t.low.flatten().tolist(), t.high.flatten().tolist(), event_dim=t.event_dim)


@_simple.register
def _(t: Logit) -> nn.Module:
    return _Logit(t.alpha, event_dim=t.event_dim)


@_simple.register
def _(base: Mixture) -> nn.Module:
    return _Mixture(base)


@_simple.register
def _(_: Slices) -> nn.Module:
    return _Slices()


class _Matrix(Transform):
    """``z = A x + b`` and ``x = A^-1 (z - b)``, both matrices constants."""

    matrix: Tensor
    inverted: Tensor
    bias: Tensor
    log_det: Tensor

    def __init__(self, matrix: Tensor, bias: Tensor, log_det: Tensor, event_dim: int) -> None:
        super().__init__()
        self.event_dim = event_dim
        found = {"matrix": matrix, "inverted": torch.linalg.inv(matrix), "bias": bias, "log_det": log_det}
        for name, value in found.items():
            self.register_buffer(name, value.detach().clone())

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z = F.linear(x.movedim(-self.event_dim, -1), self.matrix, self.bias).movedim(-1, -self.event_dim)
        return z, self._ladj(x)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = F.linear(z.movedim(-self.event_dim, -1) - self.bias, self.inverted).movedim(-1, -self.event_dim)
        return x, -self._ladj(z)

    def _ladj(self, x: Tensor) -> Tensor:
        pixels = math.prod(x.shape[x.dim() - self.event_dim + 1 :])
        return (self.log_det * pixels).expand(x.shape[: x.dim() - self.event_dim])


class _Whiten(KeepsDouble, Transform):
    """``z = L^-1 (x - loc)``, ``L`` and ``L^-1`` constants, in float64 throughout."""

    loc: Tensor
    root: Tensor
    inverted: Tensor
    log_det: Tensor

    def __init__(self, loc: Tensor, root: Tensor, inverted: Tensor) -> None:
        super().__init__()
        found = {"loc": loc, "root": root, "inverted": inverted, "log_det": root.diagonal().log().sum()}
        for name, value in found.items():
            self.register_buffer(name, value.detach().clone())

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z = F.linear(x.double() - self.loc, self.inverted).to(x.dtype)
        return z, -self.log_det.to(x.dtype).expand(x.shape[:-1])

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = F.linear(z.double(), self.root, self.loc).to(z.dtype)
        return x, self.log_det.to(z.dtype).expand(z.shape[:-1])


class _Mixture(Base):
    """A mixture of normals whose covariances' roots are inverted beforehand."""

    log_weights: Tensor
    loc: Tensor
    root: Tensor
    inverted: Tensor
    log_det: Tensor

    def __init__(self, base: Mixture) -> None:
        super().__init__()
        self.event_shape, self.slices = base.event_shape, _Slices()
        wide = copy.deepcopy(base).double()
        eye = torch.eye(wide.loc.shape[1], dtype=torch.float64)
        inverted = torch.linalg.solve_triangular(wide.root, eye.expand_as(wide.root), upper=False)
        found = {"log_weights": wide.logits.log_softmax(0), "loc": wide.loc, "inverted": inverted}
        found |= {"log_det": wide.log_diagonal.sum(-1), "root": wide.root}
        for name, value in found.items():
            self.register_buffer(name, value.detach().clone())

    def log_prob(self, z: Tensor) -> Tensor:
        e = torch.matmul(self.inverted, (z.unsqueeze(-2) - self.loc).unsqueeze(-1)).squeeze(-1)  # (*, components, D)
        each = -0.5 * (e.square().sum(-1) + _LOG_2PI * self.event_shape[0]) - self.log_det + self.log_weights
        top = each.amax(-1, keepdim=True)
        return (each - top).exp().sum(-1).log() + top.squeeze(-1)

    def from_normal(self, z: Tensor) -> Tensor:
        e, within = self.slices(z[..., 0], self.log_weights.exp())
        x = torch.zeros_like(z)
        for k, (loc, root) in enumerate(zip(self.loc, self.root, strict=True)):
            noise = torch.cat((e[k].unsqueeze(-1), z[..., 1:]), -1)
            x = torch.where(within[k].unsqueeze(-1), loc + noise @ root.T, x)
        return x


class _Slices(Slices):
    """The same with the normal's quantile and distribution function written out."""

    def cdf(self, z: Tensor) -> Tensor:
        return 0.5 * (1 + distribution(z))

    def quantile(self, u: Tensor) -> Tensor:
        z = quantile(torch.minimum(u, 1 - u))
        return torch.where(u < 0.5, z, -z)


class _Probit(Probit):
    """The same with the normal's quantile and distribution function written out."""

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        low, high, middle, half = self._read(x)
        edge = 1 - torch.finfo(x.dtype).eps / 2
        u = ((x - middle) / half).clamp(-edge, edge)
        z = quantile(0.5 * (1 - u.abs()))
        z = torch.where(u < 0, z, -z)
        ladj = 0.5 * z * z + self._volume(half)
        return z, sum_event(torch.where((x >= low) & (x <= high), ladj, -torch.inf), self.event_dim)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        low, high, middle, half = self._read(z)
        x = torch.minimum(torch.maximum(middle + half * distribution(z), low), high)
        return x, sum_event((-0.5 * z * z - self._volume(half)).expand_as(z), self.event_dim)


class _Logit(Logit):
    """The same without a runtime's own sigmoid, whose tails are rough."""

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        size = z.abs()
        small = torch.exp(-size)
        ladj = -size - 2 * torch.log1p(small) - math.log(self.span)
        sigmoid = torch.where(z < 0, small, 1.0) / (1 + small)
        return (sigmoid - self.alpha) / self.span, sum_event(ladj, self.event_dim)
