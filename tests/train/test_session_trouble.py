"""A training that is broken off or turns bad: the best weights are in place."""

import math
from itertools import chain, count, repeat

import pytest
from pull import BAD, TARGET, Distance, away, run

from realnvp.session import Limits
from realnvp.train.loop import TrainingError


def test_an_error_in_a_callback_comes_through_with_the_best_weights_in_place():
    objective = Distance()

    def fails(record):
        if record.step == 50:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        run(objective, callbacks=[fails])

    assert 0 < away(objective) < 5


@pytest.mark.parametrize("after", [0, 5, 55])
def test_an_interrupt_ends_it_with_the_best_weights_in_place(after):
    def batches():
        yield from repeat(TARGET, after)
        raise KeyboardInterrupt

    objective, outcome = run(batches=batches())

    assert outcome.stopped_by == "interrupt"
    assert [r["step"] for r in outcome.history] == ([*range(10, after, 10), after] if after else [])
    assert away(objective) <= 5.0
    if after:
        assert away(objective) == pytest.approx(outcome.history[-1]["best"])


def test_an_interrupt_during_an_evaluation_is_no_different():
    looks = count()

    def evaluate(module):
        if next(looks) == 7:
            raise KeyboardInterrupt
        return away(module)

    objective, outcome = run(evaluate=evaluate)

    assert outcome.stopped_by == "interrupt"
    assert away(objective) == pytest.approx(outcome.history[-1]["best"])


@pytest.mark.filterwarnings("ignore:.*training steps had a loss that was not finite:UserWarning")
def test_a_training_that_turns_bad_keeps_the_best_before_that():
    batches = chain(repeat(TARGET, 30), repeat(BAD))
    with pytest.warns(UserWarning, match=r"not finite in 40 steps.*best weights before that are kept"):
        objective, outcome = run(batches=batches, limits=Limits(max_steps=1000, every=0.01))

    assert outcome.stopped_by == "non_finite"
    assert away(objective) == pytest.approx(min(r["best"] for r in outcome.history))
    assert 0 < away(objective) < 5


@pytest.mark.parametrize("limits", [Limits(max_steps=5000), Limits(max_steps=1000, every=0.001, patience=0)])
@pytest.mark.filterwarnings("ignore:.*training steps had a loss that was not finite:UserWarning")
def test_a_training_that_was_never_good_is_an_error(limits):
    objective = Distance()
    with pytest.raises(TrainingError, match="not finite"):
        run(objective, repeat(BAD), lambda m: math.nan, limits=limits)

    assert objective.w.tolist() == [0, 0]


def test_skipped_steps_are_told_of_at_the_end():
    batches = chain.from_iterable(repeat([TARGET, TARGET, BAD, TARGET]))
    with pytest.warns(UserWarning, match=r"25 of 100 training steps .* were skipped; .* put back 0 times"):
        objective, outcome = run(batches=batches, limits=Limits(max_steps=100, every=0.1, patience=0))

    assert outcome.history[-1]["skipped"] == 25
    assert away(objective) < 0.1
