"""Parts that the reports of all kinds have: the explorer, the training, how the run was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realnvp.report.page import table, text
from realnvp.report.render import Section, asset
from realnvp.words import alike, in_words

__all__ = ["chart", "corner_section", "explorer_section", "made", "map_section", "training_section"]

_BEST = "The weights kept are those that were best on the rows held out for choosing."


def explorer_section(lead: str) -> Section:
    """The flow explorer."""
    return Section("explorer", "Flow explorer", lead, asset("explorer.html"))


def chart(anchor: str, caption: str, described: str) -> str:
    """A place for a chart; the text in its place says what is drawn there."""
    return (
        f'<figure class="chart"><figcaption>{text(caption)}</figcaption>'
        f'<div class="plot" id="{anchor}" role="img" aria-label="{text(described)}"></div></figure>'
    )


def training_section(what: str, more: str = "", titled: str = "", *, best: str = _BEST, flows: int = 1) -> Section:
    """The course of the training; ``best`` says which weights were kept."""
    controls = (
        '<div class="controls"><label><input id="log-steps" type="checkbox"> logarithmic steps</label>'
        '<label><input id="log-figures" type="checkbox"> logarithmic figures, above the lowest</label>'
        '<label>steps from <input id="zoom-from" type="number" min="0" inputmode="numeric"></label>'
        '<label>to <input id="zoom-to" type="number" min="0" inputmode="numeric"></label>'
        '<button id="zoom-out" type="button" class="quiet">Whole course</button></div>'
    )
    place = chart("chart-training", what, f"Lines of {what} against the step of the training")
    lead = f"Drag over the chart to zoom in, or say from which step to which. {best}"
    if flows > 1:
        lead += f" {flows} flows were trained one after another; the lines break between them."
    place = place.replace("</figcaption>", f"</figcaption>{controls}")
    if more:
        place = f'<div class="charts">{place}{chart(more, titled, f"A line of the {titled} against the step")}</div>'
    return Section("training", "Training", lead, place)


def made(config: Mapping[str, Any]) -> Section:
    """The configuration, the versions, the seed, and the command that does it again."""
    command, parts = config.get("command"), []
    if command:
        parts.append(
            f'<div class="command"><code id="command">{text(command)}</code>'
            '<button id="copy" type="button">Copy</button></div>'
        )
    params = config.get("params") or {}
    versions = {"realnvp": config.get("version"), **(config.get("versions") or {})}
    groups = {
        "Parameters": params,
        "Architecture": config.get("architecture") or {},
        "Data": config.get("data") or {},
        "Versions": {"seed": params.get("random_state"), **versions, "run format": config.get("format")},
    }
    tables = (table(name, [(k, _said(v)) for k, v in group.items()]) for name, group in groups.items() if group)
    parts.append(f'<div class="tables">{"".join(tables)}</div>')
    lead = "The same command with the same versions and seed gives the same numbers on the same machine"
    lead += ", but for where the time ended it." if config.get("stopped_by") == "max_time" else "."
    return Section("made", "How it was made", lead if command else "What the run folder says.", "".join(parts))


def map_section(exact: bool, *, conditional: bool = False) -> Section:
    """A density of the plane, beside the exact one where that is known."""
    what = "Lines hold 50, 80 and 95 % of the mass" + ("; dashed orange: the exact ones." if exact else ".")
    lead = f"{what} Averaged over the contexts of 64 rows." if conditional else what
    maps = [("map-learnt", "Learnt density")] + ([("map-exact", "Exact density")] if exact else [])
    figures = "".join(
        f'<figure class="chart"><figcaption>{title}</figcaption><canvas class="map" id="{anchor}" role="img" '
        f'aria-label="{title} of the two columns as colours, with contours of 50, 80 and 95 % of the mass"></canvas>'
        "</figure>"
        for anchor, title in maps
    )
    return Section(
        "density",
        "Density",
        lead,
        f'<div class="charts">{figures}</div><div id="density-scale" class="legend"></div>'
        '<p id="density-told" class="told">&nbsp;</p>',
    )


def corner_section(rows: str, shown: int, features: int) -> Section:
    """Every pair of columns."""
    some = f", the {shown} of {features} columns that fit worst" if shown < features else ""
    lead = (
        f"Blue: {rows}, orange: draws of the flow{some}. Where the fit is right the two cannot be told apart. Drag "
        "over a pair to select points of the explorer there; what is selected is drawn over both."
    )
    told = "Scatter plots of every pair of columns, rows and draws of the flow, with histograms on the diagonal"
    canvas = f'<canvas class="map" id="map-corner" role="img" aria-label="{told}"></canvas>'
    return Section(
        "corner", "Pairs of columns", lead, f'<div class="charts one"><figure class="chart">{canvas}</figure></div>'
    )


def _said(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return alike([in_words(part) for part in value])
    if isinstance(value, list) and len(value) > 12:
        return f"{', '.join(map(str, value[:10]))}, … ({len(value)} in all)"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
