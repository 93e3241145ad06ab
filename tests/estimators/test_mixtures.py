import numpy as np
import pytest
import torch
from scipy import stats

from realnvp.estimators.parts.member import shares
from realnvp.estimators.parts.mixtures import bending, best_mixture


def rows(law, n=3000, features=3):
    return torch.from_numpy(law.rvs((n, features), random_state=0)).float()


def test_bending_pays_for_skewed_columns_and_not_for_normal_or_elliptical_ones():
    x, skewed = rows(stats.norm()), rows(stats.lognorm(1.0))
    radius = torch.from_numpy(stats.chi2(3).rvs((3000, 1), random_state=1)).float()

    assert bending(skewed, "auto", 0) is not None
    assert bending(x, "auto", 0) is None
    assert bending(torch.cat((x, x @ torch.randn(3, 3)), 1) / (radius / 3).sqrt(), "auto", 0) is None
    assert bending(rows(stats.lognorm(1.0), 20), "auto", 0) is None
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
def test_shares_are_those_under_which_the_rows_are_likeliest(weights):
    each = np.log([[0.9, 0.8, 0.1], [0.1, 0.2, 0.9]])
    found = shares(each, weights)
    grid = np.linspace(0, 1, 10_001)
    value = np.log(grid[:, None] * np.exp(each[0]) + (1 - grid[:, None]) * np.exp(each[1]))
    best = grid[np.average(value, axis=1, weights=weights).argmax()]

    assert found.sum() == pytest.approx(1)
    assert found[0] == pytest.approx(best, abs=2e-2)
