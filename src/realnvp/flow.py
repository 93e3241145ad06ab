"""A flow: a transform and a base distribution."""

import torch
from torch import Tensor, nn

from realnvp.bases import Base
from realnvp.transforms import Transform

__all__ = ["Flow"]


class Flow(nn.Module):
    """The density ``log q(x) = log base(f(x)) + log |det df/dx|`` of a transform ``f`` and a ``base``.

    ``x`` has shape ``(*batch, *event)``; densities are in nats and have the batch's shape. ``context`` has shape
    ``(*batch, C)``, or ``(C,)`` for one context shared by all rows. For pictures it may also be ``(*batch, C, H, W)``,
    a context for each pixel, where no scale is squeezed.
    """

    def __init__(self, transform: Transform, base: Base) -> None:
        super().__init__()
        self.transform = transform
        self.base = base

    @property
    def event_shape(self) -> torch.Size:
        """Shape of one event."""
        return torch.Size(self.base.event_shape)

    @property
    def batch_shape(self) -> torch.Size:
        """Empty: one flow is one distribution."""
        return torch.Size()

    @property
    def context(self) -> int:
        """How many context features the flow wants, 0 for none."""
        return self.transform.context

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the latent ``z`` of ``x`` and ``log |det dz/dx|``."""
        self._check(x, context)
        return self.transform(x, context)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the ``x`` of a latent ``z`` and ``log |det dx/dz|``."""
        self._check(z, context)
        return self.transform.inverse(z, context)

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Log density of ``x`` in nats."""
        z, ladj = self(x, context)
        return self.base.log_prob(z) + ladj

    def push(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Turn base noise ``z`` into ``x`` and its log density ``log q(x)``: one pass, with gradients."""
        x, ladj = self.inverse(z, context)
        return x, self.base.log_prob(z) - ladj

    def rsample(
        self, n: int | tuple[int, ...] = (), context: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw points with gradients to the parameters; ``n`` is a number, or a shape as in ``torch.distributions``."""
        return self.inverse(self._noise(n, generator), context)[0]

    @torch.no_grad()
    def sample(
        self, n: int | tuple[int, ...] = (), context: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw points without gradients: ``(n, *event)``."""
        return self.rsample(n, context, generator=generator)

    @torch.no_grad()
    def sample_with_log_prob(
        self, n: int | tuple[int, ...] = (), context: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw points and their log densities in the same single pass, without gradients."""
        return self.push(self._noise(n, generator), context)

    def calibrate(self, x: Tensor, context: Tensor | None = None) -> None:
        """Set what is set from data (``ActNorm``, ``BatchNorm``, ``Standardise``) from ``x``."""
        self._check(x, context)
        self.transform.calibrate(x, context)

    def _noise(self, n: int | tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        shape = torch.Size(n if isinstance(n, tuple) else (int(n),))
        return self.base.sample(shape.numel(), generator).reshape(*shape, *self.event_shape)

    def _check(self, x: Tensor, context: Tensor | None) -> None:
        event = self.base.event_shape
        if x.shape[x.dim() - len(event) :] != event:
            raise ValueError(f"this flow's events have shape {tuple(event)}: got an array of shape {tuple(x.shape)}")
        if context is None and not self.context:
            return
        pixels = () if context is None or len(event) != 3 else context.shape[-3:]  # of a context for each pixel
        by_pixel = x.dim() > 3 and len(pixels) == 3 and tuple(pixels) == (self.context, *event[1:])
        if not by_pixel and [self.context] != ([0] if context is None else list(context.shape[-1:])):
            raise ValueError(
                f"this flow wants {self.context or 'no'} context features: "
                f"got {'none' if context is None else f'an array of shape {tuple(context.shape)}'}"
            )
