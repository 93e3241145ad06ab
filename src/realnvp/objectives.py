"""What training makes small: modules with one signature, ``objective(batch) -> scalar``."""

from torch import Tensor, nn

from realnvp.flow import Flow

__all__ = ["MaxLikelihood"]


class MaxLikelihood(nn.Module):
    """Learn from samples: the mean negative log likelihood ``-E[log q(x)]`` in nats.

    A batch is ``x`` of shape ``(n, *event)``, or ``(x, context)``.
    """

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, batch: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        """Return the batch's mean negative log likelihood."""
        x, context = (batch, None) if isinstance(batch, Tensor) else batch
        return -self.flow.log_prob(x, context).mean()
