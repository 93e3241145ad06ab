"""This library, default settings: only the time ends the training."""

from bench.tables.budget import Budget, Fitted
from bench.tables.rows import Rows
from realnvp import RealNVP

__all__ = ["fit"]


def fit(rows: Rows, budget: Budget, seed: int, **params: object) -> Fitted:
    """Fit train and val together; as many rows as val has are held out inside."""
    seen = rows.all()
    model = RealNVP(
        max_time=budget.left(),
        max_steps=10**9,
        validation_fraction=len(rows.val) / len(seen),
        random_state=seed,
        verbose=False,
        device="cpu",
        **params,
    ).fit(seen)
    last = model.history_[-1]
    return Fitted(model.score_samples, f"{last['step']:,} steps, ended by {model.stopped_by_}")
