"""Fits to many files: as good as a fit of the rows in memory, and the same when they go on from a checkpoint."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from cuts import Cut, stopping
from pyarrow import parquet
from scipy.stats import multivariate_normal

from realnvp import InputError, RealNVP
from realnvp.data.many import ManyFiles, survey
from realnvp.estimators.parts import streams
from realnvp.train import Checkpoint

QUICK = {"layers": 2, "width": 8, "verbose": False, "random_state": 0, "device": "cpu", "batch_size": 64}
MIX = np.array([[1, 0.5, 0], [0, 1, 2], [0, 0, 1]])
X = np.random.default_rng(0).normal(size=(6000, 3)) @ MIX + [0, 10, 100]


def files(folder, columns, size=1500):
    rows = len(next(iter(columns.values())))
    for i, start in enumerate(range(0, rows, size)):
        part = {name: values[start : start + size] for name, values in columns.items()}
        parquet.write_table(pa.table(part), folder / f"part{i}.parquet", row_group_size=400)
    return str(folder)


def plain(folder):
    return files(folder, dict(zip("abc", X.T, strict=True)))


def weights(model):
    return torch.cat([t.flatten().double() for t in model.flow_.state_dict().values()])


def test_a_normal_is_learnt_from_files_as_it_is_from_memory(tmp_path):
    params = QUICK | {"max_steps": 300, "members": 1, "kernel": "affine"}
    test = np.random.default_rng(1).normal(size=(4000, 3)) @ MIX + [0, 10, 100]
    truth = multivariate_normal([0, 10, 100], MIX.T @ MIX).logpdf(test).mean()
    streamed, whole = RealNVP(**params).fit_files(plain(tmp_path)), RealNVP(**params).fit(X)
    frame = pd.DataFrame(test, columns=list("abc"))

    assert list(streamed.feature_names_in_) == ["a", "b", "c"]
    assert 0 <= truth - streamed.score(frame) < 0.03
    assert abs(streamed.score(frame) - whole.score(test)) < 0.03


def test_the_scaling_is_that_of_all_rows(tmp_path):
    found = survey(ManyFiles.open(plain(tmp_path)), 0, sample=300)
    model = RealNVP(**QUICK, max_steps=2, members=1).fit_files(found)
    scaler = model.flow_.transform[0]

    np.testing.assert_allclose(scaler.loc, X.mean(0), rtol=1e-6)
    np.testing.assert_allclose(scaler.scale, X.std(0), rtol=1e-6)


def test_rows_held_out_and_rows_taken_away_are_not_trained_on(tmp_path, monkeypatch):
    told = []

    class Watched(streams.Reader):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            told.append(self)

    monkeypatch.setattr(streams, "Reader", Watched)
    found = survey(ManyFiles.open(plain(tmp_path)), 0, sample=1000).without(np.arange(100))
    RealNVP(**QUICK, max_steps=2, members=1).fit_files(found)

    assert set(found.away) < set(told[0].away)
    assert len(told[0].away) == 100 + 90
    assert told[0].rows == 6000 - 190


def test_a_context_is_some_of_the_columns(tmp_path):
    model = RealNVP(**QUICK, max_steps=300, kernel="affine").fit_files(plain(tmp_path), columns=["b"], context=["a"])
    left = X[:, 1] - 10 - 0.5 * X[:, 0]  # b given a is normal about 10 + a / 2
    truth = -0.5 * np.log(2 * np.pi) - 0.5 * np.mean(left**2)

    assert abs(model.score(pd.DataFrame({"b": X[:, 1]}), context=X[:, :1]) - truth) < 0.05
    assert model.n_features_in_ == 1


def mixed(n=5000):
    rng = np.random.default_rng(0)
    words = rng.choice(["red", "green", "blue"], n, p=[0.5, 0.3, 0.2]).astype(object)
    words[n // 2] = "black"  # once in all rows
    counts = rng.poisson(3.0, n).astype(float)
    counts[n // 3] = 40.0
    return {"colour": words, "count": counts, "x": rng.normal(size=n), "sold": counts > 3}


def test_texts_counts_and_booleans_are_learnt_and_a_value_of_one_row_is_known(tmp_path):
    columns = mixed()
    found = survey(ManyFiles.open(files(tmp_path, columns)), 0, sample=200)
    model = RealNVP(**QUICK, max_steps=60, members=1).fit_files(found)
    kinds = {column["name"]: column["kind"] for column in model.columns_}
    log_prob = model.score_samples(pd.DataFrame(columns))

    assert "black" not in found.sample["colour"]
    assert kinds["colour"] == "categorical"
    assert kinds["count"] in ("discrete", "few values")
    assert kinds["sold"] == "boolean"
    assert np.isfinite(log_prob).all()
    assert set(model.sample(50, random_state=0)["colour"]) <= {"red", "green", "blue", "black"}


def test_a_column_that_follows_from_others_is_found(tmp_path):
    columns = {"a": X[:, 0], "b": X[:, 1], "sum": X[:, 0] + 2 * X[:, 1]}
    with pytest.warns(UserWarning, match="'sum' = 1 \\* 'a' \\+ 2 \\* 'b'"):
        model = RealNVP(**QUICK, max_steps=10, members=1).fit_files(files(tmp_path, columns))
    a, b, total = model.sample(100, random_state=0).T

    np.testing.assert_allclose(total, a + 2 * b)


def test_a_law_of_the_sample_that_other_rows_break_is_refused(tmp_path):
    total = X[:, 0] + 2 * X[:, 1]
    found = survey(ManyFiles.open(files(tmp_path, {"a": X[:, 0], "b": X[:, 1], "sum": total})), 0, sample=500)
    total[np.setdiff1d(np.arange(6000), found.at)[100]] += 1
    files(tmp_path, {"a": X[:, 0], "b": X[:, 1], "sum": total})

    with pytest.warns(UserWarning, match="follows"), pytest.raises(InputError, match="but not in all rows"):
        RealNVP(**QUICK, max_steps=200, members=1).fit_files(found)


def test_a_value_that_no_row_of_the_sample_hinted_at_is_refused_with_a_cure(tmp_path):
    x = np.random.default_rng(0).choice([0.0, 1.0, 5.0], 6000)
    path = files(tmp_path, {"x": x, "y": X[:, 0]})
    found = survey(ManyFiles.open(path), 0, sample=500)
    x[np.setdiff1d(np.arange(6000), found.at)[100]] = 2.5
    files(tmp_path, {"x": x, "y": X[:, 0]})

    with pytest.raises(InputError, match=r"column 'x' holds 2\.5.*kinds="):
        RealNVP(**QUICK, max_steps=200, members=1).fit_files(found)
    RealNVP(**QUICK, max_steps=200, members=1, kinds={"x": "continuous"}).fit_files(found)


def test_gaps_are_refused_by_file_and_row(tmp_path):
    x = X.copy()
    x[2000, 1] = np.nan

    with pytest.raises(InputError, match=r"part1.parquet: column 'b' has a missing value in row 501"):
        RealNVP(**QUICK).fit_files(files(tmp_path, dict(zip("abc", x.T, strict=True))))


@pytest.mark.parametrize("at", [2, 30, 99])
@pytest.mark.parametrize("columns", [dict(zip("abc", X.T, strict=True)), mixed()], ids=["plain", "mixed"])
@pytest.mark.parametrize("shard", [(0, 1), (1, 2)], ids=str)
def test_a_resumed_fit_ends_with_the_weights_of_an_unbroken_one(tmp_path, at, columns, shard):
    (tmp_path / "data").mkdir()
    found = survey(ManyFiles.open(files(tmp_path / "data", columns)), 0, sample=500)
    params = QUICK | {"max_steps": 100, "members": 1, "early_stopping": False}
    how = {"window": 1000, "shard": shard}
    whole = RealNVP(**params).fit_files(found, **how)
    with pytest.raises(Cut):
        RealNVP(**params, callbacks=[stopping(at)]).fit_files(found, **how, checkpoint=Checkpoint(tmp_path, every=1e-9))
    resumed = RealNVP(**params).fit_files(found, **how, checkpoint=Checkpoint(tmp_path, resume=True))

    assert torch.equal(weights(resumed), weights(whole))


def test_a_fit_goes_on_only_with_the_same_rows_shard_and_window(tmp_path):
    (tmp_path / "data").mkdir()
    path, params = plain(tmp_path / "data"), QUICK | {"members": 1}
    RealNVP(**params, max_steps=2).fit_files(path, checkpoint=Checkpoint(tmp_path))
    for told, words in [
        ({"shard": (0, 2)}, r"is of a training by 1 process, here are 2: start as many"),
        ({"window": 70}, r"training with .*window|with window"),
        ({"columns": ["a", "b"]}, r"training with .*data|with data"),
    ]:
        with pytest.raises(InputError, match=words):
            RealNVP(**params, max_steps=4).fit_files(path, **told, checkpoint=Checkpoint(tmp_path, resume=True))


def test_ranks_learn_from_rows_of_their_own(tmp_path):
    found = survey(ManyFiles.open(plain(tmp_path)), 0)
    one, two = (RealNVP(**QUICK, max_steps=20, members=1).fit_files(found, shard=(r, 2)) for r in (0, 1))

    assert not torch.equal(weights(one), weights(two))
    assert torch.equal(one.flow_.transform[0].loc, two.flow_.transform[0].loc)
