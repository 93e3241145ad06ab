"""Count what of the documentation is run, build it, and list what is checked in the browser.

python -m bench.documents
"""

import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from bench.common import heading, table

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.DOTALL | re.MULTILINE)
ONLY_COMPILED = ("tensorflow_probability",)
"""Packages that are not installed with what the tests need."""


def counts() -> list[tuple[str, str]]:
    """Return how much code is on the pages, and what becomes of it."""
    found = [match.groups() for page in PAGES for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    titles = Counter(title for kind, title, _ in found if kind == "python" and title)
    ours = sum(kind == "python" and not title for kind, title, _ in found)
    lines = {
        line for kind, _, code in found if kind == "sh" for line in code.splitlines() if line.startswith("realnvp ")
    }
    run = {title: number for title, number in titles.items() if title not in ONLY_COMPILED}
    named = ", ".join(f"{title} {number}" for title, number in sorted(run.items()))
    return [
        ("Python blocks of ours, run by the tests", str(ours)),
        (f"Python blocks of other packages, run by the tests ({named})", str(sum(run.values()))),
        (f"blocks that are only compiled ({', '.join(ONLY_COMPILED)})", str(sum(titles.values()) - sum(run.values()))),
        ("lines of the command, parsed by the tests", str(len(lines))),
        ("notebooks, executed by the tests", str(len(list((ROOT / "docs/notebooks").glob("*.py"))))),
    ]


def built() -> list[tuple[str, str]]:
    """Build the site with warnings as errors; return how long it took and how many there were."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    warned = sum(line.startswith(("WARNING", "ERROR")) for line in (done.stdout + done.stderr).splitlines())
    return [("pages, built with warnings as errors", f"{time.monotonic() - began:.0f} s, {warned} warnings")]


def checks() -> list[tuple[str, str]]:
    """Return what the browser's tests check, in their own names, and on how many pages or in how many ways."""
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "tests/page"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = Counter(re.findall(r"::test_(\w+)", told))
    return [(name.replace("_", " "), str(number)) for name, number in names.items()]


def main() -> None:
    """Print the tables."""
    print(heading("python -m bench.documents") + "\n")
    print(table(["documentation", ""], [*counts(), *built()]) + "\n")
    print(table(["checked in headless Chromium", "times"], checks()))


if __name__ == "__main__":
    main()
