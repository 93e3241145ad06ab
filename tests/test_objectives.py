"""What training makes small."""

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp.bases import Logistic, Normal
from realnvp.flow import Flow
from realnvp.objectives import MaxLikelihood
from realnvp.recipes import real_nvp
from realnvp.transforms import Affine


def test_it_is_the_mean_negative_log_likelihood():
    flow = Flow(Affine(2), Normal(2)).double()
    flow.transform.loc.data.fill_(0.5)
    flow.transform.log_scale.data.fill_(0.3)
    x = np.random.default_rng(0).standard_normal((9, 2))
    expected = -stats.norm.logpdf(x, 0.5, np.exp(0.3)).sum(1).mean()

    assert MaxLikelihood(flow)(torch.tensor(x)).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_batch_may_bring_its_context(kind):
    torch.manual_seed(0)
    flow = real_nvp(2, layers=2, hidden=(8,), context=1)
    for p in flow.parameters():
        p.data += 0.3 * torch.randn(p.shape)
    x, c = torch.randn(9, 2), torch.randn(9, 1)
    loss = MaxLikelihood(flow)(kind((x, c)))

    torch.testing.assert_close(loss, -torch.stack([flow.log_prob(a, b) for a, b in zip(x, c, strict=True)]).mean())
    assert not torch.allclose(loss, MaxLikelihood(flow)((x, c.flip(0))))


def test_its_gradient_is_that_of_the_likelihood():
    """For a normal: the mean residual, and one minus the mean square."""
    flow, x = Flow(Affine(1), Normal(1)).double(), torch.tensor([[1.0], [2.0], [6.0]]).double()
    MaxLikelihood(flow)(x).backward()

    assert flow.transform.loc.grad.item() == pytest.approx(-3.0)
    assert flow.transform.log_scale.grad.item() == pytest.approx(1 - 41 / 3)


def test_it_hands_on_the_parameters_and_the_mode_of_its_flow():
    flow = real_nvp(2, base=Logistic(2, trainable=True))
    objective = MaxLikelihood(flow)

    assert [id(p) for p in objective.parameters()] == [id(p) for p in flow.parameters()]
    assert not objective.eval().flow.training
