"""One model in a process of its own: it answers lines of JSON with lines of JSON. ``bench.speed.crew`` starts it."""

import ctypes
import dataclasses
import importlib
import json
import os
import sys
import time
from pathlib import Path

from bench.peers.base import WORKLOADS, Model

__all__ = ["main"]


def main() -> None:
    """Build what the arguments say, then time verbs for as long as somebody asks."""
    told = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not mix with the answers

    def answer(value: dict) -> None:
        print(json.dumps(value), file=answers, flush=True)

    try:
        model = _build(told)
        answer({"parameters": model.parameters})
        for line in sys.stdin:
            asked = json.loads(line)
            try:
                answer(ASKED[asked.pop("ask")](model, **asked))
            except Exception as error:
                answer({"error": _told(error)})
    except Exception as error:
        answer({"error": _told(error), "kind": type(error).__name__})


def _build(told: dict) -> Model:
    if told["torch"]:
        import torch

        torch.set_num_threads(told["threads"])
        torch.manual_seed(0)
    load = dataclasses.replace(WORKLOADS[told["load"]], device=told["device"])
    return importlib.import_module(f"bench.peers.{told['peer']}").build(load, **told["options"])


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return next((line.strip() for line in lines if line.strip()), "")[:120]


def _check(model: Model) -> dict:
    return {"gap": model.check()}


def _warm(model: Model, verb: str, seconds: float) -> dict:
    """Call a verb until it is compiled, and say how many calls fill ``seconds``."""
    _run(model, verb, 3)
    calls = 1
    while (spent := _run(model, verb, calls)["seconds"]) < seconds / 4:
        calls *= 2
    return {"calls": max(1, round(calls * seconds / spent))}


def _run(model: Model, verb: str, calls: int) -> dict:
    call = model.verbs[verb]
    start = time.perf_counter()
    for _ in range(calls):
        call()
    model.settle()
    return {"seconds": time.perf_counter() - start}


def _memory(model: Model) -> dict:
    """Peak of a training step above the process at rest, once the first steps have made what stays."""
    step = model.verbs["train"]
    if model.device != "cpu":
        return _cards_memory(model)
    for _ in range(3):
        step()
    model.settle()
    ctypes.CDLL(None).malloc_trim(0)  # glibc: what is free goes back, so that the peak counts it again
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak begins anew
    rest = _status("VmRSS")
    for _ in range(3):
        step()
    model.settle()
    return {"rest": rest, "peak": _status("VmHWM") - rest}


def _cards_memory(model: Model) -> dict:
    """The same of an accelerator, as torch's allocator counts it, from the very first step on."""
    if "torch" not in sys.modules:
        raise RuntimeError("memory on an accelerator is told by torch's allocator only")
    import torch

    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated() / 2**20
    for _ in range(8):
        model.verbs["train"]()
    model.settle()
    return {"rest": held, "peak": torch.cuda.max_memory_allocated() / 2**20 - held}


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


ASKED = {"check": _check, "warm": _warm, "run": _run, "memory": _memory}

if __name__ == "__main__":
    main()
