"""The usual Real NVP script, as a plain reference: binary masks, separate scale and shift nets, Adam 1e-4."""

import torch
from torch import Tensor, nn

__all__ = ["MaskedRealNVP", "train_reference", "train_reference_on_energy"]


def _net(features: int, width: int, last: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, features), last
    )


class MaskedRealNVP(nn.Module):
    """Couplings that multiply by masks ``(0, 1)`` and ``(1, 0)`` in turn; scale nets end in tanh."""

    def __init__(self, features: int = 2, couplings: int = 8, width: int = 128) -> None:
        super().__init__()
        masks = torch.stack([(torch.arange(features) + i + 1) % 2 for i in range(couplings)]).float()
        self.register_buffer("masks", masks)
        self.scales = nn.ModuleList(_net(features, width, nn.Tanh()) for _ in range(couplings))
        self.shifts = nn.ModuleList(_net(features, width, nn.Identity()) for _ in range(couplings))

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density in nats under a standard normal base."""
        ladj = x.new_zeros(len(x))
        for mask, scale, shift in zip(self.masks, self.scales, self.shifts, strict=True):
            kept = x * mask
            s, t = scale(kept) * (1 - mask), shift(kept) * (1 - mask)
            x = kept + (1 - mask) * (x - t) * torch.exp(-s)
            ladj = ladj - s.sum(1)
        return -0.5 * (x**2).sum(1) - x.shape[1] * 0.9189385332046727 + ladj

    def boxed(self, n: int) -> tuple[Tensor, Tensor]:
        """Draw ``4 tanh(y)`` of the flow's draws ``y``, with log densities; ``log(1 - tanh^2)`` by softplus."""
        z = torch.randn(n, self.masks.shape[1])
        log_q = -0.5 * (z**2).sum(1) - z.shape[1] * 0.9189385332046727
        for mask, scale, shift in list(zip(self.masks, self.scales, self.shifts, strict=True))[::-1]:
            kept = z * mask
            s, t = scale(kept) * (1 - mask), shift(kept) * (1 - mask)
            z = kept + (1 - mask) * (z * torch.exp(s) + t)
            log_q = log_q - s.sum(1)
        slope = 2 * (0.6931471805599453 - z - nn.functional.softplus(-2 * z)) + 1.3862943611198906
        return 4 * torch.tanh(z), log_q - slope.sum(1)


def train_reference(
    draw: object, *, steps: int = 5000, batch: int = 512, lr: float = 1e-4, seed: int = 0
) -> MaskedRealNVP:
    """Train on fresh batches ``draw(n)``, raw coordinates, constant rate: as the script does it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        flow = MaskedRealNVP()
    optimizer = torch.optim.Adam(flow.parameters(), lr=lr)
    for _ in range(steps):
        loss = -flow.log_prob(draw(batch)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return flow


def train_reference_on_energy(
    potential: object, *, steps: int = 5000, batch: int = 1024, lr: float = 1e-4, seed: int = 0
) -> MaskedRealNVP:
    """Train the same flow by reverse KL on a potential of the box [-4, 4]^2: samples end in ``4 tanh``."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        flow = MaskedRealNVP()
        optimizer = torch.optim.Adam(flow.parameters(), lr=lr)
        for _ in range(steps):
            x, log_q = flow.boxed(batch)
            loss = (log_q + potential(x)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return flow
