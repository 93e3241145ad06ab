"""The tables of the race."""

from statistics import median, quantiles

from bench.common import table
from bench.peers.base import VERBS, Workload

__all__ = ["laps", "size", "spread", "summary"]


def laps(load: Workload, found: dict[str, list[float]], failed: dict[str, str], counts: dict[str, int]) -> str:
    """Lay out milliseconds of a call, and their ratios round by round to our eager model and to the floor."""
    rows = []
    for name, times in found.items():
        ratio = versus(times, found.get("ours"))
        rows.append(
            [
                name,
                f"{counts[name]:,}" if counts[name] else "",
                f"{median(times):.3f}",
                spread(times),
                f"{1e3 * load.batch / median(times):,.0f}",
                f"{median(ratio):.2f} ({spread(ratio, 2)})" if ratio else "",
                f"{median(over):.2f}" if (over := versus(times, found.get("floor, float32"))) else "",
            ]
        )
    rows += [[name, f"{counts.get(name, '')}", error, "", "", "", ""] for name, error in failed.items()]
    columns = ["", "parameters", "ms", "quartiles", "rows a second", "time / ours (quartiles)", "time / floor"]
    return table(columns, rows)


def summary(results: list[tuple[Workload, str, dict[str, list[float]]]]) -> str:
    """Lay out ours, the floor and the fastest peers of all variants, a row for each race; ours in float32 only."""
    rows = []
    for load, verb, found in results:
        mid = {name: median(times) for name, times in found.items()}
        ours = {name: ms for name, ms in mid.items() if name.startswith("ours") and "bf16" not in name}
        peers = {name: ms for name, ms in mid.items() if not name.startswith(("ours", "floor"))}
        best, peer = (min(group, key=group.__getitem__, default="") for group in (ours, peers))
        eager = min(
            (name for name in peers if "compiled" not in name and "flowjax" not in name), key=mid.get, default=""
        )
        ratio = versus(found.get(best), found.get(peer))
        rows.append(
            [
                load.name,
                VERBS[verb],
                *(f"{mid[name]:.3f}" if name in mid else "" for name in ("ours", "ours, compiled", "floor, float32")),
                f"{mid[eager]:.3f} ({eager})" if eager else "",
                f"{mid[peer]:.3f} ({peer})" if peer else "",
                f"{median(ratio):.2f} ({spread(ratio, 2)})" if ratio else "",
            ]
        )
    columns = ["", "", "ours", "ours, compiled", "floor", "fastest eager peer", "fastest peer"]
    return table([*columns, "best of ours / fastest peer (quartiles)"], rows)


def versus(times: list[float] | None, others: list[float] | None) -> list[float]:
    """Return the ratios of two models, round by round."""
    return [a / b for a, b in zip(times, others, strict=True)] if times and others else []


def spread(values: list[float], digits: int = 3) -> str:
    """Return the quartiles in words."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
    return f"{low:.{digits}f} to {high:.{digits}f}"


def size(load: Workload) -> str:
    """Return a workload in words."""
    if load.picture:
        return f"{' x '.join(map(str, load.picture))}, {load.hidden} hidden features, 2 blocks, batch {load.batch}"
    return f"{load.features} features, {load.layers} couplings of ({load.hidden}, {load.hidden}), batch {load.batch}"
