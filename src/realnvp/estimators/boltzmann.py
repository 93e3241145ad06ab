"""``BoltzmannGenerator``: learn to sample from an energy, with weights, the normaliser and corrected samples."""

import copy
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

import realnvp
from realnvp.errors import InputError
from realnvp.estimators.parts.base import Seed, device_of, fitting, plain_params
from realnvp.estimators.parts.begin import Begun, begin
from realnvp.estimators.parts.build import energy_flow, framed
from realnvp.estimators.parts.explore import Within, corners
from realnvp.estimators.parts.lessons import Lessons
from realnvp.estimators.parts.now import Watched
from realnvp.estimators.parts.plan import architecture_of
from realnvp.estimators.parts.potential import described, recalled
from realnvp.estimators.parts.weighted import Weighted
from realnvp.flow import Flow
from realnvp.mcmc import Energy
from realnvp.measure.weights import ess, log_normalizer, pareto_k
from realnvp.memory import MEMORIES
from realnvp.session import Limits, Outcome, Record, train
from realnvp.train.checkpoint import read_run, rebuilding, write_run
from realnvp.train.world import here
from realnvp.transforms import Compose

__all__ = ["BoltzmannGenerator"]

_FOUND = ("log_normalizer_", "log_normalizer_error_", "ess_", "coverage_", "pareto_k_", "evaluations_")


