"""Many Parquet files at the command: learnt, gone on with, scored into a file or a folder, bad ones named."""

import json
import re
import shlex

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from realnvp import RealNVP
from realnvp.data.sources import places

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 1500))
B += A
WORDS = RNG.choice(["red", "green"], 1500)
QUICK = ("--max-steps", "20", "--layers", "2", "--width", "8", "--no-figures", "--members", "1")
CUTS = [(0, 400), (400, 400), (400, 1100), (1100, 1500)]


def write(folder, **more):
    folder.mkdir()
    for i, (start, stop) in enumerate(CUTS):
        columns = {"a": A[start:stop], "b": B[start:stop]} | {k: v[start:stop] for k, v in more.items()}
        parquet.write_table(pa.table(columns), folder / f"part{i}.parquet", row_group_size=150)
    return folder


@pytest.fixture
def data(tmp_path):
    return write(tmp_path / "data")


@pytest.fixture
def run(realnvp, data):
    assert realnvp("fit", data, *QUICK, "--quiet", "--out", "run")[0] == 0
    return "run"


def scores(path):
    return parquet.read_table(path).column("log_prob").to_numpy()


def expected(run="run"):
    return RealNVP.load(run).score_samples(pd.DataFrame({"a": A, "b": B}))


def config(run="run"):
    with open(f"{run}/config.json") as file:
        return json.load(file)


@pytest.mark.parametrize("name", ["data", "data/*.parquet", "data/part?.parquet", "file://{}"])
def test_a_folder_a_glob_and_an_address_are_learnt(realnvp, data, name):
    code, out, err = realnvp("fit", name.format(data), *QUICK)

    assert (code, err) == (0, "")
    assert "learning data: 1,350 rows in 4 files of 2 columns" in out
    assert config("runs/data")["columns"] == ["a", "b"]
    assert (
        config("runs/data")["data"] | {"files": 4, "skipped_files": [], "held_out_rows": 150}
        == config("runs/data")["data"]
    )
    assert realnvp("info", "runs/data")[0] == 0


def test_all_that_a_table_has_is_learnt_of_many_files(realnvp, tmp_path):
    write(tmp_path / "mixed", colour=WORDS, given=B - A, id=np.arange(1500))
    code, _, err = realnvp("fit", "mixed", *QUICK[:-3], "--drop", "id", "--context", "given", "--kinds", "a=continuous")
    assert (code, err) == (0, "")
    code, _, err = realnvp("sample", "runs/mixed", "-n", 20, "--context", "given=0.5", "--out", "draws.parquet")
    drawn = parquet.read_table("draws.parquet")
    assert (code, err, drawn.column_names) == (0, "", ["a", "b", "colour"])
    assert realnvp("score", "runs/mixed", "mixed", "--out", "scores")[::2] == (0, "")

    assert np.isfinite(np.concatenate([scores(f"scores/part{i}.parquet") for i in range(4)])).all()


def test_one_large_file_is_learnt_in_a_stream(realnvp, tmp_path, monkeypatch):
    parquet.write_table(pa.table({"a": A, "b": B}), tmp_path / "large.parquet")
    monkeypatch.setattr(places, "_MANY", 10_000)

    assert "rows in 1 files" in realnvp("fit", "large.parquet", *QUICK)[1]


