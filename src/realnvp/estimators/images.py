"""``ImageRealNVP``: learn the density of pictures."""

import copy
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

import realnvp
from realnvp.data.batches import Deck
from realnvp.errors import InputError
from realnvp.estimators.parts.base import Seed, check_params, device_of, fitting, plain_params, seed_of
from realnvp.estimators.parts.rows import fingerprint, hold_out, mean_objective
from realnvp.estimators.pictures.base import (
    decoded,
    noisy_batches,
    picture_array,
    picture_tensor,
    piece_of,
    sheet_of,
    with_noise,
)
from realnvp.estimators.pictures.book import Book
from realnvp.estimators.pictures.flows import architecture, dequantiser, image_flow, rebuilt, weights
from realnvp.estimators.pictures.labels import Labels
from realnvp.estimators.pictures.model import PictureModel
from realnvp.flow import Flow
from realnvp.memory import MEMORIES
from realnvp.objectives import MaxLikelihood, VariationalDequantisation
from realnvp.session import Limits, Outcome, Record, Unit, train
from realnvp.train.checkpoint import read_run, rebuilding, write_run
from realnvp.train.resume import Checkpoint
from realnvp.train.world import here

__all__ = ["ImageRealNVP"]

_HELD_OUT = 1000


class ImageRealNVP(PictureModel):
    """Exact density of pictures, learnt by a multi-scale flow of convolutions; samples in one pass.

    Whole numbers ``k`` from 0 to ``levels - 1`` are dequantised, ``x = (k + u) / levels`` with uniform noise ``u``,
    and go through ``logit(0.05 + 0.9 x)``; both are counted. Figures are in bits per dimension (a dimension is a
    channel of a pixel): ``bits = -log2 p(k) / D``. What is reported is the mean over the noise, which is never less
    than the exact figure of ``k`` (Jensen's inequality).

    Args:
        kernel: ``"spline"`` (an affine map and a rational-quadratic spline), ``"affine"`` or ``"additive"``; ``"auto"``
            is the spline for ``"glow"`` and affine, as published, for the others.
        layers: couplings of each kind in each scale; ``"auto"`` is 6, for ``"real_nvp"`` 3.
        width: features of the conditioners, at half the resolution for ``"glow"``, at full resolution for
            ``"real_nvp"``, and twice as many each scale further; ``"auto"`` is 32 and, for ``"flat"``, 64.
        base: ``"normal"`` or ``"logistic"``.
        architecture: ``"glow"`` (couplings of channels, activation normalisation, learnt 1 x 1 convolutions),
            ``"real_nvp"`` (as published: couplings of checkerboards and channels, batch normalisation) or ``"flat"``
            (all pixels in a row and no convolution: a baseline; ``width=64`` means hidden layers of 64, 128, 128 and
            64, a larger width four layers of it).
        scales: how many; by default as many as leave sides of 4.
        blocks: residual blocks of each conditioner; ``"auto"`` is 1, for ``"real_nvp"`` 2.
        levels: how many values a pixel can have.
        flips: turn half of the training pictures left to right.
        dequantisation: where the noise comes from: ``"uniform"``, or ``"variational"``, a second flow that learns
            which noise makes the bound tightest (Flow++): fewer bits, more time.
        batch_size: pictures per step.
        lr: peak learning rate of AdamW, after a warm-up and before a cosine.
        max_steps: most steps of training.
        max_time: most seconds of ``fit``; where it ends the training, results depend on the machine's speed.
        early_stopping: end when the held-out figure has not improved for a quarter of the training.
        validation_fraction: share of pictures held out, at most 1,000.
        precision: what the nets compute in while training: ``"float32"``, ``"bf16"``, or ``"auto"``, bf16 where the
            device multiplies it fast. Outside training it is float32.
        compile: as in ``RealNVP``.
        memory: ``"stored"`` or ``"constant"``, as in ``RealNVP``.
        device: where to train; by default the accelerator if there is one.
        random_state: seed; the same seed gives the same numbers on the same machine.
        verbose: show a progress bar on a terminal or in a notebook.
        callbacks: a list of functions of each evaluation's ``Record``; one that returns something true ends it, and
            ``snapshot()`` gives it the model of the moment.

    Attributes:
        flow_: the trained ``realnvp.Flow`` of values in [0, 1], (C, H, W).
        history_: one dict per evaluation: step, seconds, train and held-out bits per dimension, and more.
        sheets_: 64 pictures (of large ones fewer) drawn from the same noise at each evaluation, an array each.
        classes_: the class labels, where the model was fitted with labels.
        stopped_by_: what ended the training.

    References:
        Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803
        Glow (Kingma and Dhariwal, 2018), https://arxiv.org/abs/1807.03039
        Neural Spline Flows (Durkan et al., 2019), https://arxiv.org/abs/1906.04032
    """

    def __init__(
        self,
        kernel: str = "auto",
        layers: int | str = "auto",
        width: int | str = "auto",
        base: str = "normal",
        *,
        architecture: str = "glow",
        scales: int | str = "auto",
        blocks: int | str = "auto",
        levels: int = 256,
        flips: bool = False,
        dequantisation: str = "uniform",
        batch_size: int = 32,
        lr: float = 3e-3,
        max_steps: int = 5000,
        max_time: float | None = None,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        precision: str = "auto",
        compile: bool | str = "auto",  # noqa: A002 - the name the field uses
        memory: str = "stored",
        device: str | torch.device | None = None,
        random_state: Seed = None,
        verbose: bool = True,
        callbacks: Sequence[Callable[[Record], object]] | None = None,
    ) -> None:
        self.kernel = kernel
        self.layers = layers
        self.width = width
        self.base = base
        self.architecture = architecture
        self.scales = scales
        self.blocks = blocks
        self.levels = levels
        self.flips = flips
        self.dequantisation = dequantisation
        self.batch_size = batch_size
        self.lr = lr
        self.max_steps = max_steps
        self.max_time = max_time
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.precision = precision
        self.compile = compile
        self.memory = memory
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks

    @fitting
    def fit(
        self,
        images: ArrayLike,
        y: object = None,
        *,
        context: ArrayLike | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> "ImageRealNVP":
        """Learn from ``images``, whole numbers (n, H, W) or (n, H, W, C), or from them given ``context``.

        ``context`` is a class label for each picture, whole numbers or words (n,), or features (n, C). Raises
        ``InputError`` (a ``ValueError``) for input that cannot be learnt from. An interrupt leaves the best model so
        far in place and is raised again. ``checkpoint``, a ``realnvp.train.Checkpoint``, keeps where the training
        stands in a file, so that it can go on: with the same pictures, parameters and seed, and other limits if wished.
        """
        started, world = here().now(), here()
        check_params(self, ("layers", "width", "scales", "blocks"))
        k = picture_tensor(images, self.levels)
        if len(k) < 2:
            raise InputError(f"pictures to learn from must be at least 2, got {len(k)}")
        self.grey_ = np.ndim(images) == 3
        self.labels_ = Labels.learn(context, len(k))
        given = self.labels_.read(context, len(k))
        seed, device = world.first(lambda: seed_of(self.random_state)), device_of(self.device)
        arrays = [a.to(device) for a in (k, given) if a is not None]
        world.same(lambda: fingerprint(arrays), "pictures")
        held, kept = hold_out(len(k), min(self.validation_fraction, _HELD_OUT / len(k)), seed)
        self.architecture_ = architecture(self, k.shape[1:], self.labels_.width, device)
        flow = image_flow(self.architecture_, seed).to(device)
        noise = dequantiser(self.architecture_, seed)
        self.noise_ = noise if noise is None else noise.to(device)
        pictures, measured = ([a[part] for a in arrays] for part in (kept, held))
        if (most := min(self.batch_size, len(kept))) < world.size:  # batch statistics want a picture of each process
            raise InputError(
                f"a batch of {most} is less than a picture for each of {world.size} processes: start fewer"
            )
        deck = Deck(len(kept), torch.Generator().manual_seed(seed))
        start = next(noisy_batches(pictures, self.levels, max(16, piece_of(k.shape[1:])), False, deck))
        flow.calibrate(*((start,) if isinstance(start, Tensor) else start))
        if checkpoint is not None:
            options = ("batch_size", "lr", "flips", "levels", "validation_fraction", "memory")
            checkpoint.about = self.architecture_ | {name: getattr(self, name) for name in options}
            checkpoint.about |= {"seed": seed, "data": fingerprint(arrays)}
        return self._train(flow, pictures, measured, deck, checkpoint, started)

    def _train(
        self,
        flow: Flow,
        arrays: Sequence[Tensor],
        held: Sequence[Tensor],
        deck: Deck,
        checkpoint: Checkpoint | None,
        started: float,
    ) -> "ImageRealNVP":
        many = sheet_of(flow.event_shape)
        z = flow.base.sample(many, torch.Generator(arrays[0].device).manual_seed(deck.generator.initial_seed()))
        shown = self.labels_.every(many)
        shown = held[1][torch.arange(many) % len(held[1])] if shown is None and self.labels_.width else shown
        book = Book(lambda: self._draw(flow, z, shown))

        fixed = [*with_noise(held[0], self.levels, torch.Generator().manual_seed(0), self.noise_), *held[1:]]
        noise = self.noise_
        seen = MEMORIES[self.memory](flow)
        objective = MaxLikelihood(seen) if noise is None else VariationalDequantisation(seen, noise, self.levels)
        dimensions = flow.event_shape.numel()
        so_far = Outcome()
        self._now = lambda: copy.copy(self)._take(copy.deepcopy(flow), copy.deepcopy(noise), book.sheets, so_far)
        outcome = train(
            objective,
            here().shared(noisy_batches(arrays, self.levels, self.batch_size, self.flips, deck, self.noise_)),
            lambda module: mean_objective(module, fixed, piece_of(flow.event_shape)),
            limits=Limits(self.max_steps, self.max_time, 0.25 if self.early_stopping else 0.0, every=0.04),
            lr=self.lr,
            unit=Unit("bits/dim", 1 / (dimensions * math.log(2)), math.log2(self.levels)),
            compiled=self.compile,
            callbacks=(*(self.callbacks or ()), book.add),
            verbose=self.verbose,
            started=started,
            checkpoint=checkpoint,
            into=so_far,
            keep={"deck": deck, "sheets": book},
        )
        self._take(flow, noise, book.sheets, outcome)
        if outcome.stopped_by == "interrupt":
            raise KeyboardInterrupt
        return self

    def _take(self, flow: Flow, noise: Flow | None, sheets: list, outcome: Outcome) -> "ImageRealNVP":
        """Take what was trained."""
        self.flow_, self.noise_, self.sheets_ = flow.eval(), None if noise is None else noise.eval(), list(sheets)
        self.history_, self.stopped_by_ = outcome.history, outcome.stopped_by
        return self

    @torch.no_grad()
    def _draw(self, flow: Flow, z: Tensor, context: Tensor | None) -> np.ndarray:
        """Draw pictures of latents in evaluation mode."""
        was, device = flow.training, z.device
        found = decoded(flow.eval(), z, self.levels, None if context is None else context.to(device))
        flow.train(was)
        return picture_array(found, self.grey_)

    @property
    def classes_(self) -> np.ndarray:
        """The class labels."""
        if not getattr(self, "labels_", Labels()).classes:
            raise AttributeError("classes_: the model was not fitted with labels")
        return np.asarray(self.labels_.classes)

    def save(self, folder: str | os.PathLike, *, force: bool = False, **notes: object) -> Path:
        """Write ``config.json``, ``model.safetensors`` and ``history.jsonl``; ``notes`` (plain data) join the config.

        An existing run is replaced only with ``force``.
        """
        check_is_fitted(self, "flow_")
        config = {
            "kind": "images",
            "version": realnvp.__version__,
            "params": plain_params(self),
            "architecture": self.architecture_,
            "grey": self.grey_,
            "classes": list(self.labels_.classes),
            "stopped_by": self.stopped_by_,
        } | notes
        return write_run(folder, config, weights(self.flow_, self.noise_), self.history_, force=force)

    @classmethod
    def load(cls, folder: str | os.PathLike, *, device: str | torch.device | None = None) -> "ImageRealNVP":
        """Read a folder that ``save`` or the command wrote."""
        config, state, history = read_run(folder)
        if config.get("kind") != "images":
            raise InputError(f"{folder} holds a run of kind {config.get('kind')!r}, not of pictures")
        with rebuilding(folder):
            model = cls(**config["params"], device=device)
            model.architecture_, model.grey_ = config["architecture"], config["grey"]
            model.labels_ = Labels(tuple(config["classes"]), model.architecture_["context"])
            model.flow_, model.noise_ = rebuilt(model.architecture_, state, device_of(device))
            model.stopped_by_ = config["stopped_by"]
        model.history_, model.sheets_ = history, []
        return model
