"""The race of `bench.speed` is fair: every library that is installed builds the same model."""

import importlib

import pytest

from bench.peers.base import VERBS, CannotError, Workload

LOAD = Workload("tiny", 6, 4, 16, 5)
PEERS = ["floor", "ours", "zuko", "normflows", "nflows", "freia", "torchflows", "flowjax"]
WRONG = {"torchflows"}  # 1.2.1 adds the log-det to a sample's density where it should take it away


def built(peer, load):
    try:
        return importlib.import_module(f"bench.peers.{peer}").build(load)
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("peer", PEERS)
def test_all_have_the_parameters_of_ours_and_every_verb_runs(peer):
    model, ours = built(peer, LOAD), built("ours", LOAD)

    for _ in range(2):
        for verb in VERBS:
            model.verbs[verb]()
    model.settle()

    assert abs(model.parameters / ours.parameters - 1) < 0.02
    assert model.verbs.keys() == VERBS.keys()


@pytest.mark.parametrize("peer", PEERS[1:])
def test_a_sample_and_its_density_agree_after_training(peer):
    model = built(peer, LOAD)

    for _ in range(3):
        model.verbs["train"]()

    assert model.check() < 1e-4 or peer in WRONG


@pytest.mark.parametrize("peer", PEERS[2:])
def test_who_has_no_such_model_of_pictures_says_why(peer):
    with pytest.raises(CannotError, match=" "):
        built(peer, Workload("picture", 48, 0, 4, 2, (3, 4, 4)))


def test_ours_and_the_floor_have_the_model_of_pictures():
    load = Workload("picture", 192, 0, 4, 2, (3, 8, 8))

    for peer in ("ours", "floor"):
        model = built(peer, load)
        model.verbs["train"]()
        model.verbs["log_prob"]()
