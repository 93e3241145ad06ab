"""What a library brings to the race: one model, four verbs, each a call that ends when its result is there."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

__all__ = ["LR", "MOMENTS", "VERBS", "WORKLOADS", "CannotError", "Model", "Workload", "torch_model"]

VERBS = {
    "train": "training step",
    "log_prob": "log_prob",
    "sample": "sample",
    "both": "sample with log-density",
}
LR = 1e-5  # so small that thousands of steps on noise stay where they began: every step costs what the first did
MOMENTS = (0.9, 0.99)


class CannotError(RuntimeError):
    """Say why a library has no such model."""


@dataclass(frozen=True)
class Workload:
    """``layers`` affine couplings of ``features``, conditioners of two ``hidden`` layers of ReLU, rows a ``batch``.

    With a ``picture``, the paper's multi-scale model of that shape instead: ``hidden`` features in its residual nets.
    """

    name: str
    features: int
    layers: int
    hidden: int
    batch: int
    picture: tuple[int, int, int] | None = None
    device: str = "cpu"

    @property
    def event(self) -> tuple[int, ...]:
        """Shape of one event."""
        return self.picture or (self.features,)

    def kept(self, layer: int) -> int:
        """How many features coupling ``layer`` looks at: the smaller half, and the other one in turn."""
        return self.features // 2 if layer % 2 == 0 else self.features - self.features // 2

    def vectors(self, why: str) -> None:
        """Refuse pictures: say why a library cannot build the paper's model of them."""
        if self.picture:
            raise CannotError(why)


WORKLOADS = {
    w.name: w
    for w in (
        Workload("toy", 2, 8, 128, 512),
        Workload("table", 43, 10, 256, 1024),
        Workload("wide", 256, 12, 512, 1024),
        Workload("latency", 16, 8, 128, 1),
        Workload("image", 3072, 0, 32, 32, (3, 32, 32)),
    )
}


@dataclass
class Model:
    """A model ready to be timed. ``verbs`` do one call each; ``settle`` waits for calls that were left under way."""

    parameters: int
    verbs: dict[str, Callable[[], object]]
    settle: Callable[[], object] = lambda: None
    check: Callable[[], float] = lambda: 0.0  # largest gap between the density told while sampling and log_prob's
    device: str = "cpu"


def torch_model(module, log_prob, sample, both, load: Workload, compiled: bool | str, train=None, rows=None) -> Model:
    """Make a model of a torch module: AdamW, fused as ours is, on the mean negative log likelihood, clipped to norm 1.

    ``log_prob(x)``, ``sample(n)`` and ``both(n) -> x, log q`` are the library's own. ``train(next_batch)`` returns a
    training step where the library has its own loop, ``rows`` is how
    many its verbs take where they take no other number. Compiled, each verb goes through ``torch.compile``, in the mode
    of that name where it is one.
    """
    import torch

    plain = log_prob, both
    mode = compiled if isinstance(compiled, str) else None
    wrap = partial(torch.compile, mode=mode) if compiled else lambda f: f
    module.to(load.device)
    batches = itertools.cycle(torch.randn(32, load.batch, *load.event).to(load.device).unbind(0))
    objective = wrap(lambda x: -log_prob(x).mean())
    if train is None:
        optimizer = torch.optim.AdamW(module.parameters(), lr=LR, betas=MOMENTS, weight_decay=0.0, fused=True)
        params = [p for p in module.parameters() if p.requires_grad]

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            objective(next(batches)).backward()
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimizer.step()
    else:
        step = train(batches)

    density, draw, draw_both = wrap(log_prob), wrap(sample), wrap(both)

    def quiet(verb: Callable[[], object]) -> Callable[[], object]:
        def call() -> object:
            if module.training:
                module.eval()
            with torch.no_grad():
                return verb()

        return call

    def training() -> None:
        if not module.training:
            module.train()
        step()

    def check() -> float:
        module.eval()
        with torch.no_grad():
            n = rows or min(8, load.batch)
            x, log_q = plain[1](n)
            gap = float((plain[0](x) - log_q).abs().max())
        assert x.shape == (n, *load.event), f"samples have shape {tuple(x.shape)}"
        assert math.isfinite(gap), "log-densities are not finite"
        return gap

    verbs = {
        "train": training,
        "log_prob": quiet(lambda: density(next(batches))),
        "sample": quiet(lambda: draw(load.batch)),
        "both": quiet(lambda: draw_both(load.batch)),
    }
    count = sum(p.numel() for p in module.parameters() if p.requires_grad)
    settle = torch.cuda.synchronize if load.device == "cuda" else lambda: None
    return Model(count, verbs, settle, check, load.device)
