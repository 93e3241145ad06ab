"""Multi-layer perceptrons."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from realnvp.nets.base import Dropout, NetFactory, activation, zeroed
from realnvp.nets.linear import Linear

__all__ = ["MLP", "mlp"]


def _in_place(act: nn.Module) -> nn.Module:
    """Let a ReLU write over its input: no gradient asks for what the linear layer before it gave."""
    return nn.ReLU(inplace=True) if type(act) is nn.ReLU else act


@torch.no_grad()
def _scaled(layer: nn.Linear, gain: float) -> nn.Linear:
    for p in layer.parameters():
        p.mul_(gain)
    return layer


class MLP(nn.Sequential):
    """Linear layers of the widths ``hidden`` with an activation between them; the last layer starts at zero.

    Maps ``(*, inputs)`` to ``(*, outputs)``. ``gain`` scales the first weights and biases of the hidden layers: with
    torch's own (1) what they give is small, and a smooth activation of it next to linear.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Sequence[int] = (128, 128),
        *,
        act: str | Callable[[], nn.Module] = "relu",
        dropout: float = 0.0,
        gain: float = 1.0,
    ) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise((inputs, *hidden)):
            layers += [_scaled(Linear(before, after), gain), _in_place(activation(act))]
            layers += [Dropout(dropout)] if dropout else []
        super().__init__(*layers, zeroed(Linear((inputs, *hidden)[-1], outputs)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the conditioner's output."""
        return super().forward(x)


def mlp(
    hidden: Sequence[int] = (128, 128),
    *,
    act: str | Callable[[], nn.Module] = "relu",
    dropout: float = 0.0,
    gain: float = 1.0,
) -> NetFactory:
    """Return a factory of MLPs of these widths, for ``Coupling``."""
    return partial(MLP, hidden=tuple(hidden), act=act, dropout=dropout, gain=gain)
