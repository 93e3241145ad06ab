"""What the benchmarks share: the machine in words, clocks, tables."""

import datetime
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

__all__ = ["Clock", "clocked", "heading", "table"]


class Clock:
    """Wall and processor seconds of a block. One thread's processor time does not count the neighbours' turns."""

    wall = cpu = 0.0


@contextmanager
def clocked() -> Iterator[Clock]:
    """Time a block."""
    clock, wall, cpu = Clock(), time.perf_counter(), time.process_time()
    yield clock
    clock.wall, clock.cpu = time.perf_counter() - wall, time.process_time() - cpu


def heading(command: str) -> str:
    """Say when, on what and with what a table was measured."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    card = f"{torch.cuda.get_device_name()}, " if torch.cuda.is_available() else ""
    return (
        f"{datetime.date.today()}, {card}{model or 'unknown processor'}, {os.cpu_count()} cores seen, "
        f"{torch.get_num_threads()} thread used; Python {platform.python_version()}, torch {torch.__version__}; "
        f"`{command}`"
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
