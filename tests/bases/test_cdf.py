"""Distribution functions of the bases, against their densities and their draws."""

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp.bases import Logistic, Mixture, Normal, Uniform


def seed(value):
    return torch.Generator().manual_seed(value)


def moved(base):
    """The base away from its start, in every parameter."""
    for p in base.parameters():
        p.data += 0.5 * torch.randn(p.shape, generator=seed(1))
    return base


BASES = {
    "normal": lambda D: Normal(D),
    "trainable normal": lambda D: moved(Normal(D, trainable=True)),
    "logistic": lambda D: Logistic(D),
    "trainable logistic": lambda D: moved(Logistic(D, trainable=True)),
    "mixture": lambda D: moved(Mixture(D, 3)),
    "uniform": lambda D: Uniform([-1.0 - i for i in range(D)], [0.5 * (i + 1) for i in range(D)]),
}
every = pytest.mark.parametrize("make", BASES.values(), ids=BASES)


@every
@pytest.mark.parametrize("features", [1, 3])
def test_the_cdf_is_triangular_and_its_jacobian_the_density(make, features):
    base = make(features).double()
    z = base.sample(20, seed(8)).detach()
    u, jac = base.cdf(z), torch.func.vmap(torch.func.jacrev(lambda v: base.cdf(v[None])[0]))(z)

    torch.testing.assert_close(jac.triu(1), torch.zeros_like(jac))
    torch.testing.assert_close(jac.diagonal(dim1=-2, dim2=-1).log().sum(-1), base.log_prob(z), rtol=1e-6, atol=1e-6)
    assert ((u > 0) & (u < 1)).all()


@every
def test_the_cdf_of_draws_is_uniform_and_independent(make):
    base = make(3).double()
    u = base.cdf(base.sample(20_000, seed(9))).detach().numpy()

    assert min(stats.kstest(column, "uniform").pvalue for column in u.T) > 1e-3
    assert abs(np.corrcoef(u.T) - np.eye(3)).max() < 4 / np.sqrt(20_000)
    assert base.cdf(torch.zeros(2, 4, 3, dtype=torch.float64)).shape == (2, 4, 3)
    assert base.cdf(torch.tensor([[-1e9, 0, 0], [1e9, 0, 0]], dtype=torch.float64))[:, 0].tolist() == [0, 1]
