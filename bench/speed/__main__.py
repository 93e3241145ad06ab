"""How fast coupling flows train, tell densities and sample, beside the peers and the machine's own floor.

    python -m bench.speed --quick                            fewer and shorter rounds
    python -m bench.speed --rows toy,table --parts train     a part of it
    python -m bench.speed --device cuda                      on an accelerator, ours also recorded as CUDA graphs
    python -m bench.speed --skip compiled                    without the minutes that torch.compile takes
    pip install 'realnvp[bench]'                             the peers; what is not installed is a row that says so

All libraries build the same couplings (bench/peers), each in a process of its own, held to the same cores. They are
timed in turn: a round asks each of them for a block of calls, and a ratio compares two blocks of one round.
"""

import argparse
import os
from importlib.metadata import PackageNotFoundError, version

import torch

from bench.common import heading
from bench.peers.base import VERBS, WORKLOADS
from bench.speed.crew import ENTRIES, Entry, pin
from bench.speed.fresh import importing, memory, start
from bench.speed.race import called, races
from bench.speed.tables import size, summary

__all__ = ["main"]

PARTS = [*VERBS, "memory", "start", "import"]


def asked() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default=",".join(WORKLOADS), help=f"which of {', '.join(WORKLOADS)}")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"which of {', '.join(PARTS)}")
    parser.add_argument("--peers", default="", help="only the peers whose names begin so, beside ours and the floor")
    parser.add_argument("--skip", default="", help="leave out names that hold one of these, such as compiled,bf16")
    parser.add_argument("--threads", type=int, default=2, help="cores for every library alike (2)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where the models are (cpu)")
    parser.add_argument("--repeats", type=int, help="rounds (21, or 7 with --quick)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    options = parser.parse_args()
    options.loads, options.parts = options.rows.split(","), options.parts.split(",")
    for given, known in ((options.loads, WORKLOADS), (options.parts, PARTS)):
        if wrong := set(given) - set(known):
            parser.error(f"{', '.join(sorted(wrong))} is none of {', '.join(known)}")
    options.repeats = options.repeats or (7 if options.quick else 21)
    options.seconds = 0.05 if options.quick else 0.25  # of a block of calls
    options.fresh = min(options.repeats, 1 if options.quick else 3)  # processes for a figure of a fresh one
    return options


def chosen(peers: str, skip: str, device: str) -> list[Entry]:
    """Return the entries to run; the floor and ours are always among them, unless skipped."""
    starts = tuple(name.strip().lower() for name in peers.split(","))
    words = [word for word in skip.split(",") if word]
    known = [e for e in ENTRIES if device == "cuda" or not e.card]
    kept = [e for e in known if e.ours or e.floor or e.name.lower().startswith(starts)]
    return [e for e in kept if not any(word in e.name for word in words)]


def installed(package: str) -> str:
    """Return a package and its version, or that it is not there."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def main() -> None:
    """Run the parts asked for and print their tables."""
    options = asked()
    if options.device == "cpu":
        pin(options.threads)
    else:
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # each process compiles for itself
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # JAX would take the whole card
    torch.set_num_threads(options.threads)
    entries, results = chosen(options.peers, options.skip, options.device), []
    models = [entry for entry in entries if not entry.floor]
    rest = [f"--{name} {value}" for name in ("peers", "skip") if (value := getattr(options, name))]
    command = f"python -m bench.speed --rows {options.rows} --parts {','.join(options.parts)} " + " ".join(
        [
            *rest,
            f"--device {options.device} --threads {options.threads} --repeats {options.repeats}",
            *(["--quick"] if options.quick else []),
        ]
    )
    packages = dict.fromkeys(["jax", *(entry.package for entry in entries if entry.package)])
    print(f"{heading(command)}; {', '.join(map(installed, packages))}", flush=True)
    loads, verbs = [WORKLOADS[name] for name in options.loads], [part for part in options.parts if part in VERBS]
    crews = called(loads, verbs, entries, options) if options.device == "cuda" else {}
    for load in loads:
        if verbs:
            results += races(load, verbs, entries, options, crews.get(load))
        if "memory" in options.parts:
            print(f"\n**{load.name}, memory** ({size(load)})\n\n{memory(load, models, options)}", flush=True)
        if "start" in options.parts:
            print(f"\n**{load.name}, first step** ({size(load)})\n\n{start(load, models, options)}", flush=True)
    if "import" in options.parts:
        print(f"\n**import**\n\n{importing(entries, options)}", flush=True)
    if results:
        print(f"\n**ms of a call, in one view**\n\n{summary(results)}", flush=True)


if __name__ == "__main__":
    main()
