"""The optimiser and its schedule."""

import math
from collections.abc import Callable

import torch
from torch import nn

__all__ = ["adamw", "warm_cosine"]


def adamw(module: nn.Module, lr: float = 3e-3, *, weight_decay: float = 0.0) -> torch.optim.AdamW:
    """Make AdamW over the trainable parameters; weight decay acts on the weights of linear and convolution layers."""
    weights = {id(m.weight) for m in module.modules() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)}
    params = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in params if id(p) in weights], "weight_decay": weight_decay},
        {"params": [p for p in params if id(p) not in weights], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=(0.9, 0.99), fused=True)


def warm_cosine(warmup: int = 100, floor: float = 0.0, *, steps: int = 1000) -> Callable[..., float]:
    """Return ``factor(step, progress=step / steps)``: linear over ``warmup`` steps, times half a cosine to ``floor``.

    ``progress`` runs from 0 to 1 over the training, in steps or in time. ``fit(…, schedule=warm_cosine(steps=2000))``
    is a training of 2,000 steps.
    """

    def factor(step: int, progress: float | None = None) -> float:
        done = step / steps if progress is None else progress
        rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
        return rise * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))

    return factor
