"""Multi-layer perceptrons."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from realnvp.nets.base import Dropout, NetFactory, activation, zeroed

__all__ = ["MLP", "mlp"]


def _in_place(act: nn.Module) -> nn.Module:
    """Let a ReLU write over its input: no gradient asks for what the linear layer before it gave."""
    return nn.ReLU(inplace=True) if type(act) is nn.ReLU else act


class MLP(nn.Sequential):
    """Linear layers of the widths ``hidden`` with an activation between them; the last layer starts at zero.

    Maps ``(*, inputs)`` to ``(*, outputs)``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Sequence[int] = (128, 128),
        *,
        act: str | Callable[[], nn.Module] = "relu",
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise((inputs, *hidden)):
            layers += [nn.Linear(before, after), _in_place(activation(act))]
            layers += [Dropout(dropout)] if dropout else []
        super().__init__(*layers, zeroed(nn.Linear((inputs, *hidden)[-1], outputs)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the conditioner's output."""
        return super().forward(x)


def mlp(
    hidden: Sequence[int] = (128, 128), *, act: str | Callable[[], nn.Module] = "relu", dropout: float = 0.0
) -> NetFactory:
    """Return a factory of MLPs of these widths, for ``Coupling``."""
    return partial(MLP, hidden=tuple(hidden), act=act, dropout=dropout)
