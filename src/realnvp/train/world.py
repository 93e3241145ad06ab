"""Several processes that train one model, by PyTorch's own engine; a world of one is the ordinary case.

Every process (a rank) holds the whole model and the same rows, and takes its share of each batch. Sums of gradients and
of figures go over all of them, whatever the clock decides is decided by the first, and so the weights stay the same on
all. What is set up before a training is found by the first rank and handed on where a clock or a close decision has a
say (what columns are, whether they are bent, the mixture beside the flows), and by all from the same seed elsewhere.
"""

import contextlib
import datetime
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from realnvp.errors import InputError
from realnvp.train.exchange import Exchange, Exchanged, pooled

__all__ = ["Joined", "LostError", "World", "here", "joined"]

_PATIENCE = 1800.0
"""Seconds that a rank waits for the others: the first one may learn a large table's columns meanwhile."""
_HEARD = 3.0
"""Seconds that a rank which lost the others waits for one of them to say why."""
_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")

Rows = TypeVar("Rows", Tensor, Any)
Made = TypeVar("Made")


class LostError(RuntimeError):
    """The other processes cannot be reached: one of them ended, or did not answer in time."""


class World:
    """A single process: rank 0 of one."""

    rank, size = 0, 1
    reached = True
    """Whether the others can be asked."""

    def clock(self) -> float:
        """Seconds, the same on all ranks: by the clock of the first, as it was when they last spoke."""
        return time.monotonic()

    def now(self) -> float:
        """Seconds by the clock of the first rank; all ranks ask together."""
        self.agreed()
        return self.clock()

    def agreed(self, *raised: bool) -> tuple[bool, ...]:
        """Whether any rank said yes, to each question; all ranks ask together."""
        return raised

    def first(self, make: Callable[[], Made]) -> Made:
        """Return what ``make`` makes on the first rank; it is not called on the others."""
        return make()

    def led(self, make: Callable[[], Made]) -> Made:
        """Return what ``make`` makes on each rank, once the first has made it: it may have to fetch it."""
        return make()

    def same(self, mark: Callable[[], str], of: str) -> None:
        """Refuse to go on where the ranks' marks differ."""

    def share(self, rows: Rows) -> Rows:
        """Return this rank's part of a batch, one after another: of each tensor in it as many rows as of the first."""
        return rows

    def shared(self, batches: Iterable) -> Iterable:
        """Return this rank's part of each of the batches that all ranks deal alike."""
        return batches

    def total(self, value: float) -> float:
        """Return the sum over the ranks."""
        return value

    def spread(self, module: nn.Module) -> None:
        """Give every rank the first one's parameters and buffers."""

    def pool(self, module: nn.Module) -> None:
        """Let batch statistics of a module be those of all ranks' rows."""

    def part(self, module: nn.Module) -> None:
        """Let them be of this rank's rows again."""

    def exchange(self, params: Sequence[nn.Parameter]) -> Exchange:
        """Return what makes one gradient of the ranks'."""
        return Exchange(params)

    def tells(self, error: Exception) -> bool:
        """Whether it falls to this rank to tell the user of an error."""
        return True


_here: ContextVar[World] = ContextVar("world", default=World())  # noqa: B039 - it holds nothing


def here() -> World:
    """Return the world that the code runs in: of one process, outside of ``joined``."""
    return _here.get()


@contextlib.contextmanager
def joined(timeout: float = _PATIENCE) -> Iterator[World]:
    """Join the world that ``torchrun`` has set up in the environment, and leave it at the end; without one be alone.

    Inside, ``RealNVP.fit`` and ``ImageRealNVP.fit`` are one training of all processes: each calls it with the same rows
    and parameters, and gets the same model. On a GPU for each process by NCCL, else by gloo. ``timeout`` is how many
    seconds a process waits for the others before a ``LostError``.
    """
    if any(name not in os.environ for name in _VARIABLES) or os.environ["WORLD_SIZE"] == "1":
        yield World()
        return
    world = Joined(timeout)
    token = _here.set(world)
    try:
        yield world
    finally:
        _here.reset(token)
        dist.destroy_process_group()


def _backend() -> str:
    """Take this process's accelerator, if there are some, and name the engines."""
    if not torch.cuda.is_available():
        return "gloo"
    local, cards = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
    if local >= cards:
        raise InputError(f"process {local + 1} of this host has no GPU, there are {cards}: start as many processes")
    torch.cuda.set_device(local)
    return "cpu:gloo,cuda:nccl"


