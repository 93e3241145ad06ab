"""A flow as a ``torch.distributions.Distribution``, which Pyro takes as a prior or as a guide."""

import functools
import sys
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from realnvp.bases import Mixture
from realnvp.ensemble import Ensemble
from realnvp.errors import InputError
from realnvp.flow import Flow

__all__ = ["FlowDistribution", "context_tensor"]

_Sizes = torch.Size | list[int] | tuple[int, ...]
_OF_A_FLOW = ("event_shape", "context", "transform", "base")


class FlowDistribution(Distribution):
    """The law ``q(x)`` of a flow, or ``q(x | context)`` for a context of shape ``(*batch, C)``, one law for each.

    ``log_prob(x)`` is in nats and has the shape ``(*sample, *batch)``. The flow is shared, not copied: what trains its
    parameters moves the law. Draws carry gradients (``has_rsample``) unless the flow is a mixture, of flows or in its
    base: which part a draw comes from has none. Draws come from torch's global generator, as those of all its laws.

    Where Pyro has been imported before, it is a distribution of Pyro's too: ``pyro.sample("x", distribution)``.

    Args:
        flow: a ``Flow``; its dtype and device are those of the draws.
        context: what the law is given, where the flow wants that: a tensor, which is taken as it is, or an array or a
            list of numbers.
        support: the constraint that says where the density lives; by default all of space.
        validate_args: as in ``torch.distributions``.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 - as in torch's own

    def __new__(cls, *_: object, **__: object) -> "FlowDistribution":
        """Make one that Pyro takes too, in a programme that has imported Pyro."""
        return super().__new__(_for_pyro() if cls is FlowDistribution and "pyro.distributions" in sys.modules else cls)

    def __init__(
        self,
        flow: Flow,
        context: Tensor | ArrayLike | None = None,
        *,
        support: constraints.Constraint | None = None,
        validate_args: bool | None = None,
    ) -> None:
        _check_flow(flow)
        given = context if context is None or isinstance(context, Tensor) else context_tensor(flow, context)
        _check_context(flow, given)
        self.flow, self.context = flow, given
        self._support = support or constraints.independent(constraints.real, len(flow.event_shape))
        batch = torch.Size() if given is None else given.shape[:-1]
        super().__init__(batch, flow.event_shape, validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:
        """Where the density lives."""
        return self._support

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]  # torch's is a plain attribute
        """Whether draws carry gradients to all parameters."""
        return not isinstance(self.flow, Ensemble) and not isinstance(self.flow.base, Mixture)

    def __call__(self, *_: object) -> Tensor:
        """Refuse: it is Pyro that calls distributions."""
        raise InputError(
            "Pyro takes the distributions that are made once it is there: import pyro before making this one"
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats, of the shape ``(*sample, *batch)``."""
        if self._validate_args:
            self._validate_sample(value)
        shape = torch.broadcast_shapes(value.shape[: value.dim() - len(self.event_shape)], self.batch_shape)
        x, given = value.expand(*shape, *self.event_shape), self._given(shape)
        if torch.compiler.is_compiling():
            return self.flow.log_prob(x, given)
        try:
            return self.flow.log_prob(x, given)
        except RuntimeError as error:  # not before: flows without nets promote, and autocast converts
            if "dtype" not in str(error) or (told := _of_two_dtypes(self.flow, value)) is None:
                raise
            raise InputError(told) from error

    def rsample(self, sample_shape: _Sizes = ()) -> Tensor:
        """Draw with gradients, of the shape ``(*sample, *batch, *event)``."""
        if not self.has_rsample:
            raise InputError("which part of a mixture a draw comes from has no gradient: use sample")
        shape = self._extended(sample_shape)
        return self.flow.rsample(shape, self._given(shape))

    def sample(self, sample_shape: _Sizes = ()) -> Tensor:
        """Draw without gradients, of the shape ``(*sample, *batch, *event)``."""
        shape = self._extended(sample_shape)
        return self.flow.sample(shape, self._given(shape))

    def given(self, context: Tensor | ArrayLike) -> "FlowDistribution":
        """Return the law of the same flow given another context."""
        return FlowDistribution(self.flow, context, support=self._support, validate_args=self._validate_args)

    def expand(self, batch_shape: _Sizes, _instance: "FlowDistribution | None" = None) -> "FlowDistribution":
        """Return the same law with its batch expanded."""
        new: FlowDistribution = self._get_checked_instance(FlowDistribution, _instance)
        new.flow, new._support, batch_shape = self.flow, self._support, torch.Size(batch_shape)
        new.context = None if self.context is None else self.context.expand(*batch_shape, self.context.shape[-1])
        super(FlowDistribution, new).__init__(batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def __reduce__(self) -> tuple:
        """Pickle by what it was made from: the class may be one that was made for Pyro."""
        return _rebuilt, (self.flow, self.context, self._support, self._validate_args, self.batch_shape)

    def __repr__(self) -> str:
        return f"FlowDistribution(batch_shape={tuple(self.batch_shape)}, event_shape={tuple(self.event_shape)})"

    def _extended(self, sample_shape: _Sizes) -> torch.Size:
        return torch.Size((*sample_shape, *self.batch_shape))

    def _given(self, shape: torch.Size) -> Tensor | None:
        return None if self.context is None else self.context.expand(*shape, self.context.shape[-1])


def context_tensor(flow: Flow, context: Tensor | ArrayLike) -> Tensor:
    """Return a context in the dtype in which ``flow`` takes it and on its device; its numbers must be finite."""
    if isinstance(context, Tensor):
        given = context
    else:
        try:
            array = np.asarray(context)
        except ValueError:
            raise InputError("context is a list of parts of unlike shapes: give all of them one shape") from None
        if array.dtype.kind not in "biuf":
            raise InputError(f"context must be numbers, of shape (C,) or (*batch, C), got an array of {array.dtype}")
        given = torch.from_numpy(array.astype(np.float64))
    given = given.to(next(_floats(flow), given))
    if not given.isfinite().all():
        raise InputError("context holds values that are not finite: give finite numbers")
    return given


def _floats(module: nn.Module) -> Iterator[Tensor]:
    return (t for found in (module.buffers(), module.parameters()) for t in found if t.is_floating_point())


def _check_flow(flow: object) -> None:
    """Refuse what is no flow; one that was compiled is another class and has all that a flow has."""
    if all(hasattr(flow, name) for name in _OF_A_FLOW):
        return
    made = callable(getattr(flow, "distribution", None))
    advice = "the law of a fitted estimator is its .distribution()" if made else "pass the flow itself"
    raise InputError(f"FlowDistribution is made from a realnvp.Flow, got {_name_of(flow)}: {advice}")


def _name_of(given: object) -> str:
    return f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__


def _of_two_dtypes(flow: Flow, value: Tensor) -> str | None:
    """Say that values are of another dtype than the law's, which is that of its draws; nothing where they are not."""
    own = next(_floats(flow.base), value).dtype
    if own == value.dtype:
        return None
    law, values = (str(dtype).removeprefix("torch.") for dtype in (own, value.dtype))
    wider = value.is_floating_point() and torch.promote_types(own, value.dtype) == value.dtype
    ask = f"ask for distribution(dtype={value.dtype}), or " if wider else ""
    return f"the law is of {law} and the values are of {values}: {ask}give values of {own}"


def _check_context(flow: Flow, context: Tensor | None) -> None:
    wanted = flow.context
    if context is None and wanted:
        raise InputError(f"this flow is a law only given a context of {wanted} features: pass context=")
    if context is not None and (not wanted or context.dim() < 1 or context.shape[-1] != wanted):
        raise InputError(f"this flow wants {wanted or 'no'} context features: got an array of {tuple(context.shape)}")


def _rebuilt(
    flow: Flow,
    context: Tensor | None,
    support: constraints.Constraint,
    validate_args: bool,
    batch_shape: torch.Size,
) -> FlowDistribution:
    made = FlowDistribution(flow, context, support=support, validate_args=validate_args)
    return made if made.batch_shape == batch_shape else made.expand(batch_shape)


@functools.cache
def _for_pyro() -> type:
    """Return the class of those that are distributions of Pyro's too."""
    from pyro.distributions.torch_distribution import TorchDistributionMixin

    class PyroFlowDistribution(FlowDistribution, TorchDistributionMixin):  # type: ignore[misc, override]
        """A flow's law, with what Pyro asks of a distribution beyond what torch does."""

        __call__ = TorchDistributionMixin.__call__  # type: ignore[assignment]

    return PyroFlowDistribution
