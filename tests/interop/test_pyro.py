"""Flows in Pyro: a guide that reaches a known posterior, a prior under which NUTS finds the right one."""

import subprocess
import sys

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import MCMC, NUTS, SVI, Importance, Trace_ELBO

from realnvp import real_nvp, spline_flow
from realnvp.bases import Normal
from realnvp.flow import Flow
from realnvp.interop import FlowDistribution
from realnvp.transforms import Standardise

A = torch.tensor([[1.0, 0.5], [0.0, 1.0], [1.0, -1.0]])
Y = torch.tensor([1.0, -0.5, 2.0])
PRECISION = torch.eye(2) + A.T @ A / 0.25  # of the posterior: prior N(0, I), noise of variance 0.25
MEAN = torch.linalg.solve(PRECISION, A.T @ Y / 0.25)
EVIDENCE = torch.distributions.MultivariateNormal(torch.zeros(3), 0.25 * torch.eye(3) + A @ A.T).log_prob(Y)


@pytest.fixture(autouse=True)
def fresh():
    pyro.clear_param_store()
    pyro.set_rng_seed(0)


def linear(prior):
    """``y = A theta + noise``: its posterior is normal."""

    def model():
        theta = pyro.sample("theta", prior)
        pyro.sample("y", dist.Normal(theta @ A.T, 0.5).to_event(1), obs=Y)

    return model


def standard():
    return FlowDistribution(Flow(Standardise(2), Normal(2)))


def test_a_flow_as_a_guide_reaches_the_posterior_and_the_evidence():
    model = linear(dist.Normal(torch.zeros(2), 1.0).to_event(1))
    flow = real_nvp(2, layers=4, hidden=(16,), base=Normal(2, trainable=True))

    def guide():
        pyro.module("flow", flow)
        pyro.sample("theta", FlowDistribution(flow))

    svi = SVI(
        model, guide, pyro.optim.ClippedAdam({"lr": 0.02, "lrd": 0.998}), Trace_ELBO(32, vectorize_particles=True)
    )
    for _ in range(700):
        svi.step()
    with torch.no_grad():
        elbo = -Trace_ELBO(4000, vectorize_particles=True).loss(model, guide)
    drawn = FlowDistribution(flow).sample((20_000,))

    assert float(EVIDENCE) - 0.02 < elbo < float(EVIDENCE) + 0.02  # KL(guide || posterior) below 0.02 nats
    torch.testing.assert_close(drawn.mean(0), MEAN, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), PRECISION.inverse(), atol=0.02, rtol=0)


def test_an_amortised_guide_takes_its_context_from_the_data():
    flow = spline_flow(1, context=1, layers=2, hidden=(16,))
    data = torch.linspace(-2, 2, 64)[:, None]

    def model():
        with pyro.plate("rows", len(data)):
            z = pyro.sample("z", dist.Normal(torch.zeros(1), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=data)

    def guide():
        pyro.module("flow", flow)
        with pyro.plate("rows", len(data)):
            pyro.sample("z", FlowDistribution(flow, data))

    svi = SVI(model, guide, pyro.optim.ClippedAdam({"lr": 0.02, "lrd": 0.99}), Trace_ELBO())
    for _ in range(400):
        svi.step()
    drawn = FlowDistribution(flow, data).sample((4000,))

    torch.testing.assert_close(drawn.mean(0), data / 2, atol=0.12, rtol=0)  # z | x is N(x / 2, 1 / 2)
    assert abs(float(drawn.std(0).mean()) - 0.5**0.5) < 0.05


def test_under_a_flow_as_the_prior_nuts_finds_the_posterior():
    chains = MCMC(NUTS(linear(standard())), num_samples=500, warmup_steps=100, disable_progbar=True)
    chains.run()
    drawn = chains.get_samples()["theta"]

    torch.testing.assert_close(drawn.mean(0), MEAN, atol=0.1, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), PRECISION.inverse(), atol=0.05, rtol=0)


def test_under_a_flow_as_the_prior_importance_finds_the_evidence():
    torch.manual_seed(0)
    found = Importance(linear(standard()), guide=None, num_samples=4000).run()

    assert abs(float(found.get_log_normalizer() - EVIDENCE)) < 0.15


def test_it_is_a_distribution_of_pyros():
    law = standard()

    assert law.shape() == (2,)
    assert law.expand_by((5,)).batch_shape == (5,)
    assert law.expand_by((5,)).to_event(1).event_shape == (5, 2)
    assert law().shape == (2,)
    with pyro.plate("rows", 7):
        assert pyro.sample("x", law).shape == (7, 2)


def test_without_pyro_it_is_one_of_torchs_and_pyro_is_not_imported():
    code = """
import sys
from realnvp import real_nvp
from realnvp.interop import FlowDistribution
law = FlowDistribution(real_nvp(2, layers=1, hidden=(4,)))
assert type(law) is FlowDistribution and "pyro" not in sys.modules
import pyro
try:
    pyro.sample("x", law)
except ValueError as error:
    sys.exit("import pyro before" not in str(error))
sys.exit(1)
"""

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
