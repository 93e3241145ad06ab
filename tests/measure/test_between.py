"""Divergence and mutual information of fitted densities, against those of Gaussians."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from realnvp import InputError, RealNVP
from realnvp.measure import kl, mutual_information

QUICK = {"layers": 4, "width": 32, "verbose": False, "random_state": 0, "device": "cpu"}
R = np.array([[1.0, 0.6, 0.0], [0.6, 1.0, 0.3], [0.0, 0.3, 1.0]])


class Gaussian:
    """N(mean, cov) as a model."""

    def __init__(self, mean, cov):
        self.law = stats.multivariate_normal(mean, cov)
        self.n_features_in_ = self.law.dim

    def score_samples(self, X):
        return np.atleast_1d(self.law.logpdf(X))

    def sample(self, n, random_state):
        return self.law.rvs(n, random_state=random_state).reshape(n, -1)


def exact_kl(p, q):
    (m, a), (k, b) = ((g.law.mean, np.atleast_2d(g.law.cov)) for g in (p, q))
    away = np.linalg.solve(b, a)
    return 0.5 * (np.trace(away) - np.linalg.slogdet(away)[1] + (k - m) @ np.linalg.solve(b, k - m) - len(m))


def test_the_divergence_of_gaussians_and_its_error():
    p, q = Gaussian([0, 0, 0], R), Gaussian([0.3, 0, -0.2], 1.5 * np.eye(3))
    forward, backward = kl(p, q, n=50_000), kl(q, p, n=50_000)

    assert forward.value == pytest.approx(exact_kl(p, q), abs=4 * forward.error)
    assert backward.value == pytest.approx(exact_kl(q, p), abs=4 * backward.error)
    assert abs(exact_kl(p, q) - exact_kl(q, p)) > 10 * forward.error
    spread = [kl(p, q, n=500, random_state=i) for i in range(200)]
    assert np.std([s.value for s in spread]) == pytest.approx(np.mean([s.error for s in spread]), rel=0.2)


def test_the_divergence_of_fitted_normals():
    """Untrained flows are the normals of their data."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(4000, 2)), rng.normal([0.5, 0], [1, 2], (4000, 2))]
    p, q = (
        RealNVP(**QUICK, max_steps=0, validation_fraction=0.0).fit(pd.DataFrame(x, columns=["a", "b"])) for x in rows
    )
    exact = exact_kl(*(Gaussian(x.mean(0), np.diag(x.var(0))) for x in rows))
    found = kl(p, q)

    assert found.value == pytest.approx(exact, abs=4 * found.error)
    assert kl(p, p) == (0.0, 0.0)


def test_the_divergence_is_infinite_where_the_other_is_zero():
    class Half(Gaussian):
        def score_samples(self, X):
            return np.where(X[:, 0] > 0, super().score_samples(X) + np.log(2), -np.inf)

    assert kl(Gaussian([0], [[1]]), Half([0], [[1]])).value == np.inf


def part(columns):
    return Gaussian(np.zeros(len(columns)), R[np.ix_(columns, columns)])


@pytest.mark.parametrize(("first", "columns"), [([0], None), ([0, 1], None), ([1], [1]), ([2, 0], [2, 0])])
def test_the_mutual_information_of_gaussians(first, columns):
    """``I = log(det R_a det R_b / det R) / 2``."""
    X = part([0, 1, 2]).sample(50_000, 0)
    second = [j for j in range(3) if j not in first]
    exact = 0.5 * sum(np.linalg.slogdet(R[np.ix_(c, c)])[1] for c in (first, second)) - 0.5 * np.linalg.slogdet(R)[1]
    found = mutual_information(part([0, 1, 2]), part(first), part(second), X, columns=columns)

    assert found.value == pytest.approx(exact, abs=4 * found.error)
    assert found.error < 0.01


def test_the_mutual_information_of_fitted_densities():
    X, fresh = (part([0, 1]).sample(4000, i) for i in (0, 1))
    joint = RealNVP(**QUICK, max_steps=400).fit(X)
    first, second = (RealNVP(**QUICK, kernel="spline", max_steps=100).fit(X[:, [j]]) for j in (0, 1))
    found = mutual_information(joint, first, second, fresh)

    assert found.value == pytest.approx(-0.5 * np.log(1 - 0.6**2), abs=0.03 + 3 * found.error)


@pytest.mark.parametrize("columns", [[], [0, 0], [3], [0, 1, 2], [-1]])
def test_columns_that_are_no_part_get_a_sentence(columns):
    with pytest.raises(InputError, match="columns must name some of the 3 columns of X by number, once"):
        mutual_information(part([0, 1, 2]), part([0]), part([1, 2]), np.zeros((9, 3)), columns=columns)


def test_a_model_without_a_number_of_columns_needs_them():
    nameless = part([0])
    del nameless.n_features_in_

    with pytest.raises(InputError, match="name them by columns="):
        mutual_information(part([0, 1, 2]), nameless, part([1, 2]), np.zeros((9, 3)))
