"""Several flows as one density."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from realnvp.bases import Normal, Slices
from realnvp.errors import InputError
from realnvp.flow import Flow

__all__ = ["Ensemble", "together"]


class Ensemble(Flow):
    """The mixture ``q(x) = sum_k w_k q_k(x)`` of flows over the same events: exact, and sampled in one pass.

    ``forward`` and ``inverse``, and ``transform`` and ``base``, are those of the first member: a mixture has no latent
    space of its own. ``push`` takes standard normal noise, whatever the members' bases.

    Args:
        members: flows of one event shape and one number of context features.
        log_weights: (members,), normalised here.

    References:
        Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles (Lakshminarayanan et al., 2017),
        https://arxiv.org/abs/1612.01474
    """

    log_weights: Tensor

    def __init__(self, members: Sequence[Flow], log_weights: Tensor) -> None:
        if not members or len({(m.event_shape, m.context) for m in members}) > 1:
            raise InputError("an ensemble needs flows of one event shape and one number of context features")
        super().__init__(members[0].transform, members[0].base)
        self.others = nn.ModuleList(members[1:])
        self.slices = Slices()
        self.register_buffer("log_weights", log_weights.log_softmax(0))

    @property
    def members(self) -> list[Flow]:
        """The flows, the first one first."""
        return [Flow(self.transform, self.base), *self.others]

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Log density of ``x`` in nats."""
        self._check(x, context)
        each = torch.stack([member.log_prob(x, context) for member in self.members], -1)
        return torch.logsumexp(each + self.log_weights.to(each.dtype), -1)

    def push(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Turn standard normal noise ``z`` into ``x`` and ``log q(x)``; its first coordinate says of which member."""
        self._check(z, context)
        if not isinstance(self.base, Normal):
            raise InputError("several flows are pushed from normal noise, and the base of these is another: use sample")
        e, within = self.slices(z[..., 0], self.log_weights.exp().to(z.dtype))
        x = torch.zeros_like(z)
        for k, member in enumerate(self.members):
            noise = member.base.from_normal(torch.cat((e[k][..., None], z[..., 1:]), -1))
            x = torch.where(within[k][..., None], member.inverse(noise, context)[0], x)
        return x, self.log_prob(x, context)

    def rsample(
        self, n: int | tuple[int, ...] = (), context: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Refuse: which member a draw comes from has no gradient."""
        raise InputError("draws of several flows have no gradients: use sample, or fit with members=1")

    @torch.no_grad()
    def sample(
        self, n: int | tuple[int, ...] = (), context: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw points without gradients: ``(n, *event)``, each from a member drawn by the weights."""
        shape = torch.Size(n if isinstance(n, tuple) else (int(n),))
        weights = self.log_weights.exp().expand(shape.numel(), -1)
        picked = torch.multinomial(weights, 1, generator=generator)[:, 0] if shape.numel() else weights.new_zeros(0)
        given = context
        if context is not None and context.dim() > 1:
            given = context.expand(*shape, context.shape[-1]).reshape(-1, context.shape[-1])
        parts = []
        for k, member in enumerate(self.members):
            rows = (picked == k).nonzero()[:, 0]
            mine = given if given is None or given.dim() == 1 else given[rows]
            parts.append((rows, member.sample(len(rows), mine, generator=generator)))
        found = parts[0][1].new_empty(shape.numel(), *self.event_shape)
        for rows, x in parts:
            found[rows] = x
        return found.reshape(*shape, *self.event_shape)

    @torch.no_grad()
    def sample_with_log_prob(
        self, n: int | tuple[int, ...] = (), context: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw points, and the log densities of all members together at each."""
        x = self.sample(n, context, generator=generator)
        return x, self.log_prob(x, context)

    def calibrate(self, x: Tensor, context: Tensor | None = None) -> None:
        """Set what is set from data in every member."""
        for member in self.members:
            member.calibrate(x, context)


def together(flows: Sequence[Flow], log_weights: Tensor) -> Flow:
    """Return the mixture of ``flows``; a single one is itself."""
    return Ensemble(flows, log_weights) if len(flows) > 1 else flows[0]
