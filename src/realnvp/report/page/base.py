"""What the parts of a page share: numbers and pictures as text, and HTML that cannot be broken by a name."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Colour", "data_uri", "figure_list", "number", "packed", "paragraphs", "rounded", "table", "text"]


@dataclass(frozen=True)
class Colour:
    """Something to colour points by: classes with names (codes as values), or a scale in a unit."""

    name: str
    values: np.ndarray
    classes: Sequence[str] | None = None
    unit: str = ""

    def described(self, rows: np.ndarray) -> dict[str, Any]:
        """Return it as plain data for some of the rows."""
        values = rounded(self.values[rows])
        return {"name": self.name, "values": values, "classes": self.classes, "unit": self.unit}


def packed(array: np.ndarray) -> dict[str, Any]:
    """Pack an array as little-endian base64 with its shape: bytes stay bytes, all else becomes float32."""
    values = np.asarray(array)
    kind = "u1" if values.dtype == np.uint8 else "f4"
    with np.errstate(over="ignore"):  # what float32 has no room for becomes infinite, and is not drawn
        content = np.ascontiguousarray(values, dtype=np.dtype(kind).newbyteorder("<")).tobytes()
    return {"type": kind, "shape": list(values.shape), "data": base64.b64encode(content).decode()}


def data_uri(png: bytes) -> str:
    """Return a PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def text(value: object) -> str:
    """Escape anything for HTML, attributes too."""
    return html.escape(str(value), quote=True)


def number(value: float | None, digits: int = 4) -> str:
    """Write a number with a true minus sign and so many decimals; what is not finite in words."""
    if value is None or not np.isfinite(value):
        return "not a number" if value is None or np.isnan(value) else "infinite"
    return f"{value:,.{digits}f}".replace("-", "−")


def rounded(values: np.ndarray, digits: int = 6) -> list[float | None]:
    """Round to significant digits for JSON; what is not finite becomes null."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


def figure_list(rows: Sequence[tuple[str, str, str]]) -> str:
    """Lay out figures: what, how much, in which unit or why."""
    items = (
        f"<div><dt>{text(what)}</dt><dd><b>{text(much)}</b> <span>{text(unit)}</span></dd></div>"
        for what, much, unit in rows
    )
    return f'<dl class="figures">{"".join(items)}</dl>'


def paragraphs(title: str, sentences: Sequence[str], kind: str) -> str:
    """Lay out a titled list of sentences; text between backquotes is code."""
    if not sentences:
        return ""
    items = "".join(f"<li>{_coded(sentence)}</li>" for sentence in sentences)
    return f'<div class="{kind}"><h3>{text(title)}</h3><ul>{items}</ul></div>'


def table(caption: str, rows: Sequence[tuple[str, object]]) -> str:
    """Lay out names and values as a table of two columns."""
    lines = "".join(f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>' for name, value in rows)
    return f"<table><caption>{text(caption)}</caption><tbody>{lines}</tbody></table>"


def _coded(sentence: str) -> str:
    parts = text(sentence).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
