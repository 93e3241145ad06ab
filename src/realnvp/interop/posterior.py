"""A flow as the density estimator of ``sbi``'s neural posterior estimation."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.flow import Flow
from realnvp.nets import Standard
from realnvp.recipes import spline_flow
from realnvp.transforms import Compose, Embed, Standardise

__all__ = ["density_estimator"]


def density_estimator(recipe: Callable[..., Flow] = spline_flow, **settings: Any) -> Callable[[Tensor, Tensor], Any]:
    """Return what ``sbi`` builds its density estimator by: ``NPE(prior, density_estimator=density_estimator())``.

    ``sbi`` calls it with its simulations, parameters (n, D) and observations (n, C). The flow ``q(parameters |
    observation)`` is ``recipe(D, context=C, **settings)``, behind standardisations of both, counted in the density.

    References:
        sbi, a toolkit for simulation-based inference (Tejero-Cantero et al., 2020), https://arxiv.org/abs/2007.09114
    """
    return functools.partial(_built, recipe, settings)


def _built(recipe: Callable[..., Flow], settings: dict[str, Any], theta: Tensor, x: Tensor) -> Any:
    if theta.dim() != 2 or x.dim() != 2:
        raise InputError(
            f"flows of vectors want parameters (n, D) and observations (n, C), got {tuple(theta.shape)} and "
            f"{tuple(x.shape)}: flatten or summarise them first"
        )
    core = recipe(theta.shape[1], context=x.shape[1], **settings)
    frame, given = Standardise(theta.shape[1]), Standard(x.shape[1])
    frame.calibrate(theta)
    given.calibrate(x)
    flow = Flow(Embed(Compose(frame, core.transform), given, x.shape[1]), core.base)
    return _estimator()(flow, theta.shape[1:], x.shape[1:])


@functools.cache
def _estimator() -> type:
    """Return the class that ``sbi`` is given: it can be made only where ``sbi`` is."""
    try:
        from sbi.neural_nets.estimators import ConditionalDensityEstimator
    except ImportError:
        raise InputError("this needs sbi, which is not installed: pip install 'realnvp[sbi]'") from None

    class FlowEstimator(ConditionalDensityEstimator):
        """A flow under the names that ``sbi`` calls: ``input`` are parameters, ``condition`` observations."""

        net: Flow

        def log_prob(self, input: Tensor, condition: Tensor, **_: object) -> Tensor:  # noqa: A002
            """Log density in nats, of the shape (samples, batch)."""
            value = input if input.dim() > 2 else input[None]
            shape = torch.broadcast_shapes(value.shape[:-1], condition.shape[:-1])
            return self.net.log_prob(value.expand(*shape, -1), condition.expand(*shape, -1))

        def loss(self, input: Tensor, condition: Tensor, **_: object) -> Tensor:  # noqa: A002
            """Minus the log density of each row."""
            return -self.net.log_prob(input, condition)

        def sample(self, sample_shape: torch.Size, condition: Tensor, **_: object) -> Tensor:
            """Draw (*sample_shape, batch, D)."""
            return self.net.sample((*sample_shape, len(condition)), condition)

        def sample_and_log_prob(
            self, sample_shape: torch.Size, condition: Tensor, **_: object
        ) -> tuple[Tensor, Tensor]:
            """Draw, and return the log densities found in the same pass."""
            return self.net.sample_with_log_prob((*sample_shape, len(condition)), condition)

    FlowEstimator.__qualname__ = "FlowEstimator"  # where a pickle finds it
    return FlowEstimator


def __getattr__(name: str) -> object:
    """Make the class when it is asked for, so that posteriors with it in them are pickled like any other."""
    if name == "FlowEstimator":
        return _estimator()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
