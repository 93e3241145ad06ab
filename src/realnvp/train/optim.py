"""The optimiser and its schedule."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["AdamW", "adamw", "warm_cosine"]


class AdamW:
    """AdamW by torch's fused kernel, all parameters in one call, and nothing read back to the host.

    The update of ``torch.optim.AdamW``; that class brings the compiler with it when it is first used, which costs more
    than a second. It has the ``param_groups``, ``state``, ``state_dict`` and ``load_state_dict`` of a torch optimiser.

    References:
        Decoupled Weight Decay Regularization (Loshchilov and Hutter, 2017), https://arxiv.org/abs/1711.05101
    """

    def __init__(
        self, groups: Sequence[dict[str, Any]], lr: float, betas: tuple[float, float] = (0.9, 0.99), eps: float = 1e-8
    ) -> None:
        self.betas, self.eps = betas, eps
        self.param_groups: list[dict[str, Any]] = [{"lr": lr, **group} for group in groups]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self.rates: list[Tensor] = []

    def step(self) -> None:
        """Take a step."""
        self._step(None, None)

    def guarded_step(self, shrink: Tensor, skip: Tensor) -> None:
        """Take a step with the gradients divided by ``shrink``; where ``skip`` is true nothing happens."""
        self._step(shrink.float(), skip.float())  # the kernel wants both so

    @torch.no_grad()
    def follow_rates(self) -> None:
        """Write the learning rates to where a recorded step reads them: from now on they are tensors too."""
        if not self.rates:
            self.rates = [torch.zeros((), device=group["params"][0].device) for group in self.param_groups]
        for rate, group in zip(self.rates, self.param_groups, strict=True):
            rate.fill_(group["lr"])

    @torch.no_grad()
    def forget(self) -> None:
        """Begin the moments anew, where they lie: recorded steps go on writing there."""
        for kept in self.state.values():
            for value in kept.values():
                value.zero_()

    def forget_rates(self) -> None:
        """Let the rates be numbers again."""
        self.rates = []

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return the moments by the number of their parameter."""
        numbers = {p: i for i, p in enumerate(self._params())}
        return {"state": {numbers[p]: kept | {"step": kept["step"].clone()} for p, kept in self.state.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what ``state_dict`` returned."""
        params = self._params()
        self.state = {
            params[i]: {name: value.to(params[i].device, copy=True) for name, value in kept.items()}
            for i, kept in state["state"].items()
        }

    @torch.no_grad()
    def _step(self, shrink: Tensor | None, skip: Tensor | None) -> None:
        if self.rates and not (self.rates[0].is_cuda and torch.cuda.is_current_stream_capturing()):
            self.follow_rates()
        for group, rate in zip(self.param_groups, self.rates or [g["lr"] for g in self.param_groups], strict=True):
            alike = defaultdict(list)  # the kernel wants one device and one width at a time
            for p in group["params"]:
                if p.grad is not None:
                    alike[p.device, p.dtype].append(p)
            for params in alike.values():
                self._update(params, group, rate, shrink, skip)

    def _update(
        self,
        params: list[Tensor],
        group: dict[str, Any],
        rate: Tensor | float,
        shrink: Tensor | None,
        skip: Tensor | None,
    ) -> None:
        kept = [self.state.get(p) or self._begin(p) for p in params]
        counts = _together(kept).add_(1)
        torch._fused_adamw_(
            params,
            [p.grad for p in params if p.grad is not None],
            [k["exp_avg"] for k in kept],
            [k["exp_avg_sq"] for k in kept],
            [],
            [k["step"] for k in kept],
            lr=rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=group.get("weight_decay", 0.0),
            eps=self.eps,
            amsgrad=False,
            maximize=False,
            grad_scale=shrink,
            found_inf=skip,
        )
        if skip is not None:
            counts.sub_(skip)

    def _begin(self, p: Tensor) -> dict[str, Tensor]:
        step = torch.zeros((), dtype=torch.float32, device=p.device)
        zeros = {name: torch.zeros_like(p, memory_format=torch.preserve_format) for name in ("exp_avg", "exp_avg_sq")}
        return self.state.setdefault(p, {"step": step, **zeros})

    def _params(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]


def _together(kept: Sequence[dict[str, Tensor]]) -> Tensor:
    """Return the counts of steps as one vector whose entries they are, so that one call counts them all."""
    vector = kept[0]["step"]._base
    if vector is None or len(vector) != len(kept) or any(k["step"]._base is not vector for k in kept):
        vector = torch.stack([k["step"] for k in kept])
        for k, step in zip(kept, vector.unbind(), strict=True):
            k["step"] = step
    return vector


def adamw(module: nn.Module, lr: float = 3e-3, *, weight_decay: float = 0.0) -> AdamW:
    """Make AdamW over the trainable parameters; weight decay acts on the weights of linear and convolution layers."""
    weights = {id(m.weight) for m in module.modules() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)}
    params = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in params if id(p) in weights], "weight_decay": weight_decay},
        {"params": [p for p in params if id(p) not in weights], "weight_decay": 0.0},
    ]
    return AdamW([g for g in groups if g["params"]], lr=lr)


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
