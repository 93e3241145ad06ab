"""The pictures of ``docs/how.md``, drawn by the library itself: ``python docs/tools/pictures.py [NAME ...]``.

Seeds are fixed and one thread is used, so the same machine draws the same pictures; two minutes on one core.
"""

import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from sklearn.datasets import load_digits

from realnvp import Flow, ImageRealNVP, MaxLikelihood, data, real_nvp, spline_flow
from realnvp.bases import Normal
from realnvp.data.batches import stream
from realnvp.kernels import Affine
from realnvp.nets import mlp
from realnvp.recipes import couplings
from realnvp.report import bent_grid, extent_of, montage, scatter, walk
from realnvp.report.plots import DATA, INK, MODEL, fresh_figure
from realnvp.report.plots.base import label_axes, legend
from realnvp.train import adamw, fit, warm_cosine
from realnvp.transforms import CheckerboardCoupling, Compose, Squeeze

PICTURES = Path(__file__).parents[1] / "pictures"


def trained(flow, toy, steps=1500):
    """The flow after ``steps`` steps of 512 fresh points."""
    rng, rate = np.random.default_rng(0), warm_cosine(100)
    batches = stream(lambda n: torch.as_tensor(toy.sample(n, rng), dtype=torch.float32), 512)
    records = fit(MaxLikelihood(flow), batches, adamw(flow, lr=3e-3), schedule=lambda i: rate(i, i / steps))
    for _ in islice(records, steps):
        pass
    return flow.eval()


def as_arrays(method):
    """A method of tensors as a function of arrays."""
    return torch.no_grad()(lambda x: np.asarray(method(torch.as_tensor(x, dtype=torch.float32))))


def change_of_variables():
    """Equal masses of a normal, and where the map puts them."""
    law = data.toy("mixture")
    flow = trained(spline_flow(1, layers=2, hidden=(32,)), law)
    z = np.linspace(-3.2, 3.2, 801)
    x = as_arrays(lambda t: flow.inverse(t)[0])(z[:, None])[:, 0]
    edges = np.concatenate(([z[0]], np.sort(Normal(1).sample(100_000).numpy()[:, 0])[10_000:100_000:10_000], [z[-1]]))
    figure, axes = fresh_figure(10.5, 3.4, 1, 3)
    base, curve, learnt = axes[0]
    p_z = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    p_x = np.exp(as_arrays(flow.log_prob)(x[:, None]))
    for ax, at, p, cuts in ((base, z, p_z, edges), (learnt, x, p_x, np.interp(edges, z, x))):
        for i in range(10):
            inside = (at >= cuts[i]) & (at <= cuts[i + 1])
            ax.fill_between(at[inside], p[inside], color=DATA, alpha=0.25 if i % 2 else 0.6, linewidth=0)
        ax.plot(at, p, color=INK, linewidth=1.2)
        ax.set_ylim(0, None)
    learnt.plot(x, np.exp(law.log_prob(x[:, None])), color=MODEL, linewidth=1.2, linestyle="--", label="exact")
    legend(learnt)
    curve.plot(z, x, color=INK, linewidth=1.5)
    for cut in edges[1:-1]:
        at = np.interp(cut, z, x)
        curve.plot([cut, cut, z[0]], [x[0], at, at], color=DATA, linewidth=0.6)
    curve.set(xlim=(z[0], z[-1]), ylim=(x[0], x[-1]))
    label_axes(base, "Base: ten equal masses", "z", "density")
    label_axes(curve, "x = f⁻¹(z): flat where x crowds", "z", "x")
    label_axes(learnt, "log q(x) = log p(f(x)) + log|f′(x)|", "x", "density")
    return figure


def coupling():
    """A regular grid behind one coupling, then the moons behind each of six."""
    law = data.toy("moons")
    torch.manual_seed(0)
    flow = trained(real_nvp(2, layers=6, hidden=(64, 64)), law)
    x, moon = law.sample_with_labels(1000, 1)
    frames = walk(flow, x).frames
    figure, axes = fresh_figure(11, 5, 2, 4)
    first = next(iter(flow.transform))
    box = (np.full(2, -2.5), np.full(2, 2.5))
    bent_grid(lambda points: points, ax=axes[0, 0], extent=2.0, lines=13, box=box, title="A grid")
    bent_grid(as_arrays(lambda t: first(t)[0]), ax=axes[1, 0], extent=2.0, lines=13, title="The grid behind coupling 1")
    for i, ax in enumerate(axes[:, 1:].flat):
        scatter(frames[i + 1], labels=moon, ax=ax, title=f"Data behind {i + 1}", extent=extent_of(frames[i + 1]))
    for ax in axes.flat:
        ax.set_aspect("auto")
    return figure


