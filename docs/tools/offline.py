"""The site asks nothing of the network: the build fails where a page would load something from elsewhere."""

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

__all__ = ["loaded", "on_post_build"]

_TAG = re.compile(r"<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*>")
_FROM = re.compile(r"\b(?:src|href|data)=[\"']?((?:https?:)?//[^\"'\s>]+)")
_STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)")


def loaded(text: str) -> list[str]:
    """The addresses elsewhere that a page or a style sheet loads from; links to be clicked are none."""
    return [found for tag in _TAG.findall(text) for found in _FROM.findall(tag)] + _STYLE.findall(text)


def on_post_build(*, config: Any) -> None:
    """Read every page and style sheet of the built site."""
    files = [p for p in Path(config["site_dir"]).rglob("*") if p.suffix in (".html", ".css")]
    wrong = {p.name: found for p in files if (found := loaded(p.read_text(encoding="utf-8")))}
    if wrong:
        raise PluginError(f"these files load from elsewhere: {wrong}")
