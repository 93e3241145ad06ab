"""The density of the flow that an energy is learnt by: its values, its latent coordinates."""

import copy

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from torch.distributions import constraints

from realnvp.errors import InputError
from realnvp.estimators.parts.base import dtype_of
from realnvp.estimators.parts.rows import in_chunks
from realnvp.flow import Flow
from realnvp.interop import FlowDistribution

__all__ = ["Density"]


class Density:
    """Values of ``flow_``, in double precision; it and ``n_features_in_`` are set by ``fit`` and ``load``."""

    flow_: Flow
    architecture_: dict
    n_features_in_: int

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Log density of each row under the flow in nats: shape (n,), float64."""
        flow = self._exact()
        return in_chunks(flow.log_prob, [self._rows(X)], flow)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Latent coordinates of each row: shape (n, D)."""
        flow = self._exact()
        return in_chunks(lambda x: flow(x)[0], [self._rows(X)], flow)

    def inverse_transform(self, Z: ArrayLike) -> np.ndarray:
        """Rows of the given latent coordinates: undoes ``transform``."""
        flow = self._exact()
        return in_chunks(lambda z: flow.inverse(z)[0], [self._rows(Z)], flow)

    def distribution(self, *, dtype: torch.dtype | None = None) -> FlowDistribution:
        """Return the flow's law as a ``torch.distributions.Distribution`` on the box, or on all of space.

        It is of a copy of the flow, in torch's default dtype, or in ``dtype``. Pyro takes it too.
        """
        check_is_fitted(self, "flow_")
        wide = dtype_of(dtype)
        flow = copy.deepcopy(self.flow_).to(wide)
        if (bounds := self.architecture_["bounds"]) is None:
            return FlowDistribution(flow)
        device = next(flow.buffers()).device
        low, high = (torch.as_tensor(side, dtype=wide, device=device).expand(self.n_features_in_) for side in bounds)
        return FlowDistribution(flow, support=constraints.independent(constraints.interval(low, high), 1))

    def _rows(self, X: ArrayLike) -> np.ndarray:
        rows: np.ndarray = check_array(X, dtype=np.float64)
        if rows.shape[1] != self.n_features_in_:
            raise InputError(f"X has {rows.shape[1]} columns, the model {self.n_features_in_}")
        return rows

    def _exact(self) -> Flow:
        check_is_fitted(self, "flow_")
        return copy.deepcopy(self.flow_).double()
