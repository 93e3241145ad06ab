import itertools
import os
import signal

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp import RealNVP
from realnvp.data import toy
from realnvp.ensemble import Ensemble
from realnvp.estimators.parts.rows import hold_out
from realnvp.estimators.parts.settings import _MOST
from realnvp.train import Checkpoint

SMALL = {
    "compile": False,
    "layers": 2,
    "width": 8,
    "batch_size": 64,
    "verbose": False,
    "random_state": 0,
    "device": "cpu",
}


def clusters(n, seed):
    """Three normals in four dimensions."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0, 0, 0, 0], [6, 0, 3, 0], [0, 6, 0, 3]])
    return centres[rng.integers(0, 3, n)] + rng.normal(size=(n, 4))


def bent(n, seed):
    """Two curves in four dimensions, which no few normals follow."""
    X = np.random.default_rng(seed).normal(size=(n, 4))
    return X + np.stack((0 * X[:, 0], 1.5 * X[:, 0] ** 2, 0 * X[:, 0], 2 * np.sin(2 * X[:, 2])), 1)


def truth(X):
    centres = np.array([[0, 0, 0, 0], [6, 0, 3, 0], [0, 6, 0, 3]])
    return np.logaddexp.reduce([stats.norm.logpdf(X - c).sum(1) for c in centres], axis=0) - np.log(3)


@pytest.fixture(scope="module")
def few():
    return RealNVP(**SMALL, max_steps=2400).fit(bent(150, 0))


def bests(model):
    return {
        k: min(r["best"] for r in model.history_ if r["member"] == k) for k in {r["member"] for r in model.history_}
    }


def test_a_small_table_is_learnt_by_several_densities_none_of_which_beats_all_together(few):
    found = bests(few)

    assert isinstance(few.flow_, Ensemble)
    assert {m["kernel"] for m in few.architecture_["members"]} >= {"none"}
    assert len(found) > 2
    assert found[0] <= min(found.values()) + 1e-6


def test_it_is_as_good_as_the_mixture_that_made_the_data():
    model, X = RealNVP(**SMALL, max_steps=300).fit(clusters(1000, 0)), clusters(20_000, 1)

    assert model.score(X) > truth(X).mean() - 0.08


def test_density_of_several_integrates_to_one():
    model = RealNVP(**SMALL, kernel="spline", members=4, max_steps=2400).fit(toy("moons").sample(150, 0))
    x = np.linspace(-4, 5, 700)
    grid = np.stack(np.meshgrid(x, x), -1).reshape(-1, 2)

    assert isinstance(model.flow_, Ensemble)
    assert np.exp(model.score_samples(grid)).sum() * (x[1] - x[0]) ** 2 == pytest.approx(1, abs=0.01)


def test_records_follow_one_another_and_end_with_all_together(few):
    steps = [r["step"] for r in few.history_]

    assert steps == sorted(steps)
    assert few.history_[-1]["member"] == 0
    assert few.history_[-1]["held_out"] == few.history_[-1]["best"]
    assert steps[-1] <= 2400


def test_several_are_saved_and_loaded(few, tmp_path):
    again = RealNVP.load(few.save(tmp_path / "run"))
    X = bent(50, 2)

    np.testing.assert_array_equal(again.score_samples(X), few.score_samples(X))
    np.testing.assert_array_equal(again.sample(20, random_state=1), few.sample(20, random_state=1))
    np.testing.assert_allclose(again.inverse_transform(again.transform(X)), X, atol=1e-8)


def test_the_same_seed_gives_the_same_several(few):
    again = RealNVP(**SMALL, max_steps=2400).fit(bent(150, 0))

    assert torch.equal(again.flow_.log_weights, few.flow_.log_weights)
    np.testing.assert_array_equal(again.score_samples(bent(50, 2)), few.score_samples(bent(50, 2)))


def test_as_many_flows_as_are_asked_for():
    X = bent(150, 0)
    three = RealNVP(**SMALL, kernel="affine", members=3, max_steps=2400).fit(X)
    one = RealNVP(**SMALL, members=1, max_steps=100).fit(X)

    assert set(bests(three)) == {0, 1, 2, 3}
    assert {m["kernel"] for m in three.architecture_.get("members", [three.architecture_])} == {"affine"}
    assert not isinstance(one.flow_, Ensemble)
    assert "members" not in one.architecture_


def test_no_more_flows_than_there_are_steps_or_room_for():
    X = bent(150, 0)
    short = RealNVP(**SMALL, max_steps=30, early_stopping=False).fit(X)
    long = RealNVP(**SMALL | {"layers": 1, "width": 2}, max_steps=10**7).fit(X)

    assert {r.get("member", 1) for r in short.history_} <= {0, 1}
    assert max(r.get("member", 1) for r in long.history_) == _MOST


def test_flows_that_are_asked_for_share_the_steps():
    three = RealNVP(**SMALL, kernel="affine", members=3, max_steps=90, early_stopping=False).fit(bent(300, 0))
    ends = [max(r["step"] for r in three.history_ if r["member"] == k) for k in (1, 2, 3)]

    assert ends == [30, 60, 90]


def test_the_held_out_figure_is_that_of_the_held_out_rows():
    """Also where a column is coded, and its Jacobian is another in each row."""
    X = np.stack((np.random.default_rng(0).lognormal(0, 3, 600), np.random.default_rng(1).normal(size=600)), 1)
    model = RealNVP(**SMALL, kernel="affine", max_steps=60).fit(X)
    held, _ = hold_out(600, 0.1, 0)

    assert any(c["noticed"] for c in model.columns_)
    assert model.history_[-1]["best"] == pytest.approx(-model.score(X[held.numpy()]), abs=1e-3)


def test_a_callback_ends_all():
    seen = []
    RealNVP(**SMALL, max_steps=2400, callbacks=[lambda r: seen.append(r) or len(seen) == 2]).fit(bent(150, 0))

    assert len(seen) == 2


def test_weights_of_rows_count_in_what_each_density_counts():
    X = clusters(600, 0)
    model = RealNVP(**SMALL, max_steps=600).fit(X, sample_weight=np.where(X[:, 0] > 3, 1e-3, 1.0))

    assert (model.sample(4000, random_state=0)[:, 0] > 3).mean() < 0.05


def plain(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


@pytest.mark.parametrize("at", [60, 900, 1800])
def test_an_interrupt_in_any_of_several_trainings_goes_on_to_the_bit(tmp_path, at, few):
    """Whichever flow was being trained, those before it are in the checkpoint."""
    X, taken = bent(150, 0), []

    def interrupting(record):
        taken.append(record)
        if not interrupting.done and sum(_spent(taken)) >= at:
            interrupting.done = True
            os.kill(os.getpid(), signal.SIGINT)

    interrupting.done = False
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            RealNVP(**SMALL, max_steps=2400, callbacks=[interrupting]).fit(X, checkpoint=Checkpoint(tmp_path))
    finally:
        signal.signal(signal.SIGINT, before)
    again = RealNVP(**SMALL, max_steps=2400).fit(X, checkpoint=Checkpoint(tmp_path, resume=True))

    assert plain(again.history_) == plain(few.history_)
    for name, value in few.flow_.state_dict().items():
        assert torch.equal(again.flow_.state_dict()[name], value)


def _spent(records):
    """Steps of each training: a record whose step is lower than the one before begins another."""
    ends = [a.step for a, b in itertools.pairwise(records) if b.step < a.step]
    return [*ends, records[-1].step]
