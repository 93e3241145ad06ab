"""Reading tables: the same numbers from every kind of file, and one sentence for every fault."""

import datetime
import gzip
import os
import pickle
import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from realnvp.data.table import Table, iter_table, read_table, table_columns
from realnvp.errors import InputError

X = np.random.default_rng(0).standard_normal((1003, 3))
FILES = ("t.csv", "t.csv.gz", "t.CSV", "t.tsv", "t.tsv.gz", "t.parquet", "t.npy", "t.npz")
NO_NUMBER = ", which is not a real number: encode it as numbers, or leave it out"
NOT_FINITE = "missing or infinite in all): fill in or drop such rows"
GIVE = "give a .csv, .parquet, .npy or .npz file"
PICKLED = "t.npy holds no plain array (nothing pickled is ever loaded): save numbers"
ARRAYS = ": save one 2-D array named X, or 1-D arrays of one length"


def save(path, content):
    """Text or bytes as they are, an array as .npy, a dict of columns as .parquet or .npz."""
    if isinstance(content, str | bytes):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    elif isinstance(content, np.ndarray):
        np.save(path, content)
    elif path.suffix == ".npz":
        np.savez_compressed(path, **content)
    else:
        parquet.write_table(pa.table(content), path, row_group_size=300)
    return path


def save_table(path, values=X, names="abc"):
    if path.suffix == ".npy":
        return save(path, values)
    if path.suffix in (".npz", ".parquet"):
        return save(path, dict(zip(names, values.T, strict=True)))
    between = "\t" if ".tsv" in path.suffixes else ","
    lines = [between.join(map(repr, row)) for row in values.tolist()]
    text = "\n".join([between.join(names), *lines, ""]).encode()
    return save(path, gzip.compress(text) if path.suffix == ".gz" else text)


def names_of(path):
    return ("x0", "x1", "x2") if path.suffix == ".npy" else ("a", "b", "c")


@pytest.fixture(params=FILES)
def path(request, tmp_path):
    return save_table(tmp_path / request.param)


def refused(path, columns=None):
    with pytest.raises(InputError) as caught:
        read_table(path, columns)
    return str(caught.value).replace(f"{path.parent}{os.sep}", "")


def test_every_kind_reads_back_the_same_numbers(path):
    table = read_table(path)
    assert isinstance(table, Table)
    assert table.columns == table_columns(path) == names_of(path)
    assert table.values.dtype == np.float64
    assert table.values.flags.c_contiguous
    assert table.values.tobytes() == X.tobytes()
    table.values[:] = 0  # a copy: the file stays as it is
    assert read_table(path).values.any()


def test_columns_are_chosen_and_ordered(path):
    a, _, c = names_of(path)
    table = read_table(str(path), [c, a])
    assert table.columns == (c, a)
    np.testing.assert_array_equal(table.values, X[:, [2, 0]])


def test_ten_pieces_are_the_table(path):
    pieces = list(iter_table(path, rows=101))
    assert all(len(piece.values) <= 101 and piece.values.flags.c_contiguous for piece in pieces)
    assert len(pieces) >= 10
    np.testing.assert_array_equal(np.concatenate([piece.values for piece in pieces]), read_table(path).values)


@pytest.mark.parametrize("name", ["t.csv", "t.npy"])
def test_five_million_rows_are_read_in_little_memory(tmp_path, name):
    n = 5_000_000
    save(tmp_path / name, np.full((n, 2), 1.5) if name == "t.npy" else "a,b\n" + "1.5,1.5\n" * n)
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    sizes = [(len(piece.values), pa.total_allocated_bytes() - before) for piece in iter_table(tmp_path / name)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(rows for rows, _ in sizes) == n
    assert max(arrow for _, arrow in sizes) < 60e6  # pyarrow reads a fixed number of blocks ahead
    assert peak < 12e6  # the table is 80e6 bytes


def test_importing_the_reader_costs_no_pyarrow():
    code = "import sys, realnvp.data.table as t; sys.exit('pyarrow' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- CSV dialects ---


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a;b\n1,5;2\n", [[1.5, 2]]),
        ("a;b\n1.5;2\n", [[1.5, 2]]),
        ("a\tb\n1.5\t2\n", [[1.5, 2]]),
        ("\ufeff a , b\n1.5, 2\n", [[1.5, 2]]),
        ('"a","b"\r\n"1.5","2"\r\n', [[1.5, 2]]),
        ("\n\na,b\n\n1.5,2\n\n", [[1.5, 2]]),
        ("a,b\ntrue,2\nFALSE,3\n", [[1, 2], [0, 3]]),
        ("a,b\n1.5,2", [[1.5, 2]]),
        ("a,b\n1e3,-.5\n+1,5.\n", [[1000, -0.5], [1, 5]]),
    ],
)
def test_dialects(tmp_path, text, values):
    table = read_table(save(tmp_path / "t.csv", text))
    assert table.columns == ("a", "b")
    np.testing.assert_array_equal(table.values, values)


def test_a_tsv_is_split_at_its_tabs_whatever_its_names_hold(tmp_path):
    assert read_table(save(tmp_path / "t.tsv", "mass, kg\tb\n1.5\t2\n")).columns == ("mass, kg", "b")


