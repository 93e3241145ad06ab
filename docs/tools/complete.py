"""The reference has every public name: the build fails where one of a module's ``__all__`` has no place in the site."""

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

__all__ = ["lacking", "on_post_build"]

_SOURCE = Path(__file__).parents[2] / "src"


def lacking(told: str, built: str) -> list[str]:
    """The public names of the modules that pages ask for (``::: module``) and that the built pages do not have."""
    anchors = set(re.findall(r'id="(realnvp[\w.]+)"', built))
    modules = re.findall(r"^::: (realnvp[\w.]*)", told, re.MULTILINE)
    return [name for module in modules for name in _names(module) if not anchors & {name, _twice(name)}]


def _names(module: str) -> list[str]:
    """The names in a module's ``__all__``, whole."""
    place = _SOURCE.joinpath(*module.split("."))
    path = next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)
    tree = ast.parse(path.read_text(encoding="utf-8")) if path else ast.Module([], [])
    lists = [s.value for s in tree.body if isinstance(s, ast.Assign) and ast.unparse(s.targets[0]) == "__all__"]
    return [f"{module}.{name}" for found in lists for name in ast.literal_eval(found)]


def _twice(name: str) -> str:
    """Where a function has the name of the file that it is from."""
    return f"{name}.{name.rpartition('.')[2]}"


def on_post_build(*, config: Any) -> None:
    """Read the pages that ask and those that were built."""
    told = "\n".join(p.read_text(encoding="utf-8") for p in Path(config["docs_dir"]).rglob("*.md"))
    built = "\n".join(p.read_text(encoding="utf-8") for p in Path(config["site_dir"]).rglob("*.html"))
    if missing := lacking(told, built):
        raise PluginError(f"these public names have no place in the reference: {', '.join(missing)}")
