"""Rows that count more than others."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from realnvp import InputError, RealNVP
from realnvp.estimators.parts.sample import Sample
from realnvp.train import Checkpoint

QUICK = {"max_steps": 30, "layers": 2, "width": 16, "verbose": False, "random_state": 0, "device": "cpu", "members": 1}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 2)) @ [[2.0, 1.0], [0.0, 1.0]] + 3
C = X[:, :1] + RNG.normal(size=(600, 1))
COUNTS = RNG.integers(0, 4, 600)


@pytest.mark.parametrize("base", ["normal", "mixture"])
def test_two_clusters_get_the_shares_of_their_weights(base):
    rng = np.random.default_rng(1)
    right = np.arange(2000) % 2 == 1
    rows = rng.normal(size=(2000, 2)) + np.where(right[:, None], 3.0, -3.0)
    params = QUICK | {"kernel": "spline", "base": base, "max_steps": 300, "layers": 4, "width": 32}
    model = RealNVP(**params).fit(rows, sample_weight=np.where(right, 0.9, 0.1))
    drawn = model.sample(20_000, random_state=0)

    assert (drawn.sum(1) > 0).mean() == pytest.approx(0.9, abs=0.03)


def test_the_start_is_the_weighted_normal():
    mean = np.average(X, axis=0, weights=COUNTS)
    std = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=COUNTS))
    model = RealNVP(**QUICK | {"max_steps": 0, "validation_fraction": 0.0}).fit(X, sample_weight=COUNTS)

    np.testing.assert_allclose(model.score_samples(X), stats.norm(mean, std).logpdf(X).sum(1), atol=1e-5)


def test_weights_far_from_zero_lose_no_digits():
    start = RealNVP(**QUICK | {"max_steps": 0, "validation_fraction": 0.0})
    near, far = (start.fit(X + shift, sample_weight=COUNTS).score_samples(X + shift) for shift in (0.0, 1e8))

    np.testing.assert_allclose(far, near, atol=1e-5)


@pytest.mark.parametrize("context", [None, C], ids=["plain", "given"])
def test_rows_without_weight_are_as_if_left_out(context):
    some = COUNTS > 0
    part = None if context is None else context[some]
    weighted = RealNVP(**QUICK).fit(X, context=context, sample_weight=COUNTS)
    fewer = RealNVP(**QUICK).fit(X[some], context=part, sample_weight=COUNTS[some])

    assert np.array_equal(weighted.score_samples(X, context), fewer.score_samples(X, context))


def test_equal_weights_are_no_weights():
    plain = RealNVP(**QUICK).fit(X).score_samples(X)

    for equal in (2.0, np.full(600, 0.25), [1] * 600, pd.Series(np.full(600, 7))):
        np.testing.assert_allclose(RealNVP(**QUICK).fit(X, sample_weight=equal).score_samples(X), plain, atol=1e-4)


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**1000])
def test_only_the_ratios_of_weights_count(scale):
    small, large = (RealNVP(**QUICK).fit(X, sample_weight=COUNTS * s).score_samples(X) for s in (1.0, scale))

    assert np.array_equal(small, large)


def test_the_held_out_figure_is_the_weighted_mean():
    weights = np.exp(X[:, 0])
    model = RealNVP(**QUICK | {"validation_fraction": 0.0}).fit(X, sample_weight=weights)
    best = min(record["held_out"] for record in model.history_)

    assert best == pytest.approx(-np.average(model.score_samples(X), weights=weights), abs=1e-4)
    assert best != pytest.approx(-model.score(X), abs=0.1)


def test_whole_weights_learn_what_repeated_rows_teach():
    params = QUICK | {"max_steps": 400, "validation_fraction": 0.0, "batch_size": 600}
    counts = 1 + 2 * (X[:, 0] > 3)
    weighted = RealNVP(**params).fit(X, sample_weight=counts)
    repeated = RealNVP(**params).fit(np.repeat(X, counts, axis=0))
    plain = RealNVP(**params).fit(X)
    gap = np.average(repeated.score_samples(X) - weighted.score_samples(X), weights=counts)

    assert abs(gap) < 0.02
    assert np.average(weighted.score_samples(X) - plain.score_samples(X), weights=counts) > 0.05


def test_systematic_resampling_takes_each_row_as_often_as_its_weight_says():
    rows = np.arange(4.0)[:, None]
    found = Sample([rows], np.array([2.0, 0.0, 1.5, 0.5])).plain().arrays[0].ravel()

    assert found.tolist() == [0, 0, 2, 2]
    assert Sample([rows], np.ones(4)).plain().arrays[0].ravel().tolist() == [0, 1, 2, 3]


def test_a_resumed_training_keeps_its_weights_and_refuses_others(tmp_path):
    params = QUICK | {"early_stopping": False}
    whole = RealNVP(**params).fit(X, sample_weight=COUNTS)
    RealNVP(**params | {"max_steps": 12}).fit(X, sample_weight=COUNTS, checkpoint=Checkpoint(tmp_path))
    with pytest.raises(InputError):
        RealNVP(**params).fit(X, sample_weight=COUNTS + 1, checkpoint=Checkpoint(tmp_path, resume=True))

    again = RealNVP(**params).fit(X, sample_weight=COUNTS, checkpoint=Checkpoint(tmp_path, resume=True))
    assert again.history_[-1]["step"] == whole.history_[-1]["step"]


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (np.ones(5), r"sample_weight has shape \(5,\): pass one weight for each row, shape \(600,\)"),
        (np.ones((600, 1)), r"sample_weight has shape \(600, 1\)"),
        (np.r_[np.ones(599), np.nan], "sample_weight is nan at row 599: weights must be finite and not negative"),
        (np.r_[np.inf, np.ones(599)], "sample_weight is inf at row 0"),
        (np.r_[-1.0, np.ones(599)], r"sample_weight is -1\.0 at row 0"),
        (np.zeros(600), "sample_weight is above zero at 0 of 600 rows: give at least 2 a weight"),
        (["a"] * 600, "sample_weight holds no numbers"),
        ([[1, 2], [3]], "sample_weight is a list of parts of unlike shapes"),
    ],
)
def test_bad_weights_get_a_sentence(weights, sentence):
    with pytest.raises(InputError, match=sentence):
        RealNVP(**QUICK).fit(X, sample_weight=weights)


def test_what_is_left_must_still_have_a_density():
    same = np.r_[np.ones((10, 2)), X]

    with pytest.raises(InputError, match="column 'x0' is constant"):
        RealNVP(**QUICK).fit(same, sample_weight=np.arange(610) < 10)
