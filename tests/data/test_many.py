"""Tables of many files: every row once an epoch over all ranks, one pass finds what NumPy finds."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from several import ROWS, X, write

from realnvp.data.many import ManyFiles, Reader, survey
from realnvp.errors import InputError


def ids(frame, seed):
    return [torch.from_numpy(frame["id"].astype(np.int64))]


def reader(folder, size=64, **told):
    return Reader(ManyFiles.open(str(folder)), ids, size, 0, **told)


def epochs(readers, count):
    """What each rank deals until so many epochs are over, batch by batch."""
    found = [[] for _ in readers]
    for mine, rank in zip(found, readers, strict=True):
        batches = iter(rank)
        while rank.epoch < count:
            mine.append(next(batches).tolist())
    return found


@pytest.mark.parametrize("window", [100, 1500, None])
@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("away", [[], [0, 1, 699, 700, 1000, 5000, ROWS - 1], list(range(700, 1400))], ids=len)
def test_every_row_comes_once_an_epoch_in_the_batches_of_one_rank(folder, ranks, window, away):
    readers = [reader(folder, 1, shard=(r, ranks), window=window, away=np.array(away)) for r in range(ranks)]

    for epoch in (1, 2):
        seen = Counter(row for rank in epochs(readers, epoch) for batch in rank for row in batch)
        assert seen == Counter(set(range(ROWS)) - set(away))


@pytest.mark.parametrize("ranks", [2, 3, 7])
def test_no_rank_runs_out_and_all_end_their_epochs_together(folder, ranks):
    readers = [reader(folder, 100, shard=(r, ranks)) for r in range(ranks)]
    batches = epochs(readers, 3)

    assert {len(batch) for rank in batches for batch in rank} == {100}
    assert max(map(len, batches)) - min(map(len, batches)) <= 1


def test_more_ranks_than_rows_share_them_out_over_the_epochs(tmp_path):
    write(tmp_path / "few.parquet", 0, 3)
    batches = [next(iter(reader(tmp_path, 6, shard=(r, 5)))).tolist() for r in range(5)]

    assert Counter(row for batch in batches for row in batch) == Counter({0: 10, 1: 10, 2: 10})


def test_the_order_is_of_the_seed_and_of_the_epoch(folder):
    one, two = reader(folder), reader(folder)
    first, second = one.deal(ROWS)[0], one.deal(ROWS)[0]

    assert torch.equal(first, two.deal(ROWS)[0])
    assert not torch.equal(first, second)
    assert not torch.equal(first, Reader(one.files, ids, 64, 1).deal(ROWS)[0])


def test_each_epoch_begins_with_other_groups(folder):
    one = reader(folder, window=700)
    first, _, second = (one.deal(n)[0] for n in (700, ROWS - 700, 700))

    assert not torch.equal(first.sort().values, second.sort().values)


def test_rows_are_shuffled_across_groups_within_the_window_and_not_beyond(folder):
    whole, narrow = reader(folder).deal(700)[0], reader(folder, window=700).deal(700)[0]

    assert len(set((whole // 700).tolist())) > 5
    assert len(set((narrow // 700).tolist())) <= 4
    assert not torch.equal(narrow, narrow.sort().values)


@pytest.mark.parametrize("taken", [1, 1499, 1500, ROWS - 1, ROWS, 3 * ROWS + 17])
@pytest.mark.parametrize("shard", [(0, 1), (1, 3)])
def test_a_reader_goes_on_where_another_stood(folder, taken, shard):
    one, two = (reader(folder, shard=shard, window=1500) for _ in range(2))
    one.deal(taken)
    two.restore(one.state())

    assert torch.equal(one.deal(3000)[0], two.deal(3000)[0])


@pytest.mark.parametrize("shard", [(0, 0), (2, 2), (-1, 2)])
def test_a_shard_that_is_none_is_refused(folder, shard):
    with pytest.raises(InputError, match="shard is"):
        reader(folder, shard=shard)


def test_a_survey_finds_what_numpy_finds_in_all_rows(folder):
    found = survey(ManyFiles.open(str(folder), ["a", "b"]), 0, sample=500)

    assert found.count == ROWS
    np.testing.assert_allclose(found.mean, X.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.spread, X.std(0), rtol=1e-10)
    np.testing.assert_array_equal([found.low, found.high], [X.min(0), X.max(0)])
    np.testing.assert_array_equal(np.stack(found.sample.parts, 1), X[found.at])
    ends = np.vstack([np.stack(frame.parts, 1) for frame in (found.sample, found.rare)])
    np.testing.assert_array_equal([ends.min(0), ends.max(0)], [X.min(0), X.max(0)])


def test_the_sample_favours_no_row(tmp_path):
    write(tmp_path / "rows.parquet", 0, 200, group=30)
    files, seeds, size = ManyFiles.open(str(tmp_path)), 400, 50
    drawn = np.concatenate([survey(files, seed, sample=size).at for seed in range(seeds)])
    counts = np.bincount(drawn, minlength=200)
    share = size / 200

    assert len(drawn) == seeds * size
    assert np.sum((counts - seeds * share) ** 2) / (seeds * share * (1 - share)) < 200 + 3 * np.sqrt(2 * 200)
    assert abs(counts[:100].sum() / len(drawn) - 0.5) < 0.02


def test_the_sample_does_not_depend_on_how_the_rows_lie_in_files(tmp_path, folder):
    (tmp_path / "one").mkdir()
    write(tmp_path / "one" / "all.parquet", 0, ROWS, group=5000)
    one, many = (survey(ManyFiles.open(str(f)), 3, sample=100) for f in (tmp_path / "one", f"{folder}/*.parquet"))

    np.testing.assert_array_equal(one.at, many.at)


def test_a_value_that_the_sample_lacks_is_kept_beside_it(tmp_path):
    words = np.array(["usual"] * ROWS, dtype=object)
    words[4567] = "rare"
    flags = (np.arange(ROWS) == 1234).astype(float)
    parquet.write_table(pa.table({"word": words, "flag": flags}), tmp_path / "t.parquet", row_group_size=1000)
    found = survey(ManyFiles.open(str(tmp_path)), 0, sample=20)

    assert set(found.sample["word"]) == {"usual"}
    assert sorted(found.rare["word"]) == ["rare", "usual"]
    assert found.rare["flag"].max() == 1


def test_rows_taken_out_of_a_survey_are_not_learnt_from(folder):
    found = survey(ManyFiles.open(str(folder)), 0, sample=100)
    less = found.without(np.array([3, 50]))

    np.testing.assert_array_equal(less.away, found.at[[3, 50]])
    np.testing.assert_array_equal(less.at, np.delete(found.at, [3, 50]))
    assert not found.whole
    assert survey(found.files, 0).without(np.arange(10)).whole
