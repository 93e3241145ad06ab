"""NICE and Real NVP on circles, moons and spirals, with a logistic and a normal base, before and after training."""

from itertools import islice, product

import numpy as np
from _common import Example, cosine, draws, log_prob
from torch import nn

from realnvp import MaxLikelihood, bases, nice, real_nvp
from realnvp.data.batches import stream
from realnvp.data.toy import Circles, Moons, Spirals
from realnvp.measure import truth_gap
from realnvp.report import density, extent_of, scatter
from realnvp.report.plots import MODEL, fresh_figure
from realnvp.train import adamw, fit
from realnvp.transforms import BatchNorm, EvenOdd

LAWS = (Circles(noise=0.1, factor=0.3), Moons(noise=0.1), Spirals(noise=0.05))
TITLES = ("Data", "Samples, untrained", "Samples, trained", "Density, untrained", "Density, trained", "Exact density")


def leave_identity(flow) -> None:
    """Circles are symmetric: at the identity no shift has a gradient, so the nets start elsewhere."""
    for layer in flow.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
            layer.weight.data *= 3


run = Example(__file__)
steps = run.steps(1500)
print("model     law       base      gap to the exact entropy (nats)")
for name, model in {"NICE": nice, "Real NVP": real_nvp}.items():
    figure, axes = fresh_figure(10, 10.2, 6, 6)
    for row, (law, base) in zip(axes, product(LAWS, (bases.Logistic, bases.Normal)), strict=True):
        flow = model(2, layers=5, hidden=(10, 15, 15), split=EvenOdd, between=BatchNorm, base=base(2))
        if isinstance(law, Circles):
            leave_identity(flow)
        draw, x = draws(law), law.sample(20_000, seed=1)
        box, top = extent_of(x, margin=0.3), np.quantile(np.exp(law.log_prob(x)), 0.95)

        def show(samples, log_density, ax_samples, ax_density, colour=MODEL, box=box, top=top) -> None:
            scatter(samples[:3000], ax=ax_samples, title=None, extent=box, colour=colour)
            density(log_density, box, ax=ax_density, title=None, n=120, vmax=top, colorbar=False)

        flow.calibrate(draw(4096))  # the batch norms start at the data's mean and variance
        show(flow.eval().sample(3000), log_prob(flow), row[1], row[3])
        flow.train()  # batch norm moves in training mode only
        for _ in fit(MaxLikelihood(flow), islice(stream(draw, 512), steps), adamw(flow, 2e-2), schedule=cosine(steps)):
            pass
        show(flow.eval().sample(3000), log_prob(flow), row[2], row[4])
        show(x, law.log_prob, row[0], row[5], colour="#0072B2")
        gap = truth_gap(law.log_prob(x), log_prob(flow)(x))
        print(f"{name:10}{law.name:10}{base.__name__.lower():10}{gap.value:8.3f} +- {gap.error:.3f}")
        row[0].set_ylabel(f"{law.name}, {base.__name__.lower()} base")
    for ax, title in zip(axes[0], TITLES, strict=True):
        ax.set_title(title)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[], xlabel="", ylabel=ax.get_ylabel() if ax in axes[:, 0] else "")
    run.save(figure, f"{name.lower().replace(' ', '_')}.png")
