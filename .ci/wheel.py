"""Build sdist and wheel, and use the wheel in an environment that holds what it declares and nothing else.

The environment is a new one; the distributions that the wheel needs, and those that these need, are linked into it
from the environment that runs this. What the wheel forgot to declare or to carry is missed there.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
TRIAL = """
import importlib, pkgutil, realnvp
assert realnvp.__file__.startswith({place!r}), realnvp.__file__
for module in pkgutil.walk_packages(realnvp.__path__, "realnvp."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for extra in ("hypothesis", "onnx", "pandas", "pyro", "pytest", "sbi", "selenium", "tensorboard"):
    assert importlib.util.find_spec(extra) is None, extra
print(realnvp.__version__, "imports whole")
"""
COMMANDS = [
    "--version",
    "fit moons --rows 500 --max-steps 20 --layers 2 --width 8 --out moons",
    "sample moons -n 10 --out new.csv",
    "score moons new.csv --out scores.parquet",
    "info moons",
    "report moons",
    "boltzmann u1 --max-steps 5 --layers 1 --width 8 --out u1",
    "fit digits --max-steps 2 --layers 1 --width 4 --no-figures --out digits",
    "sample digits -n 4 --out sheet.png",
]


def run(*words: object, **options: object) -> str:
    """Run a program; what it says is shown where it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def built(place: Path) -> Path:
    """Return the wheel; that of the sdist has the same files."""
    venv.create(place / "build", with_pip=True)
    python = place / "build/bin/python"
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "hatchling>=1.25")
    run(python, "-m", "hatchling", "build", "-d", place / "dist", cwd=ROOT)
    (sdist,), (wheel,) = (place / "dist").glob("*.tar.gz"), (place / "dist").glob("*.whl")
    with tarfile.open(sdist) as archive:
        archive.extractall(place / "sdist", filter="data")
    (source,) = (place / "sdist").iterdir()
    run(python, "-m", "hatchling", "build", "-t", "wheel", "-d", place / "again", cwd=source)
    (again,) = (place / "again").glob("*.whl")
    names = [sorted(zipfile.ZipFile(path).namelist()) for path in (wheel, again)]
    files = {p for p in (ROOT / "src/realnvp").rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    missing = {str(p.relative_to(ROOT / "src")) for p in files} - set(names[0])
    if names[0] != names[1] or missing or "realnvp/py.typed" not in names[0]:
        sys.exit(f"wheel and sdist differ, or lack files: {sorted(set(names[0]) ^ set(names[1]))} {sorted(missing)}")
    return wheel


def needed(requirements: list[str]) -> dict[str, metadata.Distribution]:
    """Return the distributions that requirements ask for, and those that these ask for, extras left out."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[name] = metadata.distribution(wanted.name)
        if found[name].version not in wanted.specifier:
            sys.exit(f"{name} {found[name].version} is installed, the wheel wants {wanted.specifier}")
        waiting += [Requirement(text) for text in found[name].requires or ()]
    return found


def linked(distribution: metadata.Distribution, site: Path) -> None:
    """Link the top-level names of a distribution into a folder of packages."""
    for file in distribution.files or ():
        top = file.parts[0]
        there, here = Path(str(distribution.locate_file(top))), site / top
        if top not in ("..", "__pycache__") and there.exists() and not here.is_symlink():
            here.symlink_to(there)


def main() -> None:
    """Build, install, use."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        wheel = built(place)
        venv.create(place / "clean", with_pip=False)
        (site,) = (place / "clean/lib").glob("python*/site-packages")
        run(sys.executable, "-m", "pip", "--python", place / "clean/bin/python", "install", "-q", "--no-deps", wheel)
        (own,) = metadata.distributions(path=[str(site)], name="realnvp")
        asked = needed(own.requires or [])
        for distribution in asked.values():
            linked(distribution, site)
        (place / "work").mkdir()
        python, options = place / "clean/bin/python", {"cwd": place / "work"}
        print(run(python, "-I", "-c", TRIAL.format(place=str(place)), **options).strip())
        for words in COMMANDS:
            run(place / "clean/bin/realnvp", *words.split(), **options)
        size = wheel.stat().st_size
        print(f"{wheel.name}, {size:,} bytes, {len(asked)} distributions needed: {len(COMMANDS)} commands passed")
        shutil.rmtree(place / "build")


if __name__ == "__main__":
    main()
