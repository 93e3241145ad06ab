"""The report of a density of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from realnvp.measure import pit
from realnvp.report.base import Conditioned, Truth, in_numbers
from realnvp.report.kept import Kept
from realnvp.report.page import (
    Colour,
    Points,
    corner,
    density_1d,
    density_2d,
    explorer,
    in_training,
    latent,
    normality,
    notices,
    of_density,
    shown_axes,
    table,
    training,
)
from realnvp.report.pages.base import chart, corner_section, explorer_section, made, map_section, training_section
from realnvp.report.plots import extent_of
from realnvp.report.render import Page, Section, render
from realnvp.report.spread import has_cells, levels_of, spread
from realnvp.words import in_words, many

__all__ = ["table_page"]

_MOST_TESTED = 2000
_NOTHING = "Nothing that makes a smooth density hard: no repeats, point masses, heavy tails or copied columns."
_CORNER = 6
_CELLS, _CONTEXTS = 140, 64
"""Cells along a side of a density; half of them where it is the mean over so many contexts."""


@dataclass(frozen=True)
class _Rows:
    """The rows that a run kept, training before held-out ones, or draws of the flow where it kept none."""

    X: np.ndarray
    held: np.ndarray
    names: Sequence[str]
    colours: Sequence[Colour]
    context: np.ndarray | None
    about: str

    @property
    def held_out(self) -> tuple[np.ndarray, dict[str, Any]]:
        """Some of the held-out rows, and their context as an argument."""
        at = np.flatnonzero(self.held)[:_MOST_TESTED]
        return self.X[at], {} if self.context is None else {"context": self.context[at]}


def table_page(model: Any, kept: Kept, config: Mapping[str, Any], truth: Truth | None = None) -> str:
    """Return the report of a fitted density, of the rows it kept, and of what its config says."""
    columns, kinds = _columns(model, config), [kind for kind in _of(model, "columns_") if kind.get("noticed")]
    noticed = [law.told(columns) for law in _of(_of(model, "laws_"), "laws")]
    if noticed:  # the density is that of the other columns
        columns = model.laws_.others(columns)
    laws, model = _of(model, "laws_"), in_numbers(model)
    rows = _rows(model, kept, config, laws)
    exact = None if truth is None else truth.log_prob
    data: dict[str, Any] = {"training": training(model.history_, _SERIES, "nats per row")}
    together = model.history_[-1] if model.history_ and model.history_[-1].get("member") == 0 else None
    if data["training"] and truth is not None:
        data["training"]["reference"] = {"label": "exact entropy", "value": float(truth.entropy)}
    elif data["training"] and together is not None:
        data["training"]["reference"] = {"label": "all flows together, held out", "value": together["held_out"]}
    sections: list[Section] = []
    off, noticed = None, noticed + [f"{kind['name']}: {kind['noticed']}" for kind in kinds]
    if rows is not None:
        given = {} if rows.context is None else {"context": rows.context}
        log_prob = model.score_samples(rows.X, **given)
        plain = model if rows.context is None else Conditioned(model, rows.context, most=_CONTEXTS)
        held, held_given = rows.held_out
        mapped = not has_cells(model)  # between values of a discrete column there is no density to draw
        if len(columns) == 2 and mapped:
            data["density"] = density_2d(
                plain.score_samples, exact, extent_of(rows.X), _CELLS if rows.context is None else _CELLS // 2
            )
            data["density"]["names"] = columns
        lines = data["density"]["learnt"]["lines"] if "density" in data else []
        points = Points(
            rows.X, log_prob, columns, rows.names, _coloured(rows, log_prob), rows.context, rows.about, contours=lines
        )
        looked = (held, held_given) if len(held) >= 20 else (rows.X, given)  # draws, of a run that kept no rows
        axes = shown_axes(Z := _scores(model, *looked)[1])
        data["explorer"] = explorer(model, points, axes=axes)
        sections.append(explorer_section(_lead(len(columns), len(axes), rows, mapped=mapped, of=_walked(model))))
        if len(columns) == 1 and mapped:
            seen = looked[0]
            data["density_1d"] = density_1d(plain.score_samples, exact, seen, extent_of(seen)) | {"name": columns[0]}
            sections.append(_line_section(truth is not None))
        elif len(columns) == 2 and mapped:
            sections.append(map_section(truth is not None, conditional=rows.context is not None))
        else:
            shown = axes[shown_axes(Z[:, axes], _CORNER)]
            pairs = (held if len(held) >= 300 else rows.X)[:1000]
            drawn = plain.sample(len(pairs), random_state=0)
            pairs, drawn = (spread(model, v, seed)[:, shown] for seed, v in enumerate((pairs, drawn)))
            words = levels_of(model) or [None] * len(columns)
            data["corner"] = corner(pairs, drawn, [columns[j] for j in shown], [words[j] for j in shown])
            sections.append(corner_section("held-out rows" if len(held) >= 300 else "rows", len(shown), len(columns)))
        if rows.held.any() and len(held) >= 20:
            U, Z = _scores(model, held, held_given)
            off = normality(U)
            data["latent"] = latent(U, Z, [f"z{j + 1}" for j in range(Z.shape[1])])
            sections.append(_latent_section(off, _mixed(model), noisy=not mapped))
        noticed = noticed or notices(rows.X, columns) or [_NOTHING]
    verdict = of_density(config, model.history_, off)
    if data["training"]:
        flows = max(record.get("member", 1) for record in model.history_)
        sections.append(training_section("Negative log likelihood, nats per row", flows=flows))
    sections.append(made(config))
    name = (config.get("data") or {}).get("name") or "density"
    page = Page(
        name, "density of a table", _about(config, model), verdict, noticed, sections, data, str(config["version"])
    )
    return render(page)


def _mixed(model: Any) -> int:
    """Return how many densities a model mixes."""
    return len(getattr(model.flow_, "members", ())) or 1


def _scores(model: Any, X: np.ndarray, given: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the uniforms of rows, and latent coordinates; of a mixture, or with noise, the normal scores of those."""
    U = pit(model, X, **given)
    plain = _mixed(model) == 1 and not has_cells(model)
    return U, model.transform(X, **given) if plain else ndtri(U.clip(1e-15, 1 - 1e-15))


