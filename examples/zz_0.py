"""Simulation-based inference on the two moons: a flow as sbi's density estimator, checked by sbi's own SBC and TARP.

Needs sbi: pip install 'realnvp[sbi]'. The posterior of an observation is two crescents, drawn beside the exact one.
"""

import numpy as np
import torch
from _common import Example
from sbi.diagnostics import check_sbc, check_tarp, run_sbc, run_tarp
from sbi.inference import NPE
from sbi.utils import BoxUniform
from sbi.utils.tracking import TensorBoardTracker
from torch.utils.tensorboard import SummaryWriter

from realnvp.interop import density_estimator
from realnvp.report.plots import fresh_figure
from realnvp.transforms import LULinear


def simulate(theta: torch.Tensor) -> torch.Tensor:
    """Put a point on a crescent that (theta_1 + theta_2, theta_2 - theta_1) moves (Greenberg et al., 2019)."""
    angle = np.pi * (torch.rand(len(theta)) - 0.5)
    radius = 0.1 + 0.01 * torch.randn(len(theta))
    crescent = torch.stack((radius * angle.cos() + 0.25, radius * angle.sin()), 1)
    moved = torch.stack((-(theta[:, 0] + theta[:, 1]).abs(), theta[:, 1] - theta[:, 0]), 1) / np.sqrt(2)
    return crescent + moved


def exact(n: int) -> torch.Tensor:
    """Draw of the posterior of x = (0, 0): the crescent's point is minus the shift, whose sign is either."""
    p = simulate(torch.zeros(n, 2))  # x - p = -p is the shift: |t1 + t2| = sqrt(2) p_1, t2 - t1 = -sqrt(2) p_2
    total, apart = np.sqrt(2) * p[:, 0] * (2 * torch.randint(2, (n,)) - 1), -np.sqrt(2) * p[:, 1]
    return torch.stack(((total - apart) / 2, (total + apart) / 2), 1)


run = Example(__file__)
torch.manual_seed(0)
prior = BoxUniform(-torch.ones(2), torch.ones(2))
theta = prior.sample((500 if run.quick else 10_000,))
build = density_estimator(layers=6, hidden=(64, 64), between=LULinear)
log = TensorBoardTracker(SummaryWriter(run.out / "log"))
inference = NPE(prior, density_estimator=build, tracker=log, show_progress_bars=False)
inference.append_simulations(theta, simulate(theta)).train(training_batch_size=200, max_num_epochs=run.steps(200))
posterior = inference.build_posterior()

theta = prior.sample((100 if run.quick else 1000,))
x = simulate(theta)
ranks, averaged = run_sbc(theta, x, posterior, num_posterior_samples=1000, show_progress_bar=False)
found = check_sbc(ranks, theta, averaged, num_posterior_samples=1000)
print("SBC: Kolmogorov-Smirnov p", found["ks_pvals"].tolist(), "C2ST of the ranks", found["c2st_ranks"].tolist())
ecp, alpha = run_tarp(theta, x, posterior, num_posterior_samples=1000, show_progress_bar=False)
area, p = check_tarp(ecp, alpha)
print(f"TARP: area between coverage and the diagonal {area:.4f}, Kolmogorov-Smirnov p {p:.3f}")

figure, axes = fresh_figure(8, 4, 1, 2)
drawn = posterior.sample((2000,), x=torch.zeros(2), show_progress_bars=False)
for ax, points, title in zip(axes.flat, (exact(2000), drawn), ("exact posterior of x = (0, 0)", "learnt"), strict=True):
    ax.scatter(*points.T, s=1)
    ax.set(title=title, xlim=(-0.6, 0.6), ylim=(-0.6, 0.6), xlabel="theta 1", ylabel="theta 2", aspect="equal")
run.save(figure, "two_moons_sbi.png")
