"""What one of several processes does in ``test_world``, and what a single one does in its place."""

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch

from realnvp import InputError, MaxLikelihood, RealNVP, real_nvp
from realnvp.data.batches import Deck, shuffled
from realnvp.estimators.parts.rows import mean_objective
from realnvp.memory import constant_memory
from realnvp.nets import mlp
from realnvp.session import Limits, train
from realnvp.train import adamw, fit, joined
from realnvp.train.engine import Engine
from realnvp.train.world import LostError, here
from realnvp.transforms import BatchNorm, Compose

X = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 3))) @ torch.diag(torch.tensor([1.0, 2.0, 0.5])).double()
SIZE = 2


def flow(dropout=0.0, norm=False):
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        made = real_nvp(3, layers=2, net=mlp((8,), dropout=dropout)).double()
        for p in made.parameters():
            p.add_(0.1 * torch.randn(p.shape, dtype=p.dtype))  # gradients of zero have no sign to agree on
    if norm:
        made.transform = Compose(*made.transform, BatchNorm(3).double())
    return made


def deal(size, seed=0):
    return shuffled([X], size, Deck(len(X), torch.Generator().manual_seed(seed)))


def steps(made, batches, most=30):
    """Losses and weights of a few steps of the plain loop."""
    objective, world = MaxLikelihood(made), here()
    world.spread(objective)
    world.pool(objective)
    seen = []
    for step in fit(objective, batches, adamw(objective, 1e-2, weight_decay=0.1)):
        seen.append([float(step.loss), float(step.grad_norm), step.skipped])
        if step.index >= most:
            break
    world.part(objective)
    weights = torch.cat([t.flatten().double() for t in made.state_dict().values()])
    return {"seen": seen, "weights": weights.tolist()}


def plain(size=7):
    return steps(flow(), here().shared(deal(size)))


def normed():
    return steps(flow(norm=True), here().shared(deal(9)))


def thrifty():
    return steps(constant_memory(flow(norm=True)), here().shared(deal(9)))


def one_row():
    return steps(flow(), here().shared(deal(1)))


def runs_out():
    """The first rank has three batches of four rows, the second five: alone they are three of eight and two of four."""
    parts = [[X[4 * i : 4 * i + 4] for i in range(3)], [X[12 + 4 * i : 16 + 4 * i] for i in range(5)]]
    if here().size > 1:
        return steps(flow(), parts[here().rank])
    return steps(flow(), [torch.cat([p[i] for p in parts if i < len(p)]) for i in range(5)])


def spoilt():
    """A row of the fourth batch is no number: it is in one rank's share."""

    def batches():
        for i, batch in enumerate(deal(8)):
            bad = batch.clone()
            bad[7, 0] = math.nan
            yield bad if i == 3 else batch

    return steps(flow(), here().shared(batches()), 8)


def dropping():
    """Masks of the ranks are unlike, their weights and what is kept of the draws are not."""
    objective, masks, before = MaxLikelihood(flow(dropout=0.5)), [], torch.get_rng_state()
    drop = next(m for m in objective.modules() if isinstance(m, torch.nn.Dropout))
    drop.register_forward_hook(lambda module, given, made: masks.append(float((made != 0).double().mean())))
    engine = Engine(objective, False, left=lambda pace: 0.0, waited=lambda seconds: None, seed=3)
    for _ in range(20):
        engine(X)
    kept = engine.dice.states["cpu"].tolist()
    return {"masks": masks, "kept": kept, "untouched": torch.equal(before, torch.get_rng_state())}


def measured():
    """The held-out figure, each rank by its share; of one row the first has none."""
    objective = MaxLikelihood(flow())
    return [mean_objective(objective, [X[:n]], chunk=4) for n in (40, 7, 1)]


