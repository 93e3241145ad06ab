"""Location and scale, feature by feature, learnt."""

import torch
from torch import Tensor, nn

from realnvp.transforms.base import Diagonal

__all__ = ["Affine", "Scale"]


class Affine(Diagonal):
    """A learnt location and a learnt positive scale per feature: ``x = loc + scale * z``; the identity at the start."""

    def __init__(self, features: int, *, event_dim: int = 1) -> None:
        super().__init__(features, event_dim=event_dim)
        self.loc = nn.Parameter(torch.zeros(self.shape))
        self.log_scale = nn.Parameter(torch.zeros(self.shape))

    @property
    def scale(self) -> Tensor:
        """The positive scale."""
        return self.log_scale.exp()

    def read(self) -> tuple[Tensor, Tensor]:
        """Return the two parameters."""
        return self.loc, self.log_scale


class Scale(Diagonal):
    """``z = exp(theta) * x``, the diagonal layer that ends NICE, ``ladj = sum(theta)``.

    References:
        NICE (Dinh et al., 2014), section 3.3, https://arxiv.org/abs/1410.8516
    """

    def __init__(self, features: int, *, event_dim: int = 1) -> None:
        super().__init__(features, event_dim=event_dim)
        self.theta = nn.Parameter(torch.zeros(self.shape))

    def read(self) -> tuple[Tensor, Tensor]:
        """Return no shift and ``-theta``."""
        return torch.zeros_like(self.theta), -self.theta
