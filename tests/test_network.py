"""Nothing speaks to the network: not at import, not while a model learns, is saved, drawn or read."""

import subprocess
import sys

SHUT = """
import socket, sys

def shut(*args, **kwargs):
    raise SystemExit(f"the network was asked for: {args}")

class Shut(socket.socket):
    def __init__(self, family=-1, *args, **kwargs):
        if family != socket.AF_UNIX:
            shut(family, *args)
        super().__init__(family, *args, **kwargs)

socket.socket, socket.create_connection = Shut, shut
socket.getaddrinfo = socket.gethostbyname = shut
"""
USE = """
import importlib, pkgutil, realnvp
for module in pkgutil.walk_packages(realnvp.__path__, "realnvp."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from realnvp.cli import main
quick = ["--max-steps", "3", "--layers", "1", "--width", "4"]
for words in (
    ["fit", "moons", *quick, "--rows", "200", "--out", "table"],
    ["fit", "digits", *quick, "--no-figures", "--out", "pictures"],
    ["boltzmann", "u1", *quick, "--no-figures", "--out", "energy"],
    ["sample", "table", "-n", "5", "--out", "new.csv"],
    ["score", "table", "new.csv", "--out", "scores.csv"],
    ["info", "energy"],
):
    sys.argv = ["realnvp", *words]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""


def run(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def test_no_network_at_import_or_at_work(tmp_path):
    done = run(SHUT + USE, tmp_path)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "scores.csv").exists()


def test_the_lock_is_shut(tmp_path):
    asked = run(SHUT + "import urllib.request\nurllib.request.urlopen('http://localhost:9')", tmp_path)

    assert asked.returncode != 0
    assert "the network was asked for" in asked.stderr
