"""Learning from rows with gaps."""

import copy
import json

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp import InputError, RealNVP
from realnvp.estimators.parts import gaps
from realnvp.estimators.parts.gaps import fill
from realnvp.estimators.parts.sample import Sample
from realnvp.train import Checkpoint

QUICK = {"layers": 4, "width": 32, "verbose": False, "random_state": 0, "device": "cpu"}


def bent(n, seed):
    """Four columns that depend on one another: a normal, its square, a wave of that, and another normal's mix."""
    z = np.random.default_rng(seed).normal(size=(n, 4))
    z[:, 1] = 0.4 * z[:, 1] + z[:, 0] ** 2
    z[:, 2] = 0.4 * z[:, 2] + np.sin(2 * z[:, 0])
    z[:, 3] = z[:, 3] + z[:, 2]
    return z


def holed(X, rate=0.3, seed=0):
    """The rows with cells taken out completely at random, without those that lost all."""
    H = np.where(np.random.default_rng(seed).random(X.shape) < rate, np.nan, X)
    return H[~np.isnan(H).all(1)]


@pytest.fixture(scope="module")
def incomplete():
    return holed(bent(2000, 0))


@pytest.fixture(scope="module")
def learnt(incomplete):
    return RealNVP(**QUICK | {"kernel": "spline", "max_steps": 400, "missing": "marginalise"}).fit(incomplete)


def test_incomplete_rows_teach_more_than_none_and_than_means(incomplete, learnt):
    fresh = bent(10_000, 1)
    whole = incomplete[~np.isnan(incomplete).any(1)]
    means = np.where(np.isnan(incomplete), np.nanmean(incomplete, 0), incomplete)
    dropped, filled = (RealNVP(**QUICK | {"kernel": "spline", "max_steps": 400}).fit(X) for X in (whole, means))

    assert 400 < len(whole) < 600
    assert learnt.score(fresh) > dropped.score(fresh) + 0.05
    assert learnt.score(fresh) > filled.score(fresh) + 0.5


def test_a_normal_is_found_where_whole_rows_are_misleading():
    """Missing at random, not completely: the second column is seen only where the first is low."""
    cov = [[1.0, 0.8], [0.8, 1.0]]
    X = np.random.default_rng(0).multivariate_normal([0, 0], cov, 6000)
    X[X[:, 0] > 0.5, 1] = np.nan
    drawn = RealNVP(**QUICK | {"max_steps": 600, "missing": "marginalise"}).fit(X).sample(20_000, random_state=0)

    assert np.nanmean(X[:, 1]) < -0.35
    np.testing.assert_allclose(drawn.mean(0), 0, atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T), cov, atol=0.15)


def test_draws_of_the_gaps_go_after_the_flow():
    """With a mixture that knows nothing of the bend the refilled rows get there by the flow's own moves."""
    X = bent(500, 0)[:, :2]
    H = X.copy()
    H[:, 1] = np.nan

    def exact(x, c):
        return stats.norm.logpdf(x[:, 1], x[:, 0] ** 2, 0.4) + stats.norm.logpdf(x[:, 0])

    from realnvp.estimators.parts.gaussians import Gaussians

    guess = Gaussians(np.ones(1), np.array([[0.0, 1.0]]), np.diag([1.0, 2.0])[None])
    again = gaps.Refilling((), torch.zeros(500, 2), np.arange(500), H, X, None, guess, None, 100, 0)
    again.now = np.where(np.isnan(H), 0.0, H)
    again._write, again._log_q, again.drawn = (lambda: None), (lambda: exact), True
    for again.taken in range(20):
        again._refill()
    left = again.now[:, 1] - again.now[:, 0] ** 2

    assert stats.kstest(left / 0.4, "norm").pvalue > 1e-3
    assert np.array_equal(again.now[:, 0], X[:, 0])


def test_held_out_rows_have_no_gaps(incomplete):
    filled = fill(Sample([incomplete]), 0.1, 0, missing="marginalise")
    held, kept = filled.held, filled.kept

    assert not np.isnan(incomplete[held]).any()
    assert len(held) == round(0.1 * len(incomplete))
    assert sorted(torch.cat([held, kept]).tolist()) == list(range(len(incomplete)))
    seen = ~np.isnan(incomplete)
    assert np.array_equal(filled.sample.arrays[0][seen], incomplete[seen])


