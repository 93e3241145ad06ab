"""The report of a flow of pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from realnvp.report.kept import Kept
from realnvp.report.page import Colour, bits, histogram, of_pictures, picture_explorer, sheets, text, training
from realnvp.report.pages.base import chart, explorer_section, made, training_section
from realnvp.report.render import Page, Section, render

__all__ = ["picture_page"]

_SERIES = {"train": "training pictures", "held_out": "pictures held out to choose the weights"}
_SCORED = 200
_PASSES, _SECONDS = 1800, 90.0
"""Passes of a picture through the flow that a whole page takes, and about how long they may."""


def picture_page(model: Any, kept: Kept, config: Mapping[str, Any], flow_context: Any = None) -> str:
    """Return the report of a fitted flow of pictures and of those that the run kept.

    ``flow_context`` turns labels into the flow's context, (n, C), where the model was fitted given labels.
    """
    data: dict[str, Any] = {"training": training(model.history_, _SERIES, "bits per dimension")}
    sections: list[Section] = []
    found = kept.arrays
    if "held_out" in found:
        held, train = found["held_out"], found["train"]
        images = np.concatenate([held, train])
        codes, labels = _labels(model, kept)
        share = _share(model, held, labels)
        split = np.repeat([1.0, 0.0], [len(held), len(train)])
        colours = [Colour("training or held-out", split, ["training", "held-out"])]
        if codes is not None:
            colours.insert(0, Colour("label", codes.astype(float), [str(name) for name in kept.notes["classes"]]))
        names = [f"held-out picture {i}" for i in found["held_out_at"]] + [
            f"training picture {i}" for i in found["train_at"]
        ]
        given = None if labels is None or flow_context is None else flow_context(labels)
        data["explorer"] = picture_explorer(model, images, labels, given, names, colours, share)
        sections.append(explorer_section(_LEAD))
        held_labels = None if labels is None else labels[: len(held)]
        sections.append(_sheets(model, held, held_labels, share))
        many = max(20, int(share * _SCORED))
        scores, rows = bits(model, held[:many], None if held_labels is None else held_labels[:many])
        data["bits"] = histogram(scores, 40, "bits per dimension of a held-out picture")
        place = chart(
            "chart-bits", "Bits of held-out pictures", "A histogram of the held-out pictures' bits per dimension"
        )
        content = f'<div class="charts">{place}<div class="rows">{rows}</div></div>'
        lead = "Few bits: the flow finds the picture likely. Plain pictures can need fewer bits than any of the data."
        sections.append(Section("bits", "Likely and unlikely pictures", lead, content))
    if data["training"]:
        sections.append(training_section("Bits per dimension", best=_BEST))
    sections.append(made(config))
    name = (config.get("data") or {}).get("name") or "pictures"
    verdict = of_pictures(config, model.history_)
    return render(
        Page(name, "flow of pictures", _about(config, model), verdict, [], sections, data, str(config["version"]))
    )


_BEST = "The weights kept are those that were best on the pictures held out for choosing."
_LEAD = (
    "Pictures on their way to noise: what each looks like behind every coupling, and where it lies along two of the "
    "directions in which the pictures vary most, the same directions in every frame. Move the slider, or press play."
)


def _labels(model: Any, kept: Kept) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the codes of all labels that were kept, and the labels where the model was fitted given them."""
    if "train_labels" not in kept.arrays:
        return None, None
    codes = np.concatenate([kept.arrays["held_out_labels"], kept.arrays["train_labels"]])
    return codes, np.asarray(kept.notes["classes"])[codes] if model.labels_.width else None


def _share(model: Any, images: np.ndarray, labels: np.ndarray | None) -> float:
    """Return which share of a whole page there is time for, at most 1."""
    begun = time.monotonic()
    model.outlier_scores(images[:2], **({} if labels is None else {"context": labels[:2]}))
    each = (time.monotonic() - begun) / (4 * len(images[:2]))  # of each picture the mean of four passes
    return min(1.0, _SECONDS / (_PASSES * each))


def _sheets(model: Any, images: np.ndarray, context: np.ndarray | None, share: float) -> Section:
    figures = "".join(
        f'<figure><figcaption>{text(title)}</figcaption><img src="{address}" alt="{text(about)}"></figure>'
        for title, address, about in sheets(model, images, context, share=share)
    )
    return Section("samples", "Samples", "Drawn anew from the saved flow.", f'<div class="sheets">{figures}</div>')


def _about(config: Mapping[str, Any], model: Any) -> str:
    data, shape = config.get("data") or {}, config["architecture"]
    channels, high, wide = shape["shape"]
    steps = (
        f"{model.history_[-1]['step']:,} steps in {model.history_[-1]['seconds']:.0f} s"
        if model.history_
        else "no training"
    )
    count = f"{data['pictures']:,} pictures to train on, {data['held_out']:,} held out; " if data else ""
    given = " given their labels" if data.get("by_label") else ""
    colours = "grey" if channels == 1 else "in colour"
    return (
        f"{count}{high} × {wide}, {colours}, {model.levels} levels{given}; {shape['architecture']} flow, "
        f"{shape['layers']} {shape['kernel']} couplings of a kind in each scale, width {shape['width']}, {steps}."
    )
