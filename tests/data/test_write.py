"""Writing tables: bit-exact round trips, whole or not at all, in little memory."""

import os
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pyarrow import parquet

import realnvp.data.write as module
from realnvp.data.table import read_table, table_columns
from realnvp.data.write import TableWriter
from realnvp.errors import InputError

KINDS = ("csv", "parquet", "npy")
X = np.random.default_rng(0).standard_normal((5, 2))

kinds = pytest.mark.parametrize("kind", KINDS)


def write(path, *pieces, columns=None, force=False):
    with TableWriter(path, columns or [f"x{j}" for j in range(pieces[0].shape[1])], force=force) as out:
        for piece in pieces:
            out.write(piece)


def interrupt(path, values, stop=KeyboardInterrupt, force=False):
    with TableWriter(path, "ab", force=force) as out:
        out.write(values)
        raise stop


def overtake(path):
    with TableWriter(path, "ab") as out:
        out.write(X)
        path.write_text("mine")


def refuse_to_link(*names):
    raise OSError("no links here")


def names(folder):
    return sorted(os.listdir(folder))


@kinds
@settings(max_examples=40, deadline=None)
@given(
    values=hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_finite_numbers_come_back_bit_for_bit(tmp_path_factory, kind, values):
    path = tmp_path_factory.getbasetemp() / f"bits.{kind}"
    write(path, values, force=True)
    assert read_table(path).values.tobytes() == values.tobytes()


@kinds
@pytest.mark.parametrize("rows", [1, 70_000])
def test_pieces_of_any_size_are_one_table(tmp_path, kind, rows):
    pieces = [np.full((rows, 2), float(i)) for i in range(3)]
    write(tmp_path / f"t.{kind}", *pieces, columns=("x0", "x1"))
    table = read_table(tmp_path / f"t.{kind}")
    assert table.columns == ("x0", "x1")
    np.testing.assert_array_equal(table.values, np.concatenate(pieces))
    assert names(tmp_path) == [f"t.{kind}"]


@kinds
def test_the_buffer_may_be_used_again(tmp_path, kind):
    buffer = np.zeros((1, 2))
    with TableWriter(tmp_path / f"t.{kind}", "ab") as out:
        for i in range(3):
            buffer[:] = i
            out.write(buffer)
    np.testing.assert_array_equal(read_table(tmp_path / f"t.{kind}").values[:, 0], [0, 1, 2])


def test_the_first_array_sets_the_width_of_the_numbers(tmp_path):
    single = np.float32([[0.1, 1 / 3]])
    write(tmp_path / "t.npy", single, single.astype(float))
    assert np.load(tmp_path / "t.npy").dtype == np.float32
    write(tmp_path / "t.parquet", single)
    assert parquet.read_schema(tmp_path / "t.parquet").types == [pa.float32()] * 2
    write(tmp_path / "t.csv", single, columns=("a", "b,c"))
    assert (tmp_path / "t.csv").read_text() == 'a,"b,c"\n0.1,0.33333334\n'
    write(tmp_path / "i.npy", np.array([[1, 2]]))
    assert np.load(tmp_path / "i.npy").dtype == np.float64


def test_one_row_at_a_time_is_one_row_group(tmp_path):
    write(tmp_path / "t.parquet", *X[:, None])
    assert parquet.ParquetFile(tmp_path / "t.parquet").num_row_groups == 1


@kinds
def test_no_rows_are_a_valid_file(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    with TableWriter(path, ("a", "b")):
        pass
    write(tmp_path / f"u.{kind}", np.empty((0, 2)), columns=("a", "b"))
    assert path.read_bytes() == (tmp_path / f"u.{kind}").read_bytes()
    assert table_columns(path) == (("x0", "x1") if kind == "npy" else ("a", "b"))
    if kind == "npy":
        assert np.load(path).shape == (0, 2)


@kinds
def test_two_million_rows_take_little_memory(tmp_path, kind):
    piece = np.full((100_000, 2), 0.5)
    tracemalloc.start()
    arrow = 0
    with TableWriter(tmp_path / f"t.{kind}", "ab") as out:
        for _ in range(20):
            out.write(piece)
            arrow = max(arrow, pa.total_allocated_bytes())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert max(peak, arrow) < 12e6  # the table is 32e6 bytes
    assert len(np.load(tmp_path / "t.npy", mmap_mode="r") if kind == "npy" else read_table(out._path).values) == 2e6


# --- whole or not at all ---


@kinds
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, RuntimeError])
@pytest.mark.parametrize("rows", [0, 5, 70_000])
def test_an_interrupt_leaves_nothing(tmp_path, kind, stop, rows):
    with pytest.raises(stop):
        interrupt(tmp_path / f"t.{kind}", np.ones((rows, 2)), stop)
    assert names(tmp_path) == []


