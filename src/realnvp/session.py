"""The ``for`` around the training loop that every estimator runs: limits, evaluations, best weights, progress."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence

from torch import nn

from realnvp.train.engine import Engine
from realnvp.train.interrupt import Patience
from realnvp.train.loop import Guard, TrainingError, fit
from realnvp.train.optim import adamw, warm_cosine
from realnvp.train.progress import progress_bar
from realnvp.train.resume import Checkpoint, Moments, Saver, Stateful, Weights
from realnvp.train.world import here
from realnvp.watch import NATS, Limits, Outcome, Record, Unit, Watch

__all__ = ["NATS", "Limits", "Outcome", "Record", "Unit", "train"]


def train(
    objective: nn.Module,
    batches: Iterable,
    evaluate: Callable[[nn.Module], float],
    *,
    limits: Limits,
    lr: float = 3e-3,
    weight_decay: float = 0.0,
    unit: Unit = NATS,
    compiled: bool | str = False,
    callbacks: Sequence[Callable[[Record], object]] = (),
    facts: Callable[[], dict[str, float]] = dict,
    verbose: bool = False,
    started: float | None = None,
    checkpoint: Checkpoint | None = None,
    keep: Mapping[str, Stateful] | None = None,
    seed: int = 0,
    title: str = "training",
    into: Outcome | None = None,
) -> Outcome:
    """Train ``objective`` and leave it with the best weights seen, by ``evaluate(objective) -> nats``.

    The raw weights and their moving average are both looked at. Figures are reported in ``unit`` (its offset: the
    log-det of a standardisation outside the objective); ``facts()`` are written beside them, and shown if they hold an
    ``"ess"``; the clock runs from ``started``. A callback gets each ``Record``, and one that returns something true
    ends the training. What ended it is in ``stopped_by``:
    ``"max_steps"``, ``"max_time"``, ``"early_stopping"``, ``"callback"``, ``"non_finite"``, ``"interrupt"`` or
    ``"batches"`` (there were no more); the best weights are in place in each case.

    The step is ``compiled``, or not, or, by ``"auto"``, as soon as it is seen to be worth it. Dropout draws from
    ``seed``. ``title`` stands before the progress bar. What is returned is ``into``, if that is given, which a callback
    can read while it is filled.

    Where the training stands is written to ``checkpoint`` every so often, at the first interrupt (the step is ended
    before that, a second one does not wait) and at the end, together with what is in ``keep`` (where the batches come
    from); one that resumes begins there, with the same numbers on the same machine.

    Of several processes (``realnvp.train.joined``) each gives its own part of the batches, and ``evaluate`` the figure
    of all rows; the first one's weights are where all begin, its clock ends the training, it alone writes.
    """
    world = here()
    started = world.now() if started is None else started
    world.spread(objective)
    bar, outcome = progress_bar(verbose, title), Outcome() if into is None else into
    watch = Watch(objective, evaluate, limits, unit, facts, started, bar, outcome)
    rate = warm_cosine(limits.warmup)
    if limits.max_steps < 1:
        watch.close()
        watch.outcome.stopped_by = "max_steps"
        return watch.outcome
    engine = Engine(objective, compiled, left=watch.left, waited=watch.waited, seed=seed)
    optimizer = adamw(objective, lr, weight_decay=weight_decay)
    guard = Guard(objective, optimizer)
    own: dict[str, Stateful] = {"weights": Weights(objective), "moments": Moments(optimizer), "guard": guard}
    own |= {"average": watch.average, "best": watch.best, "watch": watch, "engine": engine}
    saver = Saver(checkpoint, own | dict(keep or {}))
    taken = saver.resume()
    if taken and (watch.outcome.stopped_by or watch.done >= 1):  # it had ended already
        by_limit = "max_steps" if taken >= limits.max_steps else "max_time"
        watch.outcome.stopped_by = watch.outcome.stopped_by or by_limit
        watch.close()
        return watch.outcome
    steps = fit(
        engine,
        batches,
        optimizer,
        schedule=lambda n: rate(n, watch.progress(n)),
        guard=guard,
        taken=taken,
    )
    step, alike = None, world.size == 1
    world.pool(objective)
    try:
        with Patience(checkpoint is not None or world.size > 1) as patience:
            for step in steps:
                ended = watch.due(step) and watch.ends(step, watch.look(step), callbacks)
                asked, due = world.agreed(patience.asked, world.rank == 0 and saver.due())
                if ended or asked or due:
                    saver.write(step.index)
                if asked and not ended:
                    alike = True
                    raise KeyboardInterrupt
                if ended:
                    break
            else:
                watch.run_out(step, callbacks)
    except KeyboardInterrupt:
        if not alike:  # it did not wait for the end of the step, and the others know nothing of it
            world.reached = False
            raise
        watch.run_out(step, ())
        watch.outcome.stopped_by = "interrupt"
    except TrainingError as error:
        watch.outcome.stopped_by = "non_finite"
        if watch.best.found is None:
            raise
        warnings.warn(f"training ended early: {error}; the best weights before that are kept", stacklevel=2)
    except Exception:
        world.reached = world.size == 1  # it may be this process's own, and the others know nothing of it
        raise
    finally:
        world.part(objective)
        if world.reached:
            watch.close()
    return watch.outcome
