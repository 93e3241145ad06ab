"""Quantiles and intervals of a density given a context, against normals that are known."""

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp import InputError, RealNVP
from realnvp.data.columns import Codec, Column
from realnvp.estimators.parts import given

QUICK = {"layers": 3, "width": 32, "verbose": False, "random_state": 0, "device": "cpu"}
LEVELS = [0.05, 0.5, 0.95]


def spread(c):
    return np.exp(0.5 * c)


@pytest.fixture(scope="module")
def fitted():
    """y0 | c = N(2 c, e^c) and y1 | c = N(-c, 1/4): linear, the first with a width that depends on c."""
    rng = np.random.default_rng(0)
    c = rng.uniform(-1, 1, (6000, 1))
    y = np.hstack([2 * c, -c]) + rng.normal(size=(6000, 2)) * np.hstack([spread(c), np.full_like(c, 0.5)])
    return RealNVP(**QUICK | {"max_steps": 800}).fit(y, context=c)


class Known(RealNVP):
    """The normal of the test above itself, in place of a flow that has learnt it."""

    codec_ = Codec((Column("y0"), Column("y1")))

    def _exact(self):
        return Exact()


class Exact(torch.nn.Module):
    context, event_shape = 1, torch.Size([2])

    def __init__(self):
        super().__init__()
        self.register_buffer("none", torch.zeros(1))

    def sample(self, n, context, *, generator):
        e = torch.randn(n, 2, generator=generator, dtype=context.dtype)
        return torch.cat([2 * context, -context], 1) + e * torch.cat([(context / 2).exp(), 0 * context + 0.5], 1)


def exact(c):
    mean, width = np.hstack([2 * c, -c]), np.hstack([spread(c), np.full_like(c, 0.5)])
    return mean[..., None] + width[..., None] * stats.norm.ppf(LEVELS)


def test_quantiles_of_a_known_law_are_within_their_error(monkeypatch):
    monkeypatch.setattr(given, "CHUNK", 10_000)  # several pieces
    c = np.linspace(-1, 1, 7)[:, None]
    found = Known().quantiles(c, LEVELS, n_samples=4000, random_state=0)
    width = np.hstack([spread(c), np.full_like(c, 0.5)])[..., None]
    error = width * np.sqrt(np.multiply(LEVELS, np.subtract(1, LEVELS)) / 4000) / stats.norm.pdf(stats.norm.ppf(LEVELS))

    assert found.shape == (7, 2, 3)
    assert (np.abs(found - exact(c)) < 4.5 * error).all()
    assert np.mean(((found - exact(c)) / error) ** 2) == pytest.approx(1, abs=0.8)


def test_what_was_learnt_has_nearly_the_quantiles_of_the_truth(fitted):
    c = np.linspace(-0.8, 0.8, 5)[:, None]
    found = fitted.quantiles(c, LEVELS, n_samples=4000, random_state=0)
    width = np.hstack([spread(c), np.full_like(c, 0.5)])[..., None]

    assert np.abs((found - exact(c)) / width).max() < 0.35
    assert np.abs((found - exact(c)) / width).mean() < 0.1


def test_intervals_hold_the_share_that_they_say(fitted):
    rng = np.random.default_rng(5)
    c = rng.uniform(-1, 1, (2000, 1))
    y = np.hstack([2 * c, -c]) + rng.normal(size=(2000, 2)) * np.hstack([spread(c), np.full_like(c, 0.5)])
    low, high = fitted.interval(c, 0.8, n_samples=500, random_state=0)
    share = ((low < y) & (y < high)).mean(0)

    assert low.shape == high.shape == (2000, 2)
    np.testing.assert_allclose(share, 0.8, atol=0.04)


def test_one_row_of_context_may_be_flat_and_the_seed_decides(fitted):
    one = fitted.quantiles([0.5], [0.5], random_state=3)

    assert one.shape == (1, 2, 1)
    assert np.array_equal(one, fitted.quantiles([[0.5]], 0.5, random_state=3))
    assert not np.array_equal(one, fitted.quantiles([[0.5]], 0.5, random_state=4))


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (([[0.0]], [0.0, 0.5]), "levels are probabilities above 0 and below 1"),
        (([[0.0]], ["a"]), "levels are probabilities"),
        (([[0.0, 1.0]], [0.5]), "context has 2 columns, the model was fitted with 1"),
        (([[np.nan]], [0.5]), "no table of finite numbers"),
    ],
)
def test_what_makes_no_sense_gets_a_sentence(fitted, args, sentence):
    with pytest.raises(InputError, match=sentence):
        fitted.quantiles(*args)


def test_levels_and_contexts_that_there_are_not(fitted):
    with pytest.raises(InputError, match="level is the probability of the interval"):
        fitted.interval([[0.0]], 1.0)
    plain = RealNVP(**QUICK | {"max_steps": 0}).fit(np.random.default_rng(0).normal(size=(50, 2)))
    with pytest.raises(InputError, match=r"fitted without context: take np\.quantile"):
        plain.quantiles([[0.0]], [0.5])


def test_a_level_may_be_any_real_number(fitted):
    low, high = fitted.interval(np.zeros((1, 1)), np.float32(0.5), n_samples=50, random_state=0)

    assert (low < high).all()
    with pytest.raises(InputError, match="level is the probability"):
        fitted.interval(np.zeros((1, 1)), True)
