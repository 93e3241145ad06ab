import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = sorted(p for p in (Path(__file__).parents[1] / "examples").glob("*.py") if not p.name.startswith("_"))

NEEDS = {"two_moons_sbi": "sbi"}
"""Examples that need another library, and run where it is installed."""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_runs_and_leaves_its_pictures(example, tmp_path):
    if example.stem in NEEDS:
        pytest.importorskip(needed := NEEDS[example.stem], reason=f"{needed} is not installed")
    command = [sys.executable, str(example), "--quick", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})

    assert done.returncode == 0, done.stderr[-2000:]
    assert list((tmp_path / "out").glob("*.png"))


def test_the_flat_pictures_have_a_sheet_for_every_epoch_and_an_animation_of_them(tmp_path):
    example = next(p for p in EXAMPLES if p.stem == "flat_pictures")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "REALNVP_DATA": ""}
    command = [sys.executable, str(example), "--quick", "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    sheets = sorted((tmp_path / "epochs").iterdir())

    assert [p.name for p in sheets] == [f"{epoch:03}.png" for epoch in range(6)]
    assert sheets[-1].read_bytes() == (tmp_path / "samples.png").read_bytes()
    with Image.open(tmp_path / "training.gif") as film:
        assert film.n_frames == 6


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_fits_on_a_page(example):
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 60
