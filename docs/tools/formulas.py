"""Docstrings as Markdown wants them: there, lines that stand below each other run together.

Aligned formulas (a name, three spaces or more, what it is), references and attributes become lists. An attribute's
entry may name several, which the parser of docstrings takes for a type.
"""

import re

import griffe

__all__ = ["Formulas", "listed"]

_ALIGNED = re.compile(r"(?P<name>\S+(?: \S+)*?) {3,}(?P<what>\S.*)")
_ATTRIBUTES = re.compile(r"(?P<name>[a-z_]\w*(?:, [a-z_]\w*)*): (?P<what>\S.*)")


def listed(text: str) -> str:
    """Rewrite one docstring; all other lines stay as they are."""
    section, lines, inside = "", [""], False
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z]\w+:", line):
            section = line[:-1]
        entry = _entry(line, section)
        if entry and not inside and lines[-1] and not lines[-1].endswith(":"):
            lines.append("")
        if section == "Attributes" and line == "Attributes:":
            lines += ["**Attributes:**", ""]
        else:
            lines.append(entry or (f"  {line}" if inside and line and not section else line))
        inside = bool(line) and (bool(entry) or inside)
    return "\n".join(lines[1:])


def _entry(line: str, section: str) -> str:
    """The line as an item of a list, or nothing where it is none."""
    if not section and (found := _ALIGNED.fullmatch(line)):
        return f"- {found['name']}: {found['what']}"
    if section == "References" and re.match(r" {4}\S", line):
        return f"    - {line.strip()}"
    if section == "Attributes" and (found := re.fullmatch(rf" {{4}}{_ATTRIBUTES.pattern}", line)):
        names = ", ".join(f"``{name}``" for name in found["name"].split(", "))
        return f"- {names} – {found['what']}"
    return ""


class Formulas(griffe.Extension):
    """Rewrite docstrings before they are read."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: object) -> None:
        """Take the docstring of whatever has one."""
        if obj.docstring:
            obj.docstring.value = listed(obj.docstring.value)
