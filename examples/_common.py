"""What the examples share: the command line, tensors drawn from numpy laws, numpy views of flows, and saving."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from realnvp import Flow
from realnvp.data.toy import Toy
from realnvp.train import warm_cosine


class Example:
    """One run of an example: ``--out`` says where its pictures go, ``--quick`` asks for a few steps only."""

    def __init__(self, file: str, seed: int = 0) -> None:
        name = Path(file).stem
        parser = argparse.ArgumentParser(prog=f"python examples/{name}.py")
        parser.add_argument("--out", type=Path, default=Path("runs/examples") / name, help="folder for the pictures")
        parser.add_argument("--quick", action="store_true", help="train for a few steps only")
        given = parser.parse_args()
        self.out, self.quick = given.out, given.quick
        if self.quick:
            print("--quick: a few steps, to see that it runs; the figures and pictures mean nothing")
        torch.manual_seed(seed)
        torch.set_num_threads(1)  # nets as small as these are slower on many cores

    def steps(self, steps: int) -> int:
        return 5 if self.quick else steps

    def save(self, figure, name: str, dpi: int = 90) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        figure.savefig(self.out / name, dpi=dpi)
        print("picture:", self.out / name)


def draws(law: Toy, seed: int = 0) -> Callable[[int], torch.Tensor]:
    """``draw(n)``: fresh float32 points of the law at each call."""
    rng = np.random.default_rng(seed)
    return lambda n: tensor(law.sample(n, rng))


def tensor(x: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(x, dtype=torch.float32)


def log_prob(flow: Flow) -> Callable[[np.ndarray], np.ndarray]:
    """The flow's log density as a function of arrays, as the plots want it."""
    return torch.no_grad()(lambda x: flow.log_prob(tensor(x)).numpy())


def cosine(steps: int) -> Callable[[int], float]:
    """A learning rate that rises for 100 steps and falls to zero by the last."""
    rate = warm_cosine(min(100, steps))
    return lambda step: rate(step, step / steps)
