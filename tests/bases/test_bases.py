"""Base distributions, against scipy, scikit-learn and quadrature."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from sklearn.mixture import GaussianMixture
from torch import Tensor

from realnvp.bases import Base, Logistic, Mixture, Normal, Uniform
from realnvp.errors import InputError

TYPES = ["full", "tied", "diag", "spherical"]


def seed(value=0):
    return torch.Generator().manual_seed(value)


def moved(base, dtype=torch.float64):
    """The base away from its start, in every parameter."""
    torch.manual_seed(1)
    for p in base.parameters():
        p.data += 0.5 * torch.randn(p.shape)
    return base.to(dtype)


def fitted(kind, features=3):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(m, s, (200, features)) for m, s in ((-5, 0.3), (0, 2.0), (4, 1.0))])
    return GaussianMixture(3, covariance_type=kind, random_state=0).fit(X @ rng.normal(size=(features, features)))


BASES = {
    "normal": lambda D: Normal(D),
    "trainable normal": lambda D: moved(Normal(D, trainable=True), torch.float32),
    "logistic": lambda D: Logistic(D),
    "trainable logistic": lambda D: moved(Logistic(D, trainable=True), torch.float32),
    "mixture": lambda D: moved(Mixture(D, 3), torch.float32),
    "uniform": lambda D: Uniform([-1.0 - i for i in range(D)], [0.5 * (i + 1) for i in range(D)]),
}
every = pytest.mark.parametrize("make", BASES.values(), ids=BASES)


@every
@pytest.mark.parametrize("features", [1, 3])
@pytest.mark.parametrize("batch", [(), (0,), (1,), (5,), (2, 3)], ids=str)
def test_log_prob_has_the_shape_of_the_batch_and_the_dtype_of_the_base(make, features, batch):
    for dtype in (torch.float32, torch.float64):
        base = make(features).to(dtype)
        logs = base.log_prob(torch.zeros(*batch, features, dtype=dtype))

        assert base.event_shape == (features,)
        assert logs.shape == batch
        assert logs.dtype == dtype


@every
@pytest.mark.parametrize("n", [0, 1, 7])
def test_samples_have_shape_and_dtype_and_come_from_the_generator(make, n):
    for dtype in (torch.float32, torch.float64):
        base = make(2).to(dtype)
        z = base.sample(n, seed(3))
        torch.manual_seed(0)

        assert z.shape == (n, 2)
        assert z.dtype == dtype
        assert torch.equal(z, base.sample(n, seed(3)))
        if n > 1:
            assert not torch.equal(z, base.sample(n, seed(4)))
            assert not torch.equal(base.sample(n), base.sample(n))


@every
def test_the_density_integrates_to_one(make):
    base = make(1).double()

    def density(z):
        return base.log_prob(torch.tensor([z], dtype=torch.float64)).exp().item()

    edges = [-1.0, 0.5] if isinstance(base, Uniform) else None

    assert integrate.quad(density, -40, 40, limit=400, points=edges)[0] == pytest.approx(1, abs=1e-6)


@every
def test_samples_follow_the_density(make):
    """The distribution function by summing the density; Kolmogorov and Smirnov compare."""
    base = make(1).double()
    grid = torch.linspace(-60, 60, 240_001, dtype=torch.float64)
    cumulative = np.concatenate(
        ([0], integrate.cumulative_trapezoid(base.log_prob(grid[:, None]).detach().exp(), grid))
    )
    z = base.sample(20_000, seed(5)).detach().numpy()[:, 0]

    assert stats.kstest(z, lambda v: np.interp(v, grid.numpy(), cumulative)).pvalue > 1e-3


@every
@torch.no_grad()
def test_samples_in_the_plane_have_the_moments_and_the_entropy_of_the_density(make):
    base = make(2).double()
    axis = torch.linspace(-24.975, 24.975, 1000, dtype=torch.float64)  # midpoints of cells that fill the uniform's box
    grid = torch.cartesian_prod(axis, axis)
    logs = base.log_prob(grid)
    p = logs.exp() * 0.05**2
    mean = (p[:, None] * grid).sum(0)
    covariance = (grid - mean).T @ (p[:, None] * (grid - mean))
    z = base.sample(100_000, seed(6))

    torch.testing.assert_close(z.mean(0), mean, rtol=0, atol=0.05)
    torch.testing.assert_close(z.T.cov(), covariance, rtol=0.05, atol=0.05)
    assert -base.log_prob(z).mean() == pytest.approx(-(p * torch.where(p > 0, logs, 0)).sum().item(), abs=0.02)


@pytest.mark.parametrize(("kind", "law"), [(Normal, stats.norm), (Logistic, stats.logistic)])
@pytest.mark.parametrize("shape", [1, 4, (2, 3)])
def test_location_and_scale_families_are_those_of_scipy(kind, law, shape):
    base = moved(kind(shape, trainable=True))
    z = 5 * torch.randn(6, *base.event_shape, dtype=torch.float64)
    loc, scale = base.loc.detach().numpy(), base.log_scale.detach().exp().numpy()
    expected = law.logpdf(z.numpy(), loc, scale).reshape(6, -1).sum(1)

    np.testing.assert_allclose(base.log_prob(z).detach(), expected, rtol=1e-10)
    assert base.sample(3).shape == (3, *base.event_shape)


@pytest.mark.parametrize(("kind", "law"), [(Normal, stats.norm), (Logistic, stats.logistic)])
def test_the_fixed_ones_are_standard_and_not_trained(kind, law):
    base = kind(2).double()
    z = torch.randn(6, 2, dtype=torch.float64)

    np.testing.assert_allclose(base.log_prob(z), law.logpdf(z.numpy()).sum(1), rtol=1e-12)
    assert not list(base.parameters())
    assert {name for name, _ in base.named_buffers()} == {"loc", "log_scale"}


@pytest.mark.parametrize("kind", [Normal, Logistic])
def test_far_tails_stay_finite(kind):
    z = torch.tensor([[1e6], [-1e6], [1e15]])

    assert torch.isfinite(kind(1).log_prob(z)).all()
    assert kind(1).double().log_prob(z[:1].double()).item() == pytest.approx(
        {Normal: -0.5e12 - 0.5 * math.log(2 * math.pi), Logistic: -1e6}[kind]
    )


def test_a_logistic_sample_is_finite_even_where_the_uniform_is_zero(monkeypatch):
    for dtype in (torch.float32, torch.float64):
        below_one = 1 - torch.finfo(dtype).eps / 2
        monkeypatch.setattr(
            torch, "rand", lambda *shape, v=below_one, **kw: torch.tensor([[0.0], [v]], dtype=kw["dtype"])
        )

        assert torch.isfinite(Logistic(1).to(dtype).sample(2)).all()


@pytest.mark.parametrize("name", ["trainable normal", "trainable logistic", "mixture"])
def test_trainable_bases_have_gradients(name):
    base = BASES[name](2)
    base.log_prob(torch.randn(9, 2)).sum().backward()

    for key, p in base.named_parameters():
        assert p.grad is not None, key
        assert p.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", ["trainable normal", "trainable logistic", "mixture"])
def test_samples_carry_gradients_to_location_and_scale(name):
    base = BASES[name](2)
    (base.sample(50, seed()) * torch.arange(1.0, 3.0)).square().sum().backward()
    spread = base.log_diagonal if isinstance(base, Mixture) else base.log_scale

    assert (base.loc.grad != 0).all()
    assert (spread.grad != 0).all()


def test_mixture_is_the_sum_of_its_normals():
    base = moved(Mixture(3, 4))
    z = 2 * torch.randn(10, 3, dtype=torch.float64)
    L = base.root.detach().numpy()
    w = np.exp(base.logits.detach().numpy())
    parts = [stats.multivariate_normal(base.loc[k].detach().numpy(), L[k] @ L[k].T).pdf(z.numpy()) for k in range(4)]

    np.testing.assert_allclose(base.log_prob(z).detach(), np.log((w / w.sum()) @ np.array(parts)), rtol=1e-9)
    assert (np.triu(L, 1) == 0).all()
    assert (np.diagonal(L, axis1=1, axis2=2) > 0).all()


def test_mixture_draws_its_components_by_their_weights_and_covariances():
    base = Mixture(2, 3).double()
    base.loc.data.copy_(torch.tensor([[-100.0, 0.0], [0.0, 0.0], [100.0, 0.0]]))
    base.logits.data.copy_(torch.tensor([0.2, 0.5, 0.3]).log() + 7)
    base.log_diagonal.data.copy_(torch.tensor([[0.0, 0.5], [0.3, -1.0], [1.0, 0.2]]))
    base.lower.data[:, 1, 0] = torch.tensor([0.5, -2.0, 1.5])
    z = base.sample(100_000, seed(1)).detach().numpy()
    which = np.digitize(z[:, 0], [-50, 50])

    assert stats.chisquare(np.bincount(which), 100_000 * np.array([0.2, 0.5, 0.3])).pvalue > 1e-3
    for k, L in enumerate(base.root.detach().numpy()):
        np.testing.assert_allclose(np.cov(z[which == k].T), L @ L.T, rtol=0.05, atol=0.05)
        np.testing.assert_allclose(z[which == k].mean(0), base.loc[k].detach(), atol=0.1)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("features", [1, 3])
def test_a_mixture_from_sklearn_scores_like_it(kind, features):
    mixture = fitted(kind, features)
    X = mixture.sample(300)[0]
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        exact = Mixture.from_sklearn(mixture)
    finally:
        torch.set_default_dtype(before)
    rounded = Mixture.from_sklearn(mixture)

    np.testing.assert_allclose(exact.log_prob(torch.tensor(X)).detach(), mixture.score_samples(X), rtol=0, atol=1e-6)
    np.testing.assert_allclose(rounded.log_prob(torch.tensor(X).float()).detach(), mixture.score_samples(X), atol=2e-3)


def test_a_mixture_starts_from_its_seed():
    assert torch.equal(Mixture(2, 3, seed=1).loc, Mixture(2, 3, seed=1).loc)
    assert not torch.equal(Mixture(2, 3, seed=1).loc, Mixture(2, 3, seed=2).loc)
    assert torch.equal(Mixture(2, 3).root, torch.eye(2).expand(3, 2, 2))


def test_mixture_log_prob_is_finite_far_away():
    assert torch.isfinite(Mixture(2, 3).log_prob(torch.tensor([[1e6, -1e6]]))).all()


def test_uniform_is_flat_on_its_closed_box_and_nothing_outside():
    base = Uniform([0.0, -1.0], [2.0, 3.0])
    logs = base.log_prob(torch.tensor([[1.0, 1.0], [0.0, 3.0], [2.0, -1.0], [2.1, 0.0], [1.0, -1.1]]))

    assert logs.tolist() == pytest.approx([-math.log(8)] * 3 + [-math.inf] * 2)
    z = base.sample(5000, seed())

    assert torch.isfinite(base.log_prob(z)).all()
    assert z.amin(0).tolist() == pytest.approx([0, -1], abs=0.01)
    assert z.amax(0).tolist() == pytest.approx([2, 3], abs=0.01)


def test_uniform_on_an_image():
    base = Uniform(torch.zeros(2, 3), torch.full((2, 3), 2.0))

    assert base.log_prob(torch.ones(4, 2, 3)).tolist() == pytest.approx([-6 * math.log(2)] * 4)
    assert base.sample(5).shape == (5, 2, 3)


@pytest.mark.parametrize(
    ("low", "high"),
    [([0.0], [0.0]), ([1.0], [0.0]), ([0.0], [1.0, 2.0]), (0.0, 1.0), ([math.nan], [1.0]), ([0.0], [math.inf])],
)
def test_a_senseless_uniform_is_refused(low, high):
    with pytest.raises(InputError, match="low < high"):
        Uniform(low, high)


@every
def test_all_of_a_base_moves_and_none_is_kept_aside(make):
    base = make(2).to("meta")

    assert all(v.is_meta for v in (*base.parameters(), *base.buffers()))
    assert base.state_dict()
    assert not [k for k, v in vars(base).items() if isinstance(v, Tensor)]


@every
def test_bases_are_copied_and_pickled(make):
    base, z = make(2), torch.zeros(3, 2)
    for twin in (copy.deepcopy(base), pickle.loads(pickle.dumps(base))):
        assert torch.equal(twin.log_prob(z), base.log_prob(z))


def test_a_base_says_what_it_lacks():
    class Mine(Base):
        event_shape = (2,)

    with pytest.raises(TypeError, match="Mine has no log_prob"):
        Mine().log_prob(torch.zeros(2))
    with pytest.raises(TypeError, match="Mine has no sample"):
        Mine().sample(3)
