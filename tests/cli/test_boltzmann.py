"""``realnvp boltzmann``, and what is done with its runs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from realnvp.data.table import read_table

QUICK = ["--max-steps", "40", "--width", "16"]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of the user's own beside where the command runs; each test's has a name of its own."""
    name = f"mine_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(
        "import torch\n\ndef bowl(x):\n    return 0.5 * x.square().sum(-1)\n\nnumber = 3\n"
        "def broken(x):\n    return x\n"
    )
    return name


def test_a_named_potential_is_learnt_and_told_of(realnvp, tmp_path):
    code, out, err = realnvp("boltzmann", "double_well", *QUICK)

    assert (code, err) == (0, "")
    for word in ("log Z", "exact log Z", "10.2935", "ESS", "Pareto k", "runs/double_well", "--corrected"):
        assert word in out
    assert {p.name for p in (tmp_path / "runs/double_well/figures").iterdir()} == {
        "density.png",
        "samples.png",
        "training.png",
        "weights.png",
    }
    config = json.loads((tmp_path / "runs/double_well/config.json").read_text())

    assert config["kind"] == "boltzmann"
    assert config["potential"] == {"name": "double_well", "fields": {"pairs": 1}}
    told = realnvp("info", "runs/double_well")[1].splitlines()
    for word in ("log Z", "exact log Z", "ESS", "coverage", "Pareto k", "evaluations"):
        assert next(line for line in out.splitlines() if line.startswith(word)) in told


def test_a_function_of_the_users_own(realnvp, mine):
    code, out, err = realnvp("boltzmann", f"{mine}:bowl", "--n-features", "3", *QUICK, "--out", "run", "--quiet")

    assert (code, out, err) == (0, "", "")
    assert "3 features" in realnvp("info", "run")[1]
    own = ("--corrected", "--potential", f"{mine}:bowl")
    assert "corrected, acceptance" in realnvp("sample", "run", "-n", "50", *own, "--out", "x.csv")[1]
    assert read_table("x.csv").values.shape == (50, 3)


def test_a_strangers_run_runs_no_code_of_theirs(realnvp, mine, tmp_path):
    """Not even where its config names a function that lies beside it."""
    realnvp("boltzmann", f"{mine}:bowl", "--n-features", "3", *QUICK, "--out", "run", "--quiet")
    (tmp_path / f"{mine}.py").write_text("raise SystemExit('run!')")
    sys.modules.pop(mine)
    for words in (["sample", "run", "--corrected", "--out", "x.csv"], ["report", "run"], ["info", "run"]):
        code, out, err = realnvp(*words)
        assert "run!" not in out + err
        assert code == (2 if "--corrected" in words else 0)
        assert f"--potential {mine}" not in out
    assert f"say --potential {mine}:bowl" in realnvp("sample", "run", "--corrected", "--out", "x.csv")[2]


def test_samples_and_scores_of_a_run(realnvp):
    realnvp("boltzmann", "u2", *QUICK, "--out", "run")
    realnvp("sample", "run", "-n", "300", "--out", "x.parquet")
    x = read_table("x.parquet")

    assert x.columns == ("x0", "x1")
    assert (np.abs(x.values) <= 4).all()
    assert "300 log densities" in realnvp("score", "run", "x.parquet", "--out", "s.csv")[1]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("boltzmann", "double_wel"), "no potential is called 'double_wel': did you mean 'double_well'?"),
        (("boltzmann", "nowhere:bowl"), "'nowhere' cannot be imported"),
        (("boltzmann", "./sub/en.py:bowl"), "'./sub/en.py' is a file: name it as a module, sub.en:bowl"),
        (("boltzmann", "../en.py:bowl"), "'../en.py' is a file elsewhere: run this in its folder"),
        (("boltzmann", "MINE:nothing"), "has no 'nothing'"),
        (("boltzmann", "MINE:number"), "is no function"),
        (("boltzmann", "MINE:bowl"), "--n-features must be given"),
        (("boltzmann", "MINE:broken", "--n-features", "2"), "returned shape (16, 2)"),
        (("boltzmann", "u1", "--bounds", "1,x"), "--bounds takes low,high"),
        (("boltzmann", "u1", "--bounds", "1"), "--bounds takes low,high"),
        (("boltzmann", "u1", "--bounds", "4,-4"), "low < high"),
        (("boltzmann", "u1", "--n-features", "3"), "n_features is 3, and the potential takes 2"),
        (("boltzmann", "u1", "--objective", "sideways"), "unknown objective 'sideways'"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(realnvp, mine, tmp_path, args, sentence):
    code, _, err = realnvp(*(arg.replace("MINE", mine) for arg in args))

    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("runs/*"))


def test_corrected_is_for_energies(realnvp):
    realnvp("fit", "moons", "--max-steps", "5", "--layers", "1", "--width", "8", "--out", "run")
    code, _, err = realnvp("sample", "run", "--corrected", "--out", "x.csv")

    assert code == 2
    assert "--corrected is for runs of an energy" in err


@pytest.mark.filterwarnings("ignore:the weights have too heavy a tail")  # 40 steps are few for it
def test_particles_by_name_and_of_the_users_own(realnvp, mine):
    assert realnvp("boltzmann", "dw4", *QUICK, "--out", "named", "--quiet")[0] == 0
    assert json.loads(Path("named/config.json").read_text())["architecture"]["bodies"] == [4, 2]
    code, _, err = realnvp("boltzmann", f"{mine}:bowl", "--n-features", "6", "--bodies", "3,2", *QUICK, "--out", "own",
                           "--quiet")  # fmt: skip

    assert (code, err) == (0, "")
    assert json.loads(Path("own/config.json").read_text())["architecture"]["bodies"] == [3, 2]
    assert realnvp("sample", "own", "-n", "20", "--out", "x.csv")[0] == 0
    assert realnvp("boltzmann", "dw4", *QUICK, "--bodies", "none", "--out", "plain", "--quiet")[0] == 0
    assert json.loads(Path("plain/config.json").read_text())["architecture"]["bodies"] is None


@pytest.mark.parametrize("text", ["4", "4,2,1", "a,b", "4.0,2"])
def test_bodies_that_are_none_get_a_sentence(realnvp, text):
    code, _, err = realnvp("boltzmann", "dw4", *QUICK, "--bodies", text)

    assert code == 2
    assert "--bodies takes particles,dim" in err


def test_a_warning_is_a_sentence_and_no_line_of_code(realnvp, monkeypatch):
    monkeypatch.setattr("warnings.filters", [])
    _, _, err = realnvp("boltzmann", "dw4", "--max-steps", "1", "--width", "8", "--no-figures", "--out", "run")

    assert err.startswith("realnvp: the weights have too heavy a tail to be trusted")
    assert err.count("\n") == 1


def test_what_was_not_drawn_is_not_told_of(realnvp):
    out = realnvp("boltzmann", "double_well", *QUICK, "--no-figures")[1]

    assert "nan" not in out
    assert "acceptance" not in out
