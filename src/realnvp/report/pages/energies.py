"""The report of a flow that learnt an energy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from realnvp.report.kept import Kept
from realnvp.report.page import Colour, Points, corner, density_2d, explorer, of_energy, shown_axes, training, weights
from realnvp.report.pages.base import chart, corner_section, explorer_section, made, map_section, training_section
from realnvp.report.plots import extent_of
from realnvp.report.render import Page, Section, render
from realnvp.words import many

__all__ = ["energy_page"]

_Score = Callable[[np.ndarray], np.ndarray]
_SERIES = {"bound": "bound: E[log q + U] ≥ −log Z"}
_ESS = {"ess": "ESS, as a fraction of the draws"}
_CORNER = 6
_BEST = "The weights kept are those that were judged best on the way."
_LEAD = "Draws of the flow on their way back to noise. Move the slider, or press play."
_GRID = (
    " The lines are a straight grid of latent space; orange lines hold 50, 80 and 95 % of the learnt mass, circles are "
    "1, 2 and 3 deviations of the base."
)


def energy_page(model: Any, kept: Kept, config: Mapping[str, Any], log_target: _Score | None) -> str:
    """Return the report of a fitted generator; ``log_target`` is ``-U`` of rows, where it is at hand.

    Draws and their weights are those that the run kept; of a run that kept none fresh ones, weighed where the energy is
    at hand.
    """
    X, log_w, exact = _draws(model, kept, log_target)
    features = X.shape[1]
    columns = [f"x{j + 1}" for j in range(features)]
    log_q = model.score_samples(X)
    data: dict[str, Any] = {"training": training(model.history_, _SERIES, "nats")}
    known = (config.get("data") or {}).get("log_normalizer")
    if data["training"] and known is not None:
        data["training"]["reference"] = {"label": "exact −log Z", "value": -float(known)}
    sections: list[Section] = []
    colours = [Colour("log density", log_q, unit="nats")]
    if log_w is not None:
        level = float(np.log(np.mean(np.exp(log_w - log_w.max()))) + log_w.max())
        colours.insert(0, Colour("log weight", log_w - level, unit="nats, 0 is the mean"))
    box = _box(config, features)
    exact_score = (
        None if log_target is None else _normalised(log_target, model.log_normalizer_ if known is None else known, box)
    )
    lines: list[Any] = []
    if features == 2:
        data["density"] = density_2d(model.score_samples, exact_score, _seen(X if exact is None else exact, box))
        data["density"]["names"] = columns
        lines = data["density"]["learnt"]["lines"]
    Z = model.transform(X if exact is None else exact)
    axes = shown_axes(Z)
    points = Points(X, log_q, columns, [f"draw {i}" for i in range(len(X))], colours, contours=lines)
    data["explorer"] = explorer(model, points, axes=axes)
    some = f", of the {len(axes)} of {features} that fit worst" if len(axes) < features else ""
    choose = f" Choose which two axes to see{some}; circles are 1, 2 and 3 deviations of the base."
    sections.append(explorer_section(_LEAD + (_GRID if features == 2 else choose if features > 2 else "")))
    if features == 2:
        sections.append(map_section(exact_score is not None))
    elif features > 2 and exact is not None:
        shown = axes[shown_axes(Z[:, axes], _CORNER)]
        data["corner"] = corner(exact[:1000, shown], X[:1000, shown], [columns[j] for j in shown])
        sections.append(corner_section("exact samples, by Metropolis", len(shown), features))
    if log_w is not None and np.isfinite(log_w).sum() > 50:
        data["weights"] = weights(log_w)
        place = chart("chart-weights", "Log weights of the flow's draws", "A histogram of the log weights")
        lead = "All at zero where the flow is exact; a long tail to the right is what makes weighted means uncertain."
        sections.append(Section("weights", "Weights", lead, place))
    if data["training"]:
        data["ess"] = training(model.history_, _ESS, "ESS")
        sections.append(training_section("Bound on −log Z, nats", "chart-ess", "ESS of the flow's draws", best=_BEST))
    sections.append(made(config))
    about = _about(config, model)
    verdict = of_energy(config, model.history_)
    name = (config.get("data") or {}).get("name") or "energy"
    return render(
        Page(
            name,
            "samples of an energy",
            about,
            verdict,
            config.get("noticed") or [],
            sections,
            data,
            str(config["version"]),
        )
    )


def _box(config: Mapping[str, Any], features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the box that the potential lives on, at infinity where there is none."""
    bounds = (config.get("architecture") or {}).get("bounds") or (-np.inf, np.inf)
    low, high = (np.broadcast_to(np.asarray(side, dtype=float), features) for side in bounds)
    return low, high


def _seen(X: np.ndarray, box: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    low, high = extent_of(X)
    return np.maximum(low, box[0]), np.minimum(high, box[1])


def _normalised(log_target: _Score, log_z: float, box: tuple[np.ndarray, np.ndarray]) -> _Score:
    """Return the exact log density, or nearly: zero mass outside the box, ``log_z`` taken off."""

    def score(x: np.ndarray) -> np.ndarray:
        inside = ((x >= box[0]) & (x <= box[1])).all(1)
        return np.where(inside, log_target(x) - log_z, -np.inf)

    return score


def _draws(
    model: Any, kept: Kept, log_target: _Score | None
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    if "draws" in kept.arrays:
        return kept.arrays["draws"], kept.arrays["log_weights"], kept.arrays.get("exact")
    X = model.sample(1500, random_state=0)
    return X, None if log_target is None else log_target(X) - model.score_samples(X), None


def _about(config: Mapping[str, Any], model: Any) -> str:
    shape = config.get("architecture") or {}
    steps = (
        f"{model.history_[-1]['step']:,} steps in {model.history_[-1]['seconds']:.0f} s"
        if model.history_
        else "no training"
    )
    return (
        f"An energy of {many(model.n_features_in_, 'dimension')}, learnt without data; "
        f"{shape.get('layers')} {shape.get('kernel')} couplings of width {shape.get('width')}, {steps}."
    )
