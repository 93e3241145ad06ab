"""Two real processes that train one model: the same numbers as one, on both, whatever happens to either."""

import pickle

import pytest
import ranks
import torch

from realnvp import InputError
from realnvp.train import joined
from realnvp.train.world import Joined, LostError, World, here
from realnvp.transforms import BatchNorm

LOOPS = ["seven", "eight", "normed", "thrifty", "one_row", "runs_out", "spoilt"]
FITS = ["several", "clocked", "interrupted", "called"]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each of the two processes found."""
    return ranks.started(tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("name", LOOPS)
def test_losses_gradients_and_weights_are_those_of_one_process(found, name):
    alone, first, second = ranks.CASES[name](), found[0][name], found[1][name]

    assert str(first) == str(second)  # to the bit, NaN too
    assert len(first["seen"]) == len(alone["seen"])
    torch.testing.assert_close(
        torch.tensor(first["seen"]), torch.tensor(alone["seen"]), rtol=1e-12, atol=1e-12, equal_nan=True
    )
    torch.testing.assert_close(torch.tensor(first["weights"]), torch.tensor(alone["weights"]), rtol=0, atol=1e-12)


def test_a_rank_without_rows_left_holds_nobody_up(found):
    assert len(found[0]["runs_out"]["seen"]) == 5


def test_a_loss_that_is_no_number_on_one_rank_is_skipped_by_all(found):
    assert [skipped for *_, skipped in found[0]["spoilt"]["seen"]] == [0, 0, 0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("name", FITS)
def test_what_is_seen_of_a_fit_is_the_same_on_both(found, name):
    first, second = found[0][name], found[1][name]

    assert first == second
    assert first["history"]


def test_held_out_figures_are_those_of_all_rows(found):
    assert found[0]["measured"] == found[1]["measured"]
    assert found[0]["measured"] == pytest.approx(ranks.measured(), rel=1e-12)


def test_a_fit_is_that_of_one_process_but_for_rounding(found):
    """In single precision: AdamW makes whole steps of gradients whose sign is a matter of rounding."""
    alone, both = ranks.CASES["several"](), found[0]["several"]

    assert len(both["history"]) == len(alone["history"])
    for mine, one in zip(both["history"][:20], alone["history"][:20], strict=True):
        assert mine == pytest.approx(one, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "by"), [("clocked", "max_time"), ("interrupted", "interrupt"), ("called", "callback")]
)
def test_one_rank_can_end_the_training_of_all(found, name, by):
    assert found[0][name]["stopped_by"] == by


def test_the_clock_is_the_first_ones(found):
    """The second one's runs ten times as fast: by it the training would have ended at a tenth of its time."""
    assert 1.9 < found[1]["clocked"]["seconds"][-1] < 4


def test_dropout_is_not_the_same_on_both_and_goes_on_from_the_same(found):
    first, second = (each["dropping"] for each in found)

    assert first["masks"] != second["masks"]
    assert len(set(first["masks"])) > 5
    assert first["kept"] == second["kept"]
    assert first["untouched"]
    assert second["untouched"]


def test_processes_with_unlike_rows_are_refused(found):
    assert found[0]["unlike"] == found[1]["unlike"] != ""
    assert found[0]["unlike"].startswith("process 1 of 2 has other rows than process 0")


def test_an_error_of_the_first_is_the_error_of_all(found):
    assert found[0]["failing"] == found[1]["failing"] == "there is no such thing: make one"


def test_a_process_that_is_gone_is_missed_in_a_sentence(found):
    assert found[0]["left"].startswith("process 0 of 2 lost the others (")
    assert found[0]["left"].endswith("one of them ended, or did not answer for 30 s")


def test_a_process_that_fails_by_itself_says_so_and_lets_the_others_go(tmp_path):
    first, second = ranks.started(tmp_path, end="broken")

    assert second["broken"]["told"] == "this file ends too early"
    assert first["broken"]["told"].startswith("process 0 of 2 lost the others (")
    assert max(each["broken"]["seconds"] for each in (first, second)) < 20  # they would wait 30 s for an answer


def test_outside_there_is_a_world_of_one(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with joined() as world:
        assert (world.rank, world.size) == (0, 1)
        assert here().size == 1
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "nowhere", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    with joined() as world:
        assert world.size == 1
        assert not torch.distributed.is_initialized()


def test_a_world_of_one_changes_nothing():
    world, batch = World(), (torch.arange(3.0), torch.ones(3))

    assert world.share(batch) is batch
    assert world.shared(batches := iter([batch])) is batches
    assert world.first(lambda: batch) is batch
    assert world.total(0.1) == 0.1
    assert world.agreed(True, False) == (True, False)
    assert world.tells(InputError("bad"))


def test_processes_that_do_not_come_are_missed(monkeypatch):
    about = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    for name, value in about.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="the other processes were not met at 127"), joined(timeout=0.2):
        pass
    assert here().size == 1


def test_what_the_first_tells_no_other_tells():
    store, ranks_ = torch.distributed.HashStore(), []
    for rank in range(3):
        ranks_.append(object.__new__(Joined))
        ranks_[-1].store, ranks_[-1].rank, ranks_[-1].size = store, rank, 3
    first, second, third = ranks_
    bad = InputError("there is no such file: name another")

    assert first.tells(bad)
    assert not second.tells(bad)
    assert second.tells(InputError("this host has no such file: copy it"))
    assert not third.tells(LostError("process 2 of 3 lost the others"))  # one of them has said why


def test_who_lost_the_others_tells_where_nobody_else_has(monkeypatch):
    monkeypatch.setattr("realnvp.train.world._HEARD", 0.05)
    alone = object.__new__(Joined)
    alone.store, alone.rank, alone.size = torch.distributed.HashStore(), 1, 2

    assert alone.tells(LostError("process 1 of 2 lost the others"))
    assert alone.tells(InputError("this host has no such file: copy it"))


def test_a_layer_pickles_after_a_training():
    layer = BatchNorm(2)
    World().pool(layer)
    World().part(layer)

    assert pickle.loads(pickle.dumps(layer)).pooled is None
