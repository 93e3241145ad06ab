"""Which run is meant where the folder that is named holds none, and what ``serve`` waits for."""

from http.server import ThreadingHTTPServer

import pytest


@pytest.fixture
def interrupted(monkeypatch):
    """End every server by an interrupt as soon as it serves."""

    def end(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", end)


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ("nowhere/run", "there is no folder nowhere that nowhere/run could come into"),
        ("file", "file is a file: name the folder that the training writes"),
        ("runs", "runs is not a run folder, but there are runs in it: did you mean runs/k9 or runs/moons?"),
        ("many", "did you mean many/a or many/b or many/c, or another of them?"),
    ],
)
def test_what_cannot_be_served_is_said(realnvp, tmp_path, interrupted, run, sentence):
    several = (f"many/{name}/.live" for name in "abcd")
    for folder in ("other/things", "runs/k9/.live", "runs/moons", "runs/none", *several):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "runs/moons/config.json").touch()
    (tmp_path / "file").touch()
    code, _, err = realnvp("serve", run, "--port", 0)

    assert (code, err.startswith("realnvp: ")) == (2, True)
    assert sentence in err


def test_a_folder_that_is_not_there_yet_is_waited_for_and_that_is_said(realnvp, tmp_path, interrupted):
    (tmp_path / "runs/moons").mkdir(parents=True)
    (tmp_path / "runs/moons/config.json").touch()
    code, out, err = realnvp("serve", "runs/moons2", "--port", 0)
    elsewhere = realnvp("serve", "moons", "--port", 0)[1]

    assert (code, err) == (0, "")
    assert "waiting for  runs/moons2, which is not there yet: for a training that writes it\n" in out
    assert "for a training that writes it  (did you mean runs/moons?)" in elsewhere


@pytest.mark.parametrize(
    "left", [[], [".tmp"], ["notes.txt", "logs/"], [".live/"], ["checkpoint.safetensors", "figures/"]]
)
def test_a_folder_of_a_training_that_begins_is_waited_for_without_a_word(realnvp, tmp_path, interrupted, left):
    (tmp_path / "run").mkdir()
    for name in left:
        (tmp_path / "run" / name).mkdir() if name.endswith("/") else (tmp_path / "run" / name).touch()
    code, out, _ = realnvp("serve", "run", "--port", 0)

    assert code == 0
    assert "waiting" not in out


def test_the_page_to_keep_is_named_where_there_is_one(realnvp, tmp_path, interrupted):
    (tmp_path / "run").mkdir()
    before = realnvp("serve", "run", "--port", 0)[1]
    (tmp_path / "run/config.json").touch()

    assert before.endswith("\nended\n")
    assert realnvp("serve", "run", "--port", 0)[1].endswith("\nended; the page to keep:  realnvp report run\n")


@pytest.mark.parametrize("command", ["info", "report", "sample"])
def test_what_is_there_of_a_killed_training_is_said(realnvp, tmp_path, command):
    (tmp_path / "run/.live").mkdir(parents=True)
    more = ["--out", "a.csv"] if command == "sample" else []
    told = "realnvp: run holds a training that was shown live and has not ended: "
    alone = realnvp(command, "run", *more)[2]
    (tmp_path / "run/checkpoint.safetensors").touch()

    assert alone.startswith(f"{told}see it by  realnvp serve run")
    assert "if it was killed: it kept no checkpoint, fit again" in alone
    assert realnvp(command, "run", *more)[2].startswith(
        f"{told}see it by  realnvp serve run  (if it was killed: go on with it by  realnvp fit"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("sample", "NAME", "--out", "a.csv"),
        ("score", "NAME", "table.csv", "--out", "a.csv"),
        ("impute", "NAME", "table.csv", "--out", "a.csv"),
        ("export", "NAME", "--onnx"),
        ("info", "NAME"),
        ("report", "NAME"),
    ],
    ids=lambda words: words[0],
)
def test_the_run_that_may_be_meant_is_named(realnvp, table, tmp_path, words):
    for name in ("runs/big", "wine"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").touch()
    meant = {"big": "runs/big", "bigg": "runs/big", "wines": "wine", "runs/bog": "runs/big", "runs": "runs/big"}
    for name, other in meant.items():
        code, _, err = realnvp(*(name if word == "NAME" else word for word in words))

        assert code == 2
        assert err.startswith(f"realnvp: {'runs is not a' if name == 'runs' else 'there is no'} run folder")
        assert err.endswith(f": did you mean {other}?\n")
