"""A flow is a base distribution and a transform: elementwise and positive linear maps of normals and of mixtures."""

from itertools import islice, product

import numpy as np
from _common import Example, cosine, log_prob
from _laws import LAWS

from realnvp import Flow, MaxLikelihood, bases, transforms
from realnvp.data.batches import stream
from realnvp.measure import truth_gap
from realnvp.report import extent_of, grid
from realnvp.report.plots import INK, MODEL, fresh_figure
from realnvp.train import adamw, fit


def moments(transform) -> str:
    """Mean b and covariance A Aᵀ of x = A z + b for standard normal z."""
    affine = isinstance(transform, transforms.Affine)
    b, A = (transform.loc, transform.scale.diag()) if affine else (transform.shift, transform.matrix)
    return show(b.tolist(), (A @ A.T).tolist())


def show(mean: list, covariance: list) -> str:
    return f"mean {np.round(mean, 2) + 0.0}, covariance {(np.round(covariance, 2) + 0.0).tolist()}"


def compare(ax, exact, learnt, x: np.ndarray) -> None:
    """The learnt density in colour and the exact one dashed: curves on the line, contours in the plane."""
    box = extent_of(x, margin=0.2)
    for log_density, colour, style in ((learnt, MODEL, "-"), (exact, INK, "--")):
        if x.shape[1] == 1:
            at = np.linspace(*box, 600)  # (600, 1)
            ax.plot(at, np.exp(log_density(at)), color=colour, linestyle=style)
        else:
            xs, ys, at = grid(box, 100)
            image = np.exp(log_density(at)).reshape(100, 100)
            ax.contour(xs, ys, image, levels=(0.01, 0.04, 0.1), colors=colour, linestyles=style)
            ax.set_aspect("equal")


run = Example(__file__)
steps = run.steps(1000)
choices = list(product((transforms.Affine, transforms.PositiveLinear), (bases.Normal, bases.Mixture)))
figure, axes = fresh_figure(11, 11.5, len(LAWS), len(choices))
for row, (name, law) in zip(axes, LAWS.items(), strict=True):
    print(f"{name}: exact {show(law.mean, law.covariance)}")
    for ax, (transform, base) in zip(row, choices, strict=True):
        flow = Flow(transform(len(law.mean)), base(len(law.mean)))
        batches = islice(stream(law.draw, 1024), steps)
        for _ in fit(MaxLikelihood(flow), batches, adamw(flow, 3e-2), schedule=cosine(steps)):
            pass
        x = law.draw(50_000).numpy()
        kl = truth_gap(law.log_prob(x), log_prob(flow)(x))
        learnt = moments(flow.transform) if base is bases.Normal else ""
        print(f"  {transform.__name__:15}{base.__name__:8}KL {kl.value:7.4f} +- {kl.error:.4f} nats   {learnt}")
        compare(ax, law.log_prob, log_prob(flow), x)
        ax.set_title(f"{name}: {transform.__name__} of {base.__name__.lower()}\nKL {abs(kl.value):.3f} nats", size=9)
run.save(figure, "flows.png")
