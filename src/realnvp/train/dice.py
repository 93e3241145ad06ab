"""Draws of dropout that are a training's own."""

import torch
from torch import Tensor, nn

from realnvp.train.world import here

__all__ = ["Dice"]


class Dice:
    """A context in which torch draws from states of ours; outside it nobody sees that anything was drawn.

    Where ``module`` has no dropout it does nothing. Of several processes each draws its own: what they have in common,
    and what ``states`` keeps, is a generator that seeds theirs afresh each time.
    """

    def __init__(self, module: nn.Module, seed: int) -> None:
        drops = any(isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0 for m in module.modules())
        kinds = {p.device for p in module.parameters()} if drops else set()
        self.cards = sorted({d.index or 0 for d in kinds if d.type == "cuda"})
        names = ["cpu", *(f"cuda:{i}" for i in self.cards)] if drops else []
        self.states = {name: torch.Generator(name).manual_seed(seed).get_state() for name in names}
        self.theirs: dict[str, Tensor] = {}
        self.common: dict[str, Tensor] = {}

    def __enter__(self) -> None:
        self.theirs = {name: _generator(name).get_state() for name in self.states}
        for name, state in self.states.items():
            _generator(name).set_state(state)
        if here().size > 1 and self.states:
            seed = int(torch.randint(2**62, ())) + here().rank
            self.common = {"cpu": torch.default_generator.get_state()}
            for name in self.states:
                _generator(name).manual_seed(seed)

    def __exit__(self, *_: object) -> None:
        self.states |= self.common or {name: _generator(name).get_state() for name in self.states}
        for name, state in self.theirs.items():
            _generator(name).set_state(state)


def _generator(name: str) -> torch.Generator:
    """Torch's own generator of a device."""
    if name == "cpu":
        return torch.default_generator
    return torch.cuda.default_generators[int(name.partition(":")[2])]