def masks():
    """What is kept and what is moved, found by moving the pixels; and the channels that a squeeze makes."""
    figure, axes = fresh_figure(11, 3.1, 1, 4)
    kernel, x = Affine(), torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for ax, swap in ((axes[0, 0], False), (axes[0, 1], True)):
        torch.manual_seed(0)
        layer = CheckerboardCoupling(1, lambda a, b: torch.nn.Conv2d(a, b, 3, padding=1), kernel, swap=swap)
        moved = (layer(x)[0] != x)[0, 0].detach().numpy()
        ax.imshow(moved, cmap="Blues", vmin=0, vmax=1.6)
        label_axes(ax, "Colours swapped" if swap else "Checkerboard: blue is moved")
    numbers = torch.arange(16.0).reshape(1, 1, 4, 4)
    squeezed = Squeeze()(numbers)[0][0].int().numpy()
    colours = np.repeat(["#BBD3EA", "#F3CDB3"], 2)
    for ax, title in ((axes[0, 2], "Sixteen pixels …"), (axes[0, 3], "… squeezed: four channels")):
        label_axes(ax, title)
        ax.set(xlim=(-0.1, 4.5), ylim=(4.5, -0.1))
        ax.set_aspect("equal")
    for channel, picture in enumerate(squeezed):
        for (row, column), number in np.ndenumerate(picture):
            places = (number // 4, number % 4), (channel // 2 * 2.3 + row, channel % 2 * 2.3 + column)
            for ax, (down, right) in zip(axes[0, 2:], places, strict=True):
                ax.fill(
                    [right, right + 0.95, right + 0.95, right], [down, down, down + 0.95, down + 0.95], colours[channel]
                )
                ax.text(right + 0.47, down + 0.5, str(number), ha="center", va="center", size=9)
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
    return figure


def scales():
    """Digits, and what becomes of them when one half of their latents is drawn anew."""
    images = load_digits().images.astype(np.uint8)
    model = ImageRealNVP(levels=17, scales=2, max_steps=700, random_state=0, verbose=False).fit(images)
    shown = images[[3, 8, 10, 12, 17, 24, 26, 33, 45, 59]]
    Z = model.transform(shown)
    fresh = np.random.default_rng(0).normal(size=Z.shape)
    deep = (np.add.outer(np.arange(8), np.arange(8)) % 2 == 0)[None]  # a squeeze puts the two colours in two halves
    rows = [model.inverse_transform(np.where(redrawn, fresh, Z)) for redrawn in (~deep, deep)]
    figure, axes = fresh_figure(10, 3.3)
    axes[0, 0].imshow(montage(np.concatenate([shown, *rows]), 10, levels=17), interpolation="nearest")
    high = axes[0, 0].get_ylim()[0]
    axes[0, 0].set(xticks=[], yticks=[high / 6, high / 2, 5 * high / 6])
    axes[0, 0].set_yticklabels(["digits", "half that leaves early\ndrawn anew", "deeper half\ndrawn anew"])
    axes[0, 0].spines[:].set_visible(False)
    return figure


@dataclass(frozen=True)
class Raw:
    """``y = x * exp(s) + t`` with no bound on ``s``: what the library does not do."""

    size: ClassVar[int] = 2

    def forward(self, x, theta):
        """Stretch and shift."""
        return x * theta[..., 1].exp() + theta[..., 0], theta[..., 1]

    def inverse(self, y, theta):
        """Undo it."""
        return (y - theta[..., 0]) * (-theta[..., 1]).exp(), -theta[..., 1]


def bounds():
    """The two log-scales, and how often a sample of a deep flow is no finite number."""
    figure, axes = fresh_figure(9, 3.4, 1, 2)
    raw = np.linspace(-8, 8, 401)
    axes[0, 0].semilogy(raw, np.exp(raw), color=MODEL, label="exp(raw)")
    axes[0, 0].semilogy(raw, np.exp(2 * np.tanh(raw / 2)), color=DATA, label="exp(2 tanh(raw / 2))")
    legend(axes[0, 0])
    label_axes(axes[0, 0], "One coupling: the scale", "what the net says, raw", "scale")
    spreads = np.linspace(0.02, 0.4, 20)
    for kernel, colour, name in ((Raw(), MODEL, "raw"), (Affine(), DATA, "bounded")):
        lost = [lost_share(kernel, spread) for spread in spreads]
        axes[0, 1].plot(spreads, lost, color=colour, marker="o", markersize=3, label=name)
    legend(axes[0, 1])
    label_axes(axes[0, 1], "32 couplings, 19 features", "spread of the weights", "samples not finite (share)")
    return figure


@torch.no_grad()
def lost_share(kernel, spread):
    """The share of samples with a value that is not finite, of a flow whose weights are random."""
    chain = couplings(19, kernel, layers=32, net=mlp((64, 64)))
    flow = Flow(Compose(*chain), Normal(19))
    generator = torch.Generator().manual_seed(0)
    for p in flow.parameters():
        p.normal_(0, spread, generator=generator)
    x = flow.sample(2000, generator=generator)
    return float((~x.isfinite().all(-1)).float().mean())


DRAWN = {"change": change_of_variables, "coupling": coupling, "masks": masks, "scales": scales, "bounds": bounds}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or DRAWN:
        torch.manual_seed(0)
        path = PICTURES / f"how_{name}.png"
        DRAWN[name]().savefig(path, dpi=90)
        print(f"{path}  {path.stat().st_size:,} bytes")