def test_a_training_of_files_goes_on_from_its_checkpoint(realnvp, data, monkeypatch):
    assert realnvp("fit", "data", *QUICK, "--quiet", "--out", "whole")[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr("realnvp.watch.Watch.run_out", lambda *_: (_ for _ in ()).throw(MemoryError))
        patch.setattr("realnvp.watch.Watch.ends", lambda self, step, *_: step.index >= 8 and 1 / 0)
        assert realnvp("fit", "data", *QUICK, "--checkpoint-every", "1e-9", "--quiet", "--out", "cut")[0] == 2
    assert realnvp("fit", "data", *QUICK, "--resume", "--quiet", "--out", "cut")[::2] == (0, "")

    whole, cut = (RealNVP.load(run).flow_.state_dict() for run in ("whole", "cut"))
    assert all((whole[name] == cut[name]).all() for name in whole)


def test_scores_come_in_the_order_of_the_files(realnvp, run):
    code, out, _ = realnvp("score", run, "data", "--out", "all.parquet")
    assert code == 0
    assert f"1,500 log densities of 4 files in all.parquet: mean {expected().mean():.4f}" in out
    assert realnvp("score", run, "data/*.parquet", "--out", "all.npy")[0] == 0
    assert realnvp("score", run, "data", "--out", "folder")[0] == 0

    np.testing.assert_allclose(scores("all.parquet"), expected(), rtol=1e-12)
    np.testing.assert_array_equal(np.load("all.npy")[:, 0], scores("all.parquet"))
    for i, (start, stop) in enumerate(CUTS):
        np.testing.assert_array_equal(scores(f"folder/part{i}.parquet"), scores("all.parquet")[start:stop])


@pytest.mark.parametrize("out", ["out.parquet", "out"])
def test_what_is_there_is_replaced_only_by_force(realnvp, run, tmp_path, out):
    assert realnvp("score", run, "data", "--out", out)[0] == 0
    (tmp_path / "data" / "part3.parquet").unlink()
    code, _, err = realnvp("score", run, "data", "--out", out)
    assert code == 2
    assert "exists: choose another name, or say --force" in err
    code, said, _ = realnvp("score", run, "data", "--out", out, "--force")

    assert code == 0
    assert "1,100 log densities" in said
    assert not list(tmp_path.glob(".*"))
    if out == "out":
        assert not (tmp_path / out / "part3.parquet").exists()


@pytest.mark.parametrize("out", ["out.parquet", "out"])
def test_a_scoring_that_fails_leaves_nothing_behind(realnvp, run, data, tmp_path, out):
    x = np.full(5, np.nan)
    parquet.write_table(pa.table({"a": x, "b": x}), data / "z.parquet")
    code, _, err = realnvp("score", run, "data", "--out", out)

    assert code == 2
    assert "z.parquet: column 'a' has a missing value in row 1" in err
    assert not (tmp_path / out).exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.filterwarnings("always:1 of 4 files")
def test_a_bad_file_is_named_or_left_out_and_counted(realnvp, run, data):
    bad = data / "part2.parquet"
    bad.write_bytes(bad.read_bytes()[:-9])
    for words in (("fit", "data", *QUICK), ("score", run, "data", "--out", "s.npy")):
        code, _, err = realnvp(*words)
        assert code == 2
        assert "part2.parquet cannot be read" in err
        assert "say --skip-bad-files" in err
    code, out, err = realnvp("fit", "data", *QUICK, "--skip-bad-files", "--out", "less")
    assert code == 0
    assert "720 rows in 3 files" in out
    assert "1 of 4 files cannot be read and are left out" in err
    assert len(config("less")["data"]["skipped_files"]) == 1
    code, out, err = realnvp("score", run, "data", "--skip-bad-files", "--out", "s.npy")

    assert code == 0
    assert "800 log densities of 3 files (1 left out)" in out
    assert "part2.parquet" in err
    told = re.search(r"^next +realnvp (.+)$", out, re.MULTILINE)[1]
    assert realnvp(*shlex.split(told))[0] == 0, told
    np.testing.assert_allclose(np.load("s.npy")[:, 0], np.delete(expected(), range(400, 1100)), rtol=1e-12)


@pytest.mark.filterwarnings("always:.*which the fit did not see")
def test_a_text_that_the_fit_did_not_see_is_told_by_file_and_row(realnvp, tmp_path):
    write(tmp_path / "mixed", colour=WORDS)
    assert realnvp("fit", "mixed", *QUICK, "--quiet", "--out", "run")[0] == 0
    parquet.write_table(pa.table({"a": A[:3], "b": B[:3], "colour": ["red", "red", "blue"]}), "mixed/z.parquet")
    code, _, err = realnvp("score", "run", "mixed", "--out", "s.npy")

    assert code == 0
    assert "z.parquet: column 'colour' holds 'blue' in row 3" in err
    assert np.flatnonzero(np.isinf(np.load("s.npy")[:, 0])).tolist() == [1502]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fit", "moons", "--skip-bad-files"), "is not many files"),
        (("score", "run", "t.csv", "--out", "s.npy", "--skip-bad-files"), "leave --skip-bad-files out"),
        (("score", "run", "t.csv", "--out", "s.npy", "--engine", "ray"), "leave --engine ray out"),
        (("score", "run", "data/none*.parquet", "--out", "s.npy"), "no file is called"),
        (("score", "run", "data", "--out", "s.txt"), "unknown kind"),
        (("score", "run", "data", "--out", "no/where"), "does not exist"),
        (("score", "run", "data", "--out", "t.csv/s"), "cannot be written|is a file|does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(realnvp, run, tmp_path, words, told):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    code, _, err = realnvp(*words)

    assert code == 2
    assert len(err.splitlines()) == 1
    assert any(part in err for part in told.split("|"))


def test_without_ray_its_extra_is_named(realnvp, run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    code, _, err = realnvp("score", run, "data", "--out", "s.npy", "--engine", "ray")

    assert code == 2
    assert "pip install 'realnvp[ray]'" in err


def test_scores_do_not_replace_the_folder_of_what_is_scored(realnvp, data, run):
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    code, _, err = realnvp("score", run, data, "--out", data, "--force")

    assert code == 2
    assert "which is to be scored: choose another folder with --out" in err
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


def test_scores_do_not_replace_one_of_the_files_that_are_scored(realnvp, data, run):
    first = sorted(data.iterdir())[0]
    before = first.read_bytes()
    code, _, err = realnvp("score", run, data, "--out", first, "--force")

    assert code == 2
    assert f"{first} is itself to be scored, and would be lost: choose another --out" in err
    assert first.read_bytes() == before


def test_a_folder_in_a_folder_of_a_folder_is_learnt(realnvp, data, tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    data.rename(tmp_path / "deep/er/data")

    assert realnvp("fit", tmp_path / "deep", *QUICK, "--quiet", "--out", "deeply")[0] == 0


def test_an_address_with_a_space_is_opened(realnvp, data, tmp_path):
    data.rename(tmp_path / "two words")

    assert realnvp("fit", f"file://{tmp_path}/two words", *QUICK, "--quiet", "--out", "spaced")[0] == 0
