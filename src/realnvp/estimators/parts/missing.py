"""Rows with missing values under a fitted density: the density of what was observed, and draws of the rest."""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from realnvp.data.check import refuse_gaps
from realnvp.data.columns import Codec, Column
from realnvp.errors import InputError
from realnvp.estimators.parts.base import Seed, seed_of
from realnvp.estimators.parts.columns import labelled
from realnvp.estimators.parts.em import fit_gaussians
from realnvp.estimators.parts.filling import Filler, Marginals, streams_by_content, streams_by_number
from realnvp.estimators.parts.frames import column_names, framed
from realnvp.estimators.parts.gaussians import Gaussians
from realnvp.estimators.parts.rows import context_rows, in_chunks
from realnvp.estimators.parts.use import TableUse
from realnvp.flow import Flow

__all__ = ["Missing"]

_FEW, _MANY, _ENOUGH = 512, 8192, 100
"""Draws for each row: first few; many where fewer than enough of them are effective."""
_TRUSTED = 20
_PROPOSALS, _MOVES = 256, 8
_ROWS = 10_000


class Missing(TableUse):
    """Uses of ``flow_`` on rows in which NaN stands for what was not observed."""

    missing: str
    gap_mixture_: Gaussians | None = None
    _advice = (
        "fill in or drop those rows, complete them by impute, or set missing='marginalise' for densities of what "
        "was observed"
    )

    def score_samples(self, X: ArrayLike, context: ArrayLike | None = None) -> np.ndarray:
        """Log density of each row in nats, in the units of ``X``: shape (n,), float64.

        Where columns follow from others (``laws_``; ``fit`` warned of them) it is that of the other columns. With
        ``missing="marginalise"`` the density of a row with gaps (NaN) is that of what was observed,
        ``log q(x_o) = log ∫ q(x_o, x_m) dx_m``, estimated as ``score_missing`` says; of fewer columns it is another
        quantity than of all of them, and is not to be compared with it.
        """
        if self.missing != "marginalise":
            return super().score_samples(X, context)
        found = self.score_missing(X, context)
        if poor := int(np.count_nonzero(found.error > 1 / np.sqrt(_TRUSTED))):
            warnings.warn(
                f"the log densities of {poor} of {len(found.error)} rows rest on fewer than {_TRUSTED} effective draws "
                "of what is missing in them: score_missing says of which",
                stacklevel=2,
            )
        return found.log_prob

    def score_missing(self, X: ArrayLike, context: ArrayLike | None = None, *, random_state: Seed = 0) -> Marginals:
        """Log density of what was observed of each row, with its standard error in nats and its ESS.

        ``q(x_o) = E_g[q(x_o, x_m) / g(x_m | x_o)]`` over draws of a Gaussian mixture ``g`` near the flow, conditioned
        on ``x_o`` and widened; 512 of them, or 8192 where fewer than 100 are effective. What a row gets depends on the
        seed and the row, not on the rows beside it. Rows without gaps have their exact log density and error 0; of a
        row in which nothing was observed it is 0. Where the ESS is small, the true log density is likely higher. A
        column that follows from others counts only where it gives away the one of them that is missing.

        References:
            Monte Carlo Theory, Methods and Examples (Owen, 2013), chapter 9, https://artowen.su.domains/mc/
        """
        rows, given, flow = self._holed(X, context)
        found = Marginals(np.zeros(len(rows)), np.zeros(len(rows)), np.ones(len(rows)))
        gaps = np.isnan(rows)
        whole = np.flatnonzero(~gaps.any(1))
        if len(whole):
            log_q, c = _log_q(flow), _at(given, whole)
            found.log_prob[whole] = self.codec_.log_density(rows[whole], lambda y: log_q(y, c))
        holed = np.flatnonzero(gaps.any(1) & ~gaps.all(1))
        self.codec_.tell(rows[holed])
        can = np.isfinite(self.codec_.weighed(rows[holed])[1])
        found.log_prob[holed[~can]] = -np.inf
        if not len(todo := holed[can]):
            return found
        filler, seed = Filler(_log_q(flow), self._guess(), self.codec_), seed_of(random_state)
        for draws in (_FEW, _MANY):
            x, c = rows[todo], _at(given, todo)
            part = filler.marginals(x, c, streams_by_content(seed, x, c, draws), draws)
            for all_rows, some in zip(found, part, strict=True):
                all_rows[todo] = some
            todo = todo[part.ess * draws < _ENOUGH]
            if not len(todo):
                break
        return found

    def transform(self, X: ArrayLike, context: ArrayLike | None = None) -> np.ndarray:
        """Latent coordinates of each row: shape (n, D), standard normal where the fit is good and the base normal.

        With ``missing="marginalise"`` those of a row with gaps are NaN, all of them: each depends on every column.
        """
        asks = self.missing == "marginalise"
        rows, given = self._holed(X, context)[:2] if asks else self._read(X, context)
        flow, whole = self._exact(), np.flatnonzero(~np.isnan(rows).any(1))
        found = np.full(rows.shape, np.nan)
        y = self.codec_.forward(rows[whole])[0]
        found[whole] = in_chunks(lambda *a: flow(*a)[0], (y, _at(given, whole)), flow)
        return found

    def impute(self, X: ArrayLike, context: ArrayLike | None = None, *, random_state: Seed = None) -> Any:
        """Fill the gaps (NaN) of each row by a draw of ``q(x_m | x_o)``: shape (n, D), what was observed unchanged.

        One of 256 draws of the mixture of ``score_missing``, chosen by weight, then eight independence and eight
        random-walk Metropolis steps under the flow. It is a draw, not a mean: call it with several seeds for multiple
        imputation. Where columns follow from others (``laws_``), all that was observed of them is kept to. After
        ``set_output`` the result is a frame.

        References:
            Multiple Imputation for Nonresponse in Surveys (Rubin, 1987)
        """
        rows, given, flow = self._holed(X, context)
        asked, seed, done = self._rows(X), seed_of(random_state), rows.copy()
        some = np.flatnonzero(np.isnan(rows).any(1))
        self.codec_.forward(rows[some])  # refuses what no column can hold
        for group, y, A, b in self.laws_.swaps(asked[some], rows[some]) if len(some) else ():
            at = some[group]
            drawn = self._drawn(y, _at(given, at), flow, seed, at, A, b)
            drawn = self.codec_.inverse(np.linalg.solve(A, (drawn - b).T).T)
            done[at] = np.where(np.isnan(rows[at]), drawn, rows[at])
        return framed(self, labelled(self, np.where(np.isnan(asked), self.laws_.whole(done), asked)), X)

    def _drawn(
        self,
        y: np.ndarray,
        c: np.ndarray | None,
        flow: Flow,
        seed: int,
        numbers: np.ndarray,
        A: np.ndarray,
        b: np.ndarray,
    ) -> np.ndarray:
        """Fill the gaps of ``y = A x + b``; rows that are nothing but gaps are draws of the flow."""
        own = (np.eye(len(A)) == A).all(1)
        beside = own & ~(A - np.diag(A.diagonal())).any(0)  # columns that no law is used of may have any code
        if bent := [c for c, free in zip(self.codec_.columns, beside, strict=True) if not (free or c.only_shifts)]:
            raise InputError(
                f"gaps (NaN) are to be filled through a law between columns, and column {bent[0].name!r} was learnt in "
                f"a code that bends it ({bent[0].noticed or bent[0].kind}): fit with kinds='continuous'"
            )
        found, gaps = y.copy(), np.isnan(y)
        if len(empty := np.flatnonzero(gaps.all(1))):
            device = next(flow.buffers()).device
            generator = torch.Generator(device).manual_seed(seed)
            about = None if c is None else torch.from_numpy(c[empty]).to(device)
            found[empty] = flow.sample(len(empty), about, generator=generator).cpu().numpy() @ A.T + b
        if len(some := np.flatnonzero(gaps.any(1) & ~gaps.all(1))):
            log_q, columns = _log_q(flow), zip(self.codec_.columns, own, strict=True)
            codec = Codec(tuple(c if kept else Column(c.name) for c, kept in columns))  # what a law gives has no cell
            filler = Filler(lambda v, d: log_q(np.linalg.solve(A, (v - b).T).T, d), self._guess().mapped(A, b), codec)
            streams = streams_by_number(seed, numbers[some])
            found[some] = filler.draw(y[some], _at(c, some), streams, _PROPOSALS, _MOVES)
        return found

    def predict_outliers(self, X: ArrayLike, rate: float = 0.01, context: ArrayLike | None = None) -> np.ndarray:  # noqa: D102
        refuse_gaps(self._rows(X), column_names(self), "thresholds are of whole rows, complete them by impute")
        return super().predict_outliers(X, rate, context)

    predict_outliers.__doc__ = TableUse.predict_outliers.__doc__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "marginalise"
        return tags

    def _holed(self, X: ArrayLike, context: ArrayLike | None) -> tuple[np.ndarray, np.ndarray | None, Flow]:
        rows = self.laws_.independent(self._rows(X))
        return rows, context_rows(context, len(rows), self.flow_.context), self._exact()

    def _guess(self) -> Gaussians:
        """The mixture to propose from: of the rows and contexts that a conditional model saw, else of the flow's draws.

        The latter depends on nothing but the flow, so it is found when it is first asked for, and kept.
        """
        if self.gap_mixture_ is not None:
            return self.gap_mixture_.widened()
        if self.flow_.context:
            raise InputError(
                "this model was fitted given a context with missing='refuse', and knows no contexts to propose from: "
                "fit it with missing='marginalise'"
            )
        kept = vars(self).get("_guessed")
        if kept is None or kept[0] is not self.flow_:
            flow = self._exact()
            generator = torch.Generator(next(flow.buffers()).device).manual_seed(0)
            drawn = flow.sample(_ROWS, generator=generator).cpu().numpy()
            most = int(np.clip(400 // drawn.shape[1], 4, 24))
            kept = self._guessed = self.flow_, fit_gaussians(drawn, 0, most=most)
        guess: Gaussians = kept[1]
        return guess.widened()


def _log_q(flow: Flow) -> Any:
    return lambda x, c: in_chunks(flow.log_prob, (x, c), flow)


def _at(given: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if given is None else given[rows]