_SERIES = {"train": "training rows", "held_out": "rows held out to choose the weights"}


def _of(model: Any, name: str) -> Any:
    """Return what a model has under that name, else nothing."""
    return getattr(model, name, None) or ()


def _columns(model: Any, config: Mapping[str, Any]) -> list[str]:
    found = (config.get("data") or {}).get("columns") or config.get("columns")
    return [str(name) for name in found or [f"x{j}" for j in range(model.n_features_in_)]]


def _rows(model: Any, kept: Kept, config: Mapping[str, Any], laws: Any) -> _Rows | None:
    found = kept.arrays
    if "held_out" not in found:
        if model.flow_.context:
            return None
        X = model.sample(1500, random_state=0)
        names = [f"draw {i}" for i in range(len(X))]
        why = "This run kept no rows"
        if in_training(config, model.history_):
            why = "The rows are kept when the training has ended"
        about = f"{why}: the points are draws of the flow."
        return _Rows(X, np.zeros(len(X), bool), names, [], None, about)
    X = np.concatenate([found["train"], found["held_out"]])
    X = laws.independent(X) if laws else X
    held = np.arange(len(X)) >= len(found["train"])
    at = np.concatenate([found["train_at"], found["held_out_at"]])
    kinds = kept.notes.get("rows", ["training row", "held-out row"])
    names = [f"{kinds[int(h)]} {i}" for h, i in zip(held, at, strict=True)]
    colours = [Colour("training or held-out", held.astype(float), ["training", "held-out"])]
    if "train_labels" in found:
        labels = np.concatenate([found["train_labels"], found["held_out_labels"]])
        colours.insert(0, Colour("class", labels.astype(float), [str(name) for name in kept.notes["classes"]]))
    for column, words, x in zip(_of(_of(model, "codec_"), "columns"), levels_of(model), X.T, strict=True):
        if words and len(colours) < 6:
            first = len(colours) == 1 and len(words) <= 10  # the table's own classes are what is looked for
            colours.insert(0 if first else len(colours), Colour(column.name, x, words))
    context = None
    if "train_context" in found:
        context = np.concatenate([found["train_context"], found["held_out_context"]])
        columns = (config.get("data") or {}).get("context_columns") or []
        colours += [Colour(str(name), context[:, j]) for j, name in enumerate(columns[:8])]
    return _Rows(X, held, names, colours, context, "")


