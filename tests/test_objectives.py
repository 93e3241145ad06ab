"""What training makes small."""

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp.bases import Logistic, Normal
from realnvp.flow import Flow
from realnvp.objectives import BothKL, ForwardKL, MaxLikelihood, ReverseKL, WeightedLikelihood
from realnvp.potentials import U4
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


@pytest.mark.parametrize("context", [0, 1])
def test_whole_weights_of_mean_one_equal_repetition(context):
    torch.manual_seed(0)
    flow = real_nvp(2, layers=2, hidden=(8,), context=context).double()
    for p in flow.parameters():
        p.data += 0.3 * torch.randn(p.shape)
    given = [torch.randn(9, 2).double(), *[torch.randn(9, 1).double()] * context]
    counts = torch.tensor([0, 1, 2, 3, 4, 1, 1, 0, 5])
    repeated = [a.repeat_interleave(counts, 0) for a in given]
    weighted = WeightedLikelihood(flow)((*given, counts / counts.double().mean()))

    torch.testing.assert_close(weighted, MaxLikelihood(flow)(repeated if context else repeated[0]))


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


def normal(loc=0.5, log_scale=0.3):
    """A normal flow of two features, ``N(loc, exp(log_scale)^2)``."""
    flow = Flow(Affine(2), Normal(2)).double()
    flow.transform.loc.data.fill_(loc)
    flow.transform.log_scale.data.fill_(log_scale)
    return flow


def bowl(x):
    """``-log`` of a standard normal without its constant, log Z = log 2 pi."""
    return 0.5 * x.square().sum(-1)


@pytest.mark.parametrize("path", [False, True])
def test_the_reverse_divergence_is_that_of_two_normals(path):
    """KL = 1/2 sum (s^2 + m^2 - 1) - log s."""
    flow, z = normal(), torch.randn(400_000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    objective = ReverseKL(flow, bowl, path_gradient=path)
    s = np.exp(0.3)
    exact = 2 * (0.5 * (s**2 + 0.25 - 1) - 0.3)
    loss = objective(z)
    loss.backward()

    assert loss.item() + np.log(2 * np.pi) == pytest.approx(exact, abs=0.01)
    assert flow.transform.loc.grad.numpy() == pytest.approx(0.5, abs=0.01)
    assert flow.transform.log_scale.grad.numpy() == pytest.approx(s**2 - 1, abs=0.02)


def test_the_path_gradient_has_no_noise_at_the_optimum():
    flow, z = normal(0.0, 0.0), torch.randn(50, 2, dtype=torch.float64)
    ReverseKL(flow, bowl, path_gradient=True)(z).backward()

    assert flow.transform.loc.grad.abs().max() < 1e-12
    assert flow.transform.log_scale.grad.abs().max() < 1e-12


def test_temperature_flattens_the_target():
    flow, z = normal(), torch.randn(9, 2, dtype=torch.float64)
    hot, cold = ReverseKL(flow, bowl), ReverseKL(flow, lambda x: bowl(x) / 4)
    hot.temperature = 4.0

    assert hot(z).item() == pytest.approx(cold(z).item(), rel=1e-12)


def weighted(n, scale, seed=0):
    """Draws of a wide normal as a batch of ``ForwardKL`` for the ``bowl``."""
    x = scale * torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    log_r = -0.5 * (x / scale).square().sum(-1) - 2 * np.log(scale * np.sqrt(2 * np.pi))
    return x, -bowl(x) - log_r, log_r


def test_the_gradient_of_the_forward_divergence_is_that_of_two_normals():
    """KL(p || q) = sum log s + (1 + m^2) / (2 s^2) - 1/2: d/dm = m / s^2, d/dlog s = 1 - (1 + m^2) / s^2."""
    flow = normal()
    ForwardKL(flow, most=1e9)(weighted(400_000, 2.0)).backward()
    s2 = np.exp(0.6)

    assert flow.transform.loc.grad.numpy() == pytest.approx(0.5 / s2, abs=0.01)
    assert flow.transform.log_scale.grad.numpy() == pytest.approx(1 - 1.25 / s2, abs=0.02)


def test_with_reverse_the_gradient_of_the_other_divergence_joins_it():
    """KL(q || p) = 1/2 (s^2 + m^2 - 1) - log s: d/dm = m, d/dlog s = s^2 - 1."""
    flow, half = normal(), normal()
    ForwardKL(flow, most=1e9, reverse=1.0)(weighted(400_000, 2.0)).backward()
    ForwardKL(half, most=1e9, reverse=0.5)(weighted(400_000, 2.0)).backward()
    s2 = np.exp(0.6)

    for found, share in ((flow, 1.0), (half, 0.5)):
        assert found.transform.loc.grad.numpy() == pytest.approx(0.5 / s2 + share * 0.5, abs=0.02)
        assert found.transform.log_scale.grad.numpy() == pytest.approx(1 - 1.25 / s2 + share * (s2 - 1), abs=0.03)


@pytest.mark.parametrize("reverse", [0.0, 1.0])
def test_the_forward_gradient_has_no_noise_at_the_optimum(reverse):
    flow = normal(0.0, 0.0)
    ForwardKL(flow, most=1e9, reverse=reverse)(weighted(50, 1.5)).backward()

    assert flow.transform.loc.grad.abs().max() < 1e-12
    assert flow.transform.log_scale.grad.abs().max() < 1e-12


def test_draws_of_the_target_itself_are_learnt_by_likelihood():
    one, other, x = normal(), normal(), torch.randn(20, 2, dtype=torch.float64)
    ForwardKL(one)((x, torch.zeros(20).double(), torch.full((20,), torch.inf).double())).backward()
    MaxLikelihood(other)(x).backward()

    torch.testing.assert_close(one.transform.loc.grad, other.transform.loc.grad)
    torch.testing.assert_close(one.transform.log_scale.grad, other.transform.log_scale.grad)


def test_far_samples_of_an_untrained_flow_keep_the_reverse_gradient_finite():
    flow = real_nvp(2, layers=2, hidden=(8,))
    ReverseKL(flow, U4())(100 * torch.randn(64, 2)).backward()

    assert all(torch.isfinite(p.grad).all() for p in flow.parameters() if p.grad is not None)


def test_its_value_is_the_forward_divergence():
    flow, s2 = normal(), np.exp(0.6)
    exact = 2 * (0.3 + 1.25 / (2 * s2) - 0.5)

    assert ForwardKL(flow)(weighted(400_000, 2.0)).item() == pytest.approx(exact, abs=0.01)


def test_both_divergences_are_added_and_either_may_be_left_out():
    flow = normal()
    energy = U4()
    x = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points, noise = (x, torch.zeros(7, dtype=torch.float64), -0.5 * x.square().sum(1)), x.flip(0)
    both = BothKL(flow, energy)
    forward, reverse = ForwardKL(flow)(points), ReverseKL(flow, energy)(noise)

    torch.testing.assert_close(both((points, noise)), forward + reverse)
    torch.testing.assert_close(both((points, None)), forward)
    torch.testing.assert_close(both((None, noise)), reverse)


def test_both_divergences_hold_the_flows_parameters_once():
    flow = real_nvp(2)
    objective = BothKL(flow, U4())

    assert len(list(objective.parameters())) == len(list(flow.parameters()))
