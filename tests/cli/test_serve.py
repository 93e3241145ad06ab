"""``realnvp serve`` and ``--live``: a training seen from outside while it goes on."""

import json
import socket
import struct
import threading
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


def asked(address, host=None):
    request = urllib.request.Request(address, headers={} if host is None else {"Host": host})
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


def test_a_page_that_is_closed_while_it_comes_ends_nothing_and_says_nothing(served, capsys):
    host, port = served.removeprefix("http://").split(":")
    for _ in range(3):
        with socket.create_connection((host, int(port)), timeout=60) as page:
            page.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            assert page.recv(10).startswith(b"HTTP")
            page.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed hard

    assert "data-stamp" in asked(served)
    assert capsys.readouterr().err == ""


def test_it_listens_to_this_machine_alone(tmp_path):
    with server(tmp_path, 0) as serving:
        assert serving.server_address[0] == "127.0.0.1"
        with pytest.raises(InputError, match=r"port \d+ cannot be had .*name another with --port"):
            server(tmp_path, serving.server_port)


def test_what_cannot_be_served_is_said(realnvp):
    assert realnvp("serve", "nowhere")[2].startswith("realnvp: there is no folder nowhere")


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
    code, out, err = realnvp(*words, "--live", "--out", "run")
    assert (code, err) == (0, "") or "not kept up" not in err
    assert realnvp(*words, "--out", "plain")[0] == 0
    one, other = (load_file(f"{name}/model.safetensors") for name in ("run", "plain"))

    assert "watch it     realnvp serve run" in out
    assert told[0].startswith("The training goes on: this is it after")
    assert len(set(told)) == len(told) >= 5
    assert all("explorer" in page for page in pages)
    assert all("In training" in page or words[0] == "boltzmann" for page in pages)
    assert pages[0] != pages[1]
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
