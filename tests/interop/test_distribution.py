"""A flow as a torch.distributions.Distribution: its numbers, its shapes, and what it refuses."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from torch.distributions import Categorical as Which
from torch.distributions import Distribution, Independent, MixtureSameFamily, Normal, constraints, kl_divergence

from realnvp import BoltzmannGenerator, InputError, RealNVP, real_nvp, spline_flow
from realnvp.bases import Mixture
from realnvp.bases import Normal as Base
from realnvp.ensemble import Ensemble
from realnvp.flow import Flow
from realnvp.interop import FlowDistribution
from realnvp.transforms import Standardise

QUICK = {"layers": 2, "width": 8, "max_steps": 20, "members": 1, "random_state": 0, "verbose": False}


def moved(flow):
    torch.manual_seed(3)
    for p in flow.parameters():
        p.data += 0.1 * torch.randn(p.shape)
    return flow.double().eval()


def gaussian(loc, scale):
    """A flow whose law is normal: known in closed form."""
    frame = Standardise(len(loc))
    frame.loc.copy_(torch.tensor(loc))
    frame.scale.copy_(torch.tensor(scale))
    return Flow(frame, Base(len(loc)))


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).normal([3.0, -40.0], [0.5, 20.0], (500, 2))


@pytest.fixture(scope="module")
def fitted(table):
    return RealNVP("spline", **QUICK).fit(table)


def test_the_law_of_a_known_flow_is_the_normal_one():
    law = FlowDistribution(gaussian([1.0, -2.0], [0.5, 3.0]))
    known = Independent(Normal(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])), 1)
    x = known.sample((50,))

    torch.testing.assert_close(law.log_prob(x), known.log_prob(x))
    assert (law.event_shape, law.batch_shape, law.support.event_dim) == (known.event_shape, known.batch_shape, 1)
    assert law.has_rsample
    assert isinstance(law, Distribution)


def test_density_and_draws_are_those_of_the_fitted_model(fitted, table):
    law = fitted.distribution(dtype=torch.float64)
    torch.manual_seed(0)
    drawn = law.sample((1000,))

    np.testing.assert_array_equal(law.log_prob(torch.as_tensor(table)).detach(), fitted.score_samples(table))
    torch.testing.assert_close(drawn.mean(0), torch.as_tensor(table.mean(0)), atol=3.0, rtol=0.1)
    assert drawn.dtype == torch.float64
    assert not drawn.requires_grad


def test_by_default_it_is_in_the_default_dtype_and_a_copy(fitted):
    law = fitted.distribution()
    before = fitted.flow_.transform[0].loc.clone()
    law.flow.transform[0].loc.add_(1.0)

    assert law.sample().dtype == torch.float32
    torch.testing.assert_close(fitted.flow_.transform[0].loc, before)


@pytest.mark.parametrize("sample_shape", [(), (5,), (4, 5)])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_shapes_are_those_of_torch(sample_shape, batch):
    law = FlowDistribution(moved(real_nvp(2, layers=2, hidden=(8,)))).expand(batch)
    x = law.rsample(sample_shape)

    assert law.batch_shape == batch
    assert x.shape == (*sample_shape, *batch, 2)
    assert law.log_prob(x).shape == (*sample_shape, *batch)
    assert x.requires_grad
    assert law.sample(sample_shape).shape == x.shape


def test_each_context_is_a_law_of_a_batch():
    flow = moved(spline_flow(2, context=1, layers=2, hidden=(8,)))
    c = torch.tensor([[-1.0], [0.5], [2.0]], dtype=torch.float64)
    law = FlowDistribution(flow, c)
    x = law.sample((7,))

    assert x.shape == (7, 3, 2)
    for k in range(3):
        torch.testing.assert_close(law.log_prob(x)[:, k], flow.log_prob(x[:, k], c[k]))
        torch.testing.assert_close(law.given(c[k]).log_prob(x[:, k]), flow.log_prob(x[:, k], c[k]))
    assert law.expand((2, 3)).sample().shape == (2, 3, 2)
    assert law.log_prob(x[0, 0]).shape == (3,)  # one point under each


def test_a_conditional_fit_takes_its_context_in_the_units_of_the_data():
    rng = np.random.default_rng(0)
    c = rng.uniform(100, 300, (400, 1))
    x = c * [1.0, -1.0] + rng.normal(size=(400, 2))
    model = RealNVP("affine", **QUICK).fit(x, context=c)
    law = model.distribution(c[:5], dtype=torch.float64)

    np.testing.assert_allclose(
        law.log_prob(torch.as_tensor(x[:5])).detach(), model.score_samples(x[:5], context=c[:5]), rtol=1e-12
    )
    assert model.distribution([200.0]).batch_shape == ()
    with pytest.raises(InputError, match="given a context of 1 features: pass context="):
        model.distribution()
    with pytest.raises(InputError, match="wants 1 context features"):
        model.distribution([1.0, 2.0])
    with pytest.raises(InputError, match="not finite"):
        model.distribution([np.nan])


def test_a_flow_without_context_refuses_one(fitted):
    with pytest.raises(InputError, match="wants no context"):
        fitted.distribution([1.0])


def test_gradients_of_draws_reach_the_parameters_and_agree_with_finite_differences():
    frame = Standardise(1)
    frame.loc = torch.nn.Parameter(torch.tensor([0.3]))
    law = FlowDistribution(Flow(frame, Base(1)))
    law.rsample((8,)).sum().backward()

    torch.testing.assert_close(frame.loc.grad, torch.tensor([8.0]))  # x = loc + scale * e


def test_mixtures_have_densities_and_draws_but_no_gradients_of_draws():
    flows = [gaussian([0.0], [1.0]), gaussian([8.0], [1.0])]
    law = FlowDistribution(Ensemble(flows, torch.tensor([0.25, 0.75]).log()))
    known = MixtureSameFamily(
        Which(torch.tensor([0.25, 0.75])), Independent(Normal(torch.tensor([[0.0], [8.0]]), 1.0), 1)
    )
    x = torch.linspace(-3, 11, 20)[:, None]
    torch.manual_seed(0)

    torch.testing.assert_close(law.log_prob(x), known.log_prob(x))
    assert not law.has_rsample
    assert abs((law.sample((4000,)) > 4).float().mean() - 0.75) < 0.03
    with pytest.raises(InputError, match="mixture"):
        law.rsample()
    assert not FlowDistribution(real_nvp(2, layers=1, hidden=(4,), base=Mixture(2, 3))).has_rsample


@pytest.mark.parametrize("again", [copy.deepcopy, lambda law: pickle.loads(pickle.dumps(law))])
def test_it_is_copied_and_pickled(again):
    law = FlowDistribution(gaussian([1.0], [2.0])).expand((3,))
    x = torch.linspace(-1, 1, 3)[:, None]

    torch.testing.assert_close(again(law).log_prob(x), law.log_prob(x))
    assert again(law).batch_shape == (3,)


@pytest.fixture
def checking(monkeypatch):
    """Torch's own default, which Pyro's samplers leave switched off for the whole process."""
    monkeypatch.setattr(torch.distributions.Distribution, "_validate_args", True)


def test_values_are_checked_unless_it_is_told_not_to(checking):
    flow = gaussian([0.0, 0.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="support"):
        FlowDistribution(flow).log_prob(torch.tensor([0.0, torch.nan]))
    assert FlowDistribution(flow, validate_args=False).log_prob(torch.tensor([0.0, torch.nan])).isnan()


def test_what_torch_has_for_all_laws_works():
    law = FlowDistribution(gaussian([1.0, 2.0], [0.5, 3.0]))
    shifted = torch.distributions.TransformedDistribution(law, [torch.distributions.AffineTransform(5.0, 2.0)])
    x = torch.tensor([[6.0, 8.0]])

    torch.testing.assert_close(shifted.log_prob(x), law.log_prob((x - 5) / 2) - 2 * torch.tensor(2.0).log())
    assert Independent(law.expand((4,)), 1).log_prob(law.sample((4,))).shape == ()
    with pytest.raises(NotImplementedError):
        kl_divergence(law, law)


def test_the_law_of_an_energy_lives_on_its_box(checking):
    g = BoltzmannGenerator(2, bounds=(-1.0, 3.0), layers=1, width=8, max_steps=5, random_state=0, verbose=False)
    law = g.fit(lambda x: 0.5 * x.square().sum(-1)).distribution(dtype=torch.float64)
    torch.manual_seed(0)
    x = law.sample((100,))

    assert isinstance(law.support.base_constraint, constraints._Interval)
    assert bool(law.support.check(x).all())
    np.testing.assert_array_equal(law.log_prob(x).detach(), g.score_samples(x.numpy()))
    with pytest.raises(ValueError, match="support"):
        law.log_prob(torch.tensor([0.0, 3.5], dtype=torch.float64))


def test_codes_and_laws_of_columns_are_refused_in_a_sentence(table):
    rng = np.random.default_rng(0)
    counts = RealNVP("affine", **QUICK).fit(pd.DataFrame({"visits": rng.poisson(3, 500), "x": table[:, 0]}))
    with pytest.raises(InputError, match="column 'visits' is learnt in a code"):
        counts.distribution()
    with pytest.warns(UserWarning, match="from others"):
        plane = RealNVP("affine", **QUICK).fit(np.c_[table, table.sum(1)])
    with pytest.raises(InputError, match=r"column 'x\d' follows from others"):
        plane.distribution()
