"""Timing verbs in turn."""

import argparse
import time

from bench.peers.base import VERBS, Workload
from bench.speed.crew import Entry, Worker
from bench.speed.tables import laps, size

__all__ = ["called", "races"]


def called(
    loads: list[Workload], verbs: list[str], entries: list[Entry], options: argparse.Namespace
) -> dict[Workload, dict[str, Worker]]:
    """Start all models of all workloads and wait until each has warmed its verbs: they compile all at once."""
    crews = {
        load: {entry.name: Worker(entry, load.name, options.threads, options.device) for entry in entries}
        for load in loads
    }
    everyone = [worker for crew in crews.values() for worker in crew.values()]
    for worker in everyone:
        for verb in worker.entry.verbs(verbs):
            worker.tell("warm", verb=verb, seconds=0.01)
    for worker in everyone:
        for _ in () if worker.error else worker.entry.verbs(verbs):
            worker.hear()
    return crews


def races(
    load: Workload,
    verbs: list[str],
    entries: list[Entry],
    options: argparse.Namespace,
    workers: dict[str, Worker] | None = None,
) -> list[tuple[Workload, str, dict[str, list[float]]]]:
    """Build every model, check it, time its verbs and print a table for each; return the milliseconds."""
    crew, notes, silent, results = [], [], {}, []
    for entry in entries:
        worker = (workers or {}).get(entry.name) or Worker(entry, load.name, options.threads)
        checked = {"error": worker.error} if worker.error else worker.ask("check")
        if "error" in checked:
            worker.close()
            silent[entry.name] = checked["error"]
            continue
        crew.append(worker)
        if checked["gap"] > 1e-2:
            notes.append(f"{entry.name} tells its samples' log-density wrong, by {checked['gap']:.2g} nats in 8 draws")
    counts = {worker.entry.name: worker.facts["parameters"] for worker in crew}
    notes += [
        f"{name} has {count:,} parameters where ours has {counts['ours']:,}"
        for name, count in counts.items()
        if count and abs(count / counts.get("ours", count) - 1) > 0.02
    ]
    for verb in verbs:
        print(f"\n**{load.name}, {VERBS[verb]}** ({size(load)})\n", flush=True)
        found, failed = race(verb, crew, options)
        print(laps(load, found, silent | failed, counts), flush=True)
        results.append((load, verb, found))
    if notes:
        print(f"\nNot as it should be: {'; '.join(notes)}.", flush=True)
    for worker in crew:
        worker.close()
    return results


def race(verb: str, crew: list[Worker], options: argparse.Namespace) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Time one verb of every model, a block of calls each round, forwards and backwards through the crew in turn."""
    calls, failed, found = {}, {}, {}
    crew = [worker for worker in crew if worker.entry.verbs([verb])]
    for worker in crew:
        answer = worker.ask("warm", verb=verb, seconds=options.seconds)
        if "error" in answer:
            failed[worker.entry.name] = answer["error"]
        else:
            calls[worker], found[worker.entry.name] = answer["calls"], []
    for turn in range(options.repeats):
        for worker in list(calls)[:: 1 - 2 * (turn % 2)]:
            time.sleep(0.005)  # idle threads of the one before stop spinning
            spent = worker.ask("run", verb=verb, calls=calls[worker])["seconds"]
            found[worker.entry.name].append(1e3 * spent / calls[worker])
    return found, failed
