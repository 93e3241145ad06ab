"""Notebooks as scripts, run and shown as pages: ``python docs/tools/notebooks.py [NAME ...]``.

Cells begin with ``# %%``. A page has the text, the code, what the cells print and, of a last line that is a figure, its
picture. Jupytext opens the same scripts as notebooks.
"""

import ast
import contextlib
import io
import re
import sys
from pathlib import Path

__all__ = ["cells", "executed"]

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
_CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?\n(?P<body>.*?)(?=^# %%|\Z)", re.DOTALL | re.MULTILINE)


def cells(script: str) -> list[tuple[bool, str]]:
    """Whether a cell is text, and its text or code."""
    found = [(bool(m["kind"]), m["body"].strip("\n")) for m in _CELL.finditer(script)]
    return [(text, re.sub(r"^# ?", "", body, flags=re.MULTILINE) if text else body) for text, body in found]


def executed(path: Path, pictures: Path) -> str:
    """Run a notebook from top to bottom and return its page; pictures go into a folder."""
    names: dict[str, object] = {}
    parts, drawn = [], 0
    for text, body in cells(path.read_text(encoding="utf-8")):
        if text:
            parts.append(body)
            continue
        parts.append(f"```python\n{body}\n```")
        printed, last = _run(body, path.name, names)
        if last is not None and not hasattr(last, "savefig"):
            printed += f"{last!r}\n"
        if printed:
            parts.append(f"```text\n{printed.rstrip()}\n```")
        if hasattr(last, "savefig"):
            drawn += 1
            picture = pictures / f"notebook_{path.stem}_{drawn}.png"
            last.savefig(picture, dpi=80)
            parts.append(f"![What the cell draws](../pictures/{picture.name})")
    return "\n\n".join(parts) + "\n"


def _run(body: str, name: str, names: dict[str, object]) -> tuple[str, object]:
    """What a cell prints, and the value of its last line where that is an expression."""
    tree, last = ast.parse(body, name), None
    end = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, name, "exec"), names)
        if end is not None:
            last = eval(compile(ast.Expression(end.value), name, "eval"), names)
    return printed.getvalue(), last


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(path.stem for path in NOTEBOOKS.glob("*.py")):
        page = NOTEBOOKS / f"{name}.md"
        page.write_text(executed(page.with_suffix(".py"), NOTEBOOKS.parent / "pictures"), encoding="utf-8")
        print(page)