def test_what_fills_the_gaps_has_not_seen_the_rows_held_out(incomplete):
    far = incomplete.copy()
    first = fill(Sample([incomplete]), 0.1, 0, missing="marginalise")
    far[first.held] += 100.0
    again = fill(Sample([far]), 0.1, 0, missing="marginalise")

    assert np.array_equal(first.sample.arrays[0][first.kept], again.sample.arrays[0][again.kept])
    assert (again.sample.arrays[0][again.held] > 50).all()


def test_without_gaps_all_is_as_ever():
    X = bent(300, 0)
    params = QUICK | {"max_steps": 20}
    plain, asked = RealNVP(**params).fit(X), RealNVP(**params, missing="marginalise").fit(X)

    assert np.array_equal(plain.score_samples(X), asked.score_samples(X))


@pytest.mark.parametrize("at", [5, 30, 60])
def test_a_resumed_training_ends_as_an_unbroken_one(tmp_path, at, monkeypatch):
    monkeypatch.setattr(gaps, "_LEAST", 10)
    params = {**QUICK, "layers": 2, "width": 8, "batch_size": 32, "max_steps": 80, "early_stopping": False}
    params["missing"] = "marginalise"
    X = holed(bent(200, 0))

    def cut(record):
        if record.step >= at:
            raise RuntimeError("a power cut")

    whole = RealNVP(**params).fit(X)
    with pytest.raises(RuntimeError):
        RealNVP(**params, callbacks=[cut]).fit(X, checkpoint=Checkpoint(tmp_path, every=1e-9))
    resumed = RealNVP(**params).fit(X, checkpoint=Checkpoint(tmp_path, resume=True))
    states = [torch.cat([t.flatten().double() for t in m.flow_.state_dict().values()]) for m in (whole, resumed)]

    assert torch.equal(*states)


def test_weights_and_the_seed_count(incomplete):
    params = QUICK | {"layers": 2, "max_steps": 60, "missing": "marginalise"}
    X = incomplete[:500]
    low = np.where(np.nan_to_num(X[:, 0]) > 0, 0.01, 1.0)
    one, two = (RealNVP(**params).fit(X, sample_weight=low) for _ in range(2))
    even = RealNVP(**params).fit(X)

    assert np.array_equal(one.score_samples(X), two.score_samples(X))
    assert one.sample(4000, random_state=0)[:, 0].mean() < even.sample(4000, random_state=0)[:, 0].mean() - 0.2


def test_a_run_with_gaps_is_saved_and_loaded(incomplete, learnt, tmp_path):
    loaded = RealNVP.load(learnt.save(tmp_path / "run"))
    config = json.loads((tmp_path / "run/config.json").read_text())

    assert config["params"]["missing"] == "marginalise"
    assert config["gap_mixture"] is None  # the flow's own draws make it again
    assert np.array_equal(loaded.score_samples(incomplete[:50]), learnt.score_samples(incomplete[:50]))
    assert np.array_equal(loaded.impute(incomplete[:9], random_state=0), learnt.impute(incomplete[:9], random_state=0))


@pytest.mark.parametrize(
    ("gap", "missing", "sentence"),
    [
        ((0, 1), "refuse", r"missing values \(NaN\) in 1 of 50 rows and 1 of 2 columns \('x1'\): .*'marginalise'"),
        ((0, 1), "drop", "missing must be 'refuse' or 'marginalise', got 'drop'"),
        ((slice(None), 1), "marginalise", "column 'x1' has no values at all: leave it out"),
        ((slice(3, 5), slice(None)), "marginalise", r"row 3 has no values at all \(2 such rows\)"),
    ],
)
def test_gaps_that_cannot_be_learnt_from_get_a_sentence(gap, missing, sentence):
    X = np.random.default_rng(0).normal(size=(50, 2))
    X[gap] = np.nan

    with pytest.raises(InputError, match=sentence):
        RealNVP(**QUICK, missing=missing).fit(X)


def test_a_constant_column_with_gaps_is_constant():
    X = np.column_stack([np.random.default_rng(0).normal(size=50), np.full(50, 3.0)])
    X[3, 1] = np.nan

    with pytest.raises(InputError, match=r"column 'x1' is constant \(3\)"):
        RealNVP(**QUICK, missing="marginalise").fit(X)


