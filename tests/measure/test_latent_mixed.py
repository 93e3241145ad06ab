"""Uniforms of mixtures of flows, and of values that have cells."""

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp import Flow, RealNVP
from realnvp.bases import Normal
from realnvp.data import toy
from realnvp.data.columns import Codec, Column
from realnvp.data.columns.levels import Levels
from realnvp.ensemble import Ensemble
from realnvp.measure import pit, uniformity
from realnvp.transforms import Compose

QUICK = {"members": 1, "layers": 2, "width": 16, "verbose": False, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def several():
    """Two flows that learnt little, each something else."""
    model = RealNVP(**QUICK, max_steps=40).fit(toy("moons").sample(2000, 0))
    other = RealNVP(**QUICK, max_steps=40).fit(toy("moons").sample(2000, 0) @ [[0, 1], [2, 0]] + 1)
    model.flow_ = Ensemble([model.flow_, other.flow_], torch.log(torch.tensor([0.6, 0.4])))
    return model


def test_draws_of_a_mixture_are_uniform_under_the_mixture(several):
    drawn = several.sample(20_000, random_state=1)
    found = uniformity(u := pit(several, drawn))

    assert found.p_value > 1e-3
    assert abs(np.corrcoef(u.T)[0, 1]) < 4 / np.sqrt(20_000)
    first = Normal(2).double().cdf(torch.as_tensor(several.transform(drawn))).numpy()
    assert uniformity(first).p_value < 1e-6  # its heaviest flow alone is not the law of the rows


def test_a_mixture_is_tested_as_such(several):
    assert uniformity(pit(several, np.add(several.sample(5000, random_state=1), [0.5, 0]))).p_value < 1e-6


def test_values_with_cells_are_spread_over_them():
    rng = np.random.default_rng(0)
    k = rng.poisson(2, 3000)
    model = RealNVP(**QUICK, max_steps=300, kernel="spline").fit(np.stack([k, rng.normal(k)], 1))
    k = rng.poisson(2, 3000)
    X = np.stack([k, rng.normal(k)], 1)
    u = pit(model, X)

    assert len(np.unique(u[:, 0])) == 3000
    assert uniformity(u).coordinates.statistic.max() < 0.05
    np.testing.assert_array_equal(u, pit(model, X))


class Known:
    """Counts whose cells are as wide as their probabilities: their code is standard normal, and no flow is needed."""

    def __init__(self, probabilities):
        edges = tuple(np.concatenate(([0.0], np.cumsum(probabilities))).tolist())
        values = tuple(map(float, range(len(probabilities))))
        self.codec_, self.flow_ = Codec((Column("k", cells=Levels(values, edges)),)), Flow(Compose(), Normal(1))

    def transform(self, X):
        return self.codec_.forward(np.asarray(X, dtype=float))[0]


def test_of_one_flow_too_values_are_spread_over_their_cells():
    p = np.array([0.2, 0.5, 0.3])
    X = np.random.default_rng(0).choice(3, (4000, 1), p=p)
    u = pit(Known(p), X)

    assert stats.kstest(u[:, 0], "uniform").pvalue > 1e-3
    assert stats.kstest(pit(Known(p[::-1]), X)[:, 0], "uniform").pvalue < 1e-9
    assert len(np.unique(u)) == 4000
