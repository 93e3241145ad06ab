import numpy as np
import pytest
import torch
from scipy import stats

from realnvp import RealNVP
from realnvp.estimators.parts import mixtures
from realnvp.estimators.parts.member import Member, believed, shares
from realnvp.estimators.parts.mixtures import bending, best_mixture, shrunk_normal


def rows(law, n=3000, features=3):
    return torch.from_numpy(law.rvs((n, features), random_state=0)).float()


def test_bending_pays_for_skewed_columns_and_not_for_normal_or_elliptical_ones():
    x, skewed = rows(stats.norm()), rows(stats.lognorm(1.0))
    radius = torch.from_numpy(stats.chi2(3).rvs((3000, 1), random_state=1)).float()

    assert bending(skewed, "auto", 0) is not None
    assert bending(x, "auto", 0) is None
    assert bending(torch.cat((x, x @ torch.randn(3, 3)), 1) / (radius / 3).sqrt(), "auto", 0) is None
    assert bending(rows(stats.lognorm(1.0), 20), "auto", 0) is None
    assert bending(rows(stats.lognorm(1.0), 60, 40), "auto", 0) is None
    assert bending(x, True, 0) is not None
    assert bending(skewed, False, 0) is None


@pytest.mark.parametrize("n", [300, 9000])
def test_what_is_bent_is_nearly_normal_however_many_rows_there_are(n):
    x = rows(stats.lognorm(1.0), n)
    z = bending(x, "auto", 0)(x)[0]

    assert stats.kstest(z[:, 0].numpy(), "norm").statistic < 1.5 / n**0.5


def test_as_many_normals_as_the_held_out_rows_ask_for():
    centres = torch.tensor([[-4.0, 0.0], [4.0, 0.0], [0.0, 6.0], [0.0, -6.0]])
    x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0)) + centres.repeat(500, 1)

    assert len(best_mixture(x[:1500], x[1500:], 0).logits) == 4
    assert len(best_mixture(torch.randn(400, 2), torch.randn(400, 2), 0).logits) == 1


def test_rows_held_out_choose_the_mixture_by_their_weights():
    """Of rows held out those that were trained on ask for as many normals as there may be, fresh ones for one."""
    x = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    z, held = x[:60], torch.cat((x[:60].repeat(10, 1), x[60:]))

    assert len(best_mixture(z, held, 0).logits) > 4
    assert len(best_mixture(z, held, 0, weights=np.repeat([0.0, 1.0], [600, 240])).logits) == 1


@pytest.mark.parametrize("weights", [None, np.array([1.0, 1.0, 0.0])])
def test_shares_are_the_likeliest_under_rows_and_what_was_believed(weights):
    """The likelihood of the rows, and of three more shared out as was believed before, on a grid of weights."""
    each, before = np.log([[0.9, 0.8, 0.1], [0.1, 0.2, 0.9]]), np.array([0.3, 0.7])
    found = shares(each, before, weights)
    grid = np.linspace(0, 1, 10_001)[1:-1]
    value = np.log(grid[:, None] * np.exp(each[0]) + (1 - grid[:, None]) * np.exp(each[1]))
    more = before[0] * np.log(grid) + before[1] * np.log(1 - grid)
    best = grid[(3 * np.average(value, axis=1, weights=weights) + 3 * more).argmax()]

    assert found.sum() == pytest.approx(1)
    assert found[0] == pytest.approx(best, abs=1e-3)


def test_many_rows_overrule_what_was_believed():
    each = np.log(np.tile([[0.9], [0.1]], 3000))

    assert shares(each, np.array([0.01, 0.99]))[0] > 0.998


@pytest.mark.parametrize(
    ("kernels", "before"),
    [
        (["spline"], [1]),
        (["spline", "affine"], [1 / 2, 1 / 2]),
        (["spline", "affine", "none", "none"], [1 / 4] * 4),
        (["spline", "affine", "spline", "affine", "none", "none"], [1 / 8] * 4 + [1 / 4] * 2),
    ],
)
def test_half_is_believed_of_the_flows_and_half_of_the_normals(kernels, before):
    members = [Member({"kernel": kernel}, None, None) for kernel in kernels]

    np.testing.assert_allclose(believed(members), before)


def test_a_normal_is_drawn_towards_a_sphere_by_as_much_as_rows_are_few():
    law = torch.diag(torch.tensor([2.0, 1.0, 0.5, 0.1]))
    z = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0)) @ law
    few, many = shrunk_normal(z[:8]), shrunk_normal(z)
    covariance = lambda flow: (flow.base.root @ flow.base.root.mT)[0]  # noqa: E731
    shape = lambda flow: torch.linalg.cond(covariance(flow)).item()  # noqa: E731

    torch.testing.assert_close(covariance(many), law @ law, atol=0.2, rtol=0)
    assert shape(few) < 0.2 * torch.linalg.cond(torch.cov(z[:8].T)).item()
    assert np.isfinite(shape(shrunk_normal(z[:2])))
    assert few.log_prob(z).mean() > -8


