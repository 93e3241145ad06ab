import re
from pathlib import Path

import pytest
import torch

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=[f"block {i}" for i in range(len(BLOCKS))])
def test_the_readmes_python_runs_as_it_stands(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        exec(compile(code, "README.md", "exec"), {})
    finally:
        torch.set_num_threads(threads)


def test_the_readmes_files_exist():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8"))

    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []


def test_the_readmes_commands_exist():
    from realnvp.cli.app import app

    said = set(re.findall(r"^realnvp (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE))

    assert said <= {command.callback.__name__ for command in app.registered_commands}
    assert said == {"fit", "boltzmann", "sample", "score", "info", "report", "impute"}
