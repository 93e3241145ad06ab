"""Chains as ArviZ keeps them: an ``InferenceData``, from ArviZ 1 on a ``DataTree``."""

import contextlib
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realnvp.errors import InputError

__all__ = ["inference_data"]


def inference_data(
    x: NDArray[np.float64],
    stats: Mapping[str, np.ndarray],
    *,
    names: Sequence[str] | None = None,
    attrs: Mapping[str, object] | None = None,
) -> Any:
    """Return groups ``posterior`` and ``sample_stats`` of states ``x`` (chains, draws, D) and what is known of each.

    ``stats`` are (chains, draws). The states are one variable ``x`` over ``feature``, or D of the ``names``. ``attrs``
    are kept with ``posterior``. Needs ``arviz-base``, or ``arviz`` on Python 3.10.
    """
    if names is not None and (len(names) != x.shape[-1] or len(set(names)) < len(names)):
        raise InputError(f"names must be {x.shape[-1]} names, each another, one for each feature, got {list(names)!r}")
    library = _library()
    columns = {"x": x} if names is None else {name: x[..., j] for j, name in enumerate(names)}
    groups = {"posterior": columns, "sample_stats": dict(stats)}
    about = {"dims": {"x": ["feature"]}} if names is None else {}
    found = (
        library.from_dict(groups, **about) if library.__name__ == "arviz_base" else library.from_dict(**groups, **about)
    )
    found["posterior"].attrs.update(attrs or {})
    return found


def _library() -> Any:
    """Return ``arviz_base``, or ``arviz``, which before ArviZ 1 has no base."""
    for name in ("arviz_base", "arviz"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    raise InputError("this needs arviz-base, which is not installed: pip install 'realnvp[interop]'")
