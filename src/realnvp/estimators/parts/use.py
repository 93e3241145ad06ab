"""What a fitted density of a table is used for: densities, latent coordinates, samples, outliers."""

import copy
from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin, DensityMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from realnvp.data.check import refuse_gaps
from realnvp.data.collinear import Laws
from realnvp.data.columns import Codec
from realnvp.errors import InputError
from realnvp.estimators.parts.base import CHUNK, Seed, count_of, dtype_of, seed_of
from realnvp.estimators.parts.columns import joined, labelled, read_rows
from realnvp.estimators.parts.frames import column_names, framed
from realnvp.estimators.parts.rows import context_rows, in_chunks, tensor
from realnvp.flow import Flow
from realnvp.interop import FlowDistribution
from realnvp.interop.distribution import context_tensor

__all__ = ["TableUse", "quantile_curve"]

_LEVELS = np.linspace(0, 1, 101) ** 2
"""Where the quantile curve is kept: close to one another at the low end, where outliers are."""


class TableUse(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DensityMixin):
    """Uses of ``flow_``, in double precision; the attributes are set by ``fit`` and ``load``."""

    flow_: Flow
    codec_: Codec
    n_features_in_: int
    held_out_quantiles_: list[float] | None = None
    laws_ = Laws()
    fit: Any
    _advice = "fill in or drop those rows"

    def score_samples(self, X: ArrayLike, context: ArrayLike | None = None) -> np.ndarray:
        """Log density of each row in nats, in the units of ``X``: shape (n,), float64.

        ``log p(x) = log mean_u q(y(x, u)) m(x, u)``, where ``y`` is the code of the row: of a table of plain columns
        the row itself. In discrete columns it is a mass: the mean over the cell of the value, at fixed points ``u``: 16
        for one such column, 8 x 8 for two, 64 for more, which are off by about 0.1 nats (standard deviation) of a
        row, 0.01 of their mean. It is minus infinity, with a warning, where a column cannot hold the value.
        Where columns follow from others (``laws_``; ``fit`` warned of them) it is that of the other columns.
        """
        flow = self._exact()
        rows, given = self._read(X, context)
        return self.codec_.log_density(rows, lambda y: in_chunks(flow.log_prob, (y, given), flow))

    def score(self, X: ArrayLike, y: object = None, context: ArrayLike | None = None) -> float:
        """Mean of ``score_samples``: nats per row, higher is better."""
        return float(self.score_samples(X, context).mean())

    def transform(self, X: ArrayLike, context: ArrayLike | None = None) -> np.ndarray:
        """Latent coordinates of each row: shape (n, D), standard normal where the fit is good and the base normal.

        Of a value that has a cell, the middle of it.
        """
        flow = self._exact()
        rows, given = self._read(X, context)
        return in_chunks(lambda *a: flow(*a)[0], (self.codec_.forward(rows)[0], given), flow)

    def fit_transform(
        self, X: ArrayLike, y: object = None, *, context: ArrayLike | None = None, **fit_params: Any
    ) -> np.ndarray:
        """Fit, and return the latent coordinates of the same rows, given the same context."""
        found: np.ndarray = self.fit(X, y, context=context, **fit_params).transform(X, context)
        return found

    def inverse_transform(self, Z: ArrayLike, context: ArrayLike | None = None) -> Any:
        """Rows of the given latent coordinates: undoes ``transform``; a frame where ``set_output`` asks for one."""
        check_is_fitted(self, "flow_")
        rows: np.ndarray = check_array(Z, dtype=np.float64)
        if (columns := rows.shape[1]) != self._n_features_out:
            raise InputError(f"Z has {columns} columns, the model {self._n_features_out}: pass what transform gave")
        flow = self._exact()
        given = context_rows(context, len(rows), flow.context)
        return framed(self, self._whole(in_chunks(lambda *a: flow.inverse(*a)[0], (rows, given), flow)), Z)

    def sample(self, n_samples: int = 1, context: ArrayLike | None = None, *, random_state: Seed = None) -> Any:
        """Draw rows, shape (n, D); ``context`` of shape (n, C), (1, C) or (C,) says given what.

        Values are of their columns' kinds. Where some are no numbers, a data frame is returned, else an array; after
        ``set_output(transform="pandas")`` or ``"polars"`` a frame with the names of ``fit``'s columns.
        """
        return framed(self, joined(self.iter_samples(n_samples, context, random_state=random_state)))

    def iter_samples(
        self, n_samples: int, context: ArrayLike | None = None, *, random_state: Seed = None
    ) -> Iterator[Any]:
        """Draw the same rows as ``sample`` in pieces, so that memory does not grow with their number.

        They are arrays, or data frames where some columns are no numbers, whatever ``set_output`` asks for.
        """
        check_is_fitted(self, "flow_")
        n_samples = count_of(n_samples)
        flow = self._exact()
        C = context_rows(context, n_samples, flow.context, shared=True)
        device = next(flow.buffers()).device
        generator = torch.Generator(device).manual_seed(seed_of(random_state))
        for start in range(0, n_samples, CHUNK):
            rows = min(CHUNK, n_samples - start)
            given = None if C is None else tensor(C[start : start + rows] if C.ndim > 1 else C).to(device)
            yield self._whole(flow.sample(rows, given, generator=generator).cpu().numpy())

    def outlier_scores(self, X: ArrayLike, context: ArrayLike | None = None) -> np.ndarray:
        """``-log q(x)`` of each row in nats: shape (n,), higher is less likely."""
        return -self.score_samples(X, context)

    def predict_outliers(self, X: ArrayLike, rate: float = 0.01, context: ArrayLike | None = None) -> np.ndarray:
        """Tell the unlikely rows: -1 where ``log q(x)`` lies below the threshold, else 1, shape (n,).

        The threshold is the ``rate`` quantile of the log densities of the rows held out by ``fit``: of fresh rows of
        the same law a share of ``rate`` is flagged, within ``sqrt(rate (1 - rate) / held-out rows)``. A rate below
        ``1 / held-out rows`` flags what is less likely than all of them.
        """
        check_is_fitted(self, "flow_")
        if isinstance(rate, bool) or not isinstance(rate, Real) or not 0 < rate < 1:
            raise InputError(f"rate is the share of usual rows to flag, above 0 and below 1, got {rate!r}")
        if self.held_out_quantiles_ is None:
            raise InputError(
                "this run was saved without the log densities of its held-out rows: fit again, or compare "
                "score_samples with a threshold of your own"
            )
        threshold = np.interp(rate, _LEVELS, self.held_out_quantiles_)
        return np.where(self.score_samples(X, context) < threshold, -1, 1)

    def distribution(
        self, context: ArrayLike | Tensor | None = None, *, dtype: torch.dtype | None = None
    ) -> FlowDistribution:
        """Return the law in the units of ``X`` as a ``torch.distributions.Distribution``, which Pyro takes too.

        ``context`` of shape (C,), or (n, C) for a batch of n laws, says given what. It is of a copy of the flow, in
        torch's default dtype (``torch.float64`` gives the digits of ``score_samples``). Raises ``InputError`` where
        some column is learnt in a code or follows from others: there the flow's density is not one of ``X``.
        """
        check_is_fitted(self, "flow_")
        if self.laws_.laws:
            name = column_names(self)[self.laws_.dependent[0]]
            raise InputError(f"column {name!r} follows from others, so that X has no density: fit without it")
        if coded := [column for column in self.codec_.columns if not column.is_plain]:
            raise InputError(
                f"column {coded[0].name!r} is learnt in a code ({coded[0].noticed}), which is no density in torch: fit "
                "with kinds='continuous' and without bounds, or leave the column out"
            )
        flow = copy.deepcopy(self.flow_).to(dtype_of(dtype))
        return FlowDistribution(flow, None if context is None else context_tensor(flow, context))

    @property
    def columns_(self) -> list[dict]:
        """What each column was taken for, as plain data: name, kind, what was noticed, and its code.

        Those that follow from others are not among them.
        """
        check_is_fitted(self, "codec_")
        return [column.to_plain() for column in self.codec_.columns]

    @property
    def _n_features_out(self) -> int:
        return self.n_features_in_ - len(self.laws_.laws)

    def _read(self, X: ArrayLike, context: ArrayLike | None) -> tuple[np.ndarray, np.ndarray | None]:
        rows = self._rows(X)
        refuse_gaps(rows, column_names(self), self._advice)
        return self.laws_.independent(rows), context_rows(context, len(rows), self.flow_.context)

    def _rows(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self, "flow_")
        return read_rows(self, X)

    def _whole(self, y: np.ndarray) -> Any:
        """Return the table that rows of the code stand for, with the columns that follow from others."""
        return labelled(self, self.laws_.whole(self.codec_.inverse(y)))

    def _exact(self) -> Flow:
        """A float64 copy of the flow: what users get does not depend on how rows are batched."""
        check_is_fitted(self, "flow_")
        return copy.deepcopy(self.flow_).double()


def quantile_curve(log_prob: np.ndarray, weights: np.ndarray | None = None) -> list[float]:
    """Quantiles of log densities at fixed levels, 0 to 1, as plain numbers.

    The k-th smallest of n has the level ``k / (n + 1)``, the mean share of the law below it (Weibull's positions);
    with weights ``sum_{i <= k} w_i / (sum w + mean w)``.
    """
    order = np.argsort(log_prob)
    w = np.ones(len(order)) if weights is None else weights[order]
    found: list[float] = np.interp(_LEVELS, w.cumsum() / (w.sum() + w.mean()), log_prob[order]).tolist()
    return found