class BoltzmannGenerator(Weighted, Watched, BaseEstimator):
    """Learns ``p(x) = exp(-U(x)) / Z`` from the potential ``U`` alone (in kT), then samples it in one pass.

    A small population is led from a wide start to the target by sequential Monte Carlo; the flow learns it, then
    learns from its own weighted draws (``objective="forward"``), so that no mode it has met is lost, and in more than
    two dimensions also minimises ``E_q[log q + U]`` (``"both"``). ``"reverse"`` is the second alone, from hot to cold.

    Args:
        n_features: dimension D; by default what the potential says of itself.
        bounds: ``(low, high)``, numbers or one for each feature, of the box the potential lives on; by default what the
            potential says, else all of space.
        kernel: ``"spline"``, ``"affine"``, ``"additive"``, or ``"lattice"``, the ``lattice_flow`` of a scalar field;
            ``"auto"`` is lattice for ``Phi4`` of an even side, else spline.
        layers: number of couplings; ``"auto"`` is 4 of splines, 10 of affine maps, 8 of shifts, 3 of a lattice.
        width: width of the hidden layers of each coupling's net; ``"auto"`` is 64, on a lattice 16.
        base: ``"normal"`` or ``"logistic"``, the one with heavier tails.
        objective: ``"forward"``, ``"reverse"`` or ``"both"``; ``"auto"`` is reverse on a lattice, both in more than two
            dimensions, and forward in one or two, where the potential has no gradient, or where it has walls.
        particles: how many points the population has.
        bodies: ``(n, dim)`` where the features are the positions of ``n`` like particles in the plane or in space, one
            after the other, and turning, mirroring and renaming them changes no energy: only their shape is learnt.
            ``"auto"`` is what the potential says, ``None`` leaves it alone.
        path_gradient: leave out the part of the reverse divergence's gradient whose mean is zero: less noise, for a
            second pass; ``"auto"`` does with ``"both"``.
        device: where the finished flow is put; the training itself runs on the processor.
        batch_size, lr: points per step and learning rate; ``"auto"`` is 512 and 3e-3, on a lattice 256 and 1e-2.
        max_steps, max_time, early_stopping, random_state, verbose, callbacks, precision, memory: as in ``RealNVP``; the
            figure that early stopping looks at is the spread of the log weights, of draws and of the chains' points.
        compile: as in ``RealNVP``; the potential is left as it is, whatever it is written with.

    Attributes:
        flow_: the trained ``realnvp.Flow``, in the units of ``x``.
        log_normalizer_, log_normalizer_error_: ``log Z`` in nats and its standard error.
        ess_: effective sample size of the flow's draws, as a fraction of n.
        coverage_: the same seen from the chains' side: low where they found places the flow gives too little weight.
        pareto_k_: shape of the weights' tail; above 0.7 they cannot be trusted.
        evaluations_: energies asked for while training.
        history_: one dict per evaluation: step, seconds, spread of the log weights (``held_out``, nats), ``ess``,
            ``log_z`` and ``bound`` (``E_q[log q + U] >= -log Z``, nats).
        acceptance_, local_acceptance_, autocorrelation_time_: of the last corrected sample.

    References:
        Boltzmann Generators (Noé et al., 2019), https://arxiv.org/abs/1812.01729
        Reweighted Wake-Sleep (Bornschein, Bengio, 2015), https://arxiv.org/abs/1406.2751
    """

    def __init__(
        self,
        n_features: int | None = None,
        bounds: tuple | None = None,
        kernel: str = "auto",
        layers: int | str = "auto",
        width: int | str = "auto",
        base: str = "normal",
        *,
        objective: str = "auto",
        particles: int = 2000,
        bodies: tuple[int, int] | str | None = "auto",
        path_gradient: bool | str = "auto",
        batch_size: int | str = "auto",
        lr: float | str = "auto",
        max_steps: int = 3000,
        max_time: float | None = None,
        early_stopping: bool = True,
        precision: str = "auto",
        compile: bool | str = "auto",  # noqa: A002 - the name the field uses
        memory: str = "stored",
        device: str | torch.device | None = None,
        random_state: Seed = None,
        verbose: bool = True,
        callbacks: Sequence[Callable[[Record], object]] | None = None,
    ) -> None:
        self.n_features = n_features
        self.bounds = bounds
        self.kernel = kernel
        self.layers = layers
        self.width = width
        self.base = base
        self.objective = objective
        self.particles = particles
        self.bodies = bodies
        self.path_gradient = path_gradient
        self.batch_size = batch_size
        self.lr = lr
        self.max_steps = max_steps
        self.max_time = max_time
        self.early_stopping = early_stopping
        self.precision = precision
        self.compile = compile
        self.memory = memory
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks

    @fitting
    def fit(
        self, potential: Energy, *, gradient: Energy | None = None, starts: ArrayLike | None = None
    ) -> "BoltzmannGenerator":
        """Learn ``exp(-potential)``; ``potential(x)`` takes a tensor (n, D) and returns (n,), in kT.

        ``gradient(x) -> (n, D)`` takes the place of autograd's. ``starts`` (m, D) are points that are known to matter.
        Raises ``InputError`` for a potential that cannot be learnt from. An interrupt leaves the best model so far in
        place and is raised again.
        """
        started = time.monotonic()
        if here().size > 1:
            raise InputError("an energy is learnt by one process: call fit outside of realnvp.train.joined()")
        begun = begin(self, potential, gradient, starts, started)
        self.gradient_ = gradient
        return self._learn(potential, begun, started)

    def save(self, folder: str | os.PathLike, *, force: bool = False, **notes: object) -> Path:
        """Write ``config.json``, ``model.safetensors`` and ``history.jsonl``; ``notes`` (plain data) join the config.

        A potential of ``realnvp.potentials`` is named in the config; any other must be given to ``load`` again.
        """
        check_is_fitted(self, "flow_")
        params = plain_params(self)
        params["bodies"] = list(self.bodies) if isinstance(self.bodies, tuple) else self.bodies
        params["bounds"] = None if self.bounds is None else corners(self.bounds, self.n_features_in_)
        config = {
            "kind": "boltzmann",
            "version": realnvp.__version__,
            "params": params,
            "architecture": self.architecture_,
            "potential": described(self.potential_),
            "stopped_by": self.stopped_by_,
            "found": {name: getattr(self, name) for name in _FOUND},
        } | notes
        return write_run(folder, config, self.flow_.state_dict(), self.history_, force=force)

    @classmethod
    def load(
        cls, folder: str | os.PathLike, potential: Energy | None = None, *, device: str | torch.device | None = None
    ) -> "BoltzmannGenerator":
        """Read a folder that ``save`` or the command wrote; ``potential`` is needed where it was one of the user's.

        It is tried on a few draws: raises ``InputError`` for what cannot be one.
        """
        config, state, history = read_run(folder)
        if config.get("kind") != "boltzmann":
            raise InputError(f"{folder} holds a run of kind {config.get('kind')!r}, not one of an energy")
        with rebuilding(folder):
            model = cls(**config["params"], device=device)
            model.architecture_ = config["architecture"]
            model.flow_ = framed(model.architecture_, energy_flow(model.architecture_, 0))
            model.flow_.load_state_dict(state)
            model.n_features_in_, model.stopped_by_ = model.architecture_["features"], config["stopped_by"]
            for name in _FOUND:
                setattr(model, name, config["found"][name])
            model.potential_ = recalled(config["potential"]) if potential is None else None
        model.flow_.to(device_of(device or "cpu")).eval()
        if potential is not None:
            model.potential_ = model._tried(potential)
        model.history_ = history
        return model

    def _learn(self, potential: Energy, begun: Begun, started: float) -> "BoltzmannGenerator":
        course, counted, outer = begun.course, begun.counted, begun.outer
        energy = Within(counted, outer)
        shape = architecture_of(course, outer, begun.points, energy)
        core = energy_flow(shape, begun.generator.initial_seed())
        if course.bodies:
            core.calibrate(begun.points)
        patience = 0.25 if self.early_stopping and course.hottest == 1 else 0.0  # hot weights are of another target
        limits = Limits(self.max_steps, self.max_time, patience)
        lessons = Lessons(
            MEMORIES[self.memory](core),
            energy,
            begun.points,
            begun.log_z,
            begun.generator,
            batch=course.batch_size,
            progress=lambda n: limits.progress(n, time.monotonic() - started),
            pooled=course.objective != "reverse",
            lots=self.max_steps // 40,  # draws of a sixth of the training: older ones are of another flow
        )
        objective, batches = lessons.course(
            course.objective, hottest=course.hottest, path_gradient=course.path_gradient
        )
        about, seen = (shape, potential, begun), Outcome()
        self._now = lambda: copy.copy(self)._take(copy.deepcopy(core), *about, lessons.points, seen)
        outcome = train(
            objective,
            batches,
            lessons.judge,
            limits=limits,
            lr=course.lr,
            compiled=self.compile,
            callbacks=self.callbacks or (),
            into=seen,
            facts=lambda: {**lessons.facts(), "evaluations": counted.evaluations},
            verbose=self.verbose,
            started=started,
        )
        self._take(core, *about, lessons.points, outcome)
        if outcome.stopped_by == "interrupt":
            raise KeyboardInterrupt
        return self

    def _take(
        self, core: Flow, shape: dict, potential: Energy, begun: Begun, points: Tensor, outcome: Outcome
    ) -> "BoltzmannGenerator":
        """Take what was trained, and measure it."""
        self.architecture_, self.potential_ = shape, potential
        self.flow_ = framed(shape, core)
        if begun.course.kernel != "lattice" and not begun.course.bodies:
            cast(Compose, self.flow_.transform)[-2].load_state_dict(begun.outer[-1].state_dict())
        self.flow_.eval()
        self.evaluations_ = begun.counted.evaluations
        self._measure(outcome, begun.outer, points)
        self.flow_.to(device_of(self.device or "cpu"))
        return self

    def _measure(self, outcome: Outcome, outer: Compose, points: Tensor) -> None:
        """Set what the weights of fresh draws tell, and what the chains' points do."""
        self.n_features_in_ = points.shape[1]
        self.history_, self.stopped_by_ = outcome.history, outcome.stopped_by
        _, log_w = self.log_weights(20_000, random_state=0)
        self.log_normalizer_, self.log_normalizer_error_ = log_normalizer(log_w)
        self.ess_, self.pareto_k_ = ess(log_w), pareto_k(log_w)
        x = outer.inverse(points)[0].double()
        back = -cast(Energy, self.potential_)(x).detach().cpu().numpy() - self.score_samples(x.detach().cpu().numpy())
        mean = np.logaddexp.reduce(back) - np.log(len(back)) - self.log_normalizer_
        self.coverage_ = float(np.exp(-np.clip(mean, -700.0, 700.0)))
        self._warn(log_w, depth=7)  # at the line of the user's that called fit
