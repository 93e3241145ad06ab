"""The notebooks run, and their pages show what they are."""

import re
from pathlib import Path

import pytest
import torch
from notebooks import cells, executed

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs/notebooks").glob("*.py"))
OUTPUT = re.compile(r"^(?:```text\n.*?^```|!\[What the cell draws\]\(.*?\))\n+", re.DOTALL | re.MULTILINE)


def test_there_is_a_notebook_for_each_job():
    assert [p.stem for p in NOTEBOOKS] == ["energy", "images", "samples"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_and_its_page_is_of_it(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    try:
        page = executed(notebook, tmp_path)
    finally:
        torch.set_num_threads(threads)
    kept = notebook.with_suffix(".md").read_text(encoding="utf-8")
    shown = set(re.findall(r"pictures/(notebook_\w+\.png)", kept))

    assert OUTPUT.sub("", page + "\n") == OUTPUT.sub("", kept + "\n")  # figures may differ from machine to machine
    assert {p.name for p in tmp_path.glob("*.png")} == shown


def test_cells_are_told_apart():
    script = "# %% [markdown]\n# # Title\n#\n# text\n\n# %%\nx = 1\nx  # shown\n"

    assert cells(script) == [(True, "# Title\n\ntext"), (False, "x = 1\nx  # shown")]


def test_a_page_has_what_a_cell_prints_and_the_value_of_its_last_line(tmp_path):
    script = tmp_path / "small.py"
    script.write_text("# %%\nprint('said')\n1 + 1\n\n# %%\nx = 3\n")

    assert (
        executed(script, tmp_path)
        == "```python\nprint('said')\n1 + 1\n```\n\n```text\nsaid\n2\n```\n\n```python\nx = 3\n```\n"
    )
