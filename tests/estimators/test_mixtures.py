import numpy as np
import pytest
import torch
from scipy import stats

from realnvp.estimators.parts.member import shares
from realnvp.estimators.parts.mixtures import best_mixture, marginals_pay


def rows(law, n=3000, features=3):
    return torch.from_numpy(law.rvs((n, features), random_state=0)).float()


def test_bending_pays_for_skewed_columns_and_not_for_normal_or_elliptical_ones():
    x = rows(stats.norm())
    radius = torch.from_numpy(stats.chi2(3).rvs((3000, 1), random_state=1)).float()

    assert marginals_pay(rows(stats.lognorm(1.0)), 0)
    assert not marginals_pay(x, 0)
    assert not marginals_pay(torch.cat((x, x @ torch.randn(3, 3)), 1) / (radius / 3).sqrt(), 0)
    assert not marginals_pay(rows(stats.lognorm(1.0), 20), 0)


def test_as_many_normals_as_the_held_out_rows_ask_for():
    centres = torch.tensor([[-4.0, 0.0], [4.0, 0.0], [0.0, 6.0], [0.0, -6.0]])
    x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0)) + centres.repeat(500, 1)

    assert len(best_mixture(x[:1500], x[1500:], 0).logits) == 4
    assert len(best_mixture(torch.randn(400, 2), torch.randn(400, 2), 0).logits) == 1


@pytest.mark.parametrize("weights", [None, np.array([1.0, 1.0, 0.0])])
def test_shares_are_those_under_which_the_rows_are_likeliest(weights):
    each = np.log([[0.9, 0.8, 0.1], [0.1, 0.2, 0.9]])
    found = shares(each, weights)
    grid = np.linspace(0, 1, 10_001)
    value = np.log(grid[:, None] * np.exp(each[0]) + (1 - grid[:, None]) * np.exp(each[1]))
    best = grid[np.average(value, axis=1, weights=weights).argmax()]

    assert found.sum() == pytest.approx(1)
    assert found[0] == pytest.approx(best, abs=2e-2)
