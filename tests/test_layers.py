"""The floors of the library: who may import whom, and that every module says what it offers."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import realnvp

ROOT = Path(realnvp.__file__).parent
PROJECT = ROOT.parents[1]
FLOORS = [
    "chance errors record shapes words",
    "files",
    "kernels",
    "nets/linear",
    "nets",
    "transforms/base",
    "transforms/pointwise",
    "transforms",
    "bases",
    "potentials",
    "mcmc",
    "data/laws data/rows data/pictures data/columns/warps data/columns/nodes data/columns/lattice data/columns/frame",
    "data/columns/grid",
    "data/columns/levels data/columns/atoms data/columns/edges",
    "data/columns/column",
    "data/columns/codec data/columns/notice data/sources/places",
    "data/columns/learn",
    "data/sources",
    "data/columns",
    "data/write",
    "data",
    "data/many",
    "flow",
    "ensemble",
    "memory recipes objectives",
    "export/normal",
    "export/plain export/coded",
    "export/programs",
    "export/shared",
    "export",
    "train/exchange",
    "train/world",
    "train/dice",
    "train/engine train/optim train/step",
    "train/graph",
    "train",
    "watch",
    "session",
    "measure",
    "interop",
    "report/plots",
    "report/sheets",
    "report/kept report/spread report/walk",
    "report/page/beside",
    "report/page",
    "report/render",
    "report/pages",
    "report",
    "estimators/parts/base",
    "estimators/parts/frames estimators/parts/gaussians",
    "estimators/parts/rows estimators/parts/em",
    "estimators/parts/settings estimators/parts/filling",
    "estimators/parts/explore",
    "estimators/parts/columns",
    "estimators/parts/density estimators/parts/particles estimators/parts/potential",
    "estimators/parts/chains estimators/parts/plan",
    "estimators/parts/build estimators/parts/member estimators/parts/mixtures estimators/parts/sample",
    "estimators/parts/maker",
    "estimators/parts/use",
    "estimators/parts",
    "estimators/parts/streams",
    "estimators/pictures",
    "estimators/pictures/model",
    "estimators",
    "cli/after cli/complete cli/figures",
    "cli/baselines cli/engines cli/options cli/parse cli/pieces cli/potential cli/report cli/resume cli/source",
    "cli/summary",
    "cli/live cli/scores cli/world",
    "cli/which",
    "cli/boltzmann cli/fit cli/pictures cli/pictures_use cli/serve cli/use",
    "cli/draws cli/runs",
    "cli",
    "__main__",
]
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names.split()}
FILES = sorted(p.relative_to(ROOT) for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py")
FILES = [p for p in FILES if (ROOT / p).read_text().strip()]
every = pytest.mark.parametrize("file", FILES, ids=str)


def floor(place):
    """The floor of a module's place, such as ``data/toy``: the longest name in the list that it begins with."""
    parts = place.split("/")
    names = ["/".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((name for name in names if name in HEIGHT), None)


def place_of(file):
    """``data/toy.py`` is at ``data/toy``, ``data/__init__.py`` at ``data``."""
    return "/".join(file.with_suffix("").parts).removesuffix("/__init__")


def exists(place):
    return (ROOT / f"{place}.py").is_file() or (ROOT / place / "__init__.py").is_file()


def imports(file):
    """The modules and names of the library that a file imports, anywhere in it, as ``realnvp.data.toy.TOYS``."""
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports {'.' * node.level}{node.module}: write the full name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name != "realnvp"]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "realnvp":
            names = [f"realnvp.{node.attr}"]
        yield from (name for name in names if name.split(".")[0] == "realnvp")


def home(name):
    """The place of the module that a name is imported from."""
    parts = name.split(".")[1:]
    return "/".join(parts if exists("/".join(parts)) else parts[:-1])


def allowed(file, target):
    """Whether a file may import from a place: from floors above, its folder's base, and a folder's face its files."""
    mine, theirs = floor(place_of(file)), floor(target)
    if HEIGHT[theirs] < HEIGHT[mine]:
        return True
    folders = [str(folder) for folder in file.parents if str(folder) != "."]
    if target in (f"{folder}/base" for folder in folders):
        return place_of(file) != target
    return file.name == "__init__.py" and mine == theirs and target.startswith(f"{file.parent}/")


@every
def test_every_file_has_a_floor(file):
    assert floor(place_of(file)) is not None, f"say in FLOORS where {file} belongs"


@every
def test_a_file_imports_only_from_the_floors_above(file):
    names = set(imports(file)) - {"realnvp.__version__"}

    assert not [name for name in names if not (home(name) and allowed(file, home(name)))]


@pytest.mark.parametrize(
    ("file", "target", "may"),
    [
        ("kernels/affine.py", "errors", True),
        ("kernels/affine.py", "kernels/base", True),
        ("kernels/affine.py", "kernels/spline", False),
        ("kernels/affine.py", "nets", False),
        ("kernels/__init__.py", "kernels/spline", True),
        ("transforms/coupling.py", "kernels", True),
        ("transforms/coupling.py", "bases/base", False),
        ("data/toy.py", "data/laws/line", True),
        ("data/laws/line.py", "data/table", False),
        ("data/laws/line.py", "data/laws/plane", False),
        ("recipes/images.py", "objectives", False),
        ("train/loop.py", "session", False),
        ("session.py", "train/loop", True),
        ("report/plots/line.py", "report/plots/base", True),
        ("report/plots/line.py", "report/base", True),
        ("report/plots/line.py", "report/figures", False),
        ("report/base.py", "report/plots", True),
        ("estimators/density.py", "cli", False),
        ("cli/app.py", "cli/fit", True),
        ("cli/fit.py", "cli/app", False),
    ],
)
def test_the_rule_itself(file, target, may):
    assert allowed(Path(file), target) == may


@pytest.mark.parametrize("folder", ["src", "bench", "tests", "examples", "docs", ".ci"])
def test_no_file_is_longer_than_300_lines(folder):
    files = list((PROJECT / folder).rglob("*.py"))

    assert files
    assert [str(file) for file in files if len(file.read_text().splitlines()) > 300] == []


def defined(file):
    """Public names that a module defines: classes, functions and values, not what it imports."""
    names = []
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "TypeVar":
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    return {name for name in names if not name.startswith("_")}


def module(file):
    return importlib.import_module(".".join(("realnvp", *place_of(file).split("/"))))


@pytest.mark.parametrize("file", [p for p in FILES if p.parts[0] not in ("cli", "__main__.py")], ids=str)
def test_a_module_lists_what_it_offers(file):
    found, names = module(file), defined(file)
    listed = getattr(found, "__all__", [])

    assert not [name for name in listed if not hasattr(found, name)]
    assert not names - set(listed)
    assert len(set(listed)) == len(listed)
    assert hasattr(found, "__all__") or not names


@every
def test_a_module_says_what_it_is_for(file):
    assert ast.get_docstring(ast.parse((ROOT / file).read_text()))


@pytest.mark.parametrize("name", realnvp.__all__)
def test_the_names_of_the_package_resolve(name):
    value = getattr(realnvp, name)

    assert getattr(value, "__name__", "").endswith(name)
    assert name in dir(realnvp)


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'NICE'"):
        realnvp.NICE  # noqa: B018


def test_importing_the_package_does_not_import_torch():
    code = "import sys, realnvp; sys.exit(any(m in sys.modules for m in ('torch', 'sklearn', 'matplotlib', 'numpy')))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
