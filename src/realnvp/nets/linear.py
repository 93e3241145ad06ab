"""Linear layers, by the faster of the two libraries of matrix products that torch has on a processor."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.forward_ad import unpack_dual
from torch.nn import functional as F

__all__ = ["LARGE", "Linear"]

_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)  # torch 2.6 has only the second
LARGE = 2**22
"""Multiplications from which oneDNN is taken: below, the call itself costs more than it gains."""


class Linear(nn.Linear):
    """``nn.Linear``, whose large float32 products on a processor go through oneDNN.

    torch leaves those to its BLAS, which on processors not of that library's maker reaches half of their speed. Of
    other sizes, widths and devices, under autocast, and where torch has no oneDNN, this is ``nn.Linear``; up to
    rounding it is so in every use.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(*, inputs)`` to ``(*, outputs)``."""
        if _exporting() or torch.jit.is_tracing() or x.numel() * self.out_features < LARGE or not _fits(x, self.weight):
            return F.linear(x, self.weight, self.bias)
        product = torch.ops.realnvp.dense if torch.compiler.is_compiling() else _Product.apply
        found: Tensor = product(x.contiguous(), self.weight.contiguous(), self.bias)
        return found


def _fits(x: Tensor, weight: Tensor) -> bool:
    return (
        _HAS
        and x.dim() == 2
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == weight.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
    )


def _dense(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x W^T + b``. Both, or their transposes, are contiguous, or oneDNN takes a hundred times as long."""
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return found


class _Product(torch.autograd.Function):
    """``x W^T + b`` and its three gradients, ``g W``, ``g^T x`` and the sum of ``g``."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return _dense(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
        _keep(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        moving = any(unpack_dual(v).tangent is not None for v in (grad, *ctx.saved_tensors))
        times = F.linear if moving or torch.is_grad_enabled() else _dense  # torch knows the gradient of a gradient
        return _back(ctx, grad.contiguous(), times)

    @staticmethod
    def jvp(ctx: Any, dx: Tensor | None, dweight: Tensor | None, dbias: Tensor | None) -> Tensor:
        x, weight = ctx.saved_tensors
        parts = [F.linear(x, dweight)] if dweight is not None else []
        parts += [F.linear(dx, weight)] if dx is not None else []
        parts += [dbias.expand(len(x), -1)] if dbias is not None else []
        return sum(parts[1:], parts[0])

    @staticmethod
    def vmap(_: Any, dims: tuple[int | None, ...], *args: Any) -> tuple[Tensor, int]:
        return torch.vmap(F.linear, dims)(*args), 0


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:  # noqa: ARG001 - torch's
    ctx.save_for_backward(*inputs[:2])


def _back(ctx: Any, grad: Tensor, times: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor | None, ...]:
    (x, weight), (for_x, for_weight, for_bias) = ctx.saved_tensors, ctx.needs_input_grad
    return (
        times(grad, weight.t()) if for_x else None,
        times(grad.t(), x.t()) if for_weight else None,
        grad.sum(0) if for_bias else None,
    )


def _works() -> bool:
    """Whether this torch has the product as it is called here: the function is not among the documented ones."""
    try:
        one = torch.ones(1, 1)
        return torch.backends.mkldnn.is_available() and bool(_dense(one, one, one[0]) == 2)
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return False


_HAS = _works()

# The compiler takes oneDNN's product for one of constants alone: it calls this one, and does not look inside.
_LIBRARY = torch.library.Library("realnvp", "DEF")
_LIBRARY.define("dense(Tensor x, Tensor weight, Tensor? bias) -> Tensor")
_LIBRARY.impl("dense", _dense, "CPU")
torch.library.register_fake("realnvp::dense", lambda x, weight, _: x.new_empty(len(x), len(weight)), lib=_LIBRARY)
torch.library.register_autograd(
    "realnvp::dense",
    lambda ctx, grad: _back(ctx, grad.contiguous(), lambda a, b: torch.ops.realnvp.dense(a, b, None)),
    setup_context=_keep,
    lib=_LIBRARY,
)
