"""What a flow over a potential gives: weighted draws, corrected samples, expectations."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from realnvp.errors import InputError
from realnvp.estimators.parts.base import Seed, chunk_of, count_of, seed_of
from realnvp.estimators.parts.chains import BURN, FEW, LOCAL, LocalMoves, independent, mixed
from realnvp.estimators.parts.density import Density
from realnvp.estimators.parts.potential import check_again, checked, has_gradient, with_gradient
from realnvp.estimators.parts.rows import in_chunks
from realnvp.flow import Flow
from realnvp.interop import inference_data
from realnvp.mcmc import Energy
from realnvp.measure.base import Estimate
from realnvp.measure.weights import (
    TRUSTED,
    autocorrelation_time,
    ess,
    log_normalizer,
    metropolis,
    pareto_k,
    weighted_mean,
)
from realnvp.transforms import Compose, Probit

__all__ = ["Weighted"]


_MOST_BURN = 2000
_MOST_SEEN = 1_000_000
"""Weights that the autocorrelation is taken of: it does not grow more exact for ever, the memory would grow."""


class Weighted(Density):
    """Draws of ``flow_`` weighted by ``exp(-potential_) / q``; both are set by ``fit`` and ``load``."""

    potential_: Energy | None
    architecture_: dict

    def log_weights(self, n: int = 10_000, *, random_state: Seed = None) -> tuple[np.ndarray, np.ndarray]:
        """Draw ``x`` (n, D) from the flow, with ``log w = -U(x) - log q(x)`` (n,): minus infinity where p is zero."""
        flow, potential = self._ready()
        pieces = list(self._drawn(flow, potential, count_of(n), random_state))
        return np.concatenate([x for x, _ in pieces]), np.concatenate([w for _, w in pieces])

    def sample(
        self,
        n_samples: int = 1,
        *,
        corrected: bool = False,
        chains: int = 64,
        local: int | str = "auto",
        random_state: Seed = None,
    ) -> np.ndarray:
        """Draw points, shape (n, D): of the flow, or, ``corrected``, of the target itself.

        A corrected sample are the states of ``chains`` parallel Metropolis chains whose proposals are the flow's draws:
        exact in the limit of long chains, however poor the flow; a poor one costs repeats. Each chain starts at one of
        100 draws of its own, picked by weight, and drops five times as many moves as the heaviest of all weighs means.
        ``local`` Hamiltonian moves follow each proposal, none by 0; ``"auto"`` makes three where fewer than
        three in ten proposals are taken, or one weighs so much that a chain would stand on it for ever, and the
        potential has a gradient. Their size is found in the first 150
        steps, which are dropped. ``acceptance_``, ``local_acceptance_`` and ``autocorrelation_time_`` tell how it went.

        References:
            Flow-based generative models for Markov chain Monte Carlo (Albergo et al., 2019),
            https://arxiv.org/abs/1904.12072
        """
        return np.concatenate(
            list(
                self.iter_samples(n_samples, corrected=corrected, chains=chains, local=local, random_state=random_state)
            )
        )

    def iter_samples(
        self,
        n_samples: int,
        *,
        corrected: bool = False,
        chains: int = 64,
        local: int | str = "auto",
        random_state: Seed = None,
    ) -> Iterator[np.ndarray]:
        """Draw the same points as ``sample`` in pieces, so that memory does not grow with their number.

        Of corrected ones, ``acceptance_`` and what else tells of the chains is set behind the last piece.
        """
        n = count_of(n_samples)
        if corrected:
            return self._corrected(n, self._chains(chains, n), seed_of(random_state), _local(local))
        return (x for x, _ in self._drawn(self._exact(), None, n, random_state))

    def expectation(
        self,
        f: Callable[[np.ndarray], ArrayLike],
        n: int = 10_000,
        *,
        corrected: bool = False,
        local: int | str = "auto",
        random_state: Seed = None,
    ) -> Estimate:
        """Estimate ``E_p[f(x)]`` and its standard error; ``f`` maps an array (n, D) to (n,).

        By weighted draws of the flow (self-normalised importance sampling), or by the states of corrected chains, with
        ``local`` as in ``sample``.
        """
        if not corrected:
            x, log_w = self.log_weights(n, random_state=random_state)
            self._warn(log_w)
            mean, error = weighted_mean(_values(f, x), log_w)
            return Estimate(float(mean), float(error))
        chains = self._chains(64, count_of(n))
        values = np.concatenate(
            [_values(f, x) for x in self._corrected(n, chains, seed_of(random_state), _local(local))]
        )
        series = values[: len(values) // chains * chains].reshape(-1, chains)
        time_ = max(autocorrelation_time(series), self.autocorrelation_time_)
        return Estimate(float(values.mean()), float(values.std() * np.sqrt(time_ / len(values))))

    def to_inference_data(
        self,
        n: int = 1000,
        *,
        chains: int = 4,
        names: Sequence[str] | None = None,
        local: int | str = "auto",
        random_state: Seed = None,
    ) -> Any:
        """Run corrected chains, ``n`` draws of each, for ArviZ: an ``InferenceData``, from ArviZ 1 on a ``DataTree``.

        ``posterior`` has the states: ``x`` over ``feature``, or a variable for each of ``names``; its attributes say
        how the chains and the fit went. ``sample_stats`` has for each state ``potential_energy`` (U, in kT), ``lp``
        (-U), ``log_q``, ``log_weight`` (-U - log q), and ``accepted``: whether it is another than the one before.
        """
        if (most := self._chains(chains, 16 * (count_of(n) + 1) * count_of(chains, "chains"))) < chains or n < 15:
            raise InputError(f"give n of at least 15 and at most {most} chains, got n={n} and chains={chains}")
        flow, potential = self._ready()
        rows = self.sample((n + 1) * chains, corrected=True, chains=chains, local=local, random_state=random_state)
        energy, log_q = (in_chunks(f, [rows], flow) for f in (potential, flow.log_prob))
        x, u, log_q = (a.reshape(n + 1, chains, *a.shape[1:]).swapaxes(0, 1) for a in (rows, energy, log_q))
        stats = {"potential_energy": u, "lp": -u, "log_q": log_q, "log_weight": -u - log_q}
        stats = {name: values[:, 1:] for name, values in stats.items()}
        stats["accepted"] = (x[:, 1:] != x[:, :-1]).any(-1)
        told = ("acceptance", "local_acceptance", "autocorrelation_time", "log_normalizer", "ess", "pareto_k")
        attrs = {name: value for name in told if np.isfinite(value := getattr(self, f"{name}_", np.nan))}
        return inference_data(x[:, 1:], stats, names=names, attrs=attrs)

    def _warn(self, log_w: np.ndarray, depth: int = 3) -> None:
        """Say so where the weights cannot be trusted; a tail none of which weighs ten times the mean does no harm."""
        heaviest = _heaviest(log_w)
        if ((k := pareto_k(log_w)) > TRUSTED and heaviest > 10) or not np.isfinite(log_w).any():
            warnings.warn(
                f"the weights have too heavy a tail to be trusted: Pareto k {k:.2f} is above {TRUSTED}, one draw in "
                f"{len(log_w):,} weighs {heaviest:.0f} times the mean, ESS {ess(log_w):.4f}; train longer, take more "
                "layers, or use corrected=True",
                stacklevel=depth,
            )

    def _corrected(self, n: int, chains: int, seed: int, local: int | str) -> Iterator[np.ndarray]:
        """Run chains, each from a start of its own; yield ``n`` states, step by step, in pieces."""
        pilot_seed, main_seed, chain_seed, local_seed = np.random.SeedSequence(seed).generate_state(4)
        rng = np.random.default_rng(chain_seed)
        x, log_w = self.log_weights(100 * chains, random_state=int(pilot_seed))
        if not np.isfinite(log_w).any():
            raise InputError("none of the flow's draws has a finite energy: train longer before correcting them")
        moves = self._moves(x, log_w.reshape(100, chains), local, int(local_seed))
        burn = BURN if moves else self._burn(log_w)
        x, log_w = x.reshape(chains, 100, -1), log_w.reshape(chains, 100)
        noise = rng.gumbel(size=log_w.shape)  # the largest of log w + Gumbel noise is a draw by weight
        first = np.arange(chains), (log_w + noise).argmax(1)
        steps, done, accepted, moved = burn + -(-n // chains), 0, 0.0, 0.0
        seen: list[np.ndarray] = []
        proposals = self._drawn(*self._ready(), steps * chains, int(main_seed), self._piece // chains * chains)
        start = x[first], log_w[first], proposals, rng
        for states in mixed(*start, moves, burn) if moves else independent(*start):
            drop, many = max(0, burn - done), len(states.x)
            done, accepted, moved = done + many, accepted + states.accepted * many, moved + states.moved * many
            if len(seen) * self._piece < _MOST_SEEN:
                seen.append(states.log_w[drop:])
            kept = states.x[drop:].reshape(-1, x.shape[-1])
            yield kept[: n - (max(0, done - many - burn) * chains)]
        self.acceptance_, self.local_acceptance_ = accepted / steps, moved / steps
        self.autocorrelation_time_ = autocorrelation_time(np.concatenate(seen))

    def _moves(self, x: np.ndarray, log_w: np.ndarray, local: int | str, seed: int) -> LocalMoves | None:
        """Return the local moves, if the chains are to make any: where asked, or where few proposals are taken."""
        flow, potential = self._ready()
        potential = with_gradient(potential, getattr(self, "gradient_", None))
        device = next(flow.buffers()).device
        if isinstance(local, str):
            few = metropolis(log_w, np.random.default_rng(seed))[1] < FEW
            stuck = 5 * _heaviest(log_w) > _MOST_BURN
            local = LOCAL if (few or stuck) and has_gradient(potential, x[:1], device) else 0
        if not local:
            return None
        bounds = self.architecture_["bounds"]
        box = (Compose() if bounds is None else Probit(*bounds)).to(device)
        z = box(torch.as_tensor(x, device=device))[0]
        quarter, three = z.quantile(torch.tensor([0.25, 0.75], dtype=z.dtype, device=device), 0)
        scale = ((three - quarter) / 1.35).clamp_min(1e-6)  # of a normal its standard deviation
        generator = torch.Generator(device).manual_seed(seed)
        return LocalMoves(potential, flow.log_prob, box, scale, generator, local)

    def _burn(self, log_w: np.ndarray) -> int:
        """How many moves the heaviest of all weights may hold a chain that starts on it."""
        burn = int(np.ceil(5 * _heaviest(log_w)))
        if burn > _MOST_BURN:
            warnings.warn(
                f"the flow's weights are so uneven that chains want {burn:,} moves to forget their start, and get "
                f"{_MOST_BURN:,}: train longer, take more chains than one run, or local moves",
                stacklevel=5,
            )
        return min(burn, _MOST_BURN)

    @torch.no_grad()
    def _drawn(
        self, flow: Flow, potential: Energy | None, n: int, random_state: Seed, chunk: int | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Draw in pieces, with their log weights under a potential."""
        generator = torch.Generator(next(flow.buffers()).device).manual_seed(seed_of(random_state))
        chunk = chunk or self._piece
        for start in range(0, n, chunk):
            x, log_q = flow.sample_with_log_prob(min(chunk, n - start), generator=generator)
            log_w = log_q if potential is None else -potential(x) - log_q
            if potential is not None and (log_w == torch.inf).any():
                raise InputError(
                    "the potential is minus infinity at one of the flow's draws: its law has no density there"
                )
            yield x.cpu().numpy(), torch.where(torch.isnan(log_w), -torch.inf, log_w).cpu().numpy()

    @property
    def _piece(self) -> int:
        return chunk_of(self.flow_.event_shape.numel())

    def _chains(self, wanted: int, n: int) -> int:
        """As many chains as are wanted, each of 16 states or more where there are that many, all within a piece."""
        return max(1, min(count_of(wanted, "chains"), n // 16, self._piece))

    def _ready(self) -> tuple[Flow, Energy]:
        check_is_fitted(self, "flow_")
        if self.potential_ is None:
            raise InputError("this model was loaded without its potential: pass it to load, or set potential_")
        return self._exact(), checked(self.potential_)

    def _tried(self, potential: Energy) -> Energy:
        """Return a potential that the flow was not seen to learn, once it was tried on a few draws."""
        flow = self._exact()
        generator = torch.Generator(next(flow.buffers()).device).manual_seed(0)
        check_again(potential, flow.sample(16, generator=generator))
        return potential


def _local(moves: object) -> int | str:
    """Return the number of local moves, or say what is wrong with it."""
    if isinstance(moves, str) and moves == "auto":
        return moves
    if isinstance(moves, Integral) and not isinstance(moves, bool) and int(moves) >= 0:
        return int(moves)
    raise InputError(f"local must be a whole number of at least 0, or 'auto', got {moves!r}")


def _values(f: Callable[[np.ndarray], ArrayLike], x: np.ndarray) -> np.ndarray:
    values = np.asarray(f(x), dtype=float)
    if values.shape != (len(x),):
        raise InputError(
            f"f returned shape {values.shape} for points of shape {x.shape}: return one number for each row"
        )
    return values


def _heaviest(log_w: np.ndarray) -> float:
    """How many times the mean the heaviest weight is."""
    return float(np.exp(log_w.max() - log_normalizer(log_w.ravel()).value)) if np.isfinite(log_w).any() else np.inf
