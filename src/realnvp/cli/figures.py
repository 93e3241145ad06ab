"""The figures of a run in words: a table, pictures, an energy."""

import math
from collections.abc import Mapping

from realnvp.words import many

__all__ = ["energy_rows", "measured_rows", "picture_rows"]


def measured_rows(found: dict, rows: int) -> list[tuple[str, str, str]]:
    """Put the figures of a run into words."""
    table = [("held-out NLL", _with_error(found, "held_out_nll"), f"nats per row, {many(rows, 'row')}")]
    if "gap" in found:
        table += [
            ("exact entropy", f"{found['entropy']:.4f}", "nats, the lowest NLL can be"),
            ("gap to the truth", _with_error(found, "gap"), "nats, KL(data || model)"),
        ]
    return [
        *table,
        *_baseline(found),
        ("round trip", f"{found['round_trip_error']:.1e}", "max |x - inverse(forward(x))|"),
    ]


def _baseline(found: dict) -> list[tuple[str, str, str]]:
    """Say what a Gaussian and a mixture make of the same rows, and what they learnt; nothing without a Gaussian."""
    if found.get("gaussian_nll") is None:
        return []
    more = ", of the columns in the same code" if found.get("baselines_coded") else ""
    rows = found.get("baselines_rows")
    more += f", learnt from the {rows:,} whole rows" if rows is not None else ""
    lines = [("a Gaussian's NLL", f"{found['gaussian_nll']:.4f}", f"nats, the line to beat{more}")]
    if found.get("mixture_nll") is not None:
        lines.append(("a mixture's NLL", f"{found['mixture_nll']:.4f}", f"nats, of {found['mixture_parts']} normals"))
    return lines


def picture_rows(found: dict, pictures: int) -> list[tuple[str, str, str]]:
    """Put the figures of a run of pictures into words."""
    return [
        (
            "held-out bits/dim",
            _with_error(found, "bits_per_dim"),
            f"{many(pictures, 'picture')}, {many(found['draws'], 'draw')} of the noise each",
        ),
        ("independent pixels", f"{found['pixelwise_bits']:.4f}", "bits/dim by a histogram for each: the line to beat"),
        ("random pictures", f"{found['uniform_bits']:.4f}", "bits/dim of uniformly random pixels"),
        ("round trip", f"{found['returned']} of {found['sent']}", "pictures came back from the latents to the bit"),
    ]


def energy_rows(found: Mapping, exact: float | None, acceptance: float | None = None) -> list[tuple[str, str, str]]:
    """Put the figures of a learnt energy into words; of what a run kept no number of, ``nan``."""
    value = {name: math.nan if number is None else number for name, number in found.items()}
    known = [] if exact is None else [("exact log Z", f"{exact:.4f}", "nats, by a closed form or a grid")]
    chains = [] if acceptance is None else [("acceptance", f"{acceptance:.2f}", "of corrected chains")]
    log_z = f"{value['log_normalizer_']:.4f} ± {value['log_normalizer_error_']:.4f}"
    return [
        ("log Z", log_z, "nats, from 20,000 weighted draws"),
        *known,
        ("ESS", f"{value['ess_']:.4f}", "of the flow's draws are effective"),
        ("coverage", f"{value['coverage_']:.4f}", "the same, seen from the chains' points"),
        ("Pareto k", f"{value['pareto_k_']:.2f}", "of the weights; above 0.7 they cannot be trusted"),
        *chains,
        ("evaluations", f"{value['evaluations_']:,}", "energies of points"),
    ]


def _with_error(found: dict[str, float], name: str) -> str:
    error = found[f"{name}_error"]
    known = error is not None and math.isfinite(error)  # a single row has no error
    return f"{found[name]:.4f} ± {error:.4f}" if known else f"{found[name]:.4f}"
