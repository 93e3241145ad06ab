"""The page as one text: the template, its styles and scripts, and the data."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import realnvp
from realnvp.report.page import Verdict, figure_list, paragraphs, text

__all__ = ["Page", "Section", "asset", "render", "waiting", "watched"]


@dataclass(frozen=True)
class Section:
    """A part of the page: an anchor, a title, a sentence about it, and its HTML."""

    anchor: str
    title: str
    lead: str
    content: str


@dataclass(frozen=True)
class Page:
    """All there is to say of a run."""

    title: str
    kind: str
    about: str
    verdict: Verdict
    noticed: Sequence[str]
    sections: Sequence[Section]
    data: dict[str, Any]
    version: str


def asset(name: str) -> str:
    """Read a file of the page."""
    return (resources.files("realnvp.report.page") / "assets" / name).read_text(encoding="utf-8")


def render(page: Page) -> str:
    """Put the page together; every name is escaped, every address is in the page."""
    verdict = page.verdict
    words = paragraphs("What was measured", verdict.sentences, "measured")
    words += paragraphs("What the fit noticed about the data", page.noticed, "noticed")
    words += paragraphs("What to do next", verdict.advice, "advice")
    links = "".join(f'<li><a href="#{s.anchor}">{text(s.title)}</a></li>' for s in page.sections)
    pieces = {
        "title": text(page.title),
        "kind": text(page.kind),
        "about": text(page.about),
        "headline": text(verdict.headline),
        "grade": verdict.grade,
        "figures": figure_list(verdict.figures),
        "words": words,
        "links": f'<li><a href="#verdict">Verdict</a></li>{links}',
        "sections": "".join(_section(section) for section in page.sections),
        "version": text(page.version),
        "style": asset("vendor/uPlot.min.css") + asset("page.css"),
        "early": asset("early.js"),
        "data": _json(page.data),
        "library": asset("vendor/uPlot.iife.min.js"),
        "script": _script(),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: pieces[found[1]], asset("page.html"))


def watched(page: str, stamp: str, told: str) -> str:
    """Return a page that asks its server whether there is a newer one than that of ``stamp``, and says what it is."""
    policy, banner = (
        "img-src data:",
        f'<p id="live" class="wide" role="status" data-stamp="{text(stamp)}">{text(told)}</p>',
    )
    page = page.replace(policy, f"{policy}; connect-src 'self'", 1).replace("</header>", f"{banner}</header>", 1)
    page = page.replace("</title>", '</title>\n<link rel="icon" href="data:,">', 1)  # browsers ask for one else
    head, _, tail = page.rpartition("</body>")
    return f"{head}<script>{asset('live.js')}</script>\n</body>{tail}"


def waiting(name: str, told: str) -> str:
    """Return the page of a run that has nothing to show yet."""
    verdict = Verdict("Nothing to show yet", "fair", [], [], [])
    return watched(render(Page(name, "waiting", told, verdict, [], [], {}, realnvp.__version__)), "", told)


def _section(section: Section) -> str:
    anchor = section.anchor
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-title"><h2 id="{anchor}-title">{text(section.title)}</h2>'
        f'<p class="lead">{text(section.lead)}</p>{section.content}</section>\n'
    )


def _json(data: dict[str, Any]) -> str:
    """Write JSON that no string in it can end early."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _script() -> str:
    folder = resources.files("realnvp.report.page") / "assets" / "js"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".js")), key=lambda file: file.name)
    return '(() => {\n"use strict";\n' + "\n".join(file.read_text(encoding="utf-8") for file in files) + "})();"
