"""What callbacks are, and where TensorBoard may log: said in a sentence before anything is learnt."""

import sys

import numpy as np
import pytest

from realnvp import BoltzmannGenerator, ImageRealNVP, InputError, RealNVP
from realnvp.cli import main
from realnvp.interop import TensorBoard

QUICK = {"layers": 1, "width": 8, "max_steps": 5, "random_state": 0, "verbose": False}
X = np.random.default_rng(0).normal(size=(200, 2))


def bowl(x):
    return 0.5 * x.square().sum(-1)


def fits():
    pictures = np.zeros((4, 8, 8), np.uint8)
    yield "density", lambda callbacks: RealNVP(callbacks=callbacks, **QUICK).fit(X)
    yield "stream", lambda callbacks: RealNVP(callbacks=callbacks, **QUICK).fit_stream(lambda n: X)
    yield "energy", lambda callbacks: BoltzmannGenerator(2, callbacks=callbacks, **QUICK).fit(bowl)
    yield "pictures", lambda callbacks: ImageRealNVP(callbacks=callbacks, **QUICK).fit(pictures)


@pytest.mark.parametrize("of", dict(fits()))
def test_callbacks_are_a_list_of_functions(tmp_path, of):
    fit, wanted = dict(fits())[of], "^callbacks must be a list of functions of a record, "

    with pytest.raises(InputError, match=rf"{wanted}got TensorBoard\('.*'\): put it into a list$"):
        fit(TensorBoard(tmp_path))
    with pytest.raises(InputError, match=rf"{wanted}and one is the class TensorBoard: give what TensorBoard\(…\) make"):
        fit([TensorBoard])
    with pytest.raises(InputError, match=f"{wanted}and one is 3: leave it out$"):
        fit([print, 3])
    with pytest.raises(InputError, match=f"{wanted}got 3$"):
        fit(3)


@pytest.mark.parametrize("callbacks", [None, [], (lambda record: None,), {print}], ids=range(4))
def test_callbacks_in_another_collection_are_as_good(callbacks):
    assert RealNVP("affine", **QUICK | {"callbacks": callbacks}).fit(X).history_


@pytest.mark.parametrize("folder", ["afile", "afile/logs"])
def test_a_file_is_no_folder_to_log_into(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "afile").touch()

    with pytest.raises(InputError, match="afile is a file: name a folder"):
        TensorBoard(folder)
    assert not TensorBoard("logs").folder.exists()  # nothing is made before there is something to log


def test_a_file_that_stands_where_the_next_flow_is_logged(tmp_path):
    (tmp_path / "flow_2").touch()
    board = TensorBoard(tmp_path)
    with pytest.raises(InputError, match=r"flow_2 cannot be written .*: choose another folder"):
        RealNVP("affine", members=2, callbacks=[board], **QUICK).fit(X)
    board.close()


@pytest.mark.parametrize("of", [["fit", "moons"], ["boltzmann", "u1"]])
def test_the_command_says_it_before_anything_is_learnt(tmp_path, monkeypatch, capsys, of):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "afile").touch()
    monkeypatch.setattr(sys, "argv", ["realnvp", *of, "--out", "run", "--tensorboard", "afile"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()

    assert ended.value.code == 2
    assert "afile is a file: name a folder" in said.err
    assert "learning" not in said.out
    assert not (tmp_path / "run").exists()
