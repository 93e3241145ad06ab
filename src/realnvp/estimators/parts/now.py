"""A model as it is while it is trained."""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from realnvp.errors import InputError

__all__ = ["Watched"]

Model = TypeVar("Model", bound="Watched")


class Watched:
    """An estimator that a callback can look at while ``fit`` runs."""

    _now: Callable[[], Any] | None = None
    """Makes the copy, while ``fit`` runs."""
    history_: list[dict]

    def snapshot(self: Model) -> Model:
        """Return a fitted copy of the model with the weights of this moment, for a callback to use or to ``save``.

        The training goes on as if nothing had been asked: the same seed gives the same numbers. Elsewhere than in a
        callback of ``fit`` it is an ``InputError``.
        """
        if self._now is None:
            raise InputError(
                "snapshot() is for a callback while fit runs: after it, the model itself is what was learnt"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what fit says of the model at its end
            found: Model = self._now()
        found._now, found.history_ = None, list(found.history_)
        return found
