"""Training: the loop, its optimiser, what it keeps and what it writes."""

from realnvp.train.loop import Step, TrainingError, fit
from realnvp.train.optim import adamw, warm_cosine

__all__ = ["Step", "TrainingError", "adamw", "fit", "warm_cosine"]
