"""The verdict of a run in words: how good, how it compares, what to do next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from realnvp.measure.weights import TRUSTED
from realnvp.report.page.base import number
from realnvp.report.page.beside import Beside, beside, in_a_line
from realnvp.words import many

__all__ = ["Verdict", "in_training", "of_density", "of_energy", "of_pictures"]

_FEW = 10
"""Held-out rows below which nothing is said of how good a density is."""
_Figure = tuple[str, str, str]
_History = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Verdict:
    """A headline, a grade to colour it by (good, fair, poor), sentences, figures, and what to do next."""

    headline: str
    grade: str
    sentences: Sequence[str]
    figures: Sequence[_Figure]
    advice: Sequence[str]


def of_density(config: Mapping[str, Any], history: _History, off: tuple[float, float, float, int] | None) -> Verdict:
    """Judge the density of a table; ``off`` is what ``charts.normality`` says of its held-out rows."""
    found, data, params = config.get("figures") or {}, config.get("data") or {}, config.get("params") or {}
    rows, gap = data.get("held_out_rows", 0), found.get("gap")
    if found.get("held_out_nll") is None:
        return _unmeasured(config, history, "nats per row", _training_advice(config, history, "nats"))
    others = beside(found)
    headline, grade = _density_headline(gap, others)
    if gap is None and rows < _FEW:
        headline, grade = f"Only {many(rows, 'row')} held out: too few to tell how good it is", "fair"
    figures = [("Held-out NLL", _pm(found, "held_out_nll"), f"nats per row, {many(rows, 'row')}; lower is better")]
    if gap is not None:
        figures.append(("Distance from the truth", _pm(found, "gap"), "nats, KL(data ‖ model); 0 is perfect"))
        figures.append(("Exact entropy", number(found["entropy"]), "nats, the lowest an NLL can be"))
    figures += [other.figure for other in others]
    figures.append(("Round trip", f"{_number(found.get('round_trip_error')):.0e}", "largest |x − inverse(forward(x))|"))
    sentences = []
    if off is not None:
        worst, usual, p, n = off
        verdict = "as a right fit would be" if p > 0.05 else "further off than chance allows"
        sentences.append(
            f"Latent coordinates of {n:,} held-out rows are {verdict}: the largest distance from their law is "
            f"{number(worst, 3)}, a right fit stays below {number(usual, 3)} in 95 of 100 cases."
        )
    sentences += _compared(found, data)
    advice = _training_advice(config, history, "nats", poor=grade == "poor")
    if params.get("kernel") in ("affine", "additive") and grade != "good":
        advice.append("Try the finer couplings: the same command with `--kernel spline`.")
    if any(other.parts > 1 and other.stands == "worse" for other in others):
        advice.append(
            "A mixture of normals is still better here: train longer, or begin from one with `--base mixture`."
        )
    draw = _draw(config, "realnvp sample RUN -n 1000 --out samples.csv")
    advice.append(f"Draw from it: `{draw}`; find unlikely rows with `realnvp score`.")
    return Verdict(headline, grade, sentences, figures, advice)


def in_training(config: Mapping[str, Any], history: _History) -> bool:
    """Whether a run is of a training that had not ended when it was written."""
    return bool(history) and not config.get("stopped_by")


def _unmeasured(config: Mapping[str, Any], history: _History, unit: str, advice: Sequence[str]) -> Verdict:
    """Say of a run that nothing was measured on, or of one in training, what its course says."""
    if not in_training(config, history):
        return Verdict("This run was saved without figures", "fair", [], [], advice)
    last = history[-1]
    figures: list[_Figure] = [
        ("Best so far", number(_number(last["best"])), f"{unit}, of rows held out to choose by; lower is better"),
        ("Now", number(_number(last["held_out"])), f"{unit}, after {last['step']:,} steps"),
    ]
    return Verdict("In training", "fair", [], figures, [])


def of_energy(config: Mapping[str, Any], history: _History) -> Verdict:
    """Judge samples of an energy by their weights."""
    found, data = config["found"], config.get("data") or {}
    ess, k, exact = found["ess_"], found["pareto_k_"], data.get("log_normalizer")
    log_z, error = found["log_normalizer_"], found["log_normalizer_error_"]
    figures: list[_Figure] = [
        ("ESS", f"{100 * (ess or 0):.1f} %", "of the flow's draws are effective; 100 % is perfect"),
        ("log Z", f"{number(log_z)} ± {number(error)}", "nats, from 20,000 weighted draws"),
    ]
    sentences, advice = [], _training_advice(config, history, "spread of the log weights")
    if exact is not None and log_z is not None:
        off = abs(log_z - exact) / error if error else math.inf
        told = f"nats, known; the one found is {number(abs(log_z - exact))} off, {number(off, 1)} errors"
        figures.append(("Exact log Z", number(exact), told))
    figures += [
        ("Coverage", f"{100 * (found['coverage_'] or 0):.1f} %", "the ESS seen from the chains' points"),
        ("Pareto k", "tail-free" if k is None else number(k, 2), f"of the weights; above {TRUSTED} do not trust them"),
        ("Energies asked for", f"{found['evaluations_']:,}", "points"),
    ]
    if in_training(config, history):
        return Verdict("In training", "fair", [], figures, [])
    trusted = k is None or k <= TRUSTED
    grade = "good" if (ess or 0) >= 0.8 and trusted else "fair" if (ess or 0) >= 0.2 and trusted else "poor"
    whole = math.floor(100 * (ess or 0))  # 99.9 % is not all of them
    headline = {
        "good": f"The flow samples this energy well: {whole} % of its draws are effective",
        "fair": f"Usable with weights: {whole} % of the flow's draws are effective",
        "poor": f"Only corrected chains can be trusted: {100 * (ess or 0):.1f} % of the draws are effective",
    }[grade]
    if found["coverage_"] is not None and found["coverage_"] < 0.5 * (ess or 0):
        sentences.append("Chains find places that the flow gives too little weight: the coverage is below the ESS.")
    if not trusted:
        sentences.append(
            f"The weights have a heavy tail (Pareto k above {TRUSTED}): their means are not to be trusted."
        )
    if grade != "good":
        advice.append("Train longer (`--max-steps`), or take more couplings (`--layers`).")
    draw = _draw(config, "realnvp sample RUN -n 1000 --corrected --out samples.csv")
    what = "For exact samples let Metropolis correct the flow's" if "--corrected" in draw else "Draw from it"
    advice.append(f"{what}: `{draw}`.")
    return Verdict(headline, grade, sentences, figures, advice)


def of_pictures(config: Mapping[str, Any], history: _History) -> Verdict:
    """Judge a flow of pictures by its bits."""
    found, data = config.get("figures") or {}, config.get("data") or {}
    advice = _training_advice(config, history, "bits per dimension")
    if "bits_per_dim" not in found:
        return _unmeasured(config, history, "bits/dim", advice)
    bits, line = _number(found["bits_per_dim"]), _number(found["pixelwise_bits"])
    figures: list[_Figure] = [
        (
            "Held-out",
            _pm(found, "bits_per_dim"),
            f"bits/dim, {many(data.get('held_out', 0), 'picture')}, {many(found['draws'], 'draw')} of the noise",
        ),
        ("Independent pixels", number(line), f"bits/dim; the flow needs {number(line - bits, 3)} less"),
        ("Random pictures", number(found["uniform_bits"]), "bits/dim of uniformly random pixels"),
        ("Round trip", f"{found['returned']} of {found['sent']}", "pictures came back from the latents to the bit"),
    ]
    share = (line - bits) / line
    grade = "good" if share > 0.15 else "fair" if share > 0 else "poor"
    headline = (
        f"The flow needs {number(bits, 2)} bits per dimension: {100 * abs(share):.0f} % "
        f"{'fewer' if share > 0 else 'more'} than independent pixels"
    )
    draw = _draw(config, "realnvp sample RUN -n 100 --out samples.png")
    advice.append(f"Draw from it: `{draw}`, likelier with `--temperature 0.8`.")
    sentences = ["Bits per dimension are an upper bound: the mean over the dequantisation noise, lower is better."]
    return Verdict(headline, grade, sentences, figures, advice)


def _draw(config: Mapping[str, Any], usual: str) -> str:
    """Return the command that draws from this run; of one that is not told in its own words, how it usually goes."""
    return str(config.get("next") or usual)


def _compared(found: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Say what the plainer densities learnt from, where it is not simply the rows."""
    if found.get("gaussian_nll") is None:
        return []
    what, said = "The Gaussian" + (" and the mixture" if found.get("mixture_nll") is not None else ""), []
    if found.get("baselines_coded"):
        said.append(
            f"{what} learnt the columns in the same code as the flow, noise in the cells of their values and all, and "
            "their masses and densities are found as the flow's are: the figures are of the same quantity."
        )
    if (whole := found.get("baselines_rows")) is not None:
        said.append(
            f"{what} learnt from the {whole:,} of {data.get('rows', 0):,} training rows that have no gaps, "
            "the flow from all."
        )
    return said


