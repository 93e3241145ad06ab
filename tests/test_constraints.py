"""What is installed for the tests is pinned, and the list of hashes is of the same versions."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


def pinned(python):
    """Name to version, as ``constraints.txt`` has them for a Python."""
    return [(name(r), str(r.specifier).removeprefix("==")) for r in map(Requirement, LINES) if counts(r, python)]


def counts(requirement, python):
    return requirement.marker is None or requirement.marker.evaluate({"python_version": python})


def name(requirement):
    return re.sub(r"[-_.]+", "-", requirement.name).lower()


@pytest.mark.parametrize("python", PYTHONS)
def test_each_name_has_one_version(python):
    names = [each for each, _ in pinned(python)]

    assert len(set(names)) == len(names)
    assert all(str(Requirement(line).specifier).startswith("==") for line in LINES)


def test_the_hashes_are_of_the_versions_that_are_pinned():
    lines = [line for line in (ROOT / "hashes.txt").read_text().splitlines() if not line.startswith("#")]
    found = [re.fullmatch(r"([a-z0-9-]+)==(\S+) --hash=sha256:[0-9a-f]{64}", line).groups() for line in lines]

    assert dict(found).items() <= dict(pinned("3.11")).items()
    assert len(found) > 100


def test_what_the_suite_and_the_documentation_need_is_hashed():
    tomllib = pytest.importorskip("tomllib")
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = about["project"]["optional-dependencies"]
    needed = [*about["project"]["dependencies"], *extras["dev"], *extras["docs"], *about["build-system"]["requires"]]
    hashed = {line.split("==")[0] for line in (ROOT / "hashes.txt").read_text().splitlines()}

    assert {name(r) for r in map(Requirement, needed) if counts(r, "3.11")} <= hashed
