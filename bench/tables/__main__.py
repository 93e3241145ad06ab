"""How well real tables are learnt in a given time, beside the peers: nats per row on rows that nobody has seen.

    python -m bench.tables --data-dir FOLDER                     every table, 20, 100 and 300 s, three seeds
    python -m bench.tables --limits 20 --tables magic,protein --models realnvp,"zuko NSF"
    python -m bench.tables --versions plain,log,rank,rotated,noise,shuffled
    python -m bench.tables --print                               only lay out what is in the file of results
    pip install 'realnvp[bench]'                                 the peers; what is not installed is a row that says so

FOLDER/tabular holds .npz files with train, val and test. All see the same rows. The peers train on train, and stop and
choose by val; ours and flowjax, which hold rows out themselves, get train and val together and hold out as many rows as
val has. The peers get standardised rows and the Jacobian is counted; ours gets the rows as they are. Ours is
``RealNVP()`` with all its defaults, ended by the time alone. zuko's flows: Adam 1e-3, batches of 512, gradients clipped
to norm 5, the weights best on val, until the time is over or 2,000 steps (and 50 epochs) have brought nothing.
flowjax: its ``fit_to_data`` with its own rate, batch and patience.

Each fit has a process of its own with one thread, models in turn, forwards and backwards. The time runs from the rows
in memory to the model: compiling counts, importing and the test do not. By ``--clock cpu`` it is the processor's, for a
machine with other work. Results are appended to ``--results``; what is there already (same model and settings, table,
version, time, seed, packages, and of ours the same commit) is not run again without ``--again``, nor is a peer that
ended by itself in less time: its figure stands for longer ones too. The tables show the latest version of each model;
``--builds`` shows all.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from bench.common import heading
from bench.speed.__main__ import installed
from bench.tables.budget import CLOCKS
from bench.tables.cells import KEY, Cell, kept, settled, write
from bench.tables.entries import ENTRIES
from bench.tables.report import report
from bench.tables.rows import VERSIONS, folder, read, tables

__all__ = ["main"]


def asked(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.tables", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", help="folder that holds tabular/, else REALNVP_DATA")
    parser.add_argument("--tables", default="", help="which tables (all)")
    parser.add_argument("--models", default=",".join(ENTRIES), help=f"which of {', '.join(ENTRIES)}")
    parser.add_argument("--versions", default="plain", help=f"which of {', '.join(VERSIONS)} (plain)")
    parser.add_argument("--limits", type=float, nargs="+", default=[20.0, 100.0, 300.0], help="seconds of a fit")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0, 1, … (3)")
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help="whose seconds the limits are (wall)")
    parser.add_argument("--results", type=Path, default=Path("runs/tables.jsonl"), help="file of results")
    parser.add_argument("--again", action="store_true", help="run also what is in the file")
    parser.add_argument("--builds", action="store_true", help="lay out every version that is in the file")
    parser.add_argument("--print", action="store_true", dest="only_print", help="run nothing")
    options = parser.parse_args(given)
    for name, known in (("models", ENTRIES), ("versions", VERSIONS)):
        words = [word.strip() for word in getattr(options, name).split(",")]
        if wrong := set(words) - set(known):
            parser.error(f"{', '.join(sorted(wrong))} is none of {', '.join(known)}")
        setattr(options, name, words)
    return options


def cells(options: argparse.Namespace) -> Iterator[Cell]:
    """Return the cells asked for, the models of a table and a seed in turn, backwards for every other seed."""
    where = folder(options.data_dir).resolve()
    known = tables(where)
    names = [name.strip() for name in options.tables.split(",") if name.strip()] or known
    if wrong := set(names) - set(known):
        raise SystemExit(f"{', '.join(sorted(wrong))} is none of {', '.join(known)} in {where}")
    entries = [ENTRIES[name] for name in options.models]
    for limit in options.limits:
        for version in options.versions:
            for name in names:
                data = read(where, name, version)[1]
                for seed in range(options.seeds):
                    for entry in entries[:: 1 - 2 * (seed % 2)]:
                        if seed == 0 or entry.seeded:
                            yield Cell(entry, where, name, version, data, limit, options.clock, seed)


def main(given: Sequence[str] | None = None) -> None:
    """Run the cells asked for and print the tables."""
    options = asked(given)
    torch.set_num_threads(1)  # for the heading: the fits have processes of their own
    if not options.only_print:
        there = set() if options.again else {_mark(result) for result in kept(options.results)}
        for cell in cells(options):
            if _mark(cell.key()) in there:
                continue
            result = None if options.again else settled(cell, kept(options.results))
            result = result or cell.run()
            write(options.results, result)
            figure = f"{result['nll']:.3f}" if "nll" in result else result["error"]
            spent = f"{result['wall']:.0f} s, {result['cpu']:.0f} s of the processor" if "wall" in result else ""
            print(
                "  ", cell.table, cell.version, f"{cell.limit:g}", cell.seed, cell.entry.name, figure, spent, flush=True
            )
    packages = sorted({package for entry in ENTRIES.values() for package in entry.packages} - {"torch"})
    print(f"{heading('python -m bench.tables')}; {', '.join(map(installed, packages))}")
    print(f"\n{report(kept(options.results), builds=options.builds)}", flush=True)


def _mark(result: dict) -> str:
    return repr([sorted(v.items()) if isinstance(v := result[k], dict) else v for k in KEY])


if __name__ == "__main__":
    main()
