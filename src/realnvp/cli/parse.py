"""Options that hold several values in one text."""

import csv
import math

import typer

from realnvp.errors import InputError

__all__ = ["bodies", "box", "columns_are", "count", "names", "one", "values", "words"]


def box(text: str | None) -> tuple[float, float] | None:
    """Read low,high."""
    if text is None:
        return None
    ends = [_number(part.strip(), text, "--bounds takes low,high") for part in text.split(",")]
    if len(ends) != 2:
        raise InputError(f"--bounds takes low,high, not {text!r}")
    return ends[0], ends[1]


def count(text: str | int) -> int:
    """Read a number of rows, also as 1e6 or 1_000_000."""
    try:
        found = int(text)
    except ValueError:
        found = _whole(str(text))
    if found < 1:
        raise typer.BadParameter(f"{text!r} is no number of rows: give a whole one of at least 1, such as 1000 or 1e6")
    if found > 10**18:
        raise typer.BadParameter(f"{text!r} rows are more than can be written: give at most 1e18")
    return found


def _whole(text: str) -> int:
    """Read a whole number that is written as a decimal; 0 if it is none."""
    try:
        found = float(text)
    except ValueError:
        return 0
    return int(found) if found.is_integer() else 0


def one(more: list[str]) -> None:
    """Refuse words after the one table."""
    if more:
        raise InputError(
            f"one table is taken at a time, and {more[0]!r} is one too many: put a pattern in quotes, so that the "
            "shell leaves it as it is, or name the folder that the files lie in"
        )


def bodies(text: str | None) -> tuple[int, int] | str | None:
    """Read particles,dim; auto and none are taken as they are."""
    if text in (None, "auto", "none"):
        return None if text == "none" else "auto"
    parts = str(text).split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise InputError(f"--bodies takes particles,dim, such as 4,2, or none, not {text!r}")
    return int(parts[0]), int(parts[1])


def names(text: str | None) -> list[str]:
    """Take names apart at the commas; quotes keep one in a name, as in a CSV file."""
    if text is None:
        return []
    try:
        found = [name.strip() for name in next(csv.reader([text], skipinitialspace=True, strict=True), [])]
    except csv.Error:
        found = []
    if not found or not all(found):
        raise InputError(f"{text!r} names no columns: write them with commas between")
    return found


def values(text: str | None) -> dict[str, float]:
    """Read name=number,name=number."""
    return {name: _number(value, f"{name}={value}" if name else value) for name, value in words(text).items()}


def words(text: str | None, option: str = "--context") -> dict[str, str]:
    """Read name=word,name=word."""
    found: dict[str, str] = {}
    for item in names(text):
        name, _, value = (part.strip() for part in item.rpartition("="))
        if name in found:
            raise InputError(f"{option} gives {name!r} twice: give it once")
        found[name] = value
    return found


def columns_are(kinds: str, bounds: str | None) -> dict[str, object]:
    """Read what columns are (one word for all, or name=kind,…) and where they end (low:high, or name=low:high,…)."""
    ends: object = bounds
    if bounds is not None:
        named = "=" in bounds
        ends = {name: _ends(pair) for name, pair in words(bounds, "--bounds").items()} if named else _ends(bounds)
    return {"kinds": words(kinds, "--kinds") if "=" in kinds else kinds, "bounds": ends}


def _ends(text: str) -> tuple[float | None, ...]:
    wanted = "--bounds takes low:high"
    if text.count(":") != 1:
        raise InputError(f"{wanted}, such as 0:1, 0: or name=0:, not {text!r}")
    return tuple(_number(end, text, wanted) if end.strip() else None for end in text.split(":"))


def _number(value: str, item: str, wanted: str = "--context takes name=number") -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{wanted} with finite numbers, not {item!r}")
    return number