def fitted(**params):
    rows = np.random.default_rng(1).normal(size=(300, 2)) ** 3
    usual = {"layers": 2, "width": 8, "random_state": 0, "verbose": False, "device": "cpu", "max_steps": 60}
    model = RealNVP(**usual | {"dropout": 0.0} | params)
    with contextlib.suppress(KeyboardInterrupt):
        model.fit(rows)
    history = [{k: v for k, v in r.items() if k != "seconds"} for r in model.history_]
    seconds = [r["seconds"] for r in model.history_]
    score = model.score_samples(rows[:50]).tolist()
    return {"history": history, "seconds": seconds, "stopped_by": model.stopped_by_, "score": score}


def clocked():
    """The second rank's clock runs ten times as fast; the first one's has the say."""
    real = time.monotonic
    if here().rank:
        time.monotonic = lambda: 10 * real()
    try:
        return fitted(max_time=2.0, max_steps="auto", members=2, early_stopping=False)
    finally:
        time.monotonic = real


def interrupted():
    """The last rank is interrupted in the course of the training: all end after the same step."""

    def callback(record):
        if record.step >= 20 and here().rank == here().size - 1:
            os.kill(os.getpid(), signal.SIGINT)

    return fitted(members=1, kernel="affine", callbacks=[callback])


def called():
    """A callback of one rank ends the training of all."""
    return fitted(members=1, kernel="affine", callbacks=[lambda r: r.step >= 20 and here().rank == here().size - 1])


def unlike():
    rows = np.random.default_rng(here().rank).normal(size=(50, 2))
    return said(lambda: RealNVP(max_steps=1, verbose=False, device="cpu").fit(rows))


def failing():
    """What the first rank cannot make no rank gets."""

    def make():
        raise InputError("there is no such thing: make one")

    return said(lambda: here().first(make))


def said(work):
    """The sentence that something is refused with."""
    try:
        work()
    except InputError as error:
        return str(error)
    return ""


def left():
    """One rank goes away: the others are told so."""
    if here().rank:
        return ""
    try:
        for _ in range(3):
            here().agreed(True)
    except LostError as error:
        return str(error)
    return "nothing happened"


def broken():
    """The last rank meets an error of its own before anybody has looked at anything: it says so at once, all end."""

    def batches():
        for i, batch in enumerate(here().shared(deal(8))):
            if i == 3 and here().rank == here().size - 1:
                raise ValueError("this file ends too early")
            yield batch

    objective, before = MaxLikelihood(flow()), time.monotonic()
    try:
        train(objective, batches(), lambda o: mean_objective(o, [X]), limits=Limits(max_steps=1000))
    except (ValueError, LostError) as error:
        return {"told": str(error), "seconds": time.monotonic() - before}
    return {"told": "nothing happened"}


CASES = {f.__name__: f for f in (normed, thrifty, one_row, runs_out, spoilt, dropping, measured)}
CASES |= {"seven": plain, "eight": partial(plain, 8), "several": partial(fitted, members=3)}
CASES |= {f.__name__: f for f in (clocked, interrupted, called, unlike, failing)}


ENDS = {f.__name__: f for f in (left, broken)}
"""After one of these the ranks cannot reach each other."""


def main(place, end):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with joined(timeout=30) as world:
        found = {name: case() for name, case in CASES.items()} if end == "left" else {}
        found[end] = ENDS[end]()
        Path(place, f"{world.rank}.json").write_text(json.dumps(found))
        os._exit(0)  # as a process that was killed does not say good-bye


def started(place, size=SIZE, end="left"):
    """Run all cases, and one that ends them, or another end alone, in so many processes; return what each found."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    about = os.environ | {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-c", f"import ranks; ranks.main({str(place)!r}, {end!r})"]
    about["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    processes = [
        subprocess.Popen(command, env=about | {"RANK": str(r)}, stderr=subprocess.PIPE, text=True) for r in range(size)
    ]
    told = [p.communicate(timeout=120)[1] for p in processes]
    assert not any(p.returncode for p in processes), told
    return [json.loads(Path(place, f"{rank}.json").read_text()) for rank in range(size)]