class Joined(World):
    """One of several processes that train together."""

    def __init__(self, timeout: float) -> None:
        if dist.is_initialized():
            raise InputError("a process group of torch.distributed is set up already: leave that to joined()")
        from torch.distributed.rendezvous import rendezvous

        backend, wait = _backend(), datetime.timedelta(seconds=timeout)
        place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        try:
            store, self.rank, self.size = next(iter(rendezvous("env://", timeout=wait)))
            self.store = dist.PrefixStore(_meeting(store, self.rank, self.size, timeout), store)
            about: dict[str, Any] = {"rank": self.rank, "world_size": self.size, "timeout": wait}
            dist.init_process_group(backend, store=dist.PrefixStore("group", self.store), **about)
        except (RuntimeError, ValueError) as error:
            reason = str(error).strip().split("\n")[0][:150]
            raise InputError(f"the other processes were not met at {place} ({reason}): start all by torchrun") from None
        self._wait = timeout
        self._clock = 0.0
        self.now()

    def clock(self) -> float:  # noqa: D102
        return self._clock

    def agreed(self, *raised: bool) -> tuple[bool, ...]:  # noqa: D102
        told = torch.tensor([0.0 if self.rank else time.monotonic(), *raised], dtype=torch.float64)
        self._clock, *heard = self.sum(told).tolist()
        return tuple(value > 0 for value in heard)

    def first(self, make: Callable[[], Made]) -> Made:  # noqa: D102
        told: list[Any] = [None, None]
        failed: Exception | None = None
        if self.rank == 0:
            try:
                told[0] = make()
            except Exception as error:  # the others wait, and are told
                told[1], failed = str(error) or type(error).__name__, error
        with self._reached():
            dist.broadcast_object_list(told, src=0, device=torch.device("cpu"))
        if failed is not None:
            raise failed
        if told[1] is not None:
            raise InputError(told[1])
        return cast(Made, told[0])

    def led(self, make: Callable[[], Made]) -> Made:  # noqa: D102
        made = [make()] if self.rank == 0 else []
        self.agreed()
        return made[0] if made else make()

    def same(self, mark: Callable[[], str], of: str) -> None:  # noqa: D102
        marks: list[Any] = [None] * self.size
        with self._reached():
            dist.all_gather_object(marks, mark())
        if other := [rank for rank, found in enumerate(marks) if found != marks[0]]:
            raise InputError(f"process {other[0]} of {self.size} has other {of} than process 0: give all the same")

    def share(self, rows: Rows) -> Rows:  # noqa: D102
        if isinstance(rows, Tensor):
            return rows[len(rows) * self.rank // self.size : len(rows) * (self.rank + 1) // self.size]
        return tuple(self.share(part) for part in rows)

    def shared(self, batches: Iterable) -> Iterable:  # noqa: D102
        return map(self.share, batches)

    def total(self, value: float) -> float:  # noqa: D102
        return float(self.sum(torch.tensor(value, dtype=torch.float64)))

    def sum(self, values: Tensor) -> Tensor:
        """Add up ``values`` over the ranks, in place."""
        with self._reached():
            dist.all_reduce(values)
        return values

    @torch.no_grad()
    def spread(self, module: nn.Module) -> None:  # noqa: D102
        for value in (*module.parameters(), *module.buffers()):
            sent = value.detach().contiguous()
            with self._reached():
                dist.broadcast(sent, src=0)
            value.copy_(sent)

    def pool(self, module: nn.Module) -> None:  # noqa: D102
        _hand(module, partial(pooled, self.sum))

    def part(self, module: nn.Module) -> None:  # noqa: D102
        _hand(module, None)

    def exchange(self, params: Sequence[nn.Parameter]) -> Exchange:  # noqa: D102
        return Exchanged(params, self.sum)

    def tells(self, error: Exception) -> bool:
        """Whether it falls to this rank to tell: what the first has told too is told by it alone."""
        lost, sentence = isinstance(error, LostError), str(error)
        if not lost:
            with contextlib.suppress(RuntimeError):  # the store went with the process that held it
                self.store.set(f"told/{self.rank}", sentence)
                self.store.set("told", sentence)
        if not lost and not self.rank:
            return True
        heard = self._heard("told" if lost else "told/0")
        return heard is None if lost else heard != sentence

    def _heard(self, key: str) -> str | None:
        try:
            self.store.wait([key], datetime.timedelta(seconds=_HEARD))
            return self.store.get(key).decode()
        except RuntimeError:
            return None

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Say in a sentence that the others cannot be reached."""
        try:
            yield
        except RuntimeError as error:
            self.reached = False
            reason = str(error).strip().split("\n")[0].rsplit("] ", 1)[-1].split(". ")[0][:100]
            raise LostError(
                f"process {self.rank} of {self.size} lost the others ({reason}): one of them ended, or did not answer "
                f"for {self._wait:g} s"
            ) from error

    def __deepcopy__(self, memo: dict) -> "Joined":
        return self  # averages of a module that pools its statistics are copies of it


def _meeting(store: dist.Store, rank: int, size: int, timeout: float) -> str:
    """Agree on a name for this meeting of the processes.

    An engine that starts them again keeps its store, and what those before them have left there would be taken for
    theirs. So each asks under a name that nobody had before, and the first answers until all have heard.
    """
    name = os.urandom(8).hex()
    if rank:
        store.set(f"asks/{rank}", name)
        found: str = store.get(f"answers/{name}").decode()
        store.set(f"heard/{found}/{rank}", "")
        return found
    missing, late = list(range(1, size)), time.monotonic() + timeout
    while missing:
        if time.monotonic() > late:
            raise RuntimeError(f"process {missing[0]} did not come within {timeout:g} s")
        for other in missing:
            if store.check([f"asks/{other}"]):
                store.set(f"answers/{store.get(f'asks/{other}').decode()}", name)
        missing = [other for other in missing if not store.check([f"heard/{name}/{other}"])]
        time.sleep(0.01)
    return name


def _hand(module: nn.Module, pooled: Callable[..., Any] | None) -> None:
    for layer in module.modules():
        if hasattr(layer, "pooled"):
            layer.pooled = pooled  # type: ignore[assignment]
