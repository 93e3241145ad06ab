"""Completion in the shell: what it yields for a line, and that the names written down for it are all there are."""

import os
import subprocess
import sys

import pytest

from realnvp.cli import complete
from realnvp.data.images import IMAGE_SETS
from realnvp.data.toy import TOYS
from realnvp.potentials import POTENTIALS


@pytest.fixture
def completed(tmp_path):
    """The words that bash is given for a line whose last word is begun."""

    def ask(line, shell="bash"):
        words = line.split(" ")
        told = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_TYPER_COMPLETE_ARGS": line}
        told["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
        environment = {**os.environ, **told, "_REALNVP_COMPLETE": f"complete_{shell}"}
        code = "import sys; sys.argv = ['realnvp']; from realnvp.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

        assert done.stderr == ""
        return done.stdout.split("\n")[:-1] if shell == "bash" else done.stdout

    return ask


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("realnvp ", ["fit", "boltzmann", "sample", "score", "info", "export", "impute", "report", "serve"]),
        ("realnvp bo", ["boltzmann"]),
        ("realnvp fit mo", ["moons"]),
        ("realnvp fit table", []),  # the shell goes on with files
        ("realnvp fit moons --ker", ["--kernel"]),
        ("realnvp fit moons --kernel a", ["auto", "additive", "affine"]),
        ("realnvp fit moons --max", ["--max-steps", "--max-time"]),
        ("realnvp boltzmann u", ["u1", "u2", "u3", "u4"]),
        ("realnvp boltzmann u1 --objective f", ["forward"]),
        ("realnvp boltzmann u1 --kernel l", ["lattice"]),
        ("realnvp score run new.csv --s", ["--summary", "--skip-bad-files", "--split"]),
    ],
)
def test_a_begun_line_is_completed(completed, line, words):
    assert [word for word in completed(line) if word] == words


@pytest.mark.parametrize("command", ["sample", "score", "info", "export", "impute", "report", "serve"])
def test_runs_are_completed_wherever_they_lie(completed, tmp_path, command):
    for name in ("runs/moons", "runs/u1", "mine"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").touch()
    (tmp_path / "runs/none").mkdir()

    (tmp_path / "runs/now/.live").mkdir(parents=True)

    more = ["runs/now"] * (command == "serve")
    assert completed(f"realnvp {command} ") == ["mine", "runs/moons", *more, "runs/u1"]
    assert completed(f"realnvp {command} runs/m") == ["runs/moons"]
    assert completed(f"realnvp {command} {tmp_path}/m") == [f"{tmp_path}/mine"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_the_same(completed, shell):
    assert "eight_gaussians" in completed("realnvp fit eight", shell)


def test_the_names_are_those_there_are():
    assert (*TOYS, *IMAGE_SETS) == complete.DATA
    assert tuple(POTENTIALS) == complete.POTENTIALS


def test_kernels_and_objectives_are_those_an_energy_takes():
    from realnvp import BoltzmannGenerator
    from realnvp.errors import InputError

    for name, choices in (("kernel", complete.KERNELS), ("objective", complete.OBJECTIVES)):
        with pytest.raises(InputError, match="unknown") as told:
            BoltzmannGenerator(2, **{name: "zzz"}).fit(lambda x: x.square().sum(-1))
        assert all(f"{choice}" in str(told.value) for choice in choices if choice != "auto"), str(told.value)


def test_to_complete_a_line_imports_no_more_than_help_does(tmp_path):
    code = """
import sys
sys.argv = ["realnvp"]
from realnvp.cli import main
try:
    main()
except SystemExit:
    sys.exit(bool({"torch", "numpy", "sklearn"} & set(sys.modules)))
"""
    environment = {**os.environ, "_REALNVP_COMPLETE": "complete_bash", "COMP_WORDS": "realnvp fit m", "COMP_CWORD": "2"}

    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_under_m_the_script_that_is_installed_is_that_of_the_command(tmp_path):
    told = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    words = [sys.executable, "-m", "realnvp", "--install-completion", "bash"]
    done = subprocess.run(words, env=os.environ | told, capture_output=True, text=True, check=False)
    (script,) = (path for path in tmp_path.rglob("*.sh"))

    assert done.returncode == 0
    assert script.name == "realnvp.sh"
    assert "_REALNVP_COMPLETE=complete_bash" in script.read_text()


def test_under_m_the_command_has_its_own_name():
    done = subprocess.run([sys.executable, "-m", "realnvp", "fit", "-h"], capture_output=True, text=True, check=True)

    assert "Usage: realnvp fit " in done.stdout


def test_the_command_gives_the_script_that_installs_it():
    code = "import sys; sys.argv = ['realnvp', '--show-completion', 'bash']; from realnvp.cli import main; main()"
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    assert "complete -o default -F" in done.stdout
    assert "_REALNVP_COMPLETE" in done.stdout
