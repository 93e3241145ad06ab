"""The progress bar."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["progress_bar"]


def progress_bar(verbose: bool, description: str) -> "tqdm":
    """Return a bar from 0 to 100 per cent, on a terminal or in a notebook; silent elsewhere or if not ``verbose``.

    It runs by the share done, in steps or in time, whichever limit is nearer, so the time left is right for both.
    """
    from tqdm.auto import tqdm

    shown = verbose and ("ipykernel" in sys.modules or sys.stderr.isatty())
    layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed} done, {remaining} left{postfix}"
    return tqdm(total=100, desc=description, bar_format=layout, disable=not shown, leave=True)
