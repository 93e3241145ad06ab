"""The lattice field: what the default flow learns of phi^4, beside the tutorial's flow and Hamiltonian Monte Carlo."""

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from bench.common import clocked, table
from realnvp import BoltzmannGenerator
from realnvp.mcmc import hmc
from realnvp.measure import autocorrelation_time, ess
from realnvp.potentials import Phi4

__all__ = ["curve", "lattice", "transition"]

NEAR = -6.0
"""A mass^2 near the transition at coupling 8: about there <|m|> of side 16 rises, see ``transition``."""


def observables(potential: Phi4, x: np.ndarray) -> dict[str, np.ndarray]:
    """M^2 / V, |m| and S / V of each row."""
    total, sites = x.sum(1), potential.features
    action = potential(torch.as_tensor(x)).numpy() / sites
    return {"M^2/V": total**2 / sites, "|m|": abs(total) / sites, "S/V": action}


def chains(potential: Phi4, steps: int, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Means of the observables and their standard errors, by 64 chains."""
    generator = torch.Generator().manual_seed(seed)
    start = 0.4 * torch.randn(64, potential.features, generator=generator, dtype=torch.float64)
    start[:16] += 0.6  # half of the chains start in order
    start[16:32] -= 0.6
    found = hmc(potential, start, steps, burn=400, leapfrog=12, generator=generator)
    shape = found.x.shape[:2]
    means = {}
    for name, values in observables(potential, found.x.flatten(0, 1).numpy()).items():
        time = autocorrelation_time(values.reshape(*shape))
        means[name] = float(values.mean()), float(values.std() * np.sqrt(time / values.size))
    return means


def ours(potential: Phi4, seed: int = 0, max_time: float | None = None) -> tuple[BoltzmannGenerator, float]:
    """Fit with default settings."""
    with clocked() as clock, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = BoltzmannGenerator(random_state=seed, verbose=False, device="cpu", max_time=max_time).fit(potential)
    for warning in said:
        print("   warning:", str(warning.message)[:100], flush=True)
    return model, clock.wall


def lattice(seeds: int, steps: int) -> str:
    """Side 8, mass^2 -4, coupling 8, a minute of training: ours at each seed, HMC, and the tutorial's configuration."""
    potential, rows = Phi4(), []
    truth = chains(potential, 2000)
    rows.append(["Hamiltonian Monte Carlo", "", "", *(f"{v:.4f} ± {e:.4f}" for v, e in truth.values()), ""])
    print("  ", *rows[-1], flush=True)
    for seed in range(seeds):
        model, wall = ours(potential, seed, max_time=60)
        found = {
            name: model.expectation(lambda x, name=name: observables(potential, x)[name], 50_000, random_state=seed)
            for name in truth
        }
        log_z = f"{model.log_normalizer_:.4f} ± {model.log_normalizer_error_:.4f}"
        shown = [
            f"{found[n].value:.4f} ± {found[n].error:.4f} ({abs(found[n].value - v) / np.hypot(found[n].error, e):.1f})"
            for n, (v, e) in truth.items()
        ]
        rows.append([f"ours, seed {seed}", f"{model.ess_:.4f}", log_z, *shown, f"{wall:.0f}"])
        print("  ", *rows[-1], flush=True)
    with clocked() as clock:
        tutorial = train_tutorial(potential, steps=steps)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        x, log_q = tutorial(20_000)
        size = ess((-potential(x) - log_q).double().numpy())
    rows.append([f"tutorial, {steps:,} steps", f"{size:.4f}", "", "", "", "", f"{clock.wall:.0f}"])
    print("  ", *rows[-1], flush=True)
    return table(["who", "ESS", "log Z", "M²/V (distance from HMC in errors)", r"\|m\|", "S/V", "wall (s)"], rows)


def curve(sides: list[int], masses: list[float]) -> str:
    """Cost against volume, default settings: to the end of 3,000 steps, or to where nothing improves."""
    rows = []
    for mass2 in masses:
        for side in sides:
            model, wall = ours(Phi4(side, mass2))
            first, last = model.history_[0], model.history_[-1]
            steps = last["step"]
            pace = (last["seconds"] - first["seconds"]) / max(1, steps - first["step"])
            rows.append([f"{mass2:g}", side, f"{model.ess_:.4f}", f"{model.coverage_:.4f}", f"{model.pareto_k_:.2f}",
                         f"{model.log_normalizer_:.4f} ± {model.log_normalizer_error_:.4f}", steps, f"{wall:.0f}",
                         f"{1e3 * pace:.0f}"])  # fmt: skip
            print("  ", *rows[-1], flush=True)
    columns = ["mass²", "side", "ESS", "coverage", "Pareto k", "log Z", "steps", "wall (s)", "ms a step"]
    return table(columns, rows)


def transition() -> str:
    """Where |m| rises: Hamiltonian Monte Carlo at coupling 8, by mass^2."""
    rows = []
    for mass2 in (-4.0, -5.0, -5.5, -6.0, -6.25, -6.5, -7.0):
        cells = []
        for side in (8, 16):
            value, error = chains(Phi4(side, mass2), 600)["|m|"]
            cells.append(f"{value:.4f} ± {error:.4f}")
        rows.append([f"{mass2:g}", *cells])
    return table(["mass²", r"⟨\|m\|⟩, side 8", r"⟨\|m\|⟩, side 16"], rows)


class _Tutorial(nn.Module):
    """16 affine couplings of the checkerboard, convolutions 1-8-8-2 of 3 x 3, periodic: the published tutorial's."""

    def __init__(self, side: int, couplings: int = 16) -> None:
        super().__init__()
        self.side = side
        i, j = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        self.register_buffer("mask", ((i + j) % 2).float())
        self.nets = nn.ModuleList(self._net() for _ in range(couplings))

    def _net(self) -> nn.Sequential:
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, 8), (8, 8), (8, 2)):
            conv = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="circular")
            layers += [conv, nn.LeakyReLU() if outputs != 2 else nn.Tanh()]
        return nn.Sequential(*layers)

    def forward(self, n: int) -> tuple[Tensor, Tensor]:
        """Draw fields (n, side^2) with their log densities."""
        z = torch.randn(n, self.side, self.side)
        log_q = -0.5 * z.square().sum((1, 2)) - z[0].numel() * 0.9189385332046727
        for index, net in enumerate(self.nets):
            frozen = self.mask if index % 2 == 0 else 1 - self.mask
            s, t = net((frozen * z)[:, None]).unbind(1)
            active = 1 - frozen
            z = active * (z * torch.exp(s) + t) + frozen * z
            log_q = log_q - (active * s).sum((1, 2))
        return z.flatten(1), log_q


def train_tutorial(potential: Phi4, *, steps: int, batch: int = 64, lr: float = 1e-3, seed: int = 0) -> _Tutorial:
    """Train it by reverse KL, Adam at a constant rate."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        flow = _Tutorial(potential.side)
        optimizer = torch.optim.Adam(flow.parameters(), lr=lr)
        for _ in range(steps):
            x, log_q = flow(batch)
            loss = (log_q + potential(x)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return flow
