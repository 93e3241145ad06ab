"""Residual perceptrons."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from realnvp.nets.base import Dropout, NetFactory, activation, zeroed
from realnvp.nets.linear import Linear

__all__ = ["ResidualMLP", "residual_mlp"]


class _Block(nn.Module):
    """``h + W2 act(W1 act(h))``, pre-activation; ``W2`` starts at zero."""

    def __init__(self, width: int, act: str | Callable[[], nn.Module], dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            activation(act),
            Linear(width, width),
            activation(act),
            Dropout(dropout) if dropout else nn.Identity(),
            zeroed(Linear(width, width)),
        )

    def forward(self, h: Tensor) -> Tensor:
        return h + self.body(h)


class ResidualMLP(nn.Module):
    """A linear layer, ``blocks`` residual blocks of ``width``, an activation, and a last layer that starts at zero.

    Maps ``(*, inputs)`` to ``(*, outputs)``.

    References:
        Identity mappings in deep residual networks (He et al., 2016), https://arxiv.org/abs/1603.05027
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 128,
        blocks: int = 2,
        *,
        act: str | Callable[[], nn.Module] = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.first = Linear(inputs, width)
        self.blocks = nn.Sequential(*(_Block(width, act, dropout) for _ in range(blocks)), activation(act))
        self.last = zeroed(Linear(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return the conditioner's output."""
        return self.last(self.blocks(self.first(x)))


def residual_mlp(
    width: int = 128, blocks: int = 2, *, act: str | Callable[[], nn.Module] = "relu", dropout: float = 0.0
) -> NetFactory:
    """Return a factory of residual perceptrons, for ``Coupling``."""
    return partial(ResidualMLP, width=width, blocks=blocks, act=act, dropout=dropout)
