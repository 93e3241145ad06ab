"""How the training step is run, from the command line."""

from realnvp import BoltzmannGenerator, RealNVP


def test_the_step_is_run_as_asked(realnvp):
    quick = ("--max-steps", "4", "--width", "8", "--no-figures", "--quiet")
    how = ("--memory", "constant", "--precision", "bf16", "--no-compile")
    assert realnvp("fit", "moons", *quick, *how, "--out", "run")[0] == 0
    model = RealNVP.load("run")

    assert (model.memory, model.precision, model.compile) == ("constant", "bf16", False)
    assert model.architecture_["precision"] == "bf16"


def test_the_step_over_an_energy_is_run_as_asked(realnvp):
    quick = ("--max-steps", "4", "--width", "8", "--no-figures", "--quiet")
    how = ("--memory", "constant", "--precision", "bf16", "--no-compile")
    assert realnvp("boltzmann", "u2", *quick, *how, "--out", "run")[0] == 0
    model = BoltzmannGenerator.load("run")

    assert (model.memory, model.precision, model.compile) == ("constant", "bf16", False)
