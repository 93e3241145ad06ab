"""A flow as sbi's density estimator: a known posterior, shapes, and what sbi says of its calibration."""

import pickle
import sys

import pytest
import torch
from torch.distributions import MultivariateNormal

from realnvp import InputError, real_nvp
from realnvp.interop import density_estimator


def simulate(theta):
    """``x = theta + 0.5 e``: under a standard normal prior the posterior is N(0.8 x, 0.2)."""
    return theta + 0.5 * torch.randn_like(theta)


@pytest.fixture(scope="module")
def inference(tmp_path_factory):
    of = pytest.importorskip("sbi.inference", reason="sbi is not installed")
    from sbi.utils.tracking import TensorBoardTracker
    from torch.utils.tensorboard import SummaryWriter

    torch.manual_seed(0)
    prior = MultivariateNormal(torch.zeros(2), torch.eye(2))
    theta, build = prior.sample((4000,)), density_estimator(real_nvp, layers=2, hidden=(32,))
    log = TensorBoardTracker(SummaryWriter(tmp_path_factory.mktemp("log")))  # else sbi writes where the tests are run
    trained = of.NPE(prior, density_estimator=build, tracker=log, show_progress_bars=False)
    simulated = trained.append_simulations(theta, simulate(theta))
    simulated.train(max_num_epochs=40, learning_rate=2e-3, training_batch_size=100)
    return trained


@pytest.fixture(scope="module")
def posterior(inference):
    return inference.build_posterior()


def test_it_learns_a_known_posterior(posterior):
    torch.manual_seed(0)
    x = torch.tensor([1.0, -0.5])
    drawn = posterior.sample((5000,), x=x, show_progress_bars=False)

    torch.testing.assert_close(drawn.mean(0), 0.8 * x, atol=0.06, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), 0.2 * torch.eye(2), atol=0.04, rtol=0)


def test_its_densities_are_close_to_the_exact_ones(posterior):
    x, known = torch.tensor([1.0, -0.5]), MultivariateNormal(torch.tensor([0.8, -0.4]), 0.2 * torch.eye(2))
    theta = known.sample((500,))

    assert float((known.log_prob(theta) - posterior.log_prob(theta, x=x)).mean()) < 0.05  # KL in nats


@pytest.mark.filterwarnings("ignore:Capping max_sampling_batch_size")
def test_sbi_finds_it_calibrated(posterior):
    from sbi.diagnostics import check_sbc, check_tarp, run_sbc, run_tarp

    torch.manual_seed(0)
    theta = posterior.prior.sample((300,))
    x = simulate(theta)
    ranks, averaged = run_sbc(theta, x, posterior, num_posterior_samples=300, show_progress_bar=False)
    found = check_sbc(ranks, theta, averaged, num_posterior_samples=300)
    coverage, levels = run_tarp(theta, x, posterior, num_posterior_samples=300, show_progress_bar=False)

    assert float(found["ks_pvals"].min()) > 0.01
    assert abs(check_tarp(coverage, levels)[0]) < 0.6  # sum over 30 levels of coverage beside the diagonal


def test_densities_have_the_shapes_sbi_asks_for(inference):
    net = inference._neural_net.eval()
    x, theta = torch.zeros(3, 2), torch.ones(5, 3, 2)

    assert net.log_prob(theta, x).shape == (5, 3)
    assert net.log_prob(theta[0], x).shape == (1, 3)
    assert net.log_prob(theta[:, :1], x).shape == (5, 3)
    assert net.loss(theta[0], x).shape == (3,)
    assert net.sample((5, 4), x).shape == (5, 4, 3, 2)
    drawn, log_prob = net.sample_and_log_prob((5,), x)
    torch.testing.assert_close(net.log_prob(drawn, x), log_prob)
    assert (net.input_shape, net.condition_shape) == ((2,), (2,))


def test_posteriors_are_pickled(posterior):
    theta, x = torch.zeros(1, 2), torch.zeros(2)
    again = pickle.loads(pickle.dumps(posterior))

    torch.testing.assert_close(again.log_prob(theta, x=x), posterior.log_prob(theta, x=x))


def test_it_is_built_in_the_units_of_the_simulations():
    pytest.importorskip("sbi", reason="sbi is not installed")
    theta, x = 1e4 + 100 * torch.randn(500, 3), torch.randn(500, 1) - 7
    net = density_estimator(real_nvp, layers=2, hidden=(8,))(theta, x)
    known = MultivariateNormal(theta.mean(0), torch.diag(theta.var(0, correction=0)))

    torch.testing.assert_close(net.log_prob(theta, x)[0], known.log_prob(theta), atol=1e-3, rtol=1e-3)  # as it starts


def test_what_are_no_vectors_is_refused():
    with pytest.raises(InputError, match="flatten or summarise"):
        density_estimator()(torch.zeros(10, 2), torch.zeros(10, 8, 8))


def test_without_sbi_a_sentence_says_what_to_install(monkeypatch):
    from realnvp.interop import posterior

    posterior._estimator.cache_clear()
    for name in [name for name in sys.modules if name.startswith("sbi")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sbi", None)
    with pytest.raises(InputError, match=r"pip install 'realnvp\[sbi\]'"):
        density_estimator()(torch.randn(10, 2), torch.randn(10, 2))
