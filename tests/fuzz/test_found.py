"""What was found by throwing things at the doors, each once more."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bench.fuzz import command
from realnvp import BoltzmannGenerator, ImageRealNVP, InputError, RealNVP
from realnvp.data.pictures.files import read_npy
from realnvp.data.table import iter_table, read_frame, read_table
from realnvp.estimators.parts.rows import hold_out
from realnvp.train.checkpoint import read_config

TINY = {"layers": 1, "width": 4, "max_steps": 2, "verbose": False, "random_state": 0}


def test_labels_that_cannot_be_hashed_are_no_classes():
    images = np.random.default_rng(0).integers(0, 5, (12, 4, 4))
    model = ImageRealNVP(**TINY, levels=5, device="cpu").fit(images, context=np.arange(12) % 3)

    with pytest.raises(InputError, match=r"context \{\} is no class the model has seen: 0, 1, 2"):
        model.sample(1, context={})


def test_one_label_in_a_table_is_no_label_for_all():
    images = np.random.default_rng(0).integers(0, 5, (12, 4, 4))
    model = ImageRealNVP(**TINY, levels=5, device="cpu").fit(images, context=np.arange(12) % 3)

    assert len(model.sample(2, context=[1])) == 2
    with pytest.raises(InputError, match=r"context has shape \(1, 1\): pass one label for each of the 2 pictures"):
        model.sample(2, context=[[1]])


@pytest.mark.parametrize("late", [1, 2, 3, 5, 9])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x,
        lambda x: x.sum(),
        lambda x: x[:-1].square().sum(1),
        lambda _: None,
        lambda x: x.detach().square().sum(1).numpy(),
        lambda x: x.square().sum(1).to(torch.complex64),
    ],
)
def test_a_potential_that_goes_wrong_later_gets_a_sentence(late, wrong):
    calls = iter(range(10**9))

    def potential(x):
        return x.square().sum(1) if next(calls) < late else wrong(x)

    with pytest.raises(InputError, match=r"the potential (returned|gives|failed)"):
        BoltzmannGenerator(2, particles=16, **TINY).fit(potential)


@pytest.mark.parametrize("names", [["a", "a"], [1, "1"]])
def test_a_data_frame_with_a_name_twice_gets_a_sentence(names):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=names)
    model = RealNVP(**TINY)

    with pytest.raises(InputError, match=f"more than one column '{names[1]}': rename all but one"):
        model.fit(frame)
    with pytest.raises(InputError, match="rename all but one"):
        model.fit(frame.to_numpy()).score_samples(frame)


@pytest.mark.parametrize("name", [":", ":f", "a:", "json:loads", "x..y:f"])
def test_a_potential_without_a_module_gets_a_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = command(["boltzmann", name, "--max-steps", "1"])

    assert code == 2
    assert err.count("\n") == 1
    assert "REALNVP_TRACEBACK" not in err
    assert not list(tmp_path.iterdir())


def test_names_that_are_no_text_leave_nothing_on_stderr(tmp_path, capfd):
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,\xff\n1,2\n1,2,3\n")

    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_table(path)
    assert capfd.readouterr().err == ""


def test_an_archive_under_the_name_of_an_array_gets_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "a.npz", X=np.zeros((20, 4, 4), np.uint8))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")

    with pytest.raises(InputError, match="is not a plain NumPy array"):
        read_npy(tmp_path / "a.npy")
    code, _, err = command(["fit", "a.npy"])
    assert code == 2
    assert "cannot be read" in err or "no plain array" in err


def test_an_array_that_declares_more_than_there_is_gets_a_sentence(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (2**40, 4, 4)})

    with pytest.raises(InputError, match="is not a plain NumPy array"):
        read_npy(tmp_path / "a.npy")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "a.npy")


def test_a_small_archive_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("realnvp.data.sources.arrays._BOMB", 10**6)
    inner = io.BytesIO()
    np.save(inner, np.zeros((200_000, 2)))
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", inner.getvalue())

    with pytest.raises(InputError, match="would unpack to 3,200,128 bytes from"):
        read_table(tmp_path / "bomb.npz")


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.parquet"])
def test_a_small_file_of_many_rows_does_not_fill_the_memory(tmp_path, monkeypatch, name):
    monkeypatch.setattr("realnvp.data.table._BOMB", 10**6)
    frame = pd.DataFrame(np.zeros((400_000, 2)), columns=["a", "b"])
    frame.to_csv(tmp_path / name, index=False) if "csv" in name else frame.to_parquet(tmp_path / name)
    refused = r"bytes and would take more than \d,\d{3},\d{3} in memory: if that is meant, unpack it, or write its rows"

    with pytest.raises(InputError, match=refused):
        read_table(tmp_path / name)
    with pytest.raises(InputError, match=refused):
        read_frame(tmp_path / name, ["a", "b"], {})
    assert sum(len(piece.values) for piece in iter_table(tmp_path / name)) == 400_000  # a stream takes what comes


def test_a_pickle_inside_an_array_is_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    for name in ("a.npy", "a.npz"):
        save = np.save if name == "a.npy" else np.savez
        save(tmp_path / name, np.array([Trap(), Trap()], dtype=object), allow_pickle=True)
        with pytest.raises(InputError, match="nothing pickled is ever loaded"):
            read_table(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_folders_made_for_a_run_that_is_not_written_are_taken_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert command(["boltzmann", "json:loads", "--out", "new/deep/run"])[0] == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command_", [["fit", "moons"], ["fit", "digits"], ["boltzmann", "u1"]], ids=" ".join)
@pytest.mark.parametrize("option", ["--layers", "--width", "--batch-size", "--max-steps"])
def test_numbers_beyond_all_measure_are_refused_before_building(command_, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = command([*command_, option, "99999999999999999999"])

    assert code == 2
    assert f"{option} must be a whole number of at most" in err
    assert not list(tmp_path.iterdir())


def test_features_beyond_all_measure_are_refused_before_a_point_is_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = command(["boltzmann", "json:loads", "--n-features", "99999999999999999999"])

    assert (code, err.count("\n")) == (2, 1)
    assert "--n-features must be a whole number of at most 1,000,000" in err


@pytest.mark.parametrize(
    "change",
    [
        {"params": None},
        {"params": 3},
        {"kinds": [3]},
        {"laws": [{}]},
        {"kinds": 1, "laws": 2},
        {"architecture": {"features": 10**12}},
        {"data": {"columns": [3, "b"], "name": "t", "rows": 1, "held_out_rows": 1}},
    ],
)
@pytest.mark.parametrize(
    "words", [["score"], ["impute", "--out", "whole.csv"], ["info"], ["export", "--onnx"], ["report"]]
)
def test_a_config_of_other_things_gets_a_sentence(change, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"]).to_csv("t.csv", index=False)
    RealNVP(**TINY).fit(pd.read_csv("t.csv")).save("run")
    config = read_config("run") | change
    Path("run/config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "config_sha256"}))
    verb, *more = words
    code, _, err = command([verb, "run", *(["t.csv"] if verb in ("score", "impute") else []), *more])

    if (code, verb) == (0, "export"):  # which asks nothing of what is known of the table
        assert change.keys() == {"data"}
    elif (code, verb) == (0, "report"):
        assert change.keys() <= {"params", "data"}
    elif (code, verb) == (0, "info"):  # it says what there is
        assert change.keys() <= {"params", "architecture"}
    else:
        assert (code, err.count("\n")) == (2, 1)
    assert "REALNVP_TRACEBACK" not in err


@pytest.mark.parametrize("base", ["normal", "mixture"])
def test_a_held_out_row_farther_out_than_single_precision_reaches(base):
    X = np.random.default_rng(0).normal(size=(40, 5)) * 1e-13
    X[hold_out(len(X), 0.1, 0)[0][0], 3] = 1e30
    model = RealNVP("affine", base=base, **TINY).fit(X)

    assert np.isfinite(model.history_[-1]["held_out"])
    assert np.isfinite(model.score_samples(X)).all()