def _density_headline(gap: float | None, others: list[Beside]) -> tuple[str, str]:
    if gap is None:
        return in_a_line(others)
    if gap < 0.03:
        return f"Practically the truth: {number(gap, 3)} nats from the exact density", "good"
    if gap < 0.1:
        return f"Close to the truth: {number(gap, 3)} nats from the exact density", "good"
    worse = any(other.parts == 1 and other.by <= 0 for other in others)
    return f"Still {number(gap, 2)} nats from the exact density", "poor" if worse or gap >= 0.4 else "fair"


def _training_advice(config: Mapping[str, Any], history: _History, what: str, *, poor: bool = False) -> list[str]:
    """Say of a training whether it ended too soon, went on too long, or was cut short.

    Of a ``poor`` one that its limit ended nothing else can be told.
    """
    stopped, advice = config.get("stopped_by"), []
    last = max((record.get("member", 1) for record in history), default=1)  # of several flows the one trained last
    held = np.array([_number(r.get("held_out")) for r in history if r.get("member", 1) == last])
    if stopped == "interrupt":
        advice.append(
            "The training was interrupted: the same command with `--resume` goes on where a checkpoint was kept."
        )
    elif poor and stopped in ("max_steps", "max_time"):
        limit = f"--{stopped.replace('_', '-')}"
        return [f"It ended by its limit before it was any good: give it more `{limit}`."]
    elif stopped in ("max_steps", "max_time") and len(held) >= 8 and np.isfinite(held).all():
        late, before = held[-len(held) // 8 :].min(), held[: -len(held) // 8].min()
        if late < before - 0.01 * max(1.0, abs(before)):
            told = f"{number(before - late, 3)} in {what}"
            advice.append(
                f"It was still getting better when it ended (by {told} in the last eighth): give it more "
                f"`--{stopped.replace('_', '-')}`."
            )
    last = history[-1] if history else {}
    train, best = _number(last.get("train")), _number(last.get("best"))
    if what == "nats" and best - train > 0.15:
        advice.append(
            f"Training rows fit {number(best - train, 2)} nats better than held-out ones: take more rows, or a smaller "
            "`--width`."
        )
    if last.get("skipped"):
        advice.append(
            f"{last['skipped']} steps had a gradient that was not finite and were skipped: try a lower `--lr`."
        )
    return advice


def _pm(found: Mapping[str, Any], name: str) -> str:
    error = _number(found.get(f"{name}_error"))
    return f"{number(found[name])} ± {number(error)}" if math.isfinite(error) else number(found[name])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
