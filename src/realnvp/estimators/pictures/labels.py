"""What pictures are conditioned on: class labels, or features as they are."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from realnvp.errors import InputError
from realnvp.estimators.parts.rows import context_rows, plain_array

__all__ = ["Labels"]


@dataclass(frozen=True)
class Labels:
    """The contexts a model knows: ``classes``, one-hot inside, or ``width`` features where there are none."""

    classes: tuple[int | str, ...] = ()
    width: int = 0

    @classmethod
    def learn(cls, context: ArrayLike | None, n: int) -> "Labels":
        """Look at the contexts of ``n`` pictures: whole numbers or words (n,) are classes, (n, C) features."""
        if context is None:
            return cls()
        given = _plain(context)
        if given.ndim == 0:
            raise InputError(f"context is a single {given.item()!r}: pass one label for each of the {n} pictures")
        if given.ndim == 1:
            if given.dtype.kind not in "biuU":
                raise InputError(
                    f"context of shape {given.shape} and dtype {given.dtype} is no list of labels: labels are whole "
                    "numbers or words, (n,); features have shape (n, C)"
                )
            classes = tuple(np.unique(given).tolist())
            return cls(classes, len(classes))
        rows = context_rows(context, n)
        return cls((), 0 if rows is None else rows.shape[1])

    def read(self, context: ArrayLike | None, n: int, *, shared: bool = False) -> Tensor | None:
        """Return the contexts of ``n`` pictures as (n, width); where ``shared``, one stands for all."""
        if not self.classes or context is None:
            rows = context_rows(context, n, self.width, shared=shared)
            if rows is None:
                return None
            return torch.from_numpy(np.array(np.broadcast_to(rows, (n, self.width)), np.float32))
        given = _plain(context)
        given = np.broadcast_to(given, n) if shared and given.size == 1 and given.ndim < 2 else given
        if given.shape != (n,):
            raise InputError(f"context has shape {given.shape}: pass one label for each of the {n} pictures")
        at = {label: i for i, label in enumerate(self.classes)}
        known = self.classes if given.dtype == object else at  # objects need not have a hash
        if unknown := [label for label in given.tolist() if label not in known]:
            raise InputError(
                f"context {unknown[0]!r} is no class the model has seen: {', '.join(map(str, self.classes))}"
            )
        places = torch.tensor([at[label] for label in given.tolist()], dtype=torch.long)
        return torch.nn.functional.one_hot(places, self.width).float()

    def every(self, n: int) -> Tensor | None:
        """Return contexts for a sheet of ``n``: the classes in turn; none where there are no classes."""
        return torch.eye(self.width)[torch.arange(n) % self.width] if self.classes else None


def _plain(context: ArrayLike) -> np.ndarray:
    """Return labels of words or whole numbers in objects, as data frames have them, as an array of those."""
    given = plain_array(context, "context")
    if given.dtype == object and given.ndim < 2:
        kinds = {type(label) for label in given.ravel().tolist()}
        if kinds <= {str} or kinds <= {int, bool, np.int64}:
            return given.astype(str if kinds <= {str} else np.int64)
    return np.char.decode(given) if given.dtype.kind == "S" else given
