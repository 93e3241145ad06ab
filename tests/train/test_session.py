"""The ``for`` around the loop: what ends a training, and that the best weights are in place whenever it does."""

import json
import time
from itertools import chain, count, cycle, repeat

import pytest
import torch
from pull import BAD, TARGET, Distance, away, run
from torch import nn

from realnvp.session import Limits, Record, Unit


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    hands = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: hands[0])
    return hands


def test_a_training_runs_all_its_steps_and_looks_as_often_as_told():
    objective, outcome = run(limits=Limits(max_steps=100, every=0.1, patience=0))

    assert outcome.stopped_by == "max_steps"
    assert [r["step"] for r in outcome.history] == list(range(10, 101, 10))
    assert away(objective) < 1e-3


def test_no_batch_is_taken_beyond_the_last_step():
    taken = []
    run(batches=(taken.append(i) or TARGET for i in count()), limits=Limits(max_steps=37))

    assert len(taken) == 37


@pytest.mark.parametrize("steps", [1, 3])
def test_a_training_of_a_few_steps_looks_at_the_end(steps):
    _, outcome = run(limits=Limits(max_steps=steps))

    assert outcome.history[-1]["step"] == steps
    assert outcome.stopped_by == "max_steps"


def test_the_record_is_plain_data_that_tells_of_the_training():
    records = []
    _, outcome = run(callbacks=[records.append], unit=Unit(offset=7.0))
    first, last = outcome.history[0], outcome.history[-1]

    assert all(isinstance(r, Record) for r in records)
    assert json.loads(json.dumps(outcome.history)) == outcome.history
    assert set(first) == {"step", "seconds", "train", "held_out", "best", "rate", "skipped", "restored"}
    assert all(r["best"] == min(q["held_out"] for q in outcome.history[: i + 1]) for i, r in enumerate(outcome.history))
    assert 7.0 <= last["best"] < 7.01
    assert last["seconds"] >= first["seconds"] >= 0
    assert 0 <= last["rate"] < 1e-3 < max(r["rate"] for r in outcome.history) <= 0.1


def test_train_is_the_mean_loss_since_the_last_look():
    losses = []

    class Told(Distance):
        def forward(self, batch):
            loss = super().forward(batch)
            losses.append(loss.item())
            return loss

    _, outcome = run(Told(), unit=Unit("halves", 2.0, 1.0), limits=Limits(max_steps=20, every=0.25))

    assert [r["train"] for r in outcome.history] == pytest.approx(
        [1.0 + 2 * sum(losses[i : i + 5]) / 5 for i in range(0, 20, 5)]
    )


def test_the_rate_warms_up_and_falls_to_nothing():
    assert [Limits(max_steps=n).warmup for n in (1, 100, 999, 5000)] == [1, 11, 100, 100]

    _, outcome = run(limits=Limits(max_steps=50, every=0.02))
    rates = [r["rate"] for r in outcome.history]

    assert rates[0] == pytest.approx(0.1 / 6)
    assert rates.index(max(rates)) in range(4, 7)
    assert rates[-1] < 1e-3


def test_the_time_ends_a_training(clock):
    def batches():
        for _ in repeat(None):
            clock[0] += 0.5
            yield TARGET

    _, outcome = run(batches=batches(), limits=Limits(max_steps=10_000, max_time=20.0, every=0.1))

    assert outcome.stopped_by == "max_time"
    assert [r["seconds"] for r in outcome.history] == pytest.approx(range(2, 21, 2))
    assert outcome.history[-1]["rate"] < 0.001


def test_the_clock_may_have_run_before(clock):
    clock[0] = 100.0

    def batches():
        for _ in repeat(None):
            clock[0] += 1.0
            yield TARGET

    _, outcome = run(batches=batches(), limits=Limits(max_time=10.0), started=95.0)

    assert outcome.history[-1]["step"] == 5


@pytest.mark.parametrize(
    ("limits", "steps", "seconds", "expected"),
    [
        (Limits(100), 25, 1e9, 0.25),
        (Limits(100, 10.0), 25, 2.0, 0.25),
        (Limits(100, 10.0), 25, 9.0, 0.9),
        (Limits(100, 10.0), 100, 1.0, 1.0),
    ],
)
def test_progress_is_that_of_the_nearer_limit(limits, steps, seconds, expected):
    assert limits.progress(steps, seconds) == pytest.approx(expected)


def test_a_training_without_steps_changes_nothing():
    objective, outcome = run(limits=Limits(max_steps=0))

    assert outcome.stopped_by == "max_steps"
    assert outcome.history == []
    assert objective.w.tolist() == [0, 0]


