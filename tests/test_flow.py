"""Flows: normalised densities, samples that agree with them, shapes, seeds and clear errors."""

import copy
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.distributions import Independent, MultivariateNormal
from torch.distributions import Normal as TorchNormal

from realnvp.bases import Logistic, Mixture, Normal, Uniform
from realnvp.flow import Flow
from realnvp.recipes import nice, real_nvp, spline_flow
from realnvp.transforms import ActNorm, Affine, Box, Compose, Embed, LULinear, Standardise

SMALL = {"layers": 3, "hidden": (16,)}
RECIPES = {
    "nice": lambda **kw: nice(2, **SMALL, **kw),
    "real nvp": lambda **kw: real_nvp(2, **SMALL, **kw),
    "spline": lambda **kw: spline_flow(2, **SMALL, **kw),
    "spline alone": lambda **kw: spline_flow(2, **SMALL, affine=None, **kw),
    "real nvp on a logistic": lambda **kw: real_nvp(2, **SMALL, base=Logistic(2), **kw),
    "spline on a mixture": lambda **kw: spline_flow(2, **SMALL, between=LULinear, base=Mixture(2, 3), **kw),
}
every = pytest.mark.parametrize("make", RECIPES.values(), ids=RECIPES)


def moved(flow, dtype=torch.float64):
    torch.manual_seed(3)
    for p in flow.parameters():
        p.data += 0.3 * torch.randn(p.shape) / max(1, p[0].numel() if p.dim() > 1 else 4) ** 0.5
    return flow.to(dtype).eval()


def seed(value=0):
    return torch.Generator().manual_seed(value)


@every
@pytest.mark.parametrize("context", [0, 2])
@torch.no_grad()
def test_the_density_integrates_to_one(make, context):
    flow = moved(make(context=context))
    c = torch.tensor([0.7, -1.2]).double() if context else None
    x = flow.sample(4000, c, generator=seed())
    low, high = x.amin(0) - 4, x.amax(0) + 4
    axes = [torch.linspace(float(a), float(b), 401, dtype=torch.float64) for a, b in zip(low, high, strict=True)]
    cell = math.prod((axis[1] - axis[0]).item() for axis in axes)

    assert flow.log_prob(torch.cartesian_prod(*axes), c).exp().sum().item() * cell == pytest.approx(1, abs=2e-3)


@every
@torch.no_grad()
def test_samples_fill_the_cells_as_the_density_says(make):
    flow, n = moved(make()), 40_000
    x = flow.sample(n, generator=seed(1)).numpy()
    edges = [np.quantile(column, np.linspace(0.02, 0.98, 9)) for column in x.T]
    counts = np.histogram2d(*x.T, bins=edges)[0]
    fine = 24
    steps = (np.arange(fine) + 0.5) / fine
    mids = [np.concatenate([a + steps * (b - a) for a, b in pairwise(e)]) for e in edges]
    p = flow.log_prob(torch.tensor(np.stack(np.meshgrid(*mids, indexing="ij"), -1))).exp().numpy()
    area = np.outer(*(np.repeat(np.diff(e) / fine, fine) for e in edges))
    expected = n * (p * area).reshape(8, fine, 8, fine).sum((1, 3))
    busy = expected > 10
    square = ((counts - expected)[busy] ** 2 / expected[busy]).sum()

    assert busy.sum() > 30
    assert stats.chi2.sf(square, busy.sum()) > 1e-4


