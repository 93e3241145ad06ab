"""Faults planted one at a time: each must be caught by the check that is named beside it."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp import RealNVP, bases, kernels, transforms
from realnvp.data.laws.plane import Checkerboard
from realnvp.estimators.parts import rows
from realnvp.estimators.pictures import base as pictures
from realnvp.estimators.pictures.flows import image_flow
from realnvp.flow import Flow
from realnvp.measure import weights
from realnvp.nets import mlp
from realnvp.transforms import base as transforms_base
from realnvp.transforms import coupling, norm, pointwise

PICTURE = {"shape": [1, 2, 2], "context": 0, "layers": 1, "width": 4, "blocks": 1, "scales": 1, "base": "normal"}
PICTURE |= {"architecture": "glow", "kernel": "affine", "precision": "float32", "dequantisation": "uniform"}


def shaken(flow, by=0.3):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(by * torch.randn(p.shape, generator=generator).to(p.dtype))
    return flow.double().eval()


def plane(base=None, *more):
    """A flow of the plane that has one of each: two kernels, a linear map, a standardisation."""
    net = mlp((8,))
    chain = [
        transforms.Standardise(2),
        transforms.Coupling(2, net, kernels.Affine()),
        transforms.LULinear(2),
        transforms.Coupling(2, net, kernels.Spline(4, 2.0), split=transforms.Halves(swap=True)),
        *more,
    ]
    chain[0].loc += 3.0
    chain[0].scale *= torch.tensor([2.0, 0.5])
    return shaken(Flow(transforms.Compose(*chain), bases.Normal(2) if base is None else base))


def jacobian(flow, x):
    one = torch.func.vmap(torch.func.jacrev(lambda v: flow(v[None])[0][0]))(x).reshape(len(x), x[0].numel(), -1)
    torch.testing.assert_close(flow(x)[1], torch.linalg.slogdet(one).logabsdet)


def check_jacobian():
    """The log-det is that of autodiff."""
    jacobian(plane(), 3 + torch.randn(20, 2, generator=torch.Generator().manual_seed(1)).double())


def check_jacobian_of_pictures():
    jacobian(shaken(image_flow(PICTURE, 0), 0.1), torch.rand(10, 1, 2, 2).double() * 0.9 + 0.05)


def check_round_trip():
    """The inverse undoes the forward, near and far, and its log-det undoes that."""
    flow = plane()
    x = 3 + 4 * torch.randn(50, 2, generator=torch.Generator().manual_seed(2)).double()
    z, down = flow(x)
    back, up = flow.inverse(z)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(up, -down)


def mass(flow, low, high, n=400):
    sides = [torch.linspace(a, b, n + 1).double() for a, b in zip(low, high, strict=True)]
    points = torch.cartesian_prod(*((s[1:] + s[:-1]) / 2 for s in sides))
    area = math.prod((b - a) / n for a, b in zip(low, high, strict=True))
    return float(flow.log_prob(points).detach().exp().sum() * area)


def check_mass():
    """A density has the integral one, under each base."""
    for base in (bases.Normal(2), bases.Logistic(2), bases.Mixture(2, 3)):
        assert mass(plane(base), (-40, -20), (46, 26), 900) == pytest.approx(1, abs=0.01)


def check_mass_in_a_box():
    flow = shaken(Flow(transforms.Compose(transforms.Probit([-1, 0], [3, 1])), bases.Normal(2)))
    assert mass(flow, (-1, 0), (3, 1)) == pytest.approx(1, abs=0.01)


def check_pushed_densities():
    """The density that comes with a draw is the density of the draw."""
    flow = plane()
    x, log_prob = flow.sample_with_log_prob(200, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(log_prob, flow.log_prob(x))


def check_draws():
    """Latents of draws are uniform under the base's distribution function."""
    for base, law in ((bases.Normal(2), stats.norm), (bases.Logistic(2), stats.logistic)):
        flow = plane(base)
        z = flow(flow.sample(4000, generator=torch.Generator().manual_seed(0)))[0].detach()
        assert stats.kstest(law.cdf(z.numpy()).ravel(), "uniform").pvalue > 1e-4


