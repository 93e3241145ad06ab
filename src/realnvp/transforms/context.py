"""A net for the context, in front of a transform."""

from torch import Tensor, nn

from realnvp.transforms.base import Transform

__all__ = ["Embed"]


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
