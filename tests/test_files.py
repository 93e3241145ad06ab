"""Files on disks that are full or shut."""

import errno
import os
from pathlib import Path

import pytest

from realnvp.errors import InputError
from realnvp.files import check_folder, holds_run, may_be_folder, write_atomically, write_together

FAULTS = {errno.ENOSPC: "make room, or choose another folder", errno.EDQUOT: "make room"}
FAULTS |= dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "choose a folder that you may write into")


def failing(code):
    def call(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", FAULTS, ids=errno.errorcode.get)
def test_a_disk_that_cannot_be_written_gets_a_sentence_and_keeps_what_was_there(tmp_path, monkeypatch, call, code):
    path = write_atomically(tmp_path / "file", b"before")
    monkeypatch.setattr(os, call, failing(code))

    with pytest.raises(InputError, match=rf"file cannot be written \({os.strerror(code)}\): {FAULTS[code]}"):
        write_atomically(path, b"after")
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_fills_up_between_two_files_changes_neither(tmp_path, monkeypatch):
    contents = {tmp_path / "model": b"old model", tmp_path / "config": b"old config"}
    write_together(contents)
    calls = iter([os.fsync, failing(errno.ENOSPC)])
    monkeypatch.setattr(os, "fsync", lambda *args, real=os.fsync: next(calls)(*args))

    with pytest.raises(InputError, match="config cannot be written"):
        write_together(dict.fromkeys(contents, b"new"))
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == contents


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC], ids=errno.errorcode.get)
def test_a_folder_is_tried_without_leaving_anything_in_it(tmp_path, monkeypatch, code):
    assert check_folder(tmp_path / "new" / "run").is_dir()
    assert not list((tmp_path / "new" / "run").iterdir())
    monkeypatch.setattr("tempfile.TemporaryFile", failing(code))

    with pytest.raises(InputError, match=rf"run cannot be written \({os.strerror(code)}\): {FAULTS[code]}"):
        check_folder(tmp_path / "new" / "run")
    assert not list((tmp_path / "new" / "run").iterdir())


def test_what_cannot_be_a_folder_is_refused_and_nothing_is_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)

    assert may_be_folder(tmp_path / "new" / "logs") == tmp_path / "new" / "logs"
    assert may_be_folder(Path("new")) == Path("new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    for name in ("file", "file/logs"):
        with pytest.raises(InputError, match="file is a file: name a folder"):
            may_be_folder(Path(name))
    with pytest.raises(InputError, match=r"cannot be written \(File name too long\): choose another folder"):
        may_be_folder(Path("a" * 1000))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="may not be written to: choose a folder that you may write into"):
        may_be_folder(tmp_path / "new")


def test_a_run_is_its_model_or_its_checkpoint(tmp_path):
    (tmp_path / "config.json").write_text("{}")  # of something else
    assert not holds_run(tmp_path)
    (tmp_path / "model.safetensors").touch()
    assert holds_run(tmp_path)
