"""The one error that is the user's to mend, and how its sentences end."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["InputError", "nearest"]


class InputError(ValueError):
    """Bad input: one sentence that says what was wrong, where, and what to do.

    The command line prints it and ends with exit code 2.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """End a sentence about an unknown name: the nearest known one, or all of them."""
    names = list(known)
    found = get_close_matches(name, names, n=1)
    return f": did you mean {found[0]!r}?" if found else f": choose one of {', '.join(names)}"
