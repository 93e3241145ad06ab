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

__all__ = ["energy_page"]

_SERIES = {"held_out": "spread of the log weights", "bound": "bound: E[log q + U] ≥ −log Z"}
_CORNER = 6


def energy_page(
    model: Any, kept: Kept, config: Mapping[str, Any], log_target: Callable[[np.ndarray], np.ndarray] | None
) -> str:
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
    target = log_target
    if target is not None:
        level_z = model.log_normalizer_ if known is None else known
        exact_score = lambda x: target(x) - level_z  # noqa: E731
    else:
        exact_score = None
    lines: list[Any] = []
    if features == 2:
        data["density"] = density_2d(model.score_samples, exact_score, extent_of(X if exact is None else exact))
        data["density"]["names"] = columns
        lines = data["density"]["learnt"]["lines"]
    data["explorer"] = explorer(
        model, Points(X, log_q, columns, [f"draw {i}" for i in range(len(X))], colours, contours=lines)
    )
    lead = "Draws of the flow on their way back to noise. Move the slider, or press play."
    sections.append(explorer_section(lead))
    if features == 2:
        sections.append(map_section(exact_score is not None))
    elif features > 2 and exact is not None:
        shown = shown_axes(model.transform(exact), _CORNER)
        data["corner"] = corner(exact[:1000, shown], X[:1000, shown], [columns[j] for j in shown])
        sections.append(corner_section("exact samples, by Metropolis", len(shown), features))
    if log_w is not None and np.isfinite(log_w).sum() > 50:
        data["weights"] = weights(log_w)
        place = chart("chart-weights", "Log weights of the flow's draws", "A histogram of the log weights")
        lead = "All at zero where the flow is exact; a long tail to the right is what makes weighted means uncertain."
        sections.append(Section("weights", "Weights", lead, place))
    if data["training"]:
        sections.append(training_section("figures of the training, nats"))
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


def _draws(
    model: Any, kept: Kept, log_target: Callable[[np.ndarray], np.ndarray] | None
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
        f"An energy of {model.n_features_in_} dimension{'s' * (model.n_features_in_ != 1)}, learnt without data; "
        f"{shape.get('layers')} {shape.get('kernel')} couplings of width {shape.get('width')}, {steps}."
    )
