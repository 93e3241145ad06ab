import json
from pathlib import Path

import pytest
import torch

from realnvp import InputError
from realnvp.train.checkpoint import FORMAT, read_config, read_history, read_run, write_run

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(True), "c": torch.tensor([1.5], dtype=torch.float64)}


def test_reads_what_was_written(tmp_path):
    write_run(tmp_path / "run", {"kind": "density"}, STATE, [{"step": 1}, {"step": 2}])
    config, state, history = read_run(tmp_path / "run")

    assert config["kind"] == "density"
    assert config["format"] == FORMAT
    assert history == [{"step": 1}, {"step": 2}]
    assert all(torch.equal(state[k], v) and state[k].dtype == v.dtype for k, v in STATE.items())


def test_leaves_no_temporary_files(tmp_path):
    write_run(tmp_path, {}, STATE)

    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "history.jsonl", "model.safetensors"]


def test_an_existing_run_is_kept_without_force(tmp_path):
    write_run(tmp_path, {"n": 1}, STATE)
    with pytest.raises(InputError, match="holds a run already"):
        write_run(tmp_path, {"n": 2}, STATE)

    assert read_config(tmp_path)["n"] == 1


@pytest.mark.parametrize("position", [0, 20, -1])
def test_a_flipped_byte_is_detected(tmp_path, position):
    write_run(tmp_path, {}, STATE)
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)

    with pytest.raises(InputError, match="checksum"):
        read_run(tmp_path)


def _break(folder, name, content):
    (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda f: _break(f, "config.json", "{"), "config.json is damaged"),
        (lambda f: _break(f, "config.json", "[]"), "not written by realnvp"),
        (lambda f: _break(f, "config.json", json.dumps({"format": FORMAT + 1})), "install a newer version"),
        (lambda f: (f / "config.json").unlink(), "is not a run folder"),
        (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors"),
        (lambda f: _break(f, "model.safetensors", "short"), "checksum"),
        (lambda f: _break(f, "history.jsonl", "{"), "history.jsonl is damaged"),
    ],
)
def test_a_damaged_or_foreign_folder_gets_a_sentence(tmp_path, damage, sentence):
    write_run(tmp_path, {}, STATE)
    damage(tmp_path)

    with pytest.raises(InputError, match=sentence):
        read_run(tmp_path)


def test_a_missing_folder_gets_a_sentence(tmp_path):
    with pytest.raises(InputError, match="there is no run folder"):
        read_config(tmp_path / "none")


def test_a_file_in_the_folders_place_gets_a_sentence(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        write_run(tmp_path / "run", {}, STATE)

    assert (tmp_path / "run").read_text() == "mine"


def test_no_history_is_an_empty_one(tmp_path):
    assert read_history(tmp_path) == []


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "history.jsonl"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch, name):
    write_run(tmp_path, {}, STATE, [{"step": 1}])
    for how in ("read_text", "read_bytes"):
        real = getattr(Path, how)

        def shut(path, *args, real=real, **kwargs):
            if path.name == name:
                raise PermissionError(13, "Permission denied")
            return real(path, *args, **kwargs)

        monkeypatch.setattr(Path, how, shut)

    with pytest.raises(InputError, match=rf"{name} cannot be read \(Permission denied\): look at who may read it"):
        read_run(tmp_path)


@pytest.mark.parametrize("position", [2, 12, -3])
def test_a_flipped_byte_of_the_history_is_detected(tmp_path, position):
    write_run(tmp_path, {}, STATE, [{"step": 1}, {"step": 2}])
    content = bytearray((tmp_path / "history.jsonl").read_bytes())
    content[position] ^= 1
    (tmp_path / "history.jsonl").write_bytes(content)

    with pytest.raises(InputError, match=r"history\.jsonl is damaged"):
        read_run(tmp_path)


def test_a_run_whose_history_is_not_there_is_read_without(tmp_path):
    write_run(tmp_path, {}, STATE, [{"step": 1}])
    (tmp_path / "history.jsonl").unlink()

    assert read_run(tmp_path)[2] == []