def _coloured(rows: _Rows, log_prob: np.ndarray) -> list[Colour]:
    density = Colour("log density", log_prob, unit="nats")
    return [*rows.colours[:1], density, *rows.colours[1:]]


def _about(config: Mapping[str, Any], model: Any) -> str:
    data, shape = config.get("data") or {}, config.get("architecture") or {}
    if not data:
        return "A density fitted in Python."
    given = f" given {', '.join(data['context_columns'])}" if data.get("context_columns") else ""
    steps = (
        f"{model.history_[-1]['step']:,} steps in {model.history_[-1]['seconds']:.0f} s"
        if model.history_
        else "no training"
    )
    return (
        f"{data['rows']:,} training rows of {many(len(data['columns']), 'column')}{given}, "
        f"{data['held_out_rows']:,} held out to measure on; {in_words(shape)}; {steps}."
    )


def _walked(model: Any) -> str:
    """Say which flow the points walk through, where the model mixes several densities."""
    if _mixed(model) == 1:
        return ""
    share = float(model.flow_.log_weights.double().softmax(0)[0])
    return (
        f"The model mixes {_mixed(model)} densities: the points go through the flow of couplings that weighs most, "
        f"{share:.0%} of the mixture; log densities and contours are those of all together."
    )


def _lead(features: int, shown: int, rows: _Rows, *, mapped: bool, of: str) -> str:
    sentences = ["A flow bends space step by step until the data look like noise. Move the slider, or press play."]
    if of:
        sentences.append(of)
    if not mapped:
        sentences.append("Values of discrete columns are spread a little, so that rows are seen beside one another.")
    if features == 2 and mapped:
        sentences.append(
            "The lines are a straight grid of latent space; orange lines hold 50, 80 and 95 % of the learnt mass, "
            "circles are 1, 2 and 3 deviations of the base."
        )
    if features > 2:
        some = f", of the {shown} of {features} columns that fit worst" if shown < features else ""
        sentences.append(f"Choose which two axes to see{some}; circles are 1, 2 and 3 deviations of the base.")
    if features == 2 and mapped and rows.context is not None:
        sentences.append("The grid is that of the middle context.")
    return " ".join([*sentences, rows.about]).strip()


def _line_section(exact: bool) -> Section:
    more = " and the exact one" if exact else ""
    place = chart("chart-line", "Probability density", f"A histogram of held-out rows, the learnt density{more}")
    return Section("density", "Density", f"A histogram of held-out rows, over it the learnt density{more}.", place)


def _latent_section(off: tuple[float, float, float, int], mixed: int, *, noisy: bool) -> Section:
    worst, usual, p, rows = off
    charts = chart(
        "chart-pit", "Uniforms of the latent coordinates", "Histograms of the uniforms, flat where the fit is right"
    )
    charts += chart("chart-bell", "Latent coordinates", "Histograms of latent coordinates beside the standard normal")
    told = [("largest distance", f"{worst:.4f}"), ("usual for a right fit, below", f"{usual:.4f}")]
    told += [("p-value, all columns", f"{p:.3g}"), ("held-out rows tested", f"{rows:,}")]
    lead = (
        "The place of each held-out row under the model, by latent coordinate. Grey band: 95 % of the bars of a right "
        "fit. A hump says that the model is too wide there, a cup that it is too narrow."
    )
    if mixed > 1:
        lead += (
            f" The model mixes {mixed} densities: each row is placed under one of them, drawn by how likely the row is "
            "under each, so that it is the mixture that is tested."
        )
    if noisy:
        lead += " Values that have a cell get noise in it, as in the training."
    numbers = table("Kolmogorov–Smirnov test", told)
    return Section("latent", "Is the fit right?", lead, f'<div class="charts">{charts}</div>{numbers}')