def test_a_column_that_starts_with_integers_may_go_on_with_decimals(tmp_path):
    table = read_table(save(tmp_path / "t.csv", "a\n" + "2\n" * 1_500_000 + "2.5\n"))
    assert table.values[-1, 0] == 2.5
    path = save(tmp_path / "t.csv", "a\n" + "2\n" * 1_500_000 + "two\n")
    assert refused(path) == f"t.csv: column 'a' holds 'two' in row 1500001{NO_NUMBER}"


def test_names_may_be_whole_numbers_and_other_columns_hold_anything(tmp_path):
    path = save(tmp_path / "t.csv", b"0,1\n1,\xe9\n2,\n")
    assert table_columns(path) == ("0", "1")
    np.testing.assert_array_equal(read_table(path, ["0"]).values, [[1], [2]])


# --- parquet and NumPy types ---


def test_parquet_types(tmp_path):
    numbers = {"i": [1, 2**53], "b": [True, False], "f": np.float32([0.5, 1.5])}
    others = {"d": pa.array([7, 9]).dictionary_encode(), "text": ["x", "y"], "__index_level_0__": [3, 4]}
    path = save(tmp_path / "t.parquet", numbers | others)
    assert table_columns(path) == ("i", "b", "f", "d", "text")
    np.testing.assert_array_equal(read_table(path, "ibfd").values, [[1, 1, 0.5, 7], [2**53, 0, 1.5, 9]])


@pytest.mark.parametrize("dtype", ["?", "i1", ">u4", "f2", "f4", ">f8"])
def test_npy_types_and_orders(tmp_path, dtype):
    values = np.asfortranarray(np.arange(12).reshape(4, 3).astype(dtype))
    np.testing.assert_array_equal(read_table(save(tmp_path / "t.npy", values)).values, values.astype(float))


def test_a_flat_array_is_one_column(tmp_path):
    assert read_table(save(tmp_path / "t.npy", np.arange(3))).values.shape == (3, 1)


@pytest.mark.parametrize("name", ["X", "x", "data", "train"])
def test_an_archive_gives_the_array_of_the_usual_name(tmp_path, name):
    arrays = {"labels": np.array(["p", None]), "other": np.ones((5, 2)), name: np.eye(3)}
    np.testing.assert_array_equal(read_table(save(tmp_path / "t.npz", arrays)).values, np.eye(3))


def test_an_archive_gives_its_only_table(tmp_path):
    path = save(tmp_path / "t.npz", {"whatever": np.eye(3), "labels": np.arange(3)})
    assert read_table(path).columns == ("x0", "x1", "x2")


# --- faults ---


def test_a_missing_file_and_a_folder(tmp_path):
    save_table(tmp_path / "train.csv")
    assert refused(tmp_path / "trian.csv") == "trian.csv does not exist: did you mean 'train.csv'?"
    assert refused(tmp_path / "z" / "q.csv") == "q.csv does not exist: check its name and its folder"
    (tmp_path / "d.csv").mkdir()
    assert refused(tmp_path / "d.csv") == "d.csv is a folder: name one file in it (.csv, .parquet, .npy or .npz)"