@kinds
def test_the_final_name_appears_at_the_end(tmp_path, kind):
    with TableWriter(tmp_path / f"t.{kind}", "ab") as out:
        out.write(X)
        assert f"t.{kind}" not in names(tmp_path)
    assert names(tmp_path) == [f"t.{kind}"]


@kinds
def test_an_existing_file_is_kept_until_a_forced_write_ends_well(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    write(path, X)
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        TableWriter(path, "ab")
    assert str(caught.value) == f"{path} exists: choose another name, or say --force to replace it"
    with pytest.raises(KeyboardInterrupt):
        interrupt(path, X, force=True)
    assert path.read_bytes() == before
    write(path, X + 1, force=True)
    np.testing.assert_array_equal(read_table(path).values, X + 1)
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_came_meanwhile_is_kept(tmp_path, monkeypatch, links):
    path = tmp_path / "t.csv"
    if not links:
        monkeypatch.setattr(module.os, "link", refuse_to_link)
    with pytest.raises(InputError, match="exists: choose another name"):
        overtake(path)
    assert path.read_text() == "mine"
    path.unlink()
    write(path, X)
    assert names(tmp_path) == ["t.csv"]


def test_a_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    write(tmp_path / "t.csv", X)
    assert (tmp_path / "t.csv").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch, call):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, call, full)
    monkeypatch.setattr(module.os, "rename", full)
    with pytest.raises(InputError) as caught:
        write(tmp_path / "t.npy", X)
    assert str(caught.value) == (
        f"{tmp_path / 't.npy'} cannot be written (No space left on device): make room, or choose another folder"
    )
    assert names(tmp_path) == []


# --- refusals ---


def refused(path, columns=("a", "b")):
    with pytest.raises(InputError) as caught:
        TableWriter(path, columns)
    return str(caught.value)


def test_refusals(tmp_path):
    path = tmp_path / "none" / "t.csv"
    assert refused(path) == f"{path} cannot be written, the folder {path.parent} does not exist: create it first"
    path = tmp_path / "t.npz"
    assert refused(path) == f"{path} is of unknown kind '.npz': name a .csv, .parquet or .npy file"
    path = tmp_path / "d.csv"
    path.mkdir()
    assert refused(path) == f"{path} is a folder: choose another name"
    path = tmp_path / "t.csv"
    assert refused(path, ["a", "a"]) == f"{path} needs one name per column, all different: ['a', 'a'] are not"
    assert refused(path, []) == f"{path} needs one name per column, all different: [] are not"
    assert names(tmp_path) == ["d.csv"]


@pytest.mark.parametrize("values", [np.ones(2), np.ones((2, 3)), np.ones((2, 2), complex), np.array([["a", "b"]])])
def test_arrays_that_do_not_fit(tmp_path, values):
    with pytest.raises(InputError) as caught:
        write(tmp_path / "t.csv", values, columns=("a", "b"))
    assert str(caught.value) == (
        f"{tmp_path / 't.csv'} takes real numbers of shape (n, 2), not {values.dtype} of shape {values.shape}"
    )
    assert names(tmp_path) == []
