"""zuko: flows that return torch distributions, in the usual training loop."""

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
import zuko
from torch import Tensor

from bench.tables.budget import Budget, Fitted
from bench.tables.rows import Rows

__all__ = ["fit"]

BATCH, LR, CLIP = 512, 1e-3, 5.0  # the norm of the gradient as in neural spline flows (Durkan et al., 2019)
PATIENCE = 2000
"""Steps without a better figure on val after which a training ends, and at least 50 epochs."""
CHUNK = 2048


def fit(rows: Rows, budget: Budget, seed: int, *, flow: str, transforms: int, hidden: tuple[int, ...]) -> Fitted:
    """Train by Adam on train; keep the weights that are best on val, at the end of each epoch and of the time."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    train, val = (torch.as_tensor(x, dtype=torch.float32) for x in (rows.train, rows.val))
    model = getattr(zuko.flows, flow)(rows.features, transforms=transforms, hidden_features=hidden)
    note = _train(model, lambda x: model().log_prob(x), train, val, budget)
    model.eval()

    def log_prob(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            parts = torch.as_tensor(x, dtype=torch.float32).split(CHUNK)
            return torch.cat([model().log_prob(part) for part in parts]).double().numpy()

    return Fitted(log_prob, note)


def _train(
    model: torch.nn.Module, log_prob: Callable[[Tensor], Tensor], train: Tensor, val: Tensor, budget: Budget
) -> str:
    adam = torch.optim.Adam(model.parameters(), lr=LR)
    best, weights, best_step, step, ended, looks = math.inf, copy.deepcopy(model.state_dict()), 0, 0, "", 0.0

    def look() -> None:
        """Keep the weights if they are the best on val, and learn how long that takes."""
        nonlocal best, weights, best_step, looks
        began = budget.spent()
        model.eval()
        with torch.no_grad():
            found = -float(torch.cat([log_prob(part) for part in val.split(CHUNK)]).double().mean())
        model.train()
        if found < best:  # not so where it is not finite
            best, weights, best_step = found, copy.deepcopy(model.state_dict()), step
        looks = budget.spent() - began

    look()
    patience = max(PATIENCE, 50 * math.ceil(len(train) / BATCH))
    while not ended:
        for batch in train[torch.randperm(len(train))].split(BATCH):
            if budget.left() < 1.2 * looks:  # the last look is inside the time
                ended = "the time"
                break
            adam.zero_grad(set_to_none=True)
            loss = -log_prob(batch).mean()
            if loss.isfinite():
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
                adam.step()
            step += 1
        look()
        if not ended and step - best_step > patience:
            ended = "early stopping"
    model.load_state_dict(weights)
    return f"{step:,} steps, best at {best_step:,}, ended by {ended}"
