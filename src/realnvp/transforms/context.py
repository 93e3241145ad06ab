"""What the context does by itself: through a net in front of a transform, or as a shift."""

import torch
from torch import Tensor, nn

from realnvp.transforms.base import Transform

__all__ = ["Embed", "Regress"]


class Embed(Transform):
    """``transform`` under the context ``net(context)``; ``context`` counts the features that ``net`` takes."""

    def __init__(self, transform: Transform, net: nn.Module, context: int) -> None:
        super().__init__()
        self.transform, self.net, self.context = transform, net, context
        self.event_dim = transform.event_dim

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``transform(x, net(context))``."""
        return self.transform(x, self._embed(context, x))

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``transform.inverse(z, net(context))``."""
        return self.transform.inverse(z, self._embed(context, z))

    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Calibrate the transform."""
        return self.transform.calibrate(x, self._embed(context, x))

    def _embed(self, context: Tensor | None, like: Tensor) -> Tensor:
        if context is None:
            raise ValueError(f"this flow was built for {self.context} context features: pass context of that width")
        return self.net(context).to(like.dtype)


class Regress(Transform):
    """``z = x - W c`` of a context ``c``: what a linear regression leaves. ``ladj = 0``.

    ``weight`` has shape ``(features, context)`` and starts at zero; over it a normal base is the linear regression of
    ``x`` on ``c``.
    """

    def __init__(self, features: int, context: int) -> None:
        super().__init__()
        self.context = context
        self.weight = nn.Parameter(torch.zeros(features, context))

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x - W c`` and 0."""
        return x - self._mean(context, x), x.new_zeros(x.shape[:-1])

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z + W c`` and 0."""
        return z + self._mean(context, z), z.new_zeros(z.shape[:-1])

    def _mean(self, context: Tensor | None, like: Tensor) -> Tensor:
        if context is None:
            raise ValueError(f"this flow was built for {self.context} context features: pass context of that width")
        return nn.functional.linear(context.to(like.dtype), self.weight)
