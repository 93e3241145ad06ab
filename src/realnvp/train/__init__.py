"""Training: the loop, its optimiser, what it keeps and what it writes."""

from realnvp.train.loop import Step, TrainingError, fit
from realnvp.train.optim import adamw, warm_cosine
from realnvp.train.resume import Checkpoint

__all__ = ["Checkpoint", "Step", "TrainingError", "adamw", "fit", "warm_cosine"]
