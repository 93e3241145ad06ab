"""``realnvp serve`` and ``--live``: a training seen from outside while it goes on."""

import json
import os
import shutil
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from realnvp.cli.live import LIVE, Live, live
from realnvp.cli.serve import Shown, server
from realnvp.errors import InputError
from realnvp.train.world import World

QUICK = ["--kernel", "affine", "--no-compile", "--max-steps", "60", "--layers", "2", "--width", "8", "--no-figures"]


@pytest.fixture
def served(realnvp):
    """Serve a finished run: its address."""
    assert realnvp("fit", "moons", "--rows", 500, *QUICK, "--out", "run")[0] == 0
    with server(Path("run"), 0) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@pytest.fixture
def begun(realnvp):
    """A training that was shown live and killed: the folder that it left."""
    assert realnvp("fit", "moons", "--rows", 500, *QUICK, "--out", "run/.live")[0] == 0
    return Path("run")


def aged(folder, seconds):
    """Make the files of a folder so old."""
    for path in folder.iterdir():
        os.utime(path, (time.time() - seconds,) * 2)


def asked(address, host=None, method="GET"):
    request = urllib.request.Request(address, headers={} if host is None else {"Host": host}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def test_the_page_that_is_served_is_that_of_the_run_and_asks_for_newer_ones(served):
    page, report = asked(served), Path("run/report.html").read_text(encoding="utf-8")
    state = json.loads(asked(f"{served}/state"))

    assert page.count("<script") == report.count("<script") + 1
    assert "connect-src" not in report
    assert f'data-stamp="{state["stamp"]}"' in page
    assert report.split('id="data">')[1].split("</script>")[0] in page
    assert state["told"] == "This is what was learnt."


@pytest.mark.parametrize(
    ("path", "host"), [("/config.json", None), ("/../run/config.json", None), ("/", "evil.example")]
)
def test_nothing_else_is_served_and_to_no_other_name(served, path, host):
    with pytest.raises(urllib.error.HTTPError) as refused:
        asked(served + path, host)
    refused.value.close()

    assert refused.value.code == (404 if host is None else 403)


def test_a_head_is_answered_as_the_whole_without_its_body(served):
    for path in ("/", "/state"):
        request = urllib.request.Request(served + path, method="HEAD")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.read() == b""
        assert int(answer.headers["Content-Length"]) == len(asked(served + path).encode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        asked(served, "evil.example", "HEAD")
    refused.value.close()

    assert refused.value.code == 403


def test_a_page_that_is_closed_while_it_comes_ends_nothing_and_says_nothing(served, capsys):
    host, port = served.removeprefix("http://").split(":")
    for _ in range(3):
        with socket.create_connection((host, int(port)), timeout=60) as page:
            page.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            assert page.recv(10).startswith(b"HTTP")
            page.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed hard

    with socket.create_connection((host, int(port)), timeout=60) as page:
        page.sendall(b"GET / HTT")
        page.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # before it has asked

    assert "data-stamp" in asked(served)
    assert capsys.readouterr().err == ""


def test_it_listens_to_this_machine_alone(tmp_path):
    with server(tmp_path, 0) as serving:
        assert serving.server_address[0] == "127.0.0.1"
        with pytest.raises(InputError, match=r"port \d+ cannot be had .*name another with --port"):
            server(tmp_path, serving.server_port)


def test_a_training_of_which_there_is_no_news_is_not_said_to_go_on(begun):
    place, shown = begun / LIVE, Shown(begun)
    steps = shown.told().removeprefix("The training goes on: ")
    aged(place, 12 * 60 + 5)
    silent = shown.told()
    (place / "history.jsonl").write_text("")
    aged(place, 100)

    assert steps.startswith("this is it after 60 steps and ")
    assert silent == f"No news for 12 minutes: it may have been ended from outside; {steps}"
    assert shown.told() == "No news for 100 seconds: it may have been ended from outside."


@pytest.mark.parametrize(("age", "goes_on"), [(5, True), (80, True), (500, True), (700, False)])
def test_what_is_long_goes_by_the_time_between_looks(begun, age, goes_on):
    place = begun / LIVE
    records = [json.loads(line) for line in (place / "history.jsonl").read_text().splitlines()]
    told = (json.dumps(record | {"seconds": 200.0 * i}) for i, record in enumerate(records))
    (place / "history.jsonl").write_text("\n".join(told))
    aged(place, age)

    assert Shown(begun).told().startswith("The training goes on: this" if goes_on else "No news for 11 minutes: it")


def test_a_look_without_a_copy_is_news_too(tmp_path):
    history = tmp_path / "history.jsonl"
    history.touch()
    aged(tmp_path, 1000)
    keep = Live(None, tmp_path, None)
    keep.next = time.monotonic() + 1000
    keep(None)

    assert time.time() - history.stat().st_mtime < 100
    history.unlink()
    keep(None)
    assert not list(tmp_path.iterdir())


def test_the_rows_of_a_new_copy_are_awaited(begun):
    place = begun / LIVE
    kept = (place / "rows.safetensors").read_bytes()
    (place / "rows.safetensors").unlink()
    os.utime(place / "config.json")
    later = threading.Timer(0.2, lambda: (place / "rows.safetensors").write_bytes(kept))
    later.start()
    page = Shown(begun).page()
    later.join()

    assert "the points are draws of the flow" not in page


def test_a_copy_without_rows_says_when_they_are_kept(begun):
    place = begun / LIVE
    config = json.loads((place / "config.json").read_text()) | {"stopped_by": "", "figures": {}}
    del config["config_sha256"]
    (place / "config.json").write_text(json.dumps(config))
    (place / "rows.safetensors").unlink()
    aged(place, 10)
    page = Shown(begun).page()

    assert "The rows are kept when the training has ended: the points are draws of the flow." in page
    assert "kept no rows" not in page


def test_a_run_that_has_nothing_yet_is_waited_for(tmp_path):
    shown = Shown(tmp_path)

    assert shown.stamp() == ""
    assert "Nothing to show" in shown.page()
    assert 'data-stamp=""' in shown.page()


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "moons", "--rows", 500, *QUICK),
        ("boltzmann", "u1", "--no-compile", "--max-steps", 50, "--layers", 2, "--width", 8, "--no-figures"),
        ("fit", "digits", "--no-compile", "--max-steps", 50, "--layers", 1, "--width", 4, "--no-figures"),
    ],
    ids=["table", "energy", "pictures"],
)
def test_a_training_shows_itself_while_it_goes_on_and_learns_the_same(realnvp, monkeypatch, words):
    pages, told = [], []

    def seen(self, record):
        self.next = 0.0  # at every look
        keep(self, record)
        shown = Shown(Path("run"))
        told.append(shown.told())
        if len(told) in (1, 5):
            pages.append(shown.page())

    keep = Live.__call__
    monkeypatch.setattr(Live, "__call__", seen)
    last, remove = [], shutil.rmtree

    def removed(place, **rest):
        if place == Path("run", LIVE) and place.exists():
            last.append(Path("run/config.json").exists())
        remove(place, **rest)

    monkeypatch.setattr(shutil, "rmtree", removed)
    code, out, err = realnvp(*words, "--live", "--out", "run")
    assert (code, err) == (0, "") or "not kept up" not in err
    assert realnvp(*words, "--out", "plain")[0] == 0
    one, other = (load_file(f"{name}/model.safetensors") for name in ("run", "plain"))

    assert "watch it     realnvp serve run" in out
    assert told[0].startswith("The training goes on: this is it after")
    assert len(set(told)) == len(told) >= 5
    assert all("explorer" in page for page in pages)
    assert all("In training" in page for page in pages)
    assert pages[0] != pages[1]
    assert last == [True]  # there is always something to show
    assert not Path("run", LIVE).exists()
    assert Shown(Path("run")).told() == "This is what was learnt."
    assert all(np.array_equal(one[name], other[name]) for name in other)


def test_a_copy_that_cannot_be_made_does_not_end_the_training(tmp_path):
    class Model:
        callbacks = None

        def snapshot(self):
            raise OSError("no room")

    model = Model()
    with live(World(), model, tmp_path, lambda now, place: None, wanted=True, quiet=True):
        with pytest.warns(UserWarning, match=r"not kept up any more \(OSError: no room\); the training goes on"):
            model.callbacks[0](None)
        model.callbacks[0](None)  # and is not said again
