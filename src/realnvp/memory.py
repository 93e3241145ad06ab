"""Training in constant memory: what a step needs is found again from the flow's output, not kept."""

from collections.abc import Callable, Iterable
from functools import partial, singledispatch
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._compile import _disable_dynamo

from realnvp.errors import InputError
from realnvp.flow import Flow
from realnvp.shapes import sum_event
from realnvp.transforms import BatchNorm, Compose, Coupling, Inverse, Transform, Within

__all__ = ["MEMORIES", "Constant", "constant_memory", "pull"]


def constant_memory(flow: Flow) -> Flow:
    """Return the same flow, its parameters shared, whose gradients need memory for one transform at a time.

    A transform is invertible, so its input need not be kept: the backward pass finds it again from the output, last
    transform first, and takes one transform's gradient at a time. A coupling costs one more call of its net, and one
    more of its kernel each way. Gradients are those of the ordinary flow up to rounding. After each ``forward`` comes
    its ``backward``: running statistics must not have moved in between.

    References:
        The Reversible Residual Network (Gomez et al., 2017), https://arxiv.org/abs/1707.04585
    """
    if any(isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0 for m in flow.modules()):
        raise InputError("constant memory calls each net twice and wants the same answer: leave dropout out")
    return type(flow)(Constant(flow.transform), flow.base)


def _stored(flow: Flow) -> Flow:
    return flow


MEMORIES: dict[str, Callable[[Flow], Flow]] = {"constant": constant_memory, "stored": _stored}
"""What ``memory`` may be: the flow as the gradient sees it."""


class Constant(Transform):
    """``transform``, which keeps nothing for the gradient but its output."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self.transform = transform
        self.event_dim, self.context = transform.event_dim, transform.context

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``transform(x)``."""
        return self._run(self.transform, x, context)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``transform.inverse(z)``."""
        return self._run(self.transform.inv, z, context)

    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Calibrate the transform."""
        return self.transform.calibrate(x, context)

    def _run(self, transform: Transform, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        if not torch.is_grad_enabled():
            return transform(x, context)
        params = [p for p in self.transform.parameters() if p.requires_grad]
        run = _uncompiled if torch.compiler.is_compiling() else _recomputed
        return run(transform, x, context, *params)


class _Pull(NamedTuple):
    """What goes backwards: a transform's output, the gradients of it and of its ladj, the context."""

    z: Tensor
    grad_z: Tensor
    grad_ladj: Tensor
    context: Tensor | None
    grads: dict[Tensor, Tensor]
    """Gradients of parameters, and of the context, as far as they are known: zeros at first, side by side, so that
    what comes and goes in between leaves no holes."""

    def through(self, inputs: Iterable[Tensor], z: Tensor, ladj: Tensor, module: nn.Module) -> list[Tensor]:
        """Return the gradients of ``inputs`` by way of ``z`` and ``ladj``; note those of the module's parameters."""
        leaves = list(inputs)
        others: list[Tensor] = [p for p in module.parameters() if p in self.grads]
        others += [] if self.context is None or not self.context.requires_grad else [self.context]
        wide = self.grad_ladj.reshape(*self.grad_ladj.shape, *(1,) * (ladj.dim() - self.grad_ladj.dim()))
        ends = [(z, self.grad_z), (ladj, wide.expand(ladj.shape))]
        ends = [(out, grad) for out, grad in ends if out.requires_grad]
        if not ends:
            return [torch.zeros_like(leaf) for leaf in leaves]
        outs, grads = zip(*ends, strict=True)
        found = torch.autograd.grad(outs, leaves + others, grads, allow_unused=True)
        for other, grad in zip(others, found[len(leaves) :], strict=True):
            if grad is not None:
                self.grads[other].add_(grad)
        return [torch.zeros_like(a) if g is None else g for a, g in zip(leaves, found, strict=False)]


class _Recomputed(torch.autograd.Function):
    """``transform(x, context)``; the gradient works its way back from the output."""

    @staticmethod
    def forward(ctx: Any, transform: Transform, x: Tensor, context: Tensor | None, *params: Tensor) -> Any:
        z, ladj = transform(x, context)
        z = z.clone() if z is x else z
        ctx.transform, ctx.params, kind = transform, params, x.device.type
        ctx.cast = (kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind))
        ctx.save_for_backward(z, context)
        return z, ladj

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_z: Tensor, grad_ladj: Tensor) -> Any:
        z, context = ctx.saved_tensors
        wants = ctx.needs_input_grad[2]
        given = [] if context is None else [context.detach().requires_grad_(wants)]
        grads: dict[Tensor, Tensor] = {p: torch.zeros_like(p) for p in (*ctx.params, *given)}
        kind, dtype, enabled = ctx.cast
        with torch.enable_grad(), torch.autocast(kind, dtype, enabled=enabled):
            _, grad_x = pull(ctx.transform, _Pull(z, grad_z, grad_ladj, given[0] if given else None, grads))
        return None, grad_x, grads[given[0]] if wants else None, *(grads[p] for p in ctx.params)


