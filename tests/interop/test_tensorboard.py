"""TensorBoard's files, read back by TensorBoard."""

import copy
import pickle
import sys

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from realnvp import BoltzmannGenerator, InputError, RealNVP
from realnvp.cli import main
from realnvp.interop import TensorBoard

QUICK = {"layers": 2, "width": 8, "max_steps": 60, "random_state": 0, "verbose": False}
X = np.random.default_rng(0).normal(size=(300, 2))


def read(folder):
    """The scalars of a folder: name to steps and values."""
    found = EventAccumulator(str(folder)).Reload()
    return {name: [(e.step, e.value) for e in found.Scalars(name)] for name in found.Tags()["scalars"]}


def test_it_has_the_figures_of_each_evaluation(tmp_path):
    board = TensorBoard(tmp_path)
    model = RealNVP("affine", members=1, callbacks=[board], **QUICK).fit(X)
    board.close()
    found, told = read(tmp_path), [r for r in model.history_ if r.get("member", 0) == 0]

    assert set(found) == {"train", "held_out", "best", "rate", "skipped", "restored"}
    assert len(told) > 10
    for name, values in found.items():
        assert [step for step, _ in values] == [r["step"] for r in told]
        np.testing.assert_allclose([v for _, v in values], [r[name] for r in told], rtol=1e-6)


def test_logging_changes_no_number(tmp_path):
    board = TensorBoard(tmp_path)
    logged = RealNVP("affine", members=1, callbacks=[board], **QUICK).fit(X)
    board.close()

    np.testing.assert_array_equal(
        logged.score_samples(X), RealNVP("affine", members=1, **QUICK).fit(X).score_samples(X)
    )


def test_of_several_flows_each_has_a_folder(tmp_path):
    board = TensorBoard(tmp_path)
    RealNVP("affine", members=2, callbacks=[board], **QUICK).fit(X)
    board.close()

    assert read(tmp_path / "flow_2")["train"][0][0] < 10
    assert not (tmp_path / "flow_3").exists()


@pytest.mark.filterwarnings("ignore:the weights have too heavy a tail")  # 40 steps are few for it
def test_an_energy_is_logged_too(tmp_path):
    board = TensorBoard(tmp_path)
    quick = QUICK | {"max_steps": 40}
    BoltzmannGenerator(2, callbacks=[board], **quick).fit(lambda x: 0.5 * x.square().sum(-1))
    board.close()

    assert len(read(tmp_path)["held_out"]) > 5


def test_it_is_copied_as_estimators_copy_their_parameters(tmp_path):
    from sklearn.base import clone

    board = TensorBoard(tmp_path)
    assert clone(RealNVP(callbacks=[board])).callbacks[0].folder == tmp_path
    assert copy.deepcopy(board).folder == tmp_path
    kept = pickle.dumps(TensorBoard(tmp_path / "logs"))
    (tmp_path / "logs").write_text("in its place")
    assert pickle.loads(kept).folder == tmp_path / "logs"  # another machine need not have it


@pytest.mark.parametrize("of", [["fit", "moons", "--rows", "200"], ["boltzmann", "u1"]])
@pytest.mark.filterwarnings("ignore:the weights have too heavy a tail")
def test_the_command_logs_into_a_folder(tmp_path, monkeypatch, of):
    monkeypatch.chdir(tmp_path)
    few = ["--max-steps", "10", "--layers", "1", "--width", "4", "--no-figures", "-q"]
    monkeypatch.setattr(sys, "argv", ["realnvp", *of, *few, "--out", "run", "--tensorboard", "logs"])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    assert read("logs")["train"][-1][0] > 1


def test_without_tensorboard_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(InputError, match=r"pip install 'realnvp\[tensorboard\]'"):
        TensorBoard("logs")
