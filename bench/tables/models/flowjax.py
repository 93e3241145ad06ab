"""flowjax: a coupling flow of rational-quadratic splines, by its own ``fit_to_data`` with its own settings."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import paramax
from flowjax.bijections import RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.flows import coupling_flow
from flowjax.train import fit_to_data
from flowjax.train.losses import MaximumLikelihoodLoss

from bench.tables.budget import Budget, Fitted
from bench.tables.rows import Rows

__all__ = ["fit"]

RATE = 5e-4  # fit_to_data's own; so are batches of 100 and the patience of 5 epochs
CHUNK = 2048


def fit(rows: Rows, budget: Budget, seed: int, *, layers: int, width: int, knots: int, interval: float) -> Fitted:
    """Give it train and val together; it holds out as many rows as val has, and keeps what is best on them.

    ``fit_to_data`` knows epochs, not seconds: it is called for one epoch (which compiles), for one more, which tells
    how long an epoch takes, then for as many as there is time for, from where the last call ended. The same key each
    time holds out the same rows. An epoch that is longer than the time is not cut short.
    """
    seen = jnp.asarray(rows.all(), dtype=jnp.float32)
    flow = coupling_flow(
        jr.key(seed),
        base_dist=paramax.non_trainable(Normal(jnp.zeros(rows.features))),
        transformer=RationalQuadraticSpline(knots=knots, interval=interval),
        flow_layers=layers,
        nn_width=width,
        nn_depth=2,
    )
    adam, loss, key = optax.adam(RATE), MaximumLikelihoodLoss(), jr.key(seed + 1)
    share = len(rows.val) / len(seen)
    best, kept, epochs, wanted, ended, pieces = float("inf"), flow, 0, 1, "the time", 0
    while True:
        began = budget.spent()
        flow, losses = fit_to_data(
            key, flow, seen, loss_fn=loss, optimizer=adam, max_epochs=wanted, val_prop=share, show_progress=False
        )
        done, pieces = len(losses["val"]), pieces + 1
        epochs, pace = epochs + done, (budget.spent() - began) / done
        if (found := min(losses["val"])) < best:
            best, kept = found, flow
        if done < wanted:
            ended = "early stopping"
            break
        if (pieces > 1 and budget.left() < 1.1 * pace) or budget.left() <= 0:
            break
        wanted = max(1, int(0.9 * budget.left() / pace)) if pieces > 1 else 1
    density = eqx.filter_jit(lambda flow, x: paramax.unwrap(flow).log_prob(x))

    def log_prob(x: np.ndarray) -> np.ndarray:
        parts = np.array_split(np.asarray(x, dtype=np.float32), -(-len(x) // CHUNK))
        return np.concatenate([np.asarray(density(kept, part), dtype=np.float64) for part in parts])

    return Fitted(log_prob, f"{epochs:,} epochs, ended by {ended}; {jax.default_backend()}")