def test_batches_that_run_out_end_it_with_a_last_look():
    objective, outcome = run(batches=[TARGET] * 25, limits=Limits(max_steps=100, every=0.1))

    assert outcome.stopped_by == "batches"
    assert [r["step"] for r in outcome.history] == [10, 20, 25]
    assert away(objective) == pytest.approx(outcome.history[-1]["best"])


def test_a_training_without_batches_changes_nothing():
    objective, outcome = run(batches=iter([]))

    assert (outcome.stopped_by, outcome.history) == ("batches", [])
    assert objective.w.tolist() == [0, 0]


@pytest.mark.filterwarnings("ignore:.*training steps had a loss that was not finite:UserWarning")
def test_a_skipped_step_has_no_say_in_the_training_figure():
    _, outcome = run(batches=cycle([TARGET, BAD]), limits=Limits(max_steps=20, every=0.5, patience=0))

    assert outcome.history[-1]["skipped"] == 10
    assert all(0 <= r["train"] < 10 for r in outcome.history)


def test_it_stops_early_where_nothing_improves_and_leaves_the_best():
    values = chain([5.0, 5.0, 3.0, 3.0], repeat(4.0))  # two a look: the weights and their average
    kept = []

    def evaluate(module):
        kept.append(module.w.detach().clone())
        return next(values)

    objective, outcome = run(evaluate=evaluate, limits=Limits(max_steps=100, every=0.1, patience=0.25))

    assert outcome.stopped_by == "early_stopping"
    assert [r["step"] for r in outcome.history] == [10, 20, 30, 40, 50, 60, 65]
    assert torch.equal(objective.w.detach(), kept[2])


def test_where_nothing_improves_it_goes_back_and_cools_before_it_stops():
    values = chain([5.0, 5.0, 3.0, 3.0], repeat(4.0))
    _, outcome = run(evaluate=lambda _: next(values), limits=Limits(max_steps=100, every=0.1, patience=0.25))
    rates = {r["step"]: r["rate"] for r in outcome.history}

    assert rates[60] < 0.5 * rates[50]
    assert rates[65] < 0.1 * rates[60]


def test_what_the_cooling_finds_is_kept():
    values = chain([5.0, 5.0, 3.0, 3.0], repeat(4.0, 6), repeat(1.0))
    _, outcome = run(evaluate=lambda _: next(values), limits=Limits(max_steps=100, every=0.1, patience=0.25))

    assert outcome.stopped_by == "early_stopping"
    assert outcome.history[-1]["best"] == 1.0


def test_a_patience_of_nothing_never_stops():
    _, outcome = run(evaluate=lambda m: 1.0, limits=Limits(max_steps=100, every=0.1, patience=0.0))

    assert outcome.stopped_by == "max_steps"


@pytest.mark.parametrize("yes", [True, 1, "enough"])
def test_a_callback_that_returns_something_true_stops_and_others_do_not(yes):
    seen = []
    callbacks = [lambda r: None, lambda r: seen.append(r.step) or (yes if r.step >= 30 else False), lambda r: 0]
    _, outcome = run(callbacks=callbacks)

    assert outcome.stopped_by == "callback"
    assert seen == [10, 20, 30]


def test_the_best_of_the_weights_and_their_average_is_left():
    """Batches that alternate throw the weights to and fro; their average lies between."""
    noise = torch.Generator().manual_seed(0)
    batches = (TARGET + 40 * torch.randn(2, generator=noise) for _ in repeat(None))
    seen = []

    def evaluate(module):
        seen.append(away(module))
        return seen[-1]

    objective, outcome = run(batches=batches, evaluate=evaluate, limits=Limits(max_steps=300, every=0.1, patience=0))

    assert away(objective) == min(seen) == outcome.history[-1]["best"]
    assert any(mean < raw for raw, mean in zip(seen[::2], seen[1::2], strict=True))


def test_weight_decay_reaches_the_weights():
    class Layer(nn.Linear):
        def forward(self, batch):
            return 0 * self.weight.sum()

    def size(module):
        return module.weight.abs().sum().item()

    torch.manual_seed(0)
    before, after = size(plain := Layer(2, 2)), size(decayed := Layer(2, 2))
    run(plain, evaluate=size)
    run(decayed, evaluate=size, weight_decay=1.0)

    assert size(plain) == before
    assert size(decayed) < 0.1 * after


def test_nothing_is_written_to_the_terminal_unless_it_is_one(capsys):
    run(verbose=True)
    run()
    out = capsys.readouterr()

    assert out.out == out.err == ""