def test_a_stream_has_no_gaps():
    draw = lambda n: holed(bent(2 * n, 0))[:n]  # noqa: E731

    with pytest.raises(InputError, match="a stream gives whole rows"):
        RealNVP(**QUICK, missing="marginalise").fit_stream(draw)


def test_a_refit_without_gaps_forgets_the_mixture():
    X = bent(200, 0)
    model = RealNVP(**QUICK | {"max_steps": 5, "missing": "marginalise"}).fit(X[:, :2], context=X[:, 2:])
    first = copy.copy(model.gap_mixture_)
    model.fit(X)

    assert first is not None
    assert model.gap_mixture_ is None


def test_laws_are_found_through_gaps():
    a, b = np.random.default_rng(0).normal(size=(2, 600))
    X = holed(np.column_stack([a, b, a - 2 * b]), 0.2)
    with pytest.warns(UserWarning, match=r"'x2' = 1 \* 'x0' - 2 \* 'x1'"):
        model = RealNVP(**QUICK | {"max_steps": 120, "missing": "marginalise"}).fit(X)
    whole = model.impute(X, random_state=0)
    gaps_in = np.isnan(X).sum(1)

    assert model.transform(whole).shape == (len(X), 2)
    np.testing.assert_allclose(whole[:, 2], whole[:, 0] - 2 * whole[:, 1], atol=1e-8)
    assert ((gaps_in == 2) & ~np.isnan(X[:, 2])).any()


def test_where_only_a_sum_was_observed_its_parts_are_drawn_given_it():
    """Of independent standard normals with ``a + b = s``: ``a`` is N(s / 2, 1 / 2), and ``b = s - a``."""
    a, b = np.random.default_rng(0).normal(size=(2, 3000))
    with pytest.warns(UserWarning, match="1 column follows from others"):
        model = RealNVP(**QUICK | {"max_steps": 0, "missing": "marginalise"}).fit(np.column_stack([a, b, a + b]))
    filled = model.impute(np.tile([np.nan, np.nan, 3.0], (4000, 1)), random_state=0)

    np.testing.assert_allclose(filled.sum(1), 6.0, atol=1e-8)
    assert filled[:, 0].mean() == pytest.approx(1.5, abs=0.08)
    assert filled[:, 0].std() == pytest.approx(0.5**0.5, abs=0.05)


def test_rows_without_gaps_weigh_as_much_as_they_are_frequent():
    """Of two values where only the rarer one has no gap, hold-out takes from the rarer alone."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random(3000) < 0.1, -3.0, 1.0) + 0.3 * rng.normal(size=3000)
    X = np.stack((x, rng.normal(size=3000)), 1)
    X[x > -1, 1] = np.nan  # seen or not by the other column alone: missing at random
    filled = fill(Sample([X]), 0.1, 0, missing="marginalise")
    mine, theirs = filled.parted()

    assert np.average(mine.arrays[0][:, 0] < -1, weights=mine.weights) == pytest.approx((x < -1).mean(), abs=1e-9)
    assert len(theirs.weights) == len(filled.held)


def test_weighted_rows_without_gaps_stand_for_the_weight_of_those_held_out():
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(3000, 2)), rng.uniform(0.1, 5, 3000)
    X[rng.random(3000) < 0.6, 1] = np.nan
    whole = ~np.isnan(X).any(1)
    filled = fill(Sample([X], w), 0.1, 0, missing="marginalise")
    mine, seen = filled.parted()[0], whole[filled.kept.numpy()]

    assert mine.weights[seen].sum() / mine.weights.sum() == pytest.approx(w[whole].sum() / w.sum(), abs=1e-9)


def test_where_few_rows_have_no_gap_none_weighs_more_than_another():
    X = np.random.default_rng(0).normal(size=(400, 2))
    X[12:, 1] = np.nan  # too few whole rows to hold out: those held out have gaps too
    with pytest.warns(UserWarning, match="only 12 rows have no missing value"):
        mine, theirs = fill(Sample([X]), 0.1, 0, missing="marginalise").parted()

    assert mine.weights is None
    assert theirs.weights is None