def test_faults_are_met_when_the_table_is_opened(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        iter_table(tmp_path / "t.csv")
    with pytest.raises(InputError, match=r"^rows is 0, and a piece needs at least one row: ask for 1 or more$"):
        iter_table(save_table(tmp_path / "t.csv"), rows=0)


CSV_FAULTS = {
    "": "t.csv is empty (0 bytes): write it again",
    "a,b\n": "t.csv has columns but no rows: write it again with its data",
    "a,b": "t.csv has no rows: write it again, data under a line of column names",
    "\n\n": "t.csv has no rows: write it again, data under a line of column names",
    "0.5,1\n1.5,2\n": "t.csv starts with numbers: add a first line that names its columns",
    "a,b\n1,2\n3,Oslo\n": f"t.csv: column 'b' holds 'Oslo' in row 2{NO_NUMBER}",
    "a,b\n1,2\n ,4\n": f"t.csv: column 'a' holds '' in row 2{NO_NUMBER}",
    "a,b\n1,2\n3,\n,nan\n": f"t.csv: column 'b' has a missing value in row 2 (3 {NOT_FINITE}",
    "a,b\n1,2\n\n3,-inf\n": f"t.csv: column 'b' has an infinite value in row 2 (1 {NOT_FINITE}",
    "a,b,a\n1,2,3\n": "t.csv has more than one column 'a': rename all but one",
    ",b\n1,2\n": "t.csv: column 1 has no name: name it, or choose others with --columns",
    "a,b\n1,2\n1,2,3\n": "t.csv: a header of 2 fields but 3 in row 2: mend that row",
    "a,b\n1,2\n\n3\n": "t.csv: a header of 2 fields but 1 in row 2: mend that row",
    b"a,b\n1,2\n\xe9,2\n": "t.csv is not UTF-8 text (column 'a' in row 2): save it as UTF-8",
    b"a,b\n1\n\xe9\n": "t.csv: a header of 2 fields but 1 in row 1: mend that row",
    b"\xe9,b\n1,2\n": "t.csv is not UTF-8 text (in its column names): save it as UTF-8",
    "a,b\n1,2\n".encode("utf-16-le"): "t.csv is not UTF-8 text (its column names hold zero bytes, as UTF-16 does): "
    "save it as UTF-8",
    "a,b\n1,2\n".encode("utf-16"): "t.csv is not UTF-8 text (in its column names): save it as UTF-8",
}
PARQUET_FAULTS = [
    ({"b": ["Oslo", "Rome"]}, f"t.parquet: column 'b' holds 'Oslo' in row 1{NO_NUMBER}"),
    ({"b": [None, datetime.date(2020, 1, 2)]}, f"t.parquet: column 'b' holds '2020-01-02' in row 2{NO_NUMBER}"),
    ({"b": [[1], [2]]}, f"t.parquet: column 'b' holds '[1]' in row 1{NO_NUMBER}"),
    ({"b": pa.array(["x"]).dictionary_encode()}, f"t.parquet: column 'b' holds 'x' in row 1{NO_NUMBER}"),
    ({"a": [1, 2], "b": [True, None]}, f"t.parquet: column 'b' has a missing value in row 2 (1 {NOT_FINITE}"),
    ({"a": [1], " a": [1]}, "t.parquet has more than one column 'a': rename all but one"),
    ({}, "t.parquet has no columns: write it again with at least one"),
]
NPY_FAULTS = [
    (np.zeros((2, 2, 2)), "t.npy holds an array of shape (2, 2, 2): save a 2-D one, rows by columns"),
    (np.zeros(()), "t.npy holds an array of shape (): save a 2-D one, rows by columns"),
    (np.zeros((0, 2)), "t.npy has columns but no rows: write it again with its data"),
    (np.zeros((2, 0)), "t.npy has no columns: write it again with at least one"),
    (np.array([[1j]]), f"t.npy: column 'x0' holds '1j' in row 1{NO_NUMBER}"),
    (np.array(["a"]), f"t.npy: column 'x0' holds 'a' in row 1{NO_NUMBER}"),
    (np.array(["2020-01-02"], "M8[D]"), f"t.npy: column 'x0' holds '2020-01-02' in row 1{NO_NUMBER}"),
    (np.array([(1, 2.0)], "i4,f8"), f"t.npy: column 'x0' holds '(1, 2.0)' in row 1{NO_NUMBER}"),
]
NPZ_FAULTS = [
    ({"a": np.eye(2), "b": np.eye(3)}, f"t.npz holds a (2, 2), b (3, 3){ARRAYS}"),
    ({"a": np.zeros(2), "b": np.zeros(3)}, f"t.npz holds a (2,), b (3,){ARRAYS}"),
    ({"a": np.zeros((1, 1, 1))}, f"t.npz holds a (1, 1, 1){ARRAYS}"),
    ({}, f"t.npz holds no arrays{ARRAYS}"),
]
FAULTS = [*CSV_FAULTS.items(), *PARQUET_FAULTS, *NPY_FAULTS, *NPZ_FAULTS]


@pytest.mark.parametrize(("content", "sentence"), [*FAULTS, ("a\n", "t.txt is of unknown kind '.txt': " + GIVE)])
def test_a_fault_is_one_sentence(tmp_path, content, sentence):
    name = sentence.split()[0].rstrip(":")
    assert refused(save(tmp_path / name, content)) == sentence


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.npy", "t.npz"])
def test_a_fault_far_down_has_its_row_and_every_fault_is_counted(tmp_path, name):
    values = np.ones((300_000, 2))
    values[[250_000, 290_000], 1] = np.nan, np.inf
    column = "x1" if name == "t.npy" else "b"
    sentence = f"{name}: column {column!r} has a missing value in row 250001 (2 {NOT_FINITE}"
    assert refused(save_table(tmp_path / name, values, "ab")) == sentence


def test_unknown_columns(tmp_path):
    path = save(tmp_path / "t.csv", "height,width\n1,2\n")
    assert refused(path, ["heigth"]) == "t.csv has no column 'heigth': did you mean 'height'?"
    assert refused(path, ["q"]) == "t.csv has no column 'q': it has height, width"
    assert refused(path, ["width", "width"]) == "column 'width' is asked for twice: name it once"


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_nothing_pickled_is_loaded(tmp_path):
    array = np.array([Trap()], dtype=object)
    assert refused(save(tmp_path / "t.npy", array)) == PICKLED
    assert refused(save(tmp_path / "t.npz", {"a": array})) == PICKLED.replace("npy", "npz")
    assert refused(save(tmp_path / "t.npy", pickle.dumps(Trap()))) == PICKLED


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", ["t.csv.gz", "t.parquet", "t.npy", "t.npz"])
def test_files_cut_short(tmp_path, name, kept):
    whole = save_table(tmp_path / name).read_bytes()
    sentence = refused(save(tmp_path / name, whole[: int(kept * len(whole))]))
    assert re.fullmatch(rf"{name} cannot be read \(.+\): it may be damaged or cut short, write it again", sentence)
