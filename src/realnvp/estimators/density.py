"""``RealNVP``: learn a density from samples, with scikit-learn's conventions."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

import realnvp
from realnvp.data.batches import Batch, Deck, shuffled
from realnvp.data.collinear import Laws
from realnvp.errors import InputError
from realnvp.estimators.parts.base import Seed, check_params, device_of, fitting, plain_params, seed_of
from realnvp.estimators.parts.build import rebuild, scalers
from realnvp.estimators.parts.columns import (
    freshened,
    held_out_density,
    in_code,
    learnt,
    plain_bounds,
    recoded,
    told_apart,
)
from realnvp.estimators.parts.crew import Crew
from realnvp.estimators.parts.frames import column_names
from realnvp.estimators.parts.gaps import fill
from realnvp.estimators.parts.gaussians import Gaussians
from realnvp.estimators.parts.given import Conditional
from realnvp.estimators.parts.member import Member
from realnvp.estimators.parts.missing import Missing
from realnvp.estimators.parts.now import Watched
from realnvp.estimators.parts.rows import context_rows, fingerprint
from realnvp.estimators.parts.sample import Sample, mean_of, row_weights
from realnvp.estimators.parts.settings import AUTO
from realnvp.estimators.parts.streams import Streams
from realnvp.estimators.parts.use import TableUse, quantile_curve
from realnvp.session import Record
from realnvp.train.checkpoint import read_run, rebuilding, write_run
from realnvp.train.resume import Checkpoint
from realnvp.train.world import here

__all__ = ["AUTO", "RealNVP"]


class RealNVP(Streams, Missing, Conditional, TableUse, Watched, BaseEstimator):
    """Exact density of a table, learnt by a coupling flow; samples and latent coordinates in one pass.

    ``log q(x) = log base(f(x)) + log |det df/dx|`` in nats and in the units of ``X``: columns are standardised inside
    and the Jacobian of that is counted. Columns of whole numbers, of few values, of text or categories in a data frame
    are learnt as such: ``q`` is then a mass in them, a density in the others, and samples are of their kind. A trained
    linear map (LU) mixes the columns before each coupling. Training keeps the weights that are best on held-out rows.
    With fewer rows than 20,000 ``q`` is a mixture of several flows and of normals, under which the held-out rows are
    about as likely as under the best of them. Of the named kernels a single column without context takes ``"spline"``:
    the others can only shift and scale it.

    Args:
        kernel: ``"affine"`` (Real NVP), ``"additive"`` (NICE) or ``"spline"`` (rational-quadratic splines); ``"auto"``
            is splines, or affine maps from 48 columns on.
        layers: number of couplings; ``"auto"`` is 4 of splines, 10 of affine maps, 8 of shifts.
        width: width of the two hidden layers of each coupling's net; ``"auto"`` is 64.
        base: ``"normal"``, ``"logistic"`` or ``"mixture"`` (eight normals, fitted first).
        batch_size: rows per step.
        lr: peak learning rate of AdamW, after a warm-up and before a cosine.
        max_steps: most steps of training; ``"auto"`` is 3,000, and no limit where there is a ``max_time``.
        max_time: most seconds of ``fit``; where it ends the training, results depend on the machine's speed.
        early_stopping: end when the held-out figure has not improved for a quarter of the training.
        validation_fraction: share of rows held out, at most half of them and at most 10,000; with 0, or below 10
            rows, the figures called held out are those of the training rows.
        kinds: what the columns are, ``"auto"``: found out; ``"continuous"``, ``"discrete"`` or ``"categorical"``; one
            word for all, or a dict by name or number. ``"continuous"`` leaves them as they are.
        bounds: ``(low, high)`` between which all columns lie, or a dict of pairs by name or number; ``None`` is open.
        precision: what the nets compute in while training, ``"float32"`` or ``"bf16"``; ``"auto"`` is bf16 for nets of
            width 128 or more where the device multiplies it fast. Densities are exact in either.
        compile: compile the training step with ``torch.compile``; ``"auto"`` does where so much training is seen to be
            left, some minutes, that it is repaid. Compiling counts towards ``max_time`` and is not cut short by it.
        memory: ``"stored"`` keeps activations for the gradient; ``"constant"`` finds them again from the flow's output:
            training takes the memory of one coupling however many there are, and half as long again or more.
        members: how many flows share the training, one after another, mixed by how likely the held-out rows are;
            ``"auto"`` is one, or with ``kernel="auto"`` and below 20,000 rows up to eight while steps and time are
            left, splines and strongly decayed affine maps in turn, and Gaussians beside them.
        marginals: bend each column by itself first (``transforms.SinhArcsinh``); ``"auto"`` tries whether that pays.
        dropout: in the nets while training; ``"auto"`` is 100 columns / rows, at most 0.3, and none below 0.05.
        missing: ``"refuse"`` says where values are missing (NaN); ``"marginalise"`` learns from incomplete rows too, of
            missing at random: their gaps are filled by draws of a Gaussian mixture (EM) given what was observed, and
            from a quarter of each flow's training on by draws of the flow, again and again (stochastic EM). Held out
            are rows without gaps. Text, categories and few values may have gaps as numbers may. Where some columns
            follow from others, those with gaps are learnt as plain numbers or as numbers on a grid, with a warning
            where more was noticed. ``score_samples`` gives the log density of what was observed.
        device: where to train; by default the accelerator if there is one.
        random_state: seed; the same seed gives the same numbers on the same machine.
        verbose: show a progress bar on a terminal or in a notebook.
        callbacks: a list of functions of each evaluation's ``Record``; one that returns something true ends it, and
            ``snapshot()`` gives it the model of the moment.

    Attributes:
        flow_: the trained ``realnvp.Flow``, in float32 and in the units of ``X``; of several an ``Ensemble``, whose
            latent coordinates are those of its heaviest flow; of the code ``codec_`` of ``X`` where some column is not
            plain.
        laws_: the columns that follow from others by a linear law, and how; they are no part of the density. Columns of
            text and categories are not searched.
        columns_: one dict per other column: name, kind (continuous, discrete, few values, boolean, categorical, rounded
            or point mass), what was noticed in a sentence, and its code; nothing of a plain column.
        history_: one dict per evaluation: step, seconds, train and held-out NLL in nats, and more; of several flows
            one after another, by ``member``, and at the end the figures of all together, ``member`` 0.
        stopped_by_: ``"max_steps"``, ``"max_time"``, ``"early_stopping"``, ``"callback"``, ``"non_finite"``,
            ``"batches"`` or ``"interrupt"``.
        held_out_quantiles_: quantiles of the held-out rows' log densities in nats, for ``predict_outliers``.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.

    References:
        Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803
    """

    def __init__(
        self,
        kernel: str = "auto",
        layers: int | str = "auto",
        width: int | str = "auto",
        base: str = "normal",
        *,
        batch_size: int = 512,
        lr: float = 3e-3,
        max_steps: int | str = "auto",
        max_time: float | None = None,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        kinds: str | dict = "auto",
        bounds: tuple | dict | None = None,
        precision: str = "auto",
        compile: bool | str = "auto",  # noqa: A002 - the name the field uses
        memory: str = "stored",
        members: int | str = "auto",
        marginals: bool | str = "auto",
        dropout: float | str = "auto",
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
        self.kinds = kinds
        self.bounds = bounds
        self.precision = precision
        self.compile = compile
        self.memory = memory
        self.members = members
        self.marginals = marginals
        self.dropout = dropout
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
        started, world = here().now(), here()
        check_params(self, AUTO)
        sample, seed = self._sample(X, context, sample_weight), world.first(lambda: seed_of(self.random_state))
        world.same(lambda: fingerprint(sample.tensors()), "rows")
        filled = fill(sample, self.validation_fraction, seed, missing=self.missing)
        sample, self.gap_mixture_ = filled.sample, filled.mixture if context is not None else None
        log_m = mean_of(filled.measures(self._log_m, self.codec_), filled.held, sample)
        crew = Crew(self, *filled.parted(), seed, started, measured=filled.measured, log_m=log_m)
        if checkpoint is not None:
            checkpoint.about = {"data": fingerprint(sample.tensors())}

        def feed(rows: Sequence[Tensor], deck: Deck, member: Member, seed: int) -> tuple[Iterable[Batch], dict]:
            mine = filled.own(rows)
            batches: Iterable[Batch] = shuffled(mine, self.batch_size, deck)
            batches, gaps = filled.refilled(batches, mine[0], member, crew.foreseen, seed)
            batches, noise = freshened(batches, self.codec_, scalers(member.flow)[0], seed)
            return world.shared(batches), gaps | noise

        crew.train(feed, checkpoint)
        return self._take(crew)

    def save(self, folder: str | os.PathLike, *, force: bool = False, **notes: object) -> Path:
        """Write ``config.json``, ``model.safetensors`` and ``history.jsonl``; ``notes`` (plain data) join the config.

        An existing run is replaced only with ``force``.
        """
        check_is_fitted(self, "flow_")
        config = {
            "kind": "density",
            "version": realnvp.__version__,
            "params": plain_params(self) | {"bounds": plain_bounds(self.bounds)},
            "architecture": self.architecture_,
            "columns": list(getattr(self, "feature_names_in_", ())) or None,
            "laws": self.laws_.plain(),
            "gap_mixture": None if self.gap_mixture_ is None else self.gap_mixture_.plain(),
            "kinds": None if self.codec_.is_plain else self.columns_,
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
            model.flow_ = rebuild(model.architecture_)
            model.flow_.load_state_dict(state)
            model.laws_, model.stopped_by_ = Laws.of(config.get("laws")), config["stopped_by"]
            model.gap_mixture_ = Gaussians.of(config.get("gap_mixture"))
            model.n_features_in_ = model.architecture_["features"] + len(model.laws_.laws)
            if names is not None:
                model.feature_names_in_ = np.asarray(names, dtype=object)
            model.codec_ = recoded(config.get("kinds"), model.laws_.others(column_names(model)))
        model.flow_.to(device_of(device)).eval()
        model.history_, model.held_out_quantiles_ = history, config.get("held_out_quantiles")
        return model

    def _sample(self, X: ArrayLike, context: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Sample:
        """Check the data of a fit, leave out what has no weight, tell what the columns are, and return their code."""
        rows, labels = learnt(self, X)
        given = context_rows(context, len(rows))
        sample = Sample([rows] if given is None else [rows, given])
        if sample_weight is not None:
            weights = row_weights(sample_weight, len(rows))
            sample = Sample(sample.arrays, weights).pick(weights > 0)
        self.laws_, self.codec_ = here().first(lambda: told_apart(self, sample.arrays[0], X, labels))
        y, log_m = in_code(self.codec_, self.laws_.independent(sample.arrays[0]), 0)
        self._log_m = log_m
        return Sample([y, *sample.arrays[1:]], sample.weights)

    def _take(self, crew: Crew) -> "RealNVP":
        """Take what was trained."""
        self.architecture_, self.flow_ = crew.combined()
        self.history_, self.stopped_by_ = crew.history(), crew.stopped_by
        log_prob = held_out_density(
            self.codec_, crew.core, scalers(crew.scaler)[0], crew.held[: crew.given], crew.offset
        )
        weights = crew.row_weights
        self.held_out_quantiles_ = quantile_curve(log_prob, None if weights is None else weights[: len(log_prob)])
        if self.stopped_by_ == "interrupt":
            raise KeyboardInterrupt
        return self
