"""``RealNVP``: learn a density from samples, with scikit-learn's conventions."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

import realnvp
from realnvp.data.batches import Batch, Deck, shuffled, stream
from realnvp.data.check import check_columns, check_gaps, check_names, refuse_gaps
from realnvp.data.collinear import Laws, find_laws
from realnvp.errors import InputError
from realnvp.estimators.parts.base import Seed, check_params, device_of, fitting, plain_params, seed_of
from realnvp.estimators.parts.build import architecture, build, mixture_base, scalers, whole
from realnvp.estimators.parts.frames import column_names
from realnvp.estimators.parts.gaps import fill
from realnvp.estimators.parts.given import Conditional
from realnvp.estimators.parts.missing import Missing
from realnvp.estimators.parts.mixture import Gaussians
from realnvp.estimators.parts.rows import (
    context_rows,
    drawn,
    fingerprint,
    log_densities,
    mean_objective,
    scaled,
    tensor,
)
from realnvp.estimators.parts.sample import Sample, row_weights
from realnvp.estimators.parts.use import TableUse, quantile_curve
from realnvp.flow import Flow
from realnvp.memory import MEMORIES
from realnvp.objectives import MaxLikelihood, WeightedLikelihood
from realnvp.session import Limits, Record, Unit, train
from realnvp.train.checkpoint import read_run, rebuilding, write_run
from realnvp.train.resume import Checkpoint

__all__ = ["RealNVP"]


class RealNVP(Missing, Conditional, TableUse, BaseEstimator):
    """Exact density of a table, learnt by a coupling flow; samples and latent coordinates in one pass.

    ``log q(x) = log base(f(x)) + log |det df/dx|`` in nats and in the units of ``X``: columns are standardised inside
    and the Jacobian of that is counted. A trained linear map (LU) mixes the columns before each coupling. Training
    keeps the weights that are best on held-out rows. A single column without context takes ``kernel="spline"``: the
    other two kernels can only shift and scale it.

    Args:
        kernel: ``"affine"`` (Real NVP), ``"additive"`` (NICE) or ``"spline"`` (rational-quadratic splines).
        layers: number of couplings; ``"auto"`` is 4 of splines, 10 of affine maps, 8 of shifts.
        width: width of the two hidden layers of each coupling's net.
        base: ``"normal"``, ``"logistic"`` or ``"mixture"`` (eight normals, fitted first).
        batch_size: rows per step.
        lr: peak learning rate of AdamW, after a warm-up and before a cosine.
        max_steps: most steps of training.
        max_time: most seconds of ``fit``; where it ends the training, results depend on the machine's speed.
        early_stopping: end when the held-out figure has not improved for a quarter of the training.
        validation_fraction: share of rows held out, at most half of them and at most 10,000; with 0, or below 10
            rows, the figures called held out are those of the training rows.
        precision: what the nets compute in while training, ``"float32"`` or ``"bf16"``; ``"auto"`` is bf16 for nets of
            width 128 or more where the device multiplies it fast. Densities are exact in either.
        compile: compile the training step with ``torch.compile``; ``"auto"`` does where so much training is seen to be
            left, some minutes, that it is repaid. Compiling counts towards ``max_time`` and is not cut short by it.
        memory: ``"stored"`` keeps activations for the gradient; ``"constant"`` finds them again from the flow's output:
            training takes the memory of one coupling however many there are, and half as long again or more.
        missing: ``"refuse"`` says where values are missing (NaN); ``"marginalise"`` learns from incomplete rows too, of
            missing at random: their gaps are filled by draws of a Gaussian mixture (EM) given what was observed, and
            from half of the training on again and again by draws of the flow (stochastic EM). Rows held out are those
            without gaps. ``score_samples`` then gives the log density of what was observed.
        device: where to train; by default the accelerator if there is one.
        random_state: seed; the same seed gives the same numbers on the same machine.
        verbose: show a progress bar on a terminal or in a notebook.
        callbacks: functions called with each evaluation's ``Record``; one that returns something true ends it.

    Attributes:
        flow_: the trained ``realnvp.Flow``, in float32 and in the units of ``X``.
        history_: one dict per evaluation: step, seconds, train and held-out NLL in nats, and more.
        stopped_by_: ``"max_steps"``, ``"max_time"``, ``"early_stopping"``, ``"callback"``, ``"non_finite"``,
            ``"batches"`` or ``"interrupt"``.
        held_out_quantiles_: quantiles of the held-out rows' log densities in nats, for ``predict_outliers``.
        laws_: the columns that follow from others by a linear law, and how; they are no part of the density.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.

    References:
        Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803
    """

    def __init__(
        self,
        kernel: str = "affine",
        layers: int | str = "auto",
        width: int = 64,
        base: str = "normal",
        *,
        batch_size: int = 512,
        lr: float = 3e-3,
        max_steps: int = 3000,
        max_time: float | None = None,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        precision: str = "auto",
        compile: bool | str = "auto",  # noqa: A002 - the name the field uses
        memory: str = "stored",
        missing: str = "refuse",
        device: str | torch.device | None = None,
        random_state: Seed = None,
        verbose: bool = True,
        callbacks: Sequence[Callable[[Record], object]] | None = None,
    ) -> None:
        self.kernel = kernel
        self.layers = layers
        self.width = width
        self.base = base
        self.batch_size = batch_size
        self.lr = lr
        self.max_steps = max_steps
        self.max_time = max_time
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.precision = precision
        self.compile = compile
        self.memory = memory
        self.missing = missing
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks

    @fitting
    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        *,
        context: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> "RealNVP":
        """Learn the density of ``X``, of shape (n, D), or of ``X`` given ``context``, of shape (n, C).

        With ``sample_weight``, (n,), it makes ``-sum w log q(x) / sum w`` small; standardisation, the first mixture
        and the held-out figures are weighted too. In expectation a weight of k counts as the row k times; rows of
        weight zero are left out.

        Raises ``InputError`` (a ``ValueError``) for what cannot be learnt from. An interrupt leaves the best model
        in place and is raised again. A ``realnvp.train.Checkpoint`` lets it go on with the same rows and parameters.
        """
        started = time.monotonic()
        check_params(self)
        filled = fill(self._sample(X, context, sample_weight), seed := seed_of(self.random_state), missing=self.missing)
        sample, self.gap_mixture_ = filled.sample, filled.mixture if context is not None else None
        held, kept = filled.hold_out(self.validation_fraction, seed)
        made = self._begin(sample.pick(kept), seed)
        kept_rows, held_rows = (sample.pick(part).scaled(scalers(made[2])) for part in (kept, held))
        deck = Deck(len(kept), torch.Generator().manual_seed(seed))
        if checkpoint is not None:
            told = {name: getattr(self, name) for name in ("batch_size", "lr", "validation_fraction", "memory")}
            checkpoint.about = {**made[0], **told, "seed": seed, "data": fingerprint(sample.tensors())}
        batches: Iterable[Batch] = shuffled(kept_rows, self.batch_size, deck)
        batches, gaps = filled.refilled(batches, kept, kept_rows[0], made[2], self.max_steps, seed)
        return self._train(made, batches, held_rows, started, checkpoint=checkpoint, keep={"deck": deck} | gaps)

    @fitting
    def fit_stream(self, draw: Callable[[int], ArrayLike], *, held_out: int = 5000) -> "RealNVP":
        """Learn from fresh rows at every step: ``draw(n)`` returns an array of shape (n, D).

        Standardisation and the held-out figure come from the first ``held_out`` rows drawn.
        """
        started = time.monotonic()
        check_params(self)
        sample = self._sample(draw(held_out))
        refuse_gaps(sample.arrays[0], column_names(self), "a stream gives whole rows")
        self.gap_mixture_ = None
        made = self._begin(sample, seed_of(self.random_state))
        read = lambda n: self.laws_.independent(drawn(draw, n, self.n_features_in_))  # noqa: E731
        fresh = stream(lambda n: scaled(scalers(made[2]), [read(n)])[0], self.batch_size)
        return self._train(made, fresh, sample.scaled(scalers(made[2])), started)

    def save(self, folder: str | os.PathLike, *, force: bool = False, **notes: object) -> Path:
        """Write ``config.json``, ``model.safetensors`` and ``history.jsonl``; ``notes`` (plain data) join the config.

        An existing run is replaced only with ``force``.
        """
        check_is_fitted(self, "flow_")
        config = {
            "kind": "density",
            "version": realnvp.__version__,
            "params": plain_params(self),
            "architecture": self.architecture_,
            "columns": list(getattr(self, "feature_names_in_", ())) or None,
            "laws": self.laws_.plain(),
            "gap_mixture": None if self.gap_mixture_ is None else self.gap_mixture_.plain(),
            "stopped_by": self.stopped_by_,
            "held_out_quantiles": self.held_out_quantiles_,
        } | notes
        return write_run(folder, config, self.flow_.state_dict(), self.history_, force=force)

    @classmethod
    def load(cls, folder: str | os.PathLike, *, device: str | torch.device | None = None) -> "RealNVP":
        """Read a folder that ``save`` or the command wrote."""
        config, state, history = read_run(folder)
        if config.get("kind") != "density":
            raise InputError(f"{folder} holds a run of kind {config.get('kind')!r}, not a density")
        with rebuilding(folder):
            model = cls(**config["params"], device=device)
            model.architecture_, names = config["architecture"], config["columns"]
            model.flow_ = whole(build(model.architecture_, 0))
            model.flow_.load_state_dict(state)
            model.laws_, model.stopped_by_ = Laws.of(config.get("laws")), config["stopped_by"]
            model.gap_mixture_ = Gaussians.of(config.get("gap_mixture"))
            model.n_features_in_ = model.architecture_["features"] + len(model.laws_.laws)
        model.flow_.to(device_of(device)).eval()
        model.history_, model.held_out_quantiles_ = history, config.get("held_out_quantiles")
        if names is not None:
            model.feature_names_in_ = np.asarray(names, dtype=object)
        return model

    def _sample(self, X: ArrayLike, context: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Sample:
        """Check the data of a fit, and leave out what has no weight."""
        check_names(X)
        rows: np.ndarray = validate_data(self, X, dtype=np.float64, ensure_min_samples=2, ensure_all_finite="allow-nan")
        given = context_rows(context, len(rows))
        sample = Sample([rows] if given is None else [rows, given])
        if sample_weight is not None:
            weights = row_weights(sample_weight, len(rows))
            sample = Sample(sample.arrays, weights).pick(weights > 0)
        columns = column_names(self)
        check_gaps(sample.arrays[0], columns, self.missing)
        check_columns(sample.arrays[0], columns)
        self.laws_ = find_laws(sample.arrays[0], columns)
        return Sample([self.laws_.independent(sample.arrays[0]), *sample.arrays[1:]], sample.weights)

    def _begin(self, sample: Sample, seed: int) -> tuple[dict, Flow, Flow]:
        """Return the architecture, the flow to train and the same in the units of the rows, calibrated on them."""
        shape = architecture(self, sample.arrays, device := device_of(self.device))
        core = build(shape, seed)
        flow = whole(core)
        for scaler, a in zip(scalers(flow), sample.moments(), strict=True):
            scaler.calibrate(tensor(a))
        tensors = sample.plain().scaled(scalers(flow))
        if self.base == "mixture":
            core.base = flow.base = mixture_base(tensors[0], shape["components"], seed)
        core.calibrate(*tensors)
        flow.to(device)
        return shape, core, flow

    def _train(
        self,
        made: tuple[dict, Flow, Flow],
        batches: Iterable[Batch],
        held: Sequence[Tensor],
        started: float,
        **kept: Any,
    ) -> "RealNVP":
        shape, core, flow = made
        given = 2 if core.context else 1
        likelihood = MaxLikelihood if len(held) == given else WeightedLikelihood
        offset = float(scalers(flow)[0].scale.log().sum())
        outcome = train(
            likelihood(MEMORIES[self.memory](core)),
            batches,
            lambda module: mean_objective(module, held),
            limits=Limits(self.max_steps, self.max_time, 0.25 if self.early_stopping else 0.0),
            lr=self.lr,
            unit=Unit(offset=offset),
            compiled=self.compile,
            callbacks=self.callbacks or (),
            verbose=self.verbose,
            started=started,
            **kept,
        )
        self.architecture_, self.flow_ = shape, flow.eval()
        self.history_, self.stopped_by_ = outcome.history, outcome.stopped_by
        log_prob = log_densities(core, held[:given]) - offset
        self.held_out_quantiles_ = quantile_curve(log_prob, *(w.cpu().numpy() for w in held[given:]))
        if outcome.stopped_by == "interrupt":
            raise KeyboardInterrupt
        return self
