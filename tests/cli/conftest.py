import sys

import numpy as np
import pytest
import torch

from realnvp.cli import main

QUICK = ["--max-steps", "20", "--layers", "2", "--width", "8"]


@pytest.fixture
def realnvp(monkeypatch, capsys, tmp_path):
    """Run the command in an empty folder: ``code, out, err``."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["realnvp", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    yield run
    torch.set_num_threads(threads)


@pytest.fixture
def table(tmp_path):
    """A small file with three named columns."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 3)) @ [[1, 0.5, 0], [0, 1, 0], [0, 0, 2]]
    path = tmp_path / "table.csv"
    path.write_text("height,width,age\n" + "\n".join(",".join(map(repr, row)) for row in values.tolist()) + "\n")
    return path
