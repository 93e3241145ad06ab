"""Tables of many files: every row once an epoch over all ranks, one pass finds what NumPy finds, bad files named."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from pyarrow.fs import LocalFileSystem

from realnvp.data.many import ManyFiles, Reader, survey
from realnvp.errors import InputError

SIZES = (1000, 0, 2500, 333, 4000)
ROWS = sum(SIZES)
X = np.random.default_rng(0).normal(size=(ROWS, 2)) * [1.0, 1e3] + [5.0, 1e6]


def write(path, start, stop, group=700, **more):
    columns = {"a": X[start:stop, 0], "b": X[start:stop, 1], "id": np.arange(start, stop)}
    parquet.write_table(pa.table(columns | more), path, row_group_size=group)


@pytest.fixture
def folder(tmp_path):
    start = 0
    for i, rows in enumerate(SIZES):
        write(tmp_path / f"part{i}.parquet", start, start + rows)
        start += rows
    return tmp_path


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


@pytest.mark.parametrize("name", ["{}", "{}/*.parquet", "{}/part[0-9].parquet", "file://{}", "file://{}/part*.parquet"])
def test_files_are_named_by_folder_glob_or_address(folder, name):
    files = ManyFiles.open(name.format(folder))

    assert files.rows == ROWS
    assert [file.within for file in files.files] == [f"part{i}.parquet" for i in range(5)]


@pytest.mark.parametrize("name", ["", "/*.parquet", "/part?.parquet"])
def test_what_an_address_asks_for_is_asked_for_with_each_file(folder, monkeypatch, name):
    asked = []

    class Store:
        """A store of objects whose address says where it is."""

        @staticmethod
        def from_uri(uri):
            asked.append(uri)
            address, _, query = uri.partition("?")
            assert query == "region=eu-1&endpoint_override=h%3A9000"
            return LocalFileSystem(), address.removeprefix("s3:/")

    monkeypatch.setattr("pyarrow.fs.FileSystem", Store)
    files = ManyFiles.open(f"s3:/{folder}{name}?region=eu-1&endpoint_override=h%3A9000")

    assert survey(files, 0).count == ROWS
    assert [f"part{i}.parquet?" in " ".join(asked) for i in range(5)] == [True] * 5


def test_what_is_hidden_in_a_folder_is_passed_over(folder):
    (folder / "_delta").mkdir()
    (folder / "_delta" / "old.parquet").write_bytes(b"junk")
    (folder / "deep").mkdir()
    write(folder / "deep" / "more.parquet", 0, 10)

    assert ManyFiles.open(str(folder)).rows == ROWS + 10


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def spoil(path):
    """Damage the data, not the foot."""
    held = bytearray(path.read_bytes())
    about = parquet.read_metadata(path).row_group(0).column(0)
    start = about.data_page_offset if about.dictionary_page_offset is None else about.dictionary_page_offset
    held[start : start + about.total_compressed_size] = bytes(about.total_compressed_size)
    path.write_bytes(bytes(held))


@pytest.mark.parametrize("harm", [cut, spoil, lambda path: path.write_bytes(b"")], ids=["cut", "spoilt", "empty"])
def test_a_corrupt_file_names_itself_or_is_left_out_and_counted(folder, harm):
    harm(folder / "part3.parquet")
    with pytest.raises(InputError, match=r"part3\.parquet cannot be read .*skip_bad_files=True"):
        survey(ManyFiles.open(str(folder)), 0)
    with pytest.warns(UserWarning, match=r"1 of 5 files cannot be read and are left out: .*part3\.parquet"):
        files = ManyFiles.open(str(folder), skip_bad_files=True)

    assert survey(files, 0).count == ROWS - 333
    assert len(files.skipped) == 1


def test_if_all_files_are_corrupt_none_is_left(folder):
    for path in folder.glob("*.parquet"):
        cut(path)

    with pytest.raises(InputError, match="none of the 5 files"):
        ManyFiles.open(str(folder), skip_bad_files=True)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": X[:9, 0], "id": range(9)}, r"later.parquet has no column 'b', which .*part0.parquet has"),
        ({"a": X[:9, 0], "b": ["x"] * 9, "id": range(9)}, r"later.parquet and .*part0.parquet differ: 'b' is string"),
        (
            {"a": X[:9, 0], "b": X[:9, 1], "id": range(9), "c": range(9)},
            r"later.parquet has a column 'c', which .*part0",
        ),
    ],
)
def test_other_columns_in_a_file_are_refused_by_the_names_of_both(folder, columns, words):
    parquet.write_table(pa.table(columns), folder / "t_later.parquet")

    with pytest.raises(InputError, match=words):
        ManyFiles.open(str(folder))


def test_what_does_not_matter_may_differ(folder):
    narrow = {"id": np.arange(9, dtype=np.int32), "b": X[:9, 1].astype(np.float32), "a": X[:9, 0]}
    parquet.write_table(pa.table(narrow), folder / "narrow.parquet")
    parquet.write_table(pa.table({"other": pa.array([], pa.string())}), folder / "none.parquet")

    assert survey(ManyFiles.open(str(folder)), 0).count == ROWS + 9


@pytest.mark.parametrize(
    ("value", "words"),
    [(np.nan, "column 'a' has a missing value in row 1501"), (np.inf, "an infinite value in row 1501")],
)
def test_a_value_that_is_no_number_names_its_file_and_row(folder, value, words):
    x = X[:2000, 0].copy()
    x[1500] = value
    parquet.write_table(pa.table({"a": x, "b": x, "id": range(2000)}), folder / "z.parquet", row_group_size=700)

    with pytest.raises(InputError, match=f"z.parquet: {words}" if value != value else words):
        survey(ManyFiles.open(str(folder)), 0)


@pytest.mark.parametrize(
    ("name", "told", "words"),
    [
        ("{}/none/*.parquet", {}, "no file is called"),
        ("{}", {"columns": ["c"]}, "has no column 'c'"),
        ("{}", {"columns": ["a", "a"]}, "'a' is named twice"),
        ("{}", {"drop": ["z"]}, "has no column 'z'"),
        ("{}", {"drop": ["a", "b", "id"]}, "leaves no column"),
        ("nowhere://{}", {}, "cannot be opened"),
        ("file://{}/none", {}, "cannot be opened"),
    ],
)
def test_what_cannot_be_opened_is_refused(folder, name, told, words):
    with pytest.raises(InputError, match=words):
        ManyFiles.open(name.format(folder), **told)


def test_dates_and_other_files_are_refused(tmp_path):
    parquet.write_table(pa.table({"when": pa.array([0], pa.date32())}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="'when' holds date32"):
        ManyFiles.open(str(tmp_path))
    (tmp_path / "t.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"t.csv is no .parquet file"):
        ManyFiles.open(f"{tmp_path}/t.*")
