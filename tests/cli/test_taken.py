"""Folders that hold something, or in which somebody is at work: nothing there is lost without a word."""

from pathlib import Path

import pytest

from realnvp.files import CHECKPOINT, claimed

QUICK = ["--max-steps", "5", "--layers", "1", "--width", "8", "--no-figures"]
FIT = ["fit", "moons", "--rows", "100", *QUICK]
ENERGY = ["boltzmann", "u1", *QUICK]


@pytest.mark.parametrize("words", [FIT, ENERGY], ids=["fit", "boltzmann"])
@pytest.mark.parametrize("name", ["report.html", "rows.safetensors", "figures/training.png", "model.safetensors"])
def test_files_of_ones_own_are_not_written_over(realnvp, words, name):
    mine = Path("run", name)
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    code, _, err = realnvp(*words, "--out", "run")

    assert code == 2
    assert f"run holds a {Path(name).parts[0]} already: choose another folder with --out, or say --force" in err
    assert mine.read_text() == "mine"
    assert realnvp(*words, "--out", "run", "--force")[0] == 0


def test_an_energy_is_not_learnt_over_a_training_that_can_go_on(realnvp):
    assert realnvp(*FIT, "--checkpoint-every", "0.001", "--out", "run")[0] == 0
    for path in Path("run").iterdir():
        if path.name != CHECKPOINT:
            path.unlink()
    code, _, err = realnvp(*ENERGY, "--out", "run")

    assert code == 2
    assert f"run holds the {CHECKPOINT} of a training" in err
    assert realnvp(*ENERGY, "--out", "run", "--force")[0] == 0
    assert not Path("run", CHECKPOINT).exists()


def test_a_page_has_the_name_of_one(realnvp):
    realnvp(*FIT, "--out", "run")
    before = Path("run/config.json").read_bytes()
    code, _, err = realnvp("report", "run", "--out", "run/config.json", "--force")

    assert code == 2
    assert "is no name of a page: end it in .html" in err
    assert Path("run/config.json").read_bytes() == before


@pytest.mark.parametrize("words", [FIT, ENERGY], ids=["fit", "boltzmann"])
def test_two_at_once_do_not_write_into_one_folder(realnvp, words):
    Path("run").mkdir()
    with claimed(Path("run")):
        code, _, err = realnvp(*words, "--out", "run")

    assert code == 2
    assert "run is being written to by another realnvp: wait for it, or choose another folder" in err
    assert realnvp(*words, "--out", "run")[0] == 0