@every
def test_push_gives_the_density_of_what_it_makes(make):
    flow = moved(make(context=2))
    z, c = flow.base.sample(50, seed()), torch.randn(50, 2, dtype=torch.float64)
    x, logs = flow.push(z, c)

    torch.testing.assert_close(flow.log_prob(x, c), logs, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(x, flow.inverse(z, c)[0], rtol=0, atol=0)


def test_an_affine_flow_is_the_normal_of_torch():
    loc, scale = torch.tensor([1.0, -2.0]).double(), torch.tensor([0.5, 3.0]).double()
    flow = Flow(Affine(2), Normal(2)).double()
    flow.transform.loc.data.copy_(loc)
    flow.transform.log_scale.data.copy_(scale.log())
    x = torch.randn(4, 5, 2, dtype=torch.float64)

    torch.testing.assert_close(flow.log_prob(x), Independent(TorchNormal(loc, scale), 1).log_prob(x))


def test_a_linear_flow_is_the_full_normal_of_torch():
    flow = moved(Flow(LULinear(3), Normal(3)))
    A, b = flow.transform.matrix.detach(), flow.transform.bias.detach()
    law = MultivariateNormal(torch.linalg.solve(A, -b), precision_matrix=A.T @ A)
    x = torch.randn(6, 3, dtype=torch.float64)

    torch.testing.assert_close(flow.log_prob(x), law.log_prob(x))


def test_a_box_flow_on_a_uniform_latent_box_has_density_zero_outside():
    flow = Flow(Box(0.0, 1.0), Uniform([-1.0], [1.0]))

    assert flow.log_prob(torch.tensor([[2.0], [0.999], [0.5]])).isfinite().tolist() == [False, False, True]


@every
@pytest.mark.parametrize("n", [0, 1, 7, (), (3,), (2, 3), torch.Size([4, 0]), torch.Size(), np.int64(5)], ids=str)
def test_samples_take_a_number_or_a_shape_as_torch_distributions_do(make, n):
    flow = moved(make())
    shape = tuple(n) if isinstance(n, tuple) else (int(n),)
    x, logs = flow.sample_with_log_prob(n, generator=seed())

    assert flow.sample(n).shape == flow.rsample(n).shape == x.shape == (*shape, 2)
    assert logs.shape == shape
    torch.testing.assert_close(flow.log_prob(x), logs, rtol=1e-9, atol=1e-9)


@every
def test_the_same_generator_gives_the_same_samples(make):
    flow = moved(make())
    x = flow.sample(6, generator=seed(4))
    torch.manual_seed(99)

    assert torch.equal(x, flow.sample(6, generator=seed(4)))
    assert torch.equal(x, flow.rsample(6, generator=seed(4)))
    assert torch.equal(x, flow.sample_with_log_prob(6, generator=seed(4))[0])
    assert not torch.equal(x, flow.sample(6, generator=seed(5)))
    assert not torch.equal(flow.sample(6), flow.sample(6))


def test_sampling_by_a_generator_leaves_the_global_one_alone():
    flow, before = moved(real_nvp(2, **SMALL, base=Mixture(2))), torch.random.get_rng_state()
    flow.sample(5, generator=seed())

    assert torch.equal(before, torch.random.get_rng_state())


@every
def test_rsample_carries_gradients_and_sample_none(make):
    flow = moved(make())
    flow.rsample(20, generator=seed()).square().sum().backward()
    grads = [p.grad for name, p in flow.named_parameters() if "logits" not in name]

    assert all(g is not None and torch.isfinite(g).all() for g in grads)
    assert not flow.sample(3).requires_grad
    assert not any(v.requires_grad for v in flow.sample_with_log_prob(3))


def test_push_carries_gradients_to_the_noise_and_the_parameters():
    flow, z = moved(real_nvp(2, **SMALL)), torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    _, logs = flow.push(z)
    logs.sum().backward()

    assert z.grad.abs().sum() > 0
    assert all(torch.isfinite(p.grad).all() for p in flow.parameters())


def test_it_has_the_shapes_of_torch_distributions():
    flow = real_nvp(3)

    assert flow.event_shape == torch.Size([3])
    assert flow.batch_shape == torch.Size()
    assert isinstance(flow.event_shape, torch.Size)
    assert (flow.context, real_nvp(3, context=4).context) == (0, 4)


@pytest.mark.parametrize("move", ["forward", "inverse", "log_prob", "push", "calibrate"])
@pytest.mark.parametrize("shape", [(5, 2), (5, 4), (3, 5), (), (0,), (1,)], ids=str)
def test_events_of_another_shape_are_a_clear_error(move, shape):
    with pytest.raises(ValueError, match=r"events have shape \(3,\): got an array of shape"):
        getattr(real_nvp(3), move)(torch.zeros(shape))


@pytest.mark.parametrize("move", ["forward", "inverse", "log_prob", "push", "calibrate", "sample", "rsample"])
def test_contexts_that_are_missing_wrong_or_unwanted_are_clear_errors(move):
    given = 5 if "sample" in move else torch.zeros(5, 3)

    with pytest.raises(ValueError, match="wants 2 context features: got none"):
        getattr(real_nvp(3, context=2), move)(given)
    with pytest.raises(ValueError, match=r"wants 2 context features: got an array of shape \(5, 4\)"):
        getattr(real_nvp(3, context=2), move)(given, torch.zeros(5, 4))
    with pytest.raises(ValueError, match=r"wants no context features: got an array of shape \(5, 4\)"):
        getattr(real_nvp(3), move)(given, torch.zeros(5, 4))
    with pytest.raises(ValueError, match="wants 2 context features"):
        getattr(real_nvp(3, context=2), move)(given, torch.tensor(1.0))


def test_a_context_may_be_shared_by_all_rows_or_spread_over_samples():
    flow = moved(real_nvp(2, **SMALL, context=3))
    c = torch.randn(4, 3, dtype=torch.float64)
    shared = flow.sample(6, c[0], generator=seed())
    spread = flow.sample((6, 4), c, generator=seed())

    assert shared.shape == (6, 2)
    assert spread.shape == (6, 4, 2)
    torch.testing.assert_close(flow.log_prob(spread, c)[:, 1], flow.log_prob(spread[:, 1], c[1]))


def test_calibrate_reaches_every_layer_and_then_standardises():
    torch.manual_seed(0)
    x = 40 + 3 * torch.randn(800, 2)
    flow = Flow(Compose(Standardise(2), real_nvp(2, **SMALL, between=ActNorm).transform), Normal(2))
    flow.calibrate(x)
    z, _ = flow(x)

    torch.testing.assert_close(z.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.var(0), torch.ones(2), atol=1e-2, rtol=0)


def test_a_flow_calibrates_through_an_embedded_context():
    transform = real_nvp(2, **SMALL, context=2, between=ActNorm).transform
    flow = Flow(Embed(transform, nn.Linear(5, 2), 5), Normal(2))
    flow.calibrate(10 + torch.randn(50, 2), torch.randn(50, 5))

    assert flow.context == 5
    assert all(m.calibrated for m in flow.modules() if isinstance(m, ActNorm))


@every
def test_a_flow_is_copied_pickled_and_restored(make):
    flow, x = moved(make()), torch.randn(5, 2, dtype=torch.float64)
    fresh = make().double()
    fresh.load_state_dict(flow.state_dict())
    for twin in (copy.deepcopy(flow), pickle.loads(pickle.dumps(flow)), fresh):
        assert torch.equal(twin.log_prob(x), flow.log_prob(x))


def test_a_fixed_base_has_no_parameters_in_the_flow():
    assert not [n for n, _ in real_nvp(2).named_parameters() if n.startswith("base")]
    assert [n for n, _ in real_nvp(2, base=Normal(2, trainable=True)).named_parameters() if n.startswith("base")]
