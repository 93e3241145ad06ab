import copy
import pickle

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp import Flow, InputError, real_nvp
from realnvp.bases import Logistic, Mixture, Normal
from realnvp.ensemble import Ensemble, together
from realnvp.transforms import Affine

WEIGHTS = torch.tensor([0.7, 0.3])


def moved(loc, scale):
    """A flow whose law is ``N(loc, scale^2)`` in two dimensions."""
    t = Affine(2)
    with torch.no_grad():
        t.log_scale.fill_(np.log(scale))
        t.loc.fill_(loc)
    return Flow(t, Normal(2))


@pytest.fixture(scope="module")
def pair():
    return Ensemble([moved(0.0, 1.0), moved(5.0, 0.5)], WEIGHTS.log()).double()


def test_density_is_the_mixture_of_the_members(pair):
    x = torch.linspace(-3, 8, 40, dtype=torch.float64).reshape(20, 2)
    each = [w * stats.norm(m, s).pdf(x).prod(1) for w, m, s in ((0.7, 0, 1), (0.3, 5, 0.5))]

    np.testing.assert_allclose(pair.log_prob(x).exp().detach(), sum(each), rtol=1e-6)
    assert pair.log_prob(x.reshape(4, 5, 2)).shape == (4, 5)


def test_draws_come_from_the_members_by_their_weights(pair):
    x = pair.sample(20_000, generator=torch.Generator().manual_seed(0))
    far = (x.mean(1) > 2.5).double()

    assert far.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 20_000))
    assert x[far == 1].mean() == pytest.approx(5.0, abs=0.03)
    assert x[far == 1].std() == pytest.approx(0.5, abs=0.02)


def test_the_same_seed_draws_the_same_and_says_its_density(pair):
    one, two = (pair.sample_with_log_prob((3, 4), generator=torch.Generator().manual_seed(1)) for _ in range(2))

    assert one[0].shape == (3, 4, 2)
    torch.testing.assert_close(one, two, rtol=0, atol=0)
    torch.testing.assert_close(one[1], pair.log_prob(one[0]).detach())


@pytest.mark.parametrize("n", [0, 1])
def test_batches_of_none_and_of_one(pair, n):
    x = pair.sample(n)

    assert x.shape == (n, 2)
    assert pair.log_prob(x).shape == (n,)


def test_pushed_noise_has_the_law_of_the_mixture(pair):
    """Quantiles of the first coordinate, against the mixture's own; the second is independent of which member."""
    z = torch.randn(40_000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x, log_prob = pair.push(z)
    law = lambda v: 0.7 * stats.norm(0, 1).cdf(v) + 0.3 * stats.norm(5, 0.5).cdf(v)  # noqa: E731

    assert stats.kstest(x[:, 0].detach().numpy(), law).pvalue > 1e-3
    assert stats.kstest(x[:, 1].detach().numpy(), law).pvalue > 1e-3
    torch.testing.assert_close(log_prob, pair.log_prob(x))
    assert pair.push(z[:0])[0].shape == (0, 2)


def test_noise_of_other_bases_is_pushed_as_their_own():
    mixture = Mixture(2, 3, seed=1).double()
    z = torch.randn(20_000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for base in (mixture, Logistic(2).double()):
        u = base.cdf(base.from_normal(z)).detach().numpy()

        assert all(stats.kstest(u[:, j], "uniform").pvalue > 1e-3 for j in range(2))


def test_latent_coordinates_are_those_of_the_first(pair):
    x = torch.randn(5, 2, dtype=torch.float64)

    torch.testing.assert_close(pair(x)[0], pair.members[0](x)[0])
    torch.testing.assert_close(pair.inverse(pair(x)[0])[0], x)


def test_a_context_goes_to_every_member():
    flows = [real_nvp(2, context=1, layers=2, hidden=(4,)) for _ in range(2)]
    both, c = Ensemble(flows, torch.zeros(2)), torch.randn(6, 1)

    assert both.sample(6, c).shape == (6, 2)
    assert both.sample(6, c[0]).shape == (6, 2)
    assert both.sample(6, c[:1]).shape == (6, 2)
    assert both.sample((2, 3), c[:3]).shape == (2, 3, 2)
    assert both.log_prob(torch.zeros(6, 2), c).shape == (6,)
    with pytest.raises(ValueError, match="context"):
        both.log_prob(torch.zeros(6, 2))


def test_it_is_copied_pickled_and_restored(pair):
    x, fresh = torch.randn(4, 2, dtype=torch.float64), Ensemble([moved(1.0, 2.0), moved(0.0, 3.0)], torch.zeros(2))
    fresh.load_state_dict(pair.state_dict())

    for other in (copy.deepcopy(pair), pickle.loads(pickle.dumps(pair)), fresh.double()):
        torch.testing.assert_close(other.log_prob(x), pair.log_prob(x))


def test_it_compiles_whole(pair):
    x = torch.randn(4, 2, dtype=torch.float64)

    torch.testing.assert_close(torch.compile(pair.log_prob, fullgraph=True, backend="eager")(x), pair.log_prob(x))


def test_what_a_mixture_has_not_is_refused_in_words(pair):
    with pytest.raises(InputError, match="pushed from normal noise, and the base of these is another"):
        Ensemble([Flow(Affine(2), Logistic(2))] * 2, torch.zeros(2)).push(torch.zeros(1, 2))
    with pytest.raises(InputError, match="no gradients"):
        pair.rsample(3)
    with pytest.raises(InputError, match="flows of one event shape"):
        Ensemble([moved(0.0, 1.0), real_nvp(3)], torch.zeros(2))
    with pytest.raises(InputError, match="flows of one event shape"):
        Ensemble([], torch.zeros(0))


def test_one_flow_is_itself():
    flow = moved(0.0, 1.0)

    assert together([flow], torch.zeros(1)) is flow
