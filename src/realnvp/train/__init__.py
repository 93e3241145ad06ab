"""Training: the loop, its optimiser, what it keeps and what it writes."""

from realnvp.train.loop import Step, TrainingError, fit
from realnvp.train.optim import adamw, warm_cosine
from realnvp.train.resume import Checkpoint
from realnvp.train.world import joined

__all__ = ["Checkpoint", "Step", "TrainingError", "adamw", "fit", "joined", "warm_cosine"]
