"""Sheets of samples, one for each evaluation of a training."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

__all__ = ["Book"]


class Book:
    """Keeps what ``draw`` gives at each evaluation: a page is a stack of pictures."""

    def __init__(self, draw: Callable[[], np.ndarray]) -> None:
        self.draw, self.sheets = draw, list[np.ndarray]()

    def add(self, record: object) -> None:
        """Draw a page; a callback of the training."""
        self.sheets.append(self.draw())

    def state(self) -> dict[str, Tensor]:
        """Return the pages."""
        return {str(i): torch.from_numpy(sheet) for i, sheet in enumerate(self.sheets)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned."""
        self.sheets = [state[str(i)].numpy() for i in range(len(state))]
