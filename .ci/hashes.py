"""Write ``hashes.txt``: what ``make check`` and ``make docs`` install, each file by its SHA-256.

The files are those that pip chooses on this machine by ``constraints.txt``: another system or another Python takes
others, so that the list says whose it is.
"""

import json
import platform
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
# What is tested, file by file: {python}, {system}, torch's build for processors. Written by .ci/hashes.py.
# pip install --require-hashes -r hashes.txt && pip install --no-deps --no-build-isolation -e .
# torch's file is that of https://download.pytorch.org/whl/cpu: name it with --extra-index-url where pip finds another.
"""


def report() -> dict:
    """Return what pip would install into an empty environment."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        words = [
            "install",
            "--quiet",
            "--dry-run",
            "--ignore-installed",
            "--report",
            file.name,
            "-c",
            "constraints.txt",
        ]
        subprocess.run([sys.executable, "-m", "pip", *words, "hatchling", "-e", ".[dev,docs]"], cwd=ROOT, check=True)
        found: dict = json.load(file)
    return found


def lines(found: dict) -> list[str]:
    """Return a line for each distribution but the project's own."""
    said = []
    for each in found["install"]:
        about, source = each["metadata"], each["download_info"]
        if "archive_info" in source:
            name = re.sub(r"[-_.]+", "-", about["name"]).lower()
            version = about["version"].split("+")[0]
            said.append(f"{name}=={version} --hash=sha256:{source['archive_info']['hashes']['sha256']}")
    return sorted(said)


if __name__ == "__main__":
    head = HEAD.format(
        python=f"{platform.python_implementation()} {sysconfig.get_python_version()}", system=sysconfig.get_platform()
    )
    (ROOT / "hashes.txt").write_text(head + "\n".join(lines(report())) + "\n")
