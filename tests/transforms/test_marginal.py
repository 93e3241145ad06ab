import numpy as np
import pytest
import torch
from scipy import stats

from realnvp.transforms import SinhArcsinh


def bent(x):
    t = SinhArcsinh(x.shape[1])
    t.calibrate(x)
    return t


def nll(x):
    """NLL under the standard normal of the bent columns, in nats."""
    z, ladj = bent(x)(x)
    return float((0.5 * z.square().sum(-1) + 0.5 * np.log(2 * np.pi) * x.shape[1] - ladj).mean())


@pytest.mark.parametrize(
    ("law", "within"),
    [(stats.norm(), 0.01), (stats.lognorm(0.5), 0.02), (stats.t(4), 0.02), (stats.gamma(3), 0.03)],
    ids=["normal", "lognormal", "t", "gamma"],
)
def test_one_curve_a_column_comes_near_the_entropy_of_usual_laws(law, within):
    x = torch.from_numpy(law.rvs((8000, 1), random_state=0)).float()
    x = (x - x.mean()) / x.std()
    entropy = float(law.entropy()) - np.log(law.std())

    assert nll(x) == pytest.approx(entropy, abs=within + 4 * 0.8 / np.sqrt(8000))


def test_the_same_law_in_reverse_is_bent_the_other_way():
    x = torch.from_numpy(stats.gamma(2).rvs((3000, 1), random_state=0)).float()
    x = (x - x.mean()) / x.std()

    assert nll(-x) == pytest.approx(nll(x), abs=0.01)


def test_far_beyond_the_data_all_is_finite_and_comes_back():
    t = bent(torch.randn(500, 3, generator=torch.Generator().manual_seed(0)).exp())
    for x in (torch.full((2, 3), v, dtype=torch.float64) for v in (-1e30, -1e6, 1e6, 1e30)):
        z, ladj = t.double()(x)
        back, away = t.inverse(z)

        assert torch.isfinite(z).all()
        assert torch.isfinite(ladj).all()
        torch.testing.assert_close(back, x, rtol=1e-6, atol=0)
        torch.testing.assert_close(away, -ladj)


def test_a_column_without_spread_keeps_the_identity():
    x = torch.cat((torch.zeros(50, 1), torch.randn(50, 1)), 1)
    z, ladj = bent(x)(x)

    torch.testing.assert_close(z[:, 0], x[:, 0])
    assert torch.isfinite(ladj).all()


def test_the_same_rows_give_the_same_curves_and_nothing_of_them_is_trained():
    x = torch.randn(300, 2).exp()

    torch.testing.assert_close(bent(x).shape, bent(x).shape, rtol=0, atol=0)
    assert not list(bent(x).parameters())


def test_a_batch_of_one_row_changes_nothing():
    t = bent(torch.ones(1, 2))

    torch.testing.assert_close(t(torch.ones(1, 2))[0], torch.ones(1, 2))
