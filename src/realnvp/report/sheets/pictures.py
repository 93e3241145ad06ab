"""Sheets about a flow of pictures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from realnvp.report import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "IMAGE_FILES",
    "ImageModel",
    "ImageRun",
    "image_sheets",
    "manifold",
    "outliers",
    "painting",
    "paths",
    "samples",
    "temperatures",
    "training",
]

_TEMPERATURES = (0.5, 0.7, 0.85, 1.0)
_DRAWS = 4  # of the noise in a score
_STEPS = 250  # of a walk: each a pass and its gradient
_PASSES = {
    "samples.png": 1,
    "temperatures.png": len(_TEMPERATURES),
    "paths.png": 12,
    "manifold.png": 13,
    "outliers.png": 4 * _DRAWS,
    "painting.png": 3 * (_STEPS + 16),
}
"""Passes of one picture through the flow that the smallest sheet of each kind costs."""


class ImageModel(Protocol):
    """A fitted flow of pictures; ``context`` is passed only where there is one."""

    levels: int
    history_: list[dict[str, Any]]
    sheets_: Sequence[np.ndarray]

    def sample(self, n: int, /, context: Any = None, *, temperature: float = 1.0, random_state: int) -> np.ndarray:
        """Draw pictures."""

    def outlier_scores(self, images: np.ndarray, /, context: Any = None) -> np.ndarray:
        """Bits per dimension of each picture."""

    def interpolate(self, a: np.ndarray, b: np.ndarray, /, steps: int, context: Any = None) -> np.ndarray:
        """Pictures between two."""

    def manifold(self, images: np.ndarray, /, steps: int, context: Any = None) -> np.ndarray:
        """Pictures between four."""

    def inpaint(
        self, images: np.ndarray, mask: np.ndarray, /, context: Any = None, *, steps: int, random_state: int
    ) -> np.ndarray:
        """Fill in masked pixels."""


@dataclass(frozen=True)
class ImageRun:
    """A model, held-out pictures, and their labels if the model is one given labels."""

    model: ImageModel
    images: np.ndarray
    context: np.ndarray | None = None
    seed: int = 0
    passes: float = math.inf
    """How many passes of one picture through the flow there is time for on each sheet."""

    def within(self, seconds: float) -> ImageRun:
        """The same run with the passes that fit into the seconds, shared by the sheets they suffice for."""
        first = slice(min(2, len(self.images)))
        begun = time.monotonic()
        self.model.outlier_scores(self.images[first], **self.given(first))  # of each picture the mean of several passes
        spent = (time.monotonic() - begun) / (_DRAWS * len(self.images[first]))
        passes, costs, left_out = seconds / max(spent, 1e-9), sorted(_PASSES.values()), math.inf
        while len(costs) > 1 and passes / len(costs) < costs[-1]:
            left_out = costs.pop()
        return replace(self, passes=min(passes / len(costs), math.nextafter(left_out, 0)))

    def few(self, most: int, each: float, least: int = 1) -> int:
        """How many of ``most`` things there is time for where each costs so many passes; never fewer than ``least``."""
        return max(least, int(min(most, self.passes / each)))

    def given(self, part: slice | np.ndarray) -> dict[str, Any]:
        """The context of some of the pictures, as an argument."""
        return {} if self.context is None else {"context": self.context[part]}

    def show(self, ax: Axes, images: np.ndarray, columns: int | None, title: str) -> None:
        """Draw a montage on axes."""
        sheet = plots.montage(images, columns, levels=self.model.levels)
        ax.imshow(sheet, interpolation="nearest")
        ax.set_axis_off()
        ax.set_title(title)


def samples(run: ImageRun) -> Figure:
    """Held-out pictures beside as many draws."""
    n = run.few(min(64, len(run.images)), 1)
    side = int(np.ceil(np.sqrt(n)))
    figure, (axes,) = plots.fresh_figure(10.0, 5.3, 1, 2)
    run.show(axes[0], run.images[:n], side, "Held-out pictures")
    run.show(axes[1], run.model.sample(n, random_state=run.seed, **run.given(slice(n))), side, "Samples")
    return figure


def temperatures(run: ImageRun) -> Figure:
    """Draws from the same noise at several temperatures, a row each."""
    n = run.few(min(12, len(run.images)), len(_TEMPERATURES))
    rows = [run.model.sample(n, temperature=t, random_state=run.seed, **run.given(slice(n))) for t in _TEMPERATURES]
    figure, axes = plots.fresh_figure(9.0, 3.4)
    told = ", ".join(map(str, _TEMPERATURES))
    run.show(axes[0, 0], np.concatenate(rows), n, f"Samples at temperatures {told}, from above")
    return figure


def paths(run: ImageRun) -> Figure:
    """Pictures on the way from one held-out picture to another, a pair each row."""
    pairs = run.few(min(6, len(run.images) // 2), 12)
    rows = [
        run.model.interpolate(run.images[2 * i], run.images[2 * i + 1], 10, **run.given(slice(2 * i, 2 * i + 2)))
        for i in range(pairs)
    ]
    figure, axes = plots.fresh_figure(8.0, 0.8 * pairs + 0.6)
    run.show(axes[0, 0], np.concatenate(rows), 10, "Paths in latent space between held-out pictures (left and right)")
    return figure


def manifold(run: ImageRun) -> Figure:
    """Pictures between four held-out ones."""
    side = math.isqrt(run.few(64, 1, least=9))
    grid = run.model.manifold(run.images[:4], side, **run.given(slice(4)))
    figure, axes = plots.fresh_figure(6.0, 6.3)
    run.show(axes[0, 0], grid.reshape(-1, *grid.shape[2:]), side, "Between four held-out pictures (the corners)")
    return figure


def painting(run: ImageRun) -> Figure:
    """Held-out pictures, the same with the lower half hidden, and that filled in."""
    images = run.images[: run.few(min(10, len(run.images)), _PASSES["painting.png"])]
    hidden = np.zeros(images.shape[1:3], bool)
    hidden[images.shape[1] // 2 :] = True
    filled = run.model.inpaint(images, hidden, steps=_STEPS, random_state=run.seed, **run.given(slice(len(images))))
    covered = images.copy()
    covered[:, hidden] = (run.model.levels - 1) // 2
    figure, axes = plots.fresh_figure(8.0, 3.0)
    rows = np.concatenate([images, covered, filled])
    run.show(axes[0, 0], rows, len(images), "Held-out pictures, the lower half hidden, and filled in by the flow")
    return figure


def outliers(run: ImageRun) -> Figure:
    """The held-out pictures that the model finds likeliest and unlikeliest."""
    pictures = run.images[: run.few(500, _DRAWS, least=4)]
    bits = run.model.outlier_scores(pictures, **run.given(slice(len(pictures))))
    order = np.argsort(bits)
    n = min(20, len(order) // 2)
    figure, (axes,) = plots.fresh_figure(10.0, 1.6, 1, 2)
    for ax, part, what in ((axes[0], order[:n], "Likeliest"), (axes[1], order[::-1][:n], "Unlikeliest")):
        low, high = sorted((bits[part[0]], bits[part[-1]]))
        run.show(ax, pictures[part], 10, f"{what}: {low:.2f} to {high:.2f} bits/dim")
    return figure


def training(run: ImageRun) -> Figure:
    """Bits per dimension against the step."""
    figure, axes = plots.fresh_figure(6.4, 3.8)
    plots.training_curve(run.model.history_, ax=axes[0, 0], unit="bits per dimension")
    return figure


_DRAWN: dict[str, Callable[[ImageRun], Figure]] = {
    "samples.png": samples,
    "temperatures.png": temperatures,
    "painting.png": painting,
    "paths.png": paths,
    "manifold.png": manifold,
    "outliers.png": outliers,
    "training.png": training,
}
IMAGE_FILES = frozenset((*_DRAWN, "training.gif"))
"""All that may be drawn of a run of pictures."""


def image_sheets(run: ImageRun) -> dict[str, Callable[[ImageRun], Figure]]:
    """File names, and what draws each of them."""
    without = {name for name, passes in _PASSES.items() if run.passes < passes}
    without |= set() if len(run.images) >= 4 else {"paths.png", "manifold.png", "outliers.png"}
    without |= set() if run.model.history_ else {"training.png"}
    return {name: draw for name, draw in _DRAWN.items() if name not in without}
