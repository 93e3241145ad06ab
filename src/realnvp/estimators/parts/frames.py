"""Arrays under the names of their columns: data frames of the kind that ``set_output`` asks for."""

from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.preprocessing import FunctionTransformer

__all__ = ["column_names", "framed"]


def column_names(model: Any) -> list[str]:
    """Names of the columns that a model was fitted to; of an array ``x{i}``."""
    known = getattr(model, "feature_names_in_", None)
    return [f"x{i}" for i in range(model.n_features_in_)] if known is None else list(known)


def framed(model: Any, rows: np.ndarray, like: object = None) -> Any:
    """Return ``rows`` as the container that ``model.set_output`` asks for, under the names that it was fitted with.

    Without such a wish it is the array itself. The index is that of ``like``, where that is a frame with one. The
    frame is made by scikit-learn's own adapters, so that each kind it knows (pandas, polars) is known here.
    """
    wish = getattr(model, "_sklearn_output_config", {}).get("transform") or get_config()["transform_output"]
    if wish == "default":
        return rows
    names = np.asarray(column_names(model), dtype=object)
    made = FunctionTransformer(lambda _: rows, feature_names_out=lambda *_: names).set_output(transform=wish)
    return made.transform(rows if like is None else like)
