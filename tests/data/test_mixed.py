"""Tables of several kinds of columns: read from every kind of file, and written."""

import numpy as np
import pandas as pd
import pytest

from realnvp.data.rows import Categories, Frame
from realnvp.data.table import iter_frames, read_frame, read_table, table_kinds
from realnvp.data.write import TableWriter
from realnvp.errors import InputError

FRAME = pd.DataFrame(
    {
        "size": [1.5, 2.0, -3.0],
        "town": ["Oslo", 'a "b", c', "Tromsø"],
        "open": [True, False, True],
        "day": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"]),
    }
)
KINDS = {"size": "number", "town": "text", "open": "boolean", "day": "time"}


@pytest.fixture(params=["t.csv", "t.parquet"])
def path(request, tmp_path):
    path = tmp_path / request.param
    FRAME.to_csv(path, index=False) if path.suffix == ".csv" else FRAME.to_parquet(path)
    return path


def test_the_kinds_are_told_from_the_head(path):
    assert table_kinds(path) == KINDS


def test_columns_are_read_as_what_they_hold(path):
    found = read_frame(path, ["town", "size", "open"], KINDS)

    assert found.columns == ("town", "size", "open")
    assert found.shape == (3, 3)
    assert list(found["town"]) == list(FRAME["town"])
    assert list(found["size"]) == [1.5, 2.0, -3.0]
    assert found["open"].dtype == bool
    assert list(found.rows([2, 0])["town"]) == ["Tromsø", "Oslo"]


def test_where_numbers_are_asked_for_texts_are_refused_and_booleans_are_numbers(path):
    assert read_table(path, ["open"]).values.tolist() == [[1], [0], [1]]
    with pytest.raises(InputError, match="column 'town' holds 'Oslo' in row 1, which is not a real number"):
        read_table(path)


def test_categories_keep_their_order(tmp_path):
    kinds = pd.CategoricalDtype(["low", "high", "never"], ordered=True)
    pd.DataFrame({"g": pd.Series(["high", "low", None], dtype=kinds)}).to_parquet(tmp_path / "g.parquet")
    found = read_frame(tmp_path / "g.parquet", ["g"], {"g": "category"}, missing="marginalise")["g"]

    assert isinstance(found, Categories)
    assert found.categories == ("low", "high", "never")
    assert found.ordered
    assert list(found.values) == ["high", "low", None]


def test_empty_cells_of_texts_are_missing(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\nx,1\n,2\nNA,3\n")
    found = read_frame(tmp_path / "t.csv", ["a"], {"a": "text"}, missing="marginalise")

    assert list(found["a"]) == ["x", None, None]
    with pytest.raises(InputError, match=r"column 'a' has a missing value in row 2 \(2 missing or infinite in all\)"):
        read_frame(tmp_path / "t.csv", ["a"], {"a": "text"})


def test_numbers_with_a_mistyped_one_are_not_texts(tmp_path):
    (tmp_path / "t.csv").write_text("a\n" + "1.5\n" * 20 + "1,5 m\n".replace(",", ".") + "2\n")

    assert table_kinds(tmp_path / "t.csv") == {"a": "text"}
    with pytest.raises(InputError, match=r"column 'a' holds '1\.5 m' in row 21, which is not a real number"):
        read_frame(tmp_path / "t.csv", ["a"], {"a": "text"})


def test_a_decimal_comma_makes_no_text(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\n1,5;x\n2,5;y\n")

    assert table_kinds(tmp_path / "t.csv") == {"a": "number", "b": "text"}


def test_text_that_is_not_utf8_gets_a_sentence(tmp_path):
    (tmp_path / "t.csv").write_bytes("a,b\nTroms\xf8,1\nx,2\n".encode("latin-1"))

    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_frame(tmp_path / "t.csv", ["a"], {"a": "text"})


def test_what_is_neither_true_nor_false_gets_a_sentence(tmp_path):
    (tmp_path / "t.csv").write_text("a\ntrue\nperhaps\n")

    with pytest.raises(InputError, match="column 'a' holds 'perhaps' in row 2, which is neither true nor false"):
        read_frame(tmp_path / "t.csv", ["a"], {"a": "boolean"})


def test_arrays_of_texts_are_read(tmp_path):
    np.savez(tmp_path / "t.npz", a=np.array(["x", "yy"]), b=np.arange(2.0))

    assert table_kinds(tmp_path / "t.npz") == {"a": "text", "b": "number"}
    assert list(read_frame(tmp_path / "t.npz", ["a", "b"], {"a": "text"})["a"]) == ["x", "yy"]


def test_pieces_put_together_are_the_file(tmp_path):
    many = pd.DataFrame({"a": np.arange(150_000.0), "b": np.resize(["x", "y", "z"], 150_000)})
    many.to_csv(tmp_path / "t.csv", index=False)
    pieces = list(iter_frames(tmp_path / "t.csv", ["a", "b"], {"b": "text"}))
    whole = Frame.joined(pieces)

    assert len(pieces) > 1
    assert np.array_equal(whole["a"], many["a"])
    assert list(whole["b"]) == list(many["b"])


@pytest.mark.parametrize("as_objects", ["frame", "objects"])
@pytest.mark.parametrize("name", ["new.csv", "new.parquet"])
def test_what_is_written_is_read_back(tmp_path, name, as_objects):
    frame = FRAME[["size", "town", "open"]]
    values = frame if as_objects == "frame" else frame.to_numpy(dtype=object)
    with TableWriter(tmp_path / name, list(frame.columns)) as out:
        out.write(values)
        out.write(values)
    found = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)

    pd.testing.assert_frame_equal(found, pd.concat([frame, frame], ignore_index=True), check_dtype=False)
    assert found["open"].dtype == bool


def test_categories_stay_categories_in_parquet(tmp_path):
    frame = pd.DataFrame({"a": pd.Categorical(["x", "y"], ["y", "x"])})
    with TableWriter(tmp_path / "new.parquet", ["a"]) as out:
        out.write(frame)

    assert list(pd.read_parquet(tmp_path / "new.parquet")["a"].cat.categories) == ["y", "x"]


def test_an_array_file_takes_no_texts(tmp_path):
    with (
        pytest.raises(InputError, match=r"new\.npy can hold numbers only, and some columns hold none"),
        TableWriter(tmp_path / "new.npy", ["size", "town"]) as out,
    ):
        out.write(FRAME[["size", "town"]])
    assert list(tmp_path.iterdir()) == []