def check_weights():
    """The normaliser of a law that is normalised is one, within its error; equal weights have the whole ESS."""
    flow = plane()
    x, log_q = flow.sample_with_log_prob(20_000, generator=torch.Generator().manual_seed(0))
    wide = torch.distributions.MultivariateNormal(x.mean(0), x.T.cov())
    found = weights.log_normalizer((wide.log_prob(x) - log_q).numpy())
    assert abs(found.value) < 5 * found.error
    assert weights.ess(np.zeros(100)) == pytest.approx(1)
    assert weights.ess([0.0, -np.inf]) == pytest.approx(0.5)


def check_units():
    """The same rows in other units have a density that differs by the units."""
    X = np.random.default_rng(0).normal(size=(200, 2)) @ [[1, 0.5], [0, 1]]
    a, b = (RealNVP(layers=2, width=4, max_steps=5, random_state=0, verbose=False).fit(s * X) for s in (1, 100))
    np.testing.assert_allclose(a.score_samples(X), b.score_samples(100 * X) + 2 * math.log(100), atol=1e-4)


def check_pictures():
    """The probabilities of all pictures add to one, but for the rim; a picture comes back from its own noise."""
    flow, levels = shaken(image_flow(PICTURE, 0), 0.1).float(), 3
    k = torch.tensor(list(itertools.product(range(levels), repeat=4)), dtype=torch.uint8).reshape(-1, 1, 2, 2)
    generator = torch.Generator().manual_seed(0)
    x = pictures.dequantised(k, levels, generator)
    assert torch.equal(pictures.whole_numbers(x, levels), k)
    scores = pictures.log_probs(flow, k, None, levels, 1, torch.Generator().manual_seed(1))
    again = pictures.dequantised(k, levels, torch.Generator().manual_seed(1))
    np.testing.assert_allclose(scores, (flow.log_prob(again) - 4 * math.log(3)).detach(), rtol=1e-5)
    many = torch.rand(100_000, 1, 2, 2, generator=generator)
    inside = float(flow.log_prob(many).detach().double().exp().mean())
    draws = flow.sample(100_000, generator=generator)
    assert float(((draws > 0) & (draws < 1)).flatten(1).all(1).double().mean()) == pytest.approx(inside, abs=0.02)


def check_edges():
    """Values at the edges of an interval have finite latents."""
    x = torch.tensor([[0.0], [1.0], [0.5]])
    for t in (transforms.Logit(), transforms.Probit(0.0, 1.0)):
        assert torch.isfinite(t(x)[0]).all()


def check_modes():
    """Training and evaluation agree on the density."""
    t = transforms.BatchNorm(2)
    x = 5 + 3 * torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    seen = [value.detach() for value in t(x)]
    for now, then in zip(t.eval()(x), seen, strict=True):
        torch.testing.assert_close(now, then)


def check_context():
    """A context has a say."""
    net = mlp((8,))
    flow = shaken(Flow(transforms.Compose(transforms.Coupling(2, net, kernels.Affine(), context=1)), bases.Normal(2)))
    x = torch.zeros(1, 2).double()
    assert not torch.allclose(flow.log_prob(x, torch.zeros(1, 1)), flow.log_prob(x, torch.ones(1, 1)))


def check_held_out():
    """What is measured on is not trained on."""
    held, kept = rows.hold_out(100, 0.1, 0)
    assert len(held) == 10
    assert not set(held.tolist()) & set(kept.tolist())
    assert sorted(held.tolist() + kept.tolist()) == list(range(100))


def check_chunks():
    """Every row has its own score, whatever the chunks."""
    flow = plane()
    x = np.random.default_rng(0).normal(3, 1, (20_000, 2))
    with torch.no_grad():
        np.testing.assert_allclose(rows.in_chunks(flow.log_prob, [x], flow), flow.log_prob(torch.from_numpy(x)).numpy())


def check_toys():
    """A toy set's density is that of its draws: it has the integral one where they lie."""
    law = Checkerboard()
    grid = np.stack(np.meshgrid(*[np.linspace(-6, 6, 601)] * 2), -1).reshape(-1, 2)
    assert np.exp(law.log_prob(grid)).sum() * 0.02**2 == pytest.approx(1, abs=0.02)