def _recomputed(*args: Any) -> tuple[Tensor, Tensor]:
    found: tuple[Tensor, Tensor] = _Recomputed.apply(*args)
    return found


_uncompiled = _disable_dynamo(_recomputed)
"""The compiler cannot trace a way back through gradients: it leaves this out, and compiles what is around it."""


@singledispatch
def pull(t: Transform, at: _Pull) -> tuple[Tensor, Tensor]:
    """Return the input of ``t.forward`` that gave ``at.z``, and its gradient.

    Of any transform: by its inverse, then its forward with gradients.
    """
    with torch.no_grad():
        x = t.inverse(at.z, at.context)[0]
    return _again(t, at, x, partial(t, context=at.context))


@pull.register
def _(t: Compose, at: _Pull) -> tuple[Tensor, Tensor]:
    return _chain(reversed(list(t)), at)


@pull.register
def _(t: Inverse, at: _Pull) -> tuple[Tensor, Tensor]:
    inner = t.transform
    if isinstance(inner, Compose):
        return _chain((child.inv for child in inner), at)
    if isinstance(inner, Coupling):
        return _coupling(inner, at, inner.kernel.inverse, inner.kernel.forward)
    if isinstance(inner, Within):
        return _within(inner, inner.transform.inv, at)
    if isinstance(inner, BatchNorm):
        return _again(t, at, inner.normalise(at.z, *inner.read())[0].detach(), inner.inverse)
    return pull.dispatch(Transform)(t, at)


@pull.register
def _(t: Coupling, at: _Pull) -> tuple[Tensor, Tensor]:
    return _coupling(t, at, t.kernel.forward, t.kernel.inverse)


@pull.register
def _(t: Within, at: _Pull) -> tuple[Tensor, Tensor]:
    return _within(t, t.transform, at)


@pull.register
def _(t: BatchNorm, at: _Pull) -> tuple[Tensor, Tensor]:
    """Its forward has moved the running statistics, and must not move them again."""
    with torch.no_grad():
        x = t.inverse(at.z)[0]
    return _again(t, at, x, t.again)


def _again(t: Transform, at: _Pull, x: Tensor, forward: Callable[..., tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Go forward from ``x`` once more, with gradients, and bring them back."""
    z, ladj = forward(x.requires_grad_())
    (grad,) = at.through([x], z, ladj, t)
    return x.detach(), grad


def _chain(last_first: Iterable[Transform], at: _Pull) -> tuple[Tensor, Tensor]:
    z, grad = at.z, at.grad_z
    for t in last_first:
        z, grad = pull(t, at._replace(z=z, grad_z=grad))
    return z, grad


def _coupling(t: Coupling, at: _Pull, there: Any, back: Any) -> tuple[Tensor, Tensor]:
    """The kept half is known: one call of the net gives the parameters for the way back and for the gradient."""
    axis = -t.event_dim
    kept, moved = (part.detach() for part in t.split.split(at.z, axis))
    kept.requires_grad_()
    theta = t.theta(kept, at.context)
    with torch.no_grad():
        moved = back(moved, theta)[0]
    moved.requires_grad_()
    out, ladj = there(moved, theta)
    z = t.split.merge(kept, out, axis)
    ladj = sum_event(t.split.of_moved(ladj), t.event_dim)
    grad_kept, grad_moved = at.through([kept, moved], z, ladj, t)
    return t.split.merge(kept.detach(), moved.detach(), axis), t.split.merge(grad_kept, grad_moved, axis)


def _within(t: Within, inner: Transform, at: _Pull) -> tuple[Tensor, Tensor]:
    (z, *rest), (grad, *grad_rest) = t.cut(at.z), t.cut(at.grad_z)
    x, grad = pull(inner, at._replace(z=z, grad_z=grad))
    return t.join(x, *rest, like=at.z), t.join(grad, *grad_rest, like=at.z)
