"""The missing part of a row given the rest, under any density: its normaliser, and draws of it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from realnvp.chance import own
from realnvp.data.columns import Codec
from realnvp.estimators.parts.base import CHUNK
from realnvp.estimators.parts.em import patterns
from realnvp.estimators.parts.gaussians import Gaussians, log_sum

__all__ = ["Filler", "Marginals", "streams_by_content", "streams_by_number"]

_Streams = Sequence[np.random.Generator]


class Marginals(NamedTuple):
    """Log densities of the observed parts of rows in nats, their standard errors, and the ESS as a fraction.

    Arrays (n,). A row without gaps has its exact log density, error 0 and ESS 1.
    """

    log_prob: np.ndarray
    error: np.ndarray
    ess: np.ndarray


@dataclass(frozen=True, eq=False)
class Filler:
    """Work on rows (n, D) with gaps, and contexts (n, C) without, by proposals from a mixture over both.

    ``log_q(x, c)`` is the density, (n, D) to (n,); ``guess`` a mixture over the D + C columns that is near it. Each row
    has a generator of its own: what it gets does not depend on the rows beside it.

    With a ``codec`` rows are what a table holds, draws and what they are drawn by are of its code: ``log_q`` and
    ``guess`` are laws of ``y(x, u)``, and what was observed lies anywhere in its cell.
    """

    log_q: Callable[[np.ndarray, np.ndarray | None], np.ndarray]
    guess: Gaussians
    codec: Codec | None = None

    def marginals(self, x: np.ndarray, c: np.ndarray | None, streams: _Streams, draws: int) -> Marginals:
        """Estimate ``log q(x_o) = log E_g[q(x_o, x_m) / g(x_m | x_o)]`` from ``draws`` of ``g``.

        Of a code it is ``log E_{u, g}[q(y_o(u), y_m) m(x_o, u) / g(y_m | y_o)]``. The standard error is
        ``sqrt((1 / ESS - 1) / draws)``.

        References:
            Monte Carlo Theory, Methods and Examples (Owen, 2013), chapter 9
        """
        parts = []
        for at in _pieces(len(x), draws):
            _, log_w = self._weighted(x[at], _some(c, at), streams[at], draws)
            w = np.exp(log_w - log_w.max(1, keepdims=True).clip(min=-1e300))
            with np.errstate(divide="ignore", invalid="ignore"):
                ess = np.nan_to_num(w.mean(1) ** 2 / (w**2).mean(1))
                error = np.sqrt(np.maximum(1 / ess - 1, 0) / draws)
            parts.append((log_sum(log_w, 1) - np.log(draws), error, ess))
        return Marginals(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def draw(self, x: np.ndarray, c: np.ndarray | None, streams: _Streams, draws: int, moves: int) -> np.ndarray:
        """Draw the gaps from ``q(x_m | x_o)``: one of ``draws`` proposals by weight, then ``moves`` of ``walk``.

        References:
            The Calculation of Posterior Distributions by Data Augmentation (Rubin's comment on SIR, 1987),
            https://doi.org/10.1080/01621459.1987.10478461
        """
        parts = []
        for at in _pieces(len(x), draws):
            rows, log_w = self._weighted(x[at], _some(c, at), streams[at], draws)
            gumbel = np.stack([s.gumbel(size=draws) for s in streams[at]])
            parts.append(rows[np.arange(len(rows)), np.where(np.isfinite(log_w), log_w + gumbel, -np.inf).argmax(1)])
        return self.walk(x, c, np.concatenate(parts), streams, moves)

    def walk(self, x: np.ndarray, c: np.ndarray | None, state: np.ndarray, streams: _Streams, moves: int) -> np.ndarray:
        """Move the gaps of ``state``, filled rows (n, D), by Metropolis steps that leave ``q(x_m | x_o)`` as it is.

        First ``moves`` proposals of ``g``, taken with ``min(1, w' / w)``, then as many random steps as wide as
        ``2.4 / sqrt(m)`` of the mixture's component, taken with ``min(1, q' / q)``.

        References:
            Weak Convergence and Optimal Scaling of Random Walk Metropolis Algorithms (Roberts, Gelman, Gilks, 1997)
        """
        if not moves:
            return state
        parts = [self._walk(x[at], _some(c, at), state[at].copy(), streams[at], moves) for at in _pieces(len(x), moves)]
        return np.concatenate(parts)

    def _walk(
        self, x: np.ndarray, c: np.ndarray | None, state: np.ndarray, streams: _Streams, moves: int
    ) -> np.ndarray:
        there = self._there(x)
        rows, log_g, log_g_now = self._proposals(there, c, streams, moves, state)
        rows = np.where(np.isnan(x)[:, None], rows, state[:, None])  # each stays where it is in its cells
        steps = self._steps(there, c, streams, moves)
        log_u = np.log(np.stack([s.random((2, moves)) for s in streams], axis=1))
        log_q = self._log_q(state, c)
        for t in range(moves):
            new = self._log_q(rows[:, t], c)
            taken = log_u[0, :, t] < (new - log_g[:, t]) - (log_q - log_g_now)
            state[taken], log_q[taken], log_g_now[taken] = rows[taken, t], new[taken], log_g[taken, t]
        for t in range(moves):
            moved = state + steps[:, t]
            new = self._log_q(moved, c)
            taken = log_u[1, :, t] < new - log_q
            state[taken], log_q[taken] = moved[taken], new[taken]
        return state

    def _weighted(
        self, x: np.ndarray, c: np.ndarray | None, streams: _Streams, draws: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Proposals (n, S, D) and their log weights (n, S)."""
        rows, log_g, _ = self._proposals(self._there(x), c, streams, draws)
        given = None if c is None else np.repeat(c, draws, axis=0)
        if self.codec is not None and not self.codec.is_plain:
            u = np.stack([s.random((draws, x.shape[1])) for s in streams])
            y, log_m = self.codec.weighed(np.repeat(x, draws, axis=0), u.reshape(-1, x.shape[1]))
            rows = np.where(np.isnan(x)[:, None], rows, y.reshape(rows.shape))
            log_g = log_g - log_m.reshape(log_g.shape)
        return rows, self._log_q(rows.reshape(-1, x.shape[1]), given).reshape(log_g.shape) - log_g

    def _there(self, x: np.ndarray) -> np.ndarray:
        """Return rows in the middles of their cells."""
        return x if self.codec is None else self.codec.weighed(x)[0]

    def _log_q(self, rows: np.ndarray, c: np.ndarray | None) -> np.ndarray:
        return np.nan_to_num(self.log_q(rows, c), nan=-np.inf, posinf=np.inf, neginf=-np.inf)

    def _proposals(
        self, x: np.ndarray, c: np.ndarray | None, streams: _Streams, draws: int, now: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of ``g`` in the rows' gaps (n, S, D), their log densities (n, S), and those of the rows ``now``."""
        features = x.shape[1]
        u = np.stack([s.random(draws) for s in streams])
        e = np.stack([s.normal(size=(draws, features)) for s in streams])
        rows, log_g = np.repeat(x[:, None], draws, axis=1), np.empty((len(x), draws))
        log_g_now = np.empty(len(x))
        whole = x if c is None else np.hstack([x, c])
        for at, seen in patterns(whole):
            gaps = np.flatnonzero(~seen)
            posterior, _ = self.guess.given(whole[at], seen)
            drawn = posterior.draw(u[at], e[at][..., gaps])
            rows[at[:, None, None], np.arange(draws)[:, None], gaps] = drawn
            log_g[at] = posterior.log_prob(drawn)
            if now is not None:
                log_g_now[at] = posterior.log_prob(now[np.ix_(at, gaps)][:, None])[:, 0]
        return rows, log_g, log_g_now

    def _steps(self, x: np.ndarray, c: np.ndarray | None, streams: _Streams, moves: int) -> np.ndarray:
        """Random steps in the rows' gaps, zero elsewhere: (n, moves, D)."""
        found = np.stack([s.normal(size=(moves, x.shape[1])) for s in streams])
        whole = x if c is None else np.hstack([x, c])
        for at, seen in patterns(whole):
            gaps = np.flatnonzero(~seen)
            posterior, _ = self.guess.given(whole[at], seen)
            wide = 2.4 / np.sqrt(len(gaps)) * posterior.shift(found[at][..., gaps])
            found[at] = 0.0
            found[at[:, None, None], np.arange(moves)[:, None], gaps] = wide
        return found


def streams_by_number(seed: int, rows: Sequence[int] | np.ndarray, *more: int) -> _Streams:
    """Return a generator for each row, from the seed and the row's number."""
    return [own([seed, *more, int(i)]) for i in rows]


def streams_by_content(seed: int, x: np.ndarray, c: np.ndarray | None, *more: int) -> _Streams:
    """Return a generator for each row, from the seed and what is in the row: wherever it stands it gets the same."""
    whole = np.where(np.isnan(x), np.nan, x)  # one NaN is as good as another
    whole = np.hstack([whole, *([] if c is None else [c])]) + 0.0
    marks = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in whole)
    return [own([seed, *more, int.from_bytes(mark, "little")]) for mark in marks]


def _pieces(rows: int, draws: int) -> list[slice]:
    """Rows worked on at a time: some chunks of draws."""
    size = max(1, 4 * CHUNK // draws)
    return [slice(start, start + size) for start in range(0, rows, size)]


def _some(c: np.ndarray | None, at: slice) -> np.ndarray | None:
    return None if c is None else c[at]
