"""The files of a table of many: how they are named, and what is refused or left out, each by its name."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from pyarrow.fs import LocalFileSystem
from several import ROWS, X, write

from realnvp.data.many import ManyFiles, survey
from realnvp.data.sources.base import reading
from realnvp.errors import InputError


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
        (
            {"a": X[:9, 0], "c": X[:9, 1], "id": range(9)},
            r"has no column 'b', which .*part0.parquet has \(it has 'c' instead\): give all files the same columns",
        ),
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


def test_a_file_without_the_right_to_it_is_not_called_damaged():
    sentence = r"^rows.parquet may not be read: check your rights to it$"
    with pytest.raises(InputError, match=sentence), reading("rows.parquet"):
        raise PermissionError(13, "Permission denied")