def swapped(real):
    return lambda self, kept, moved, dim: real(self, moved, kept, dim)


def leak(real):
    return lambda self, kept, context=None: real(self, kept + 1e-3 * torch.randn_like(kept), context)


def late_noise(real):
    return lambda k, levels, generator=None: real(k, levels, generator) + 1 / levels


def no_levels(real):
    return lambda flow, k, *rest: real(flow, k, *rest) + flow.event_shape.numel() * math.log(rest[1])


def second(sign):
    """The same values, the log-det with a factor."""
    return lambda real: lambda *args, **kwargs: (lambda y, ladj: (y, sign * ladj))(*real(*args, **kwargs))


def scaled(factor):
    return lambda real: lambda *args, **kwargs: factor * real(*args, **kwargs)


def unclamped(real):
    def forward(self, x, context=None):
        u = self.alpha + self.span * x
        return u.log() - torch.log1p(-u), real(self, x)[1]

    return forward


def unstored(real):
    return lambda self, x, context=None: real(self, x) if not self.training else self.normalise(x, *self.moments(x))


FAULTS = {
    "sign of a log-det": (kernels.Affine, "forward", second(-1), check_jacobian),
    "sign of the way back": (kernels.Affine, "inverse", second(-1), check_pushed_densities),
    "log-det of a spline's inverse": (kernels.Spline, "inverse", second(-1), check_pushed_densities),
    "half a log-det": (kernels.Spline, "forward", second(0.5), check_mass),
    "standardisation not counted": (norm.Standardise, "normalise", second(0), check_units),
    "linear map not counted": (transforms.LULinear, "forward", second(0), check_jacobian),
    "pixels not counted": (transforms_base, "every_row", scaled(0.25), check_jacobian_of_pictures),
    "swapped halves": (coupling.Split, "merge", swapped, check_round_trip),
    "a conditioner that changes its mind": (coupling.Coupling, "theta", leak, check_round_trip),
    "pictures one level up": (pictures, "dequantised", late_noise, check_pictures),
    "log of the levels left out": (pictures, "log_probs", no_levels, check_pictures),
    "missing clamp": (pointwise.Logit, "forward", unclamped, check_edges),
    "wrong base": (bases.Normal, "standard_log_prob", scaled(2), check_mass),
    "draws too wide": (bases.Normal, "standard_sample", scaled(1.1), check_draws),
    "logistic without its two": (bases.Logistic, "standard_log_prob", scaled(0.9), check_mass),
    "weights of a mixture": (bases.Mixture, "log_prob", scaled(1.05), check_mass),
    "volume of the box": (
        pointwise.Probit,
        "_volume",
        lambda _: staticmethod(lambda half: 0 * half),
        check_mass_in_a_box,
    ),
    "batch's own moments": (transforms.BatchNorm, "forward", unstored, check_modes),
    "context passed over": (coupling.Coupling, "_spread", scaled(0), check_context),
    "held-out rows trained on": (
        rows,
        "hold_out",
        lambda real: lambda *args: (lambda held, kept: (held, torch.cat((kept, held))))(*real(*args)),
        check_held_out,
    ),
    "a chunk scored as the first": (
        rows,
        "tensor",
        lambda real: lambda a: real(np.roll(a, 1, 0)),
        check_chunks,
    ),
    "ESS without its square": (weights, "ess", lambda real: lambda w: real(w) ** 0.5, check_weights),
    "normaliser of a sum": (
        weights,
        "log_normalizer",
        lambda real: lambda w: real(w)._replace(value=real(w).value + math.log(len(w))),
        check_weights,
    ),
    "density of a toy doubled": (
        Checkerboard,
        "log_prob",
        lambda real: lambda self, x: real(self, x) + math.log(2),
        check_toys,
    ),
}


@pytest.mark.parametrize("check", sorted({fault[3] for fault in FAULTS.values()}, key=lambda check: check.__name__))
def test_a_check_passes_where_there_is_no_fault(check):
    check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name, monkeypatch):
    place, attribute, plant, check = FAULTS[name]
    monkeypatch.setattr(place, attribute, plant(getattr(place, attribute)))

    with pytest.raises(AssertionError):
        check()
