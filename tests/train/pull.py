"""An objective that pulls two weights to a target, and a training of it."""

import math
from itertools import repeat

import torch
from torch import nn

from realnvp.session import Limits, train

TARGET = torch.tensor([2.0, -1.0])
BAD = torch.full((2,), math.nan)


class Distance(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(2))

    def forward(self, batch):
        return 0.5 * (self.w - batch).square().sum()


def away(module):
    """How far the weights are from the target."""
    with torch.no_grad():
        return float((module.w - TARGET).square().sum())


def run(objective=None, batches=None, evaluate=away, *, limits=None, **options):
    objective = objective or Distance()
    limits = limits or Limits(max_steps=100, every=0.1)
    outcome = train(objective, batches or repeat(TARGET), evaluate, limits=limits, lr=0.1, **options)
    return objective, outcome
