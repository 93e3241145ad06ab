"""Several flows of a table with gaps: what they learn, say, fill in, and how they go on from a checkpoint."""

import numpy as np
import pytest
import torch
from holes import bent, holed
from scipy import stats

from realnvp import RealNVP
from realnvp.ensemble import Ensemble
from realnvp.estimators.parts import gaps
from realnvp.train import Checkpoint

QUICK = {"layers": 2, "width": 16, "max_steps": 60, "verbose": False, "random_state": 0, "device": "cpu"}
SEVERAL = QUICK | {"kernel": "auto", "members": 3, "max_steps": 1200, "max_time": None, "marginals": False}


def weights(model):
    return torch.cat([t.flatten().double() for t in model.flow_.state_dict().values()])


@pytest.fixture(scope="module")
def several():
    model = RealNVP(**SEVERAL, missing="marginalise").fit(holed(bent(1500, 0)))
    assert isinstance(model.flow_, Ensemble)
    return model


@pytest.mark.parametrize("column", [0, 1])
def test_several_flows_have_the_density_of_what_was_observed(several, column):
    values, grid = np.linspace(-1, 1.5, 9), np.linspace(-12, 12, 4001)
    rows = np.full((9, 2), np.nan)
    rows[:, column] = values
    exact = []
    for value in values:
        points = np.full((len(grid), 2), value)
        points[:, 1 - column] = grid
        exact.append(np.log(np.exp(several.score_samples(points)).sum() * (grid[1] - grid[0])))
    found = several.score_missing(rows)

    assert found.error.max() < 0.15
    assert (np.abs(found.log_prob - exact) < 4.5 * found.error).all()


def test_several_flows_fill_gaps_by_their_law(several):
    filled = several.impute(np.tile([1.0, np.nan], (3000, 1)), random_state=0)
    grid = np.linspace(-6, 6, 2401)
    density = np.exp(several.score_samples(np.column_stack([np.ones(len(grid)), grid])))
    law = density.cumsum() / density.sum()
    drawn = np.searchsorted(np.sort(filled[:, 1]), grid, side="right") / 3000

    assert (filled[:, 0] == 1).all()
    assert np.abs(drawn - law).max() < 1.95 / np.sqrt(3000)  # Kolmogorov's, at one in a thousand


def test_several_flows_learn_of_rows_with_gaps(several):
    """The law is known: ``x ~ N(0, 1)``, ``y | x ~ N(x^2 / 2, 1 / 4)``."""
    fresh = bent(20_000, 1)
    exact = stats.norm.logpdf(fresh[:, 0]) + stats.norm(0.5 * fresh[:, 0] ** 2, 0.5).logpdf(fresh[:, 1])

    assert exact.mean() - several.score(fresh) < 0.1


@pytest.mark.parametrize("missing", ["refuse", "marginalise"])
def test_several_flows_have_quantiles_given_a_context(missing):
    rng = np.random.default_rng(0)
    c = rng.uniform(-1, 1, (1400, 1))
    y = np.hstack([c, -c]) + 0.5 * rng.normal(size=(1400, 2))
    y[: 200 * (missing == "marginalise"), 1] = np.nan
    model = RealNVP(**SEVERAL, missing=missing).fit(y, context=c)
    found = model.quantiles([[-0.5], [0.5]], [0.1, 0.5, 0.9], n_samples=4000, random_state=0)
    middle = np.array([[-0.5, 0.5], [0.5, -0.5]])[..., None]
    low, high = model.interval([[0.5]], 0.8, n_samples=4000, random_state=0)

    assert isinstance(model.flow_, Ensemble)
    np.testing.assert_allclose(found, middle + 0.5 * stats.norm.ppf([0.1, 0.5, 0.9]), atol=0.15)
    np.testing.assert_allclose(high - low, 2 * 0.5 * stats.norm.ppf(0.9), atol=0.15)
    if missing == "marginalise":
        filled = model.impute(np.tile([0.5, np.nan], (2000, 1)), context=np.full((2000, 1), 0.5), random_state=0)
        assert filled[:, 1].mean() == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("at", [30, 70, 100, 160])
def test_a_resumed_training_of_several_flows_refills_as_an_unbroken_one(tmp_path, at, monkeypatch):
    monkeypatch.setattr(gaps, "_LEAST", 10)
    monkeypatch.setattr("realnvp.estimators.parts.settings._LEAST", 80)
    monkeypatch.setattr("realnvp.estimators.parts.settings._EPOCHS", 1)
    params = SEVERAL | {"width": 8, "batch_size": 32, "max_steps": 200, "missing": "marginalise"}
    X, seen = holed(bent(200, 0)), []

    def cut(record):
        seen.append(record.step)
        starts = np.flatnonzero(np.diff(seen) < 0) + 1
        if sum(seen[i - 1] for i in starts) + record.step >= at:
            raise RuntimeError("a power cut")

    whole = RealNVP(**params).fit(X)
    with pytest.raises(RuntimeError):
        RealNVP(**params, callbacks=[cut]).fit(X, checkpoint=Checkpoint(tmp_path, every=1e-9))
    resumed = RealNVP(**params).fit(X, checkpoint=Checkpoint(tmp_path, resume=True))

    assert len(whole.history_) > 2
    assert {record["member"] for record in whole.history_} >= {1, 2}
    assert torch.equal(weights(resumed), weights(whole))


@pytest.fixture
def made(monkeypatch):
    """What fills gaps in again, once for each time that it does."""
    found, refill = [], gaps.Refilling._refill
    monkeypatch.setattr(gaps.Refilling, "_refill", lambda self: (found.append(self), refill(self)))
    return found


def test_each_flow_refills_rows_of_its_own(made):
    RealNVP(**SEVERAL | {"max_steps": 900}, missing="marginalise").fit(holed(bent(300, 0)))
    own = {id(again): again for again in made}.values()

    assert len(own) >= 2
    assert len({again.rows.data_ptr() for again in own}) == len(own)
    assert len({id(again.member.flow) for again in own}) == len(own)
    assert {again.steps for again in own} <= set(range(300, 901))


def test_where_only_the_clock_ends_a_training_gaps_are_filled_again_all_the_same(made):
    params = QUICK | {"max_steps": "auto", "max_time": 3.0, "early_stopping": False}
    RealNVP(**params, missing="marginalise").fit(holed(bent(300, 0)))

    assert made
    assert made[0].steps == 300
