"""A table's columns as a flow learns them: read, told apart, coded, and given fresh noise in training."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data
from torch import Tensor

from realnvp.chance import own
from realnvp.data.batches import Batch
from realnvp.data.check import check_columns, check_gaps, check_integers, check_names
from realnvp.data.collinear import Laws, find_laws
from realnvp.data.columns import (
    Codec,
    Column,
    Edges,
    Labels,
    coded,
    edges_of,
    is_frame,
    kinds_of,
    labels_of,
    learn,
    learn_holed,
    with_labels,
)
from realnvp.estimators.parts.frames import column_names
from realnvp.estimators.parts.rows import log_densities, scaled, tensor
from realnvp.flow import Flow
from realnvp.nets import Standard
from realnvp.transforms import Standardise

__all__ = [
    "Noise",
    "freshened",
    "held_out_density",
    "holed_codec",
    "in_code",
    "joined",
    "labelled",
    "laws_of",
    "learnt",
    "plain_bounds",
    "read_rows",
    "recoded",
    "refreshed",
    "told_apart",
]

_NUMBERS: dict[str, Any] = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}
"""What a table is read as: gaps are spoken of where it is known what is to be done with them."""
_FEW = 2000
"""Rows held out that the quantiles are taken of, where each costs many evaluations."""


def learnt(model: Any, X: Any) -> tuple[np.ndarray, dict]:
    """Read the table of a fit, (n, D) float64, text and categories as codes; return it and their labels."""
    check_names(X)
    check_integers(X)
    labels = labels_of(X, kinds_of(model.kinds, [str(name) for name in X.columns])) if is_frame(X) else {}
    if labels:
        validate_data(model, X, skip_check_array=True)
        return check_array(coded(X, labels), **_NUMBERS, ensure_min_samples=2, input_name="X"), labels
    rows: np.ndarray = validate_data(model, X, **_NUMBERS, ensure_min_samples=2)
    return rows, {}


def told_apart(model: Any, rows: np.ndarray, X: Any, labels: dict) -> tuple[Laws, Codec]:
    """Check the rows of a fit; tell which columns follow from others, and what each of the others is.

    Whole numbers of a frame stay whole numbers.
    """
    names = column_names(model)
    check_gaps(rows, names, model.missing)
    check_columns(rows, names, {j: held.values for j, held in labels.items()})
    kinds, edges = kinds_of(model.kinds, names), edges_of(model.bounds, names)
    laws = laws_of(rows, names, kinds, labels)
    rows, names, kinds, edges = laws.independent(rows), laws.others(names), laws.others(kinds), laws.others(edges)
    labels = laws.renumbered(labels)
    holed = laws.laws and np.isnan(rows).any()
    found = (holed_codec if holed else learn)(rows, names, kinds, edges, labels)
    if not labels:
        return laws, found
    types = laws.others([str(X[name].dtype).lower() for name in X.columns])
    whole = ["int" in t and c.kind in ("discrete", "few values") for t, c in zip(types, found.columns, strict=True)]
    return laws, Codec(tuple(replace(c, dtype="int64") if w else c for c, w in zip(found.columns, whole, strict=True)))


def laws_of(rows: np.ndarray, names: Sequence[str], kinds: Sequence[str], labels: Mapping[int, Any]) -> Laws:
    """Find the columns that follow from others, with a warning, among those of numbers."""
    numbers = [j for j, kind in enumerate(kinds) if j not in labels and kind != "categorical"]
    return find_laws(rows[:, numbers], [names[j] for j in numbers]).among(numbers)


def holed_codec(
    rows: np.ndarray,
    names: Sequence[str],
    kinds: Sequence[str],
    edges: Sequence[Edges],
    labels: Mapping[int, Labels],
) -> Codec:
    """Return the code of rows with gaps beside laws, with a warning where else more would be made of a column."""
    found, more = learn_holed(rows, names, kinds, edges, labels)
    if more:
        others = f", and {len(more) - 3} more" if len(more) > 3 else ""
        warnings.warn(
            "a table with missing values (NaN) in which columns follow from others is learnt as plain numbers and "
            "numbers on a grid, though more was noticed of some columns: "
            f"{'; '.join(f'{c.name!r}: {c.noticed}' for c in more[:3])}{others}",
            stacklevel=2,
        )
    return found


def read_rows(model: Any, X: Any) -> np.ndarray:
    """Read a table of the columns that were learnt: (n, D) float64 or NaN, text and categories as their codes."""
    check_names(X)
    codec: Codec = model.codec_
    if not codec.labelled:
        rows: np.ndarray = validate_data(model, X, **_NUMBERS, reset=False)
        return rows
    validate_data(model, X, skip_check_array=True, reset=False)
    labels = {j: column.labels for j, column in model.laws_.numbered(codec.columns) if column.labels}
    found: np.ndarray = check_array(coded(X, labels), **_NUMBERS, input_name="X")
    return found


def labelled(model: Any, values: np.ndarray) -> Any:
    """Return values with what they stand for: an array, or a data frame where some columns hold no numbers.

    Sums of whole numbers are whole numbers.
    """
    codec: Codec = model.codec_
    if not codec.labelled:
        return values
    columns = dict(model.laws_.numbered(codec.columns))
    for law in model.laws_.laws:
        whole = all(v == round(v) for v in (*law.slopes, law.start))
        whole = whole and all(columns[j].dtype == "int64" for j in law.others)
        columns[law.column] = Column(column_names(model)[law.column], dtype="int64" if whole else "")
    found = [columns[j] for j in range(len(columns))]
    return with_labels(values, column_names(model), [c.labels for c in found], [c.dtype for c in found])


def plain_bounds(bounds: Any) -> Any:
    """Return bounds as JSON has them: an open end is ``None``, the names and numbers of columns are texts."""
    if isinstance(bounds, Mapping):
        return {str(key): plain_bounds(pair) for key, pair in bounds.items()}
    return None if bounds is None else [None if v is None or np.isinf(v) else float(v) for v in bounds]


def recoded(plain: list[dict] | None, names: Sequence[str]) -> Codec:
    """Make the code that a run kept; a run that kept none has plain columns."""
    if plain is None:
        return Codec(tuple(map(Column, names)))
    if len(plain) != len(names):
        raise ValueError(f"there are {len(plain)} kinds of {len(names)} columns")
    return Codec(tuple(map(Column.from_plain, plain)))


class Noise:
    """Uniform noise for the cells of the values in each batch, whose state a checkpoint keeps."""

    def __init__(self, codec: Codec, scaler: Standardise | Standard, seed: int) -> None:
        self.codec, self.scaler, self.generator = codec, scaler, torch.Generator().manual_seed(seed)

    def state(self) -> dict[str, Tensor]:
        """Return the generator's state."""
        return {"generator": self.generator.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned."""
        self.generator.set_state(state["generator"])

    def move(self, y: Tensor) -> Tensor:
        """Return standardised rows with fresh noise in the cells of their values."""
        u = torch.rand(y.shape, generator=self.generator, dtype=torch.float64).numpy()
        loc, scale = (v.detach().double().cpu().numpy() for v in (self.scaler.loc, self.scaler.scale))
        moved = (self.codec.again(y.double().cpu().numpy() * scale + loc, u) - loc) / scale
        return tensor(moved).to(y)


def refreshed(batches: Iterable[Batch], noise: Noise) -> Iterator[Batch]:
    """Give each batch fresh noise: a fit to one draw of it would learn that draw."""
    for batch in batches:
        yield noise.move(batch) if isinstance(batch, Tensor) else (noise.move(batch[0]), *batch[1:])


def freshened(
    batches: Iterable[Batch], codec: Codec, scaler: Standardise | Standard, seed: int
) -> tuple[Iterable[Batch], dict[str, Noise]]:
    """Return the batches, with fresh noise where values have cells, and what of that a checkpoint keeps."""
    if not any(column.coarse for column in codec.columns):
        return batches, {}
    noise = Noise(codec, scaler, seed)
    return refreshed(batches, noise), {"noise": noise}


def in_code(codec: Codec, rows: np.ndarray, seed: int | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the code of rows, its noise drawn from ``seed``, and the log of what their density is multiplied by."""
    if codec.is_plain:
        return codec.forward(rows)
    noise = own(seed).random(rows.shape)
    return codec.forward(rows, noise.clip(1e-9, 1 - 1e-9))


def held_out_density(
    codec: Codec, core: Flow, scaler: Standardise | Standard, held: Sequence[Tensor], offset: float
) -> np.ndarray:
    """Log density in nats of rows held out, standardised: of the first 2,000 where each needs many evaluations."""
    if codec.is_plain:
        return log_densities(core, held) - offset
    held = [a[: _FEW if codec.repeats > 1 else None] for a in held]
    loc, scale = (v.detach().double() for v in (scaler.loc, scaler.scale))
    x = codec.inverse((held[0].double() * scale + loc).cpu().numpy())
    return codec.log_density(x, lambda y: log_densities(core, [*scaled([scaler], [y]), *held[1:]]) - offset)


def joined(pieces: Iterable[Any]) -> Any:
    """Return arrays, or data frames, as one."""
    found = list(pieces)
    if isinstance(found[0], np.ndarray):
        return np.concatenate(found)
    import pandas as pd

    return pd.concat(found, ignore_index=True)
