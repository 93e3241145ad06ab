"""NICE and Real NVP on circles, moons and spirals, with a logistic and a normal base, before and after training."""

from itertools import islice, product

import numpy as np
from _common import Example, cosine, draws, log_prob
from torch import nn

from realnvp import MaxLikelihood, bases, nice, real_nvp
from realnvp.data.batches import stream
from realnvp.data.toy import Circles, Moons, Spirals
from realnvp.measure import truth_gap
from realnvp.nets import mlp
from realnvp.report import density, scatter
from realnvp.report.plots import DATA, MODEL, fresh_figure
from realnvp.train import adamw, fit
from realnvp.transforms import BatchNorm, EvenOdd

SETS = list(product((Circles(noise=0.1, factor=0.3), Moons(noise=0.1), Spirals()), (bases.Logistic, bases.Normal)))
TITLES = ("Data", "Samples, untrained", "Samples, trained", "Density, untrained", "Density, trained", "Exact density")


def build(model, base):
    """Start away from the identity: there no shift has a gradient on a symmetric law, and NICE would stay a normal."""
    net = mlp((10, 15, 15), act="silu")
    flow = model(2, layers=5, net=net, split=EvenOdd, between=BatchNorm, base=base(2))
    for layer in flow.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
            layer.weight.data *= 2
    return flow


def show(axes, samples, log_density, box, top, colour=MODEL) -> None:
    scatter(samples[:3000], ax=axes[0], title=None, extent=box, colour=colour)
    density(log_density, box, ax=axes[1], title=None, n=120, vmax=top, colorbar=False)


run = Example(__file__)
steps = run.steps(1400)
for name, model in {"NICE": nice, "Real NVP": real_nvp}.items():
    figure, axes = fresh_figure(10, 10.2, 6, 6)
    for row, (law, base) in zip(axes, SETS, strict=True):
        flow, draw, x = build(model, base), draws(law), law.sample(20_000, seed=1)
        reach = 1.1 * abs(x - x.mean(0)).max()
        look = (x.mean(0) - reach, x.mean(0) + reach), np.quantile(np.exp(law.log_prob(x)), 0.95)
        flow.calibrate(draw(4096))  # the batch norms start at the data's mean and variance
        show(row[[1, 3]], flow.eval().sample(3000), log_prob(flow), *look)
        flow.train()  # batch norm moves in training mode only
        for _ in fit(MaxLikelihood(flow), islice(stream(draw, 512), steps), adamw(flow, 2e-2), schedule=cosine(steps)):
            pass
        show(row[[2, 4]], flow.eval().sample(3000), log_prob(flow), *look)
        show(row[[0, 5]], x, law.log_prob, *look, colour=DATA)
        gap = truth_gap(law.log_prob(x), log_prob(flow)(x))
        print(f"{name:10}{law.name:9}{base.__name__:9}gap to the entropy {gap.value:6.3f} +- {gap.error:.3f} nats")
        for ax, title in zip(row, TITLES, strict=True):
            ax.set(xticks=[], yticks=[], xlabel="", ylabel="", title=title if row[0] is axes[0, 0] else "")
        row[0].set_ylabel(f"{law.name}, {base.__name__.lower()} base")
    run.save(figure, f"{name.lower().replace(' ', '_')}.png")