def regression(n, seed=0):
    """Two columns that three others decide but for noise, and those three."""
    rng = np.random.default_rng(seed)
    C = rng.normal(size=(n, 3))
    slope, noise = np.array([[1.0, 0.5], [-1.0, 0.2], [0.3, 1.0]]), np.array([[0.5, 0.2], [0.0, 1.0]])
    X = 2 + C @ slope + rng.normal(size=(n, 2)) @ noise
    return X, C, stats.multivariate_normal([2, 2], noise.T @ noise).logpdf(X - C @ slope)


def test_given_a_context_the_normal_is_a_linear_regression():
    X, C, exact = regression(20_000)
    x, c = (torch.from_numpy(a).float() for a in (X, C))
    found = shrunk_normal(x, c)

    np.testing.assert_allclose(found.log_prob(x, c).detach(), exact, atol=0.3)
    assert found.log_prob(x, c).mean().item() == pytest.approx(exact.mean(), abs=0.002)
    line = np.linalg.lstsq(np.c_[C, np.ones(len(C))], X, rcond=None)[0]
    np.testing.assert_allclose(found.transform[0].weight.detach(), line[:3].T, atol=0.01)


@pytest.mark.parametrize("n", [8, 16, 40])
def test_of_few_rows_a_conditional_density_is_hardly_worse_than_a_careful_regression(n, tmp_path):
    X, C, _ = regression(n, 1)
    fresh, given, _ = regression(2000, 2)
    model = RealNVP(max_steps=400, verbose=False, random_state=0, device="cpu").fit(X, context=C)
    unit = lambda a, like: torch.as_tensor((a - like.mean(0)) / like.std(0)).float()  # noqa: E731
    line = shrunk_normal(unit(X, X), unit(C, C)).log_prob(unit(fresh, X), unit(given, C)).mean().item()

    assert model.architecture_["members"][-1]["kernel"] == "none"
    assert model.score(fresh, context=given) > line - np.log(X.std(0)).sum() + np.log(0.15) - 0.5
    model.save(tmp_path / "run")
    loaded = RealNVP.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.score_samples(fresh, given), model.score_samples(fresh, given))
    np.testing.assert_array_equal(
        loaded.sample(9, given[:9], random_state=0), model.sample(9, given[:9], random_state=0)
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_few_rows_a_table_is_hardly_worse_than_a_careful_normal(seed):
    """Sixteen rows of six columns: a flow by itself may be a hundred nats off, and two rows held out do not tell.

    The normal counts for ``3 / 4 / (2 + 3)`` at least.
    """
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(6, 6))
    X, fresh = (rng.normal(size=(n, 6)) @ mix for n in (16, 2000))
    model = RealNVP(max_steps=600, verbose=False, random_state=seed, device="cpu").fit(X)
    z = torch.as_tensor((X - X.mean(0)) / X.std(0)).float()
    at = torch.as_tensor((fresh - X.mean(0)) / X.std(0)).float()
    normal = (shrunk_normal(z).log_prob(at).mean() - np.log(X.std(0)).sum()).item()

    assert model.score(fresh) > normal + np.log(0.15) - 0.5  # two rows less


@pytest.mark.parametrize("n", [2, 5, 9])
def test_of_too_few_rows_to_measure_on_half_is_a_careful_normal(n):
    X, fresh = (np.random.default_rng(seed).normal(size=(rows, 2)) for seed, rows in ((n, n), (99, 2000)))
    model = RealNVP(max_steps=300, verbose=False, random_state=0, device="cpu").fit(X)
    kernels = [shape["kernel"] for shape in model.architecture_["members"]]

    assert model.score(fresh) > -12  # a flow by itself has -20 to -190
    assert kernels[-1] == "none"
    assert model.flow_.log_weights[-1].exp().item() == pytest.approx(0.5)


def test_what_has_no_flow_learns_from_the_rows_held_out_too(monkeypatch):
    """Its weight and the held-out figure are of the one that had not seen them."""
    X = np.random.default_rng(0).normal(size=(60, 2)) @ [[1.0, 0.5], [0.0, 0.2]]
    seen = []
    monkeypatch.setattr(mixtures, "shrunk_normal", lambda z: (seen.append(len(z)), shrunk_normal(z))[1])
    model = RealNVP(max_steps=100, verbose=False, random_state=0, device="cpu").fit(X)
    z = torch.as_tensor((X - model.flow_.transform[0].loc.numpy()) / model.flow_.transform[0].scale.numpy()).float()
    last = model.flow_.members[-1].base

    assert seen == [54, 60]
    torch.testing.assert_close(last.loc[0], z.mean(0), atol=1e-4, rtol=0)
    assert -model.history_[-1]["held_out"] != pytest.approx(model.score(X), abs=1e-6)
